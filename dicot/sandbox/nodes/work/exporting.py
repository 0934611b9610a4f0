"""The server that gives volumes back (KubeVirt 1.8.4, pkg/storage/export/virt-exportserver): TLS, and a token."""

import gzip
import shutil
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.protocols.basic import FileSender
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from twisted.web.static import File

from dicot.kube.kind import Manifest
from dicot.moments import seconds

from . import manifests
from .contents import Contents
from .job import Find

HEADER = "x-kubevirt-export-token"
READY = "/exportready"
IMAGE = "disk.img"
"""What a volume with a file system has in it."""
_PATH = "_EXPORT_PATH"
_NOWHERE = b"404 page not found\n"
_BLOCK = 1 << 20
_log = Logger()
Answer = Callable[[], Resource]


@dataclass(frozen=True, slots=True)
class Shared:
    """A volume, and the paths at which it is given back: as it is, packed, as a folder of files, as an archive of
    these; "" where it is not."""

    volume: str
    raw: str = ""
    packed: str = ""
    folder: str = ""
    archive: str = ""


@dataclass(frozen=True, slots=True)
class Export:
    """What a Pod is to serve: volumes, and at ``machine`` and ``secret`` the objects that stand for them. It ends at
    ``deadline``, in seconds since 1970; None for never."""

    volumes: Sequence[Shared]
    machine: str = ""
    secret: str = ""
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Mounted:
    """What else is mounted: the token, None where the Secret has none, and what is told of a machine, None where
    nothing is."""

    token: str | None
    data: Mapping[str, str] | None = None


def export(pod: Manifest, find: Find) -> Export:
    """What a Pod is to serve. Raises LookupError where it has no volumes yet."""
    container = pod["spec"]["containers"][0]
    settings = {each["name"]: each.get("value", "") for each in container["env"]}
    mounted = {each["mountPath"]: each["name"] for each in container.get("volumeMounts") or ()}
    mounted |= {each["devicePath"]: each["name"] for each in container.get("volumeDevices") or ()}
    claims = {each["name"]: each["persistentVolumeClaim"]["claimName"] for each in _of_claims(pod)}
    served = []
    for name, path in settings.items():
        if name.endswith(_PATH):
            claim = claims[mounted[path]]
            held = find(pod["metadata"]["namespace"], claim)
            if held is None:
                raise LookupError(f"{claim} has no volume")
            served.append(_shared(held.volume, settings, name.removesuffix("_PATH")))
    deadline = settings.get("DEADLINE")
    return Export(
        volumes=served,
        machine=settings.get("EXPORT_VM_DEF_URI", ""),
        secret=settings.get("EXPORT_SECRET_DEF_URI", ""),
        deadline=seconds(deadline) if deadline else None,
    )


def _shared(volume: str, settings: Mapping[str, str], before: str) -> Shared:
    paths = (settings.get(f"{before}_{each}_URI", "") for each in ("RAW", "RAW_GZIP", "DIR", "ARCHIVE"))
    return Shared(volume, *paths)


def site(served: Export, mounted: Mounted, contents: Contents, reactor: Any) -> Site:
    """The server."""
    made = Site(_Exports(served, mounted, contents, reactor), parsePOSTFormSubmission=False)
    made.noisy = False
    return made


class _Exports(Resource):
    def __init__(self, served: Export, mounted: Mounted, contents: Contents, reactor: Any) -> None:
        super().__init__()
        self._served = served
        self._mounted = mounted
        self._contents = contents
        self._reactor = reactor
        self._answers: dict[str, Answer] = {}
        self._moved: dict[str, str] = {}
        for each in served.volumes:
            self._give(each)
        for whence in (manifests.INTERNAL, manifests.EXTERNAL):
            self._tell(whence)

    def _give(self, shared: Shared) -> None:
        found = self._contents.path(shared.volume)
        answers: dict[str, Answer] = {
            shared.raw: lambda: _file(found),
            shared.packed: lambda: self._made(lambda written: _pack(found, written)),
            shared.archive: lambda: self._made(lambda written: _archive(found, written)),
            shared.folder: lambda: _Plain(200, _listing(found), b"text/html; charset=utf-8"),
            shared.folder and shared.folder + IMAGE: lambda: _file(found, 404),
        }
        self._answers |= {path: answer for path, answer in answers.items() if path}
        self._moved |= {shared.folder.removesuffix("/"): shared.folder} if shared.folder else {}

    def _tell(self, whence: str) -> None:
        data, served = self._mounted.data, self._served
        if not served.machine:
            return
        packed, token = [each.packed for each in served.volumes], self._mounted.token or ""
        self._answers |= {
            f"/{whence}{served.machine}": lambda: _Objects(
                404 if data else 500, manifests.machine(data, whence, packed) if data else None
            ),
            f"/{whence}{served.secret}": lambda: _Objects(500, manifests.header(data, token) if data else None),
        }

    def getChild(self, path: bytes, request: Request) -> Any:
        """See IResource."""
        whole = request.path.decode("utf-8", "replace")
        if whole == READY:
            return _Plain(200, b"OK")
        if whole in self._moved:
            return _Moved(self._moved[whole])
        answer = self._answers.get(whole)
        if answer is None:
            return _Plain(404, _NOWHERE)
        if self._mounted.token is None:
            return _Plain(500)
        asked = request.args.get(HEADER.encode(), [b""])[0].decode("utf-8", "replace") if request.args else ""
        if self._mounted.token not in (asked, request.getHeader(HEADER)):
            return _Plain(401)
        return answer()

    def _made(self, fill: Callable[[IO[bytes]], None]) -> Resource:
        return _Packed(fill, self._contents.folder, self._reactor)


