"""The server that gives volumes back (KubeVirt 1.8.4, pkg/storage/export/virt-exportserver): TLS, and a token."""

import gzip
import shutil
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.web.resource import NoResource, Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from twisted.web.static import File

from dicot.kube.kind import Manifest

from .contents import Contents
from .job import Find

HEADER = "x-kubevirt-export-token"
READY = "/healthz"
_PATH, _RAW, _PACKED = "_EXPORT_PATH", "_EXPORT_RAW_URI", "_EXPORT_RAW_GZIP_URI"
_log = Logger()


def volumes(pod: Manifest, find: Find) -> dict[str, tuple[str, bool]]:
    """What is served at which path: the name of a volume, and whether it is packed. Raises LookupError where the Pod
    has no volumes yet."""
    container = pod["spec"]["containers"][0]
    settings = {each["name"]: each.get("value", "") for each in container["env"]}
    mounted = {each["mountPath"]: each["name"] for each in container.get("volumeMounts") or ()}
    mounted |= {each["devicePath"]: each["name"] for each in container.get("volumeDevices") or ()}
    claims = {each["name"]: each["persistentVolumeClaim"]["claimName"] for each in _of_claims(pod)}
    served = {}
    for name, path in settings.items():
        if name.endswith(_PATH):
            held = find(pod["metadata"]["namespace"], claims[mounted[path]])
            if held is None:
                raise LookupError(f"{claims[mounted[path]]} has no volume")
            before = name.removesuffix(_PATH)
            for key, packed in ((_RAW, False), (_PACKED, True)):
                if settings.get(before + key):
                    served[settings[before + key]] = held.volume, packed
    return served


def site(served: dict[str, tuple[str, bool]], token: str, contents: Contents, reactor: Any) -> Site:
    """The server."""
    made = Site(_Exports(served, token, contents, reactor), parsePOSTFormSubmission=False)
    made.noisy = False
    return made


class _Exports(Resource):
    def __init__(self, served: dict[str, tuple[str, bool]], token: str, contents: Contents, reactor: Any) -> None:
        super().__init__()
        self._served = served
        self._token = token
        self._contents = contents
        self._reactor = reactor

    def getChild(self, path: bytes, request: Request) -> Any:
        """See IResource."""
        whole = request.path.decode("utf-8", "replace")
        if whole == READY:
            return _Plain(200, b"OK")
        if whole not in self._served:
            return NoResource()
        asked = request.args.get(HEADER.encode(), [b""])[0].decode("utf-8", "replace") if request.args else ""
        if self._token not in (asked, request.getHeader(HEADER)):
            return _Plain(401)
        volume, packed = self._served[whole]
        found = self._contents.path(volume)
        if not found.exists():
            return _Plain(500)
        if packed:
            return _Packed(found, self._contents.scratch(f"{volume}.gz"), self._reactor)
        return _Raw(str(found))


class _Plain(Resource):
    isLeaf = True

    def __init__(self, code: int, text: bytes = b"") -> None:
        super().__init__()
        self._code = code
        self._text = text

    def render(self, request: Request) -> bytes:
        """See IResource."""
        request.setResponseCode(self._code)
        return self._text


class _Raw(File):
    """A file as it is, or parts of it."""

    type, encoding = "application/octet-stream", None
    isLeaf = True


class _Packed(Resource):
    isLeaf = True

    def __init__(self, content: Path, packed: Path, reactor: Any) -> None:
        super().__init__()
        self._content = content
        self._packed = packed
        self._reactor = reactor

    def render(self, request: Request) -> Any:
        """See IResource."""
        if request.method != b"GET":
            return _Plain(400).render(request)
        done: Deferred[None] = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._pack)
        done.addCallback(lambda _: _Raw(str(self._packed)).render_GET(request))
        done.addErrback(lambda failure: _log.failure("export server", failure))
        return NOT_DONE_YET

    def _pack(self) -> None:
        with self._content.open("rb") as read, gzip.open(self._packed, "wb", compresslevel=1) as written:
            shutil.copyfileobj(read, written, 1 << 20)


def _of_claims(pod: Manifest) -> list[Manifest]:
    return [each for each in pod["spec"].get("volumes") or () if "persistentVolumeClaim" in each]
