"""What is at paths of no resource: discovery, OpenAPI and the version. Made when somebody asks, and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import json

from dicot.kube.kind import Manifest

from . import gnostic, openapi, swagger
from .discovery import ORDER, Discovery
from .refusals import no_such_resource
from .registry import Served
from .resource import Resource
from .seams import Aggregated, Answer

WHOLE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.3",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}
_ABSENT = Answer(404, json.encode(no_such_resource().status()))
"""What is said of a version of a built-in group that is none."""
_VARY = {"Vary": "Accept"}
_JSON = "application/json"
_SWAGGER = {"": _JSON, "*/*": _JSON, "application/*": _JSON, _JSON: _JSON, gnostic.ASKED: gnostic.MEDIA}
"""The forms of OpenAPI v2, by what clients ask for (kube-openapi, pkg/handler)."""


class ServedDocuments:
    """See Documents."""

    def __init__(self, served: Served, aggregated: Sequence[Aggregated]) -> None:
        self._served = served
        self._aggregated = aggregated
        self._changes = -1
        self._discovery = Discovery((), ())
        self._schemas: dict[str, bytes] = {}
        self._swaggers: dict[str, bytes] = {}
        """The document of OpenAPI v2 by its media type."""

    def document(self, path: str, accept: str, query: Mapping[str, tuple[str, ...]]) -> Answer | None:
        """See Documents."""
        self._refresh()
        match path.strip("/").split("/"):
            case ["version"]:
                return _json(VERSION)
            case ["api" | "apis" as root] if _whole(accept):
                whole = self._discovery.everything(core=root == "api")
                return Answer(200, json.encode(whole), WHOLE, _VARY)
            case ["api"]:
                return _json(self._discovery.core())
            case ["apis"]:
                return _json(self._discovery.all_groups())
            case ["apis", group]:
                return _json(self._discovery.group(group))
            case ["api", version]:
                return _json(self._discovery.resources("", version)) or _ABSENT
            case ["apis", group, version]:
                found = _json(self._discovery.resources(group, version))
                return _ABSENT if found is None and group in ORDER else found
            case ["openapi", "v2"]:
                return self._swagger(accept)
            case ["openapi", "v3"]:
                return Answer(200, openapi.index(self._documents()))
            case ["openapi", "v3", *rest]:
                content = self._documents().get("/".join(rest))
                return None if content is None else Answer(200, content)
        return None

    def _refresh(self) -> None:
        if self._changes != self._served.changes:
            self._changes = self._served.changes
            self._discovery = Discovery(self._served.versions(), self._aggregated)
            self._schemas = {}
            self._swaggers = {}

    def _swagger(self, accept: str) -> Answer:
        media = _swagger_media(accept)
        if media is None:
            return Answer(406)
        if media not in self._swaggers:
            made = swagger.document(openapi.document(self._served.versions()))
            self._swaggers[media] = json.encode(made) if media == _JSON else gnostic.encoded(made)
        return Answer(200, self._swaggers[media], media, _VARY)

    def _documents(self) -> Mapping[str, bytes]:
        if not self._schemas:
            groups: dict[str, list[Resource]] = {}
            for each in self._served.versions():
                groups.setdefault(openapi.place(each.api_version), []).append(each)
            self._schemas = {
                where: json.encode(openapi.document(resources)) for where, resources in sorted(groups.items())
            }
        return self._schemas


def _swagger_media(accept: str) -> str | None:
    """In which form a client takes the document of OpenAPI v2; None for no such form."""
    for each in accept.split(","):
        asked = each.partition(";")[0].strip()
        if asked in _SWAGGER:
            return _SWAGGER[asked]
    return None


def _whole(accept: str) -> bool:
    """Whether a client would rather have all at once."""
    first = accept.partition(",")[0].replace(" ", "")
    return "as=APIGroupDiscoveryList" in first and "v=v2" in first.split(";")


def _json(document: Manifest | None) -> Answer | None:
    return None if document is None else Answer(200, json.encode(document))