class _Plain(Resource):
    isLeaf = True

    def __init__(self, code: int, text: bytes = b"", media: bytes = b"text/plain; charset=utf-8") -> None:
        super().__init__()
        self._code = code
        self._text = text
        self._media = media

    def render(self, request: Request) -> bytes:
        """See IResource."""
        request.setResponseCode(self._code)
        if self._text:
            request.setHeader(b"content-type", self._media)
        return self._text


class _Moved(Resource):
    """Another path."""

    isLeaf = True

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def render(self, request: Request) -> bytes:
        """See IResource."""
        request.setResponseCode(301)
        request.setHeader(b"location", self._path.encode())
        return b""


class _Raw(File):
    """A file as it is, or parts of it."""

    type, encoding = "application/octet-stream", None
    isLeaf = True

    def render(self, request: Request) -> Any:
        """See IResource. Go asks for no method."""
        return self.render_GET(request)


def _file(found: Path, code: int = 500) -> Resource:
    """A file, or the code that stands for none."""
    raw: Resource = _Raw(str(found)) if found.exists() else _Plain(code, _NOWHERE if code == 404 else b"")
    return raw


class _Objects(Resource):
    """Objects, or the code that stands for none."""

    isLeaf = True

    def __init__(self, code: int, objects: Sequence[Manifest] | None) -> None:
        super().__init__()
        self._code = code
        self._objects = objects

    def render(self, request: Request) -> bytes:
        """See IResource."""
        if request.method != b"GET" or self._objects is None:
            request.setResponseCode(400 if request.method != b"GET" else self._code)
            return b""
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        return manifests.written(self._objects, request.getHeader("accept") or "")


class _Packed(Resource):
    """What is made when somebody asks."""

    isLeaf = True

    def __init__(self, fill: Callable[[IO[bytes]], None], folder: Path, reactor: Any) -> None:
        super().__init__()
        self._fill = fill
        self._folder = folder
        self._reactor = reactor

    def render(self, request: Request) -> Any:
        """See IResource."""
        if request.method != b"GET":
            return _Plain(400).render(request)
        gone = request.notifyFinish()
        written = TemporaryFile(dir=self._folder, prefix=".export-")  # noqa: SIM115
        made = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._fill, written)
        made.addErrback(_absent)
        made.addCallback(lambda code: self._send(request, written, code or 200) if not gone.called else None)
        made.addErrback(lambda failure: None if gone.called else _log.failure("export server", failure))
        made.addBoth(lambda _: written.close())
        gone.addErrback(lambda _: None)
        return NOT_DONE_YET

    def _send(self, request: Request, written: IO[bytes], code: int) -> Any:
        written.seek(0)
        request.setResponseCode(code)
        if code == 200:
            request.setHeader(b"content-type", b"application/x-gzip")
        return FileSender().beginFileTransfer(written, request).addCallback(lambda _: request.finish())


def _absent(failure: Failure) -> int:
    """What is said where there is nothing to pack."""
    failure.trap(FileNotFoundError)
    return 500


def _pack(found: Path, written: IO[bytes]) -> None:
    with found.open("rb") as read, gzip.GzipFile(fileobj=written, mode="wb", compresslevel=1) as packed:
        shutil.copyfileobj(read, packed, _BLOCK)


def _archive(found: Path, written: IO[bytes]) -> None:
    """The files of a volume with a file system."""
    with tarfile.open(fileobj=written, mode="w:gz", compresslevel=1) as archive:
        root = tarfile.TarInfo(".")
        root.type, root.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(root)
        if found.exists():
            archive.add(found, f"./{IMAGE}")


def _listing(found: Path) -> bytes:
    """What Go's file server says of a folder."""
    names = [f'<a href="{IMAGE}">{IMAGE}</a>\n'] if found.exists() else []
    head = '<!doctype html>\n<meta name="viewport" content="width=device-width">\n'
    return f"{head}<pre>\n{''.join(names)}</pre>\n".encode()


def _of_claims(pod: Manifest) -> list[Manifest]:
    return [each for each in pod["spec"].get("volumes") or () if "persistentVolumeClaim" in each]
