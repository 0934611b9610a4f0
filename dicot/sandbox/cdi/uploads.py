"""upload.cdi.kubevirt.io, as CDI's API server serves it (CDI 1.65.0, pkg/apiserver): tokens for uploads.

A token says that its holder may write to a claim for five minutes. Nobody looks whether that claim is there.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from dicot.kube.kind import Manifest

from ..apiserver.asked import Attributes
from ..apiserver.seams import Answer, Authorizer, Call
from .tokens import Tokens

GROUP, VERSION, PLURAL, KIND = "upload.cdi.kubevirt.io", "v1beta1", "uploadtokenrequests", "UploadTokenRequest"
_TEXT = "text/plain; charset=utf-8"
_SAFE = {"X-Content-Type-Options": "nosniff"}
_RESOURCE = {
    "name": PLURAL,
    "singularName": "uploadtokenrequest",
    "namespaced": True,
    "group": GROUP,
    "version": VERSION,
    "kind": KIND,
    "verbs": ["create"],
    "shortNames": ["utr", "utrs"],
}


class _Spec(msgspec.Struct):
    pvcName: str = ""


class _Request(msgspec.Struct):
    kind: str = ""
    apiVersion: str = ""
    metadata: dict[str, Any] = {}
    spec: _Spec = msgspec.field(default_factory=_Spec)


class Uploads:
    """Implements Aggregated. ``seconds`` is the time since 1970."""

    group = GROUP
    versions: tuple[str, ...] = (VERSION,)

    def __init__(self, authorizer: Authorizer, tokens: Tokens, seconds: Callable[[], float]) -> None:
        self._authorizer = authorizer
        self._tokens = tokens
        self._seconds = seconds

    def discovery(self, version: str) -> Manifest:
        """See Aggregated."""
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{GROUP}/{version}",
            "resources": [_RESOURCE],
        }

    async def answer(self, version: str, call: Call) -> Answer:
        """See Aggregated."""
        if call.path in ("", "/"):
            return _json(self.discovery(version))
        parts = call.path.split("/")[1:]
        if len(parts) != 3 or parts[0] != "namespaces" or parts[2] != PLURAL:
            return Answer(404, b"404: Page Not Found", _TEXT)
        if call.method != "POST":
            return Answer(405, b"405: Method Not Allowed", _TEXT, {"Allow": "POST"})
        verdict = self._authorizer.authorize(
            call.user, Attributes("create", GROUP, version, PLURAL, "", parts[1], "")
        )
        return self._grant(parts[1], call.body) if verdict.allowed else Answer(401, verdict.reason.encode(), _TEXT)

    def _grant(self, namespace: str, body: bytes) -> Answer:
        try:
            asked = msgspec.json.decode(body, type=_Request)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Answer(400, (str(error) if body else "unexpected end of JSON input").encode(), _TEXT)
        said = {"kind": asked.kind, "apiVersion": asked.apiVersion}
        return _json(
            {
                **{key: value for key, value in said.items() if value},
                "metadata": {**asked.metadata, "creationTimestamp": asked.metadata.get("creationTimestamp")},
                "spec": {"pvcName": asked.spec.pvcName},
                "status": {"token": self._tokens.upload(namespace, asked.spec.pvcName, self._seconds())},
            }
        )


def _json(document: Manifest) -> Answer:
    return Answer(200, msgspec.json.encode(document), "application/json", _SAFE)
