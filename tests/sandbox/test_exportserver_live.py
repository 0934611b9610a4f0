"""The server that gives volumes back, beside KubeVirt's own: both have the same volumes and are asked the same.

Differences that are meant: the media type of images, which KubeVirt's takes from its machine; the code that tells
where a folder is for whom forgets its slash, which is another one since Go 1.26. KubeVirt's reads what it tells of
machines at a fixed place, and so has nothing to tell here.
"""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from pathlib import Path
from typing import Any

from cryptography import x509
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from dicot.sandbox.certificates import Authority
from dicot.sandbox.nodes.work import exporting
from dicot.sandbox.nodes.work.contents import Contents
from dicot.sandbox.nodes.work.exporting import Export, Mounted, Shared
from dicot.sandbox.nodes.work.uploading import options
from tests.cluster import build
from tests.cluster.control import SOON, UNREACHABLE, Control
from tests.cluster.programs import Program
from tests.length import TIMEOUT
from tests.live.seen.carrier import Noise, give

ONLY_ON = "real"
HOST = "exports"
SIZE = 3_000_017
TOKEN = "a token"
FULL = Shared("full", "/full/i", "/full/i.gz", "/full/dir/", "/full/t.gz")
EMPTY = Shared("empty", "/empty/i", "/empty/i.gz", "/empty/dir/", "/empty/t.gz")
MACHINE, SECRET = "/manifests/all", "/manifests/secret"
ASKED: tuple[tuple[str, bytes, str | None, dict[str, str]], ...] = (
    *((path, b"GET", TOKEN, {}) for path in (FULL.raw, FULL.folder, f"{FULL.folder}disk.img", EMPTY.folder)),
    *((path, b"GET", TOKEN, {}) for path in (EMPTY.raw, EMPTY.packed, f"{FULL.folder}x", f"{EMPTY.folder}disk.img")),
    *((path, b"GET", TOKEN, {}) for path in ("/", "/none", "/exportready", "/healthz")),
    *((f"/{each}{path}", b"GET", TOKEN, {}) for each in ("internal", "external") for path in (MACHINE, SECRET)),
    *((path, b"GET", token, {}) for path in (FULL.raw, FULL.packed, FULL.folder) for token in (None, "x")),
    *((path, b"GET", None, {}) for path in ("/none", "/exportready", f"/internal{MACHINE}")),
    (f"{FULL.raw}?x-kubevirt-export-token=a%20token", b"GET", None, {}),
    (f"{FULL.raw}?x-kubevirt-export-token=x", b"GET", TOKEN, {}),
    (f"{FULL.raw}?x-kubevirt-export-token=x", b"GET", "y", {}),
    *((FULL.raw, b"GET", TOKEN, {"range": each}) for each in ("bytes=10-19", "bytes=2999999-", "bytes=-7")),
    *((path, b"HEAD", TOKEN, {}) for path in (FULL.raw, FULL.packed, FULL.archive, FULL.folder)),
    *((path, b"POST", TOKEN, {}) for path in (FULL.raw, FULL.packed, FULL.archive, f"/internal{MACHINE}")),
)
"""Path, method, token and headers."""


class ExportServers(TestCase):
    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        programs = await deferToThread(build.ensure_all)
        self.folder = Path(self.mktemp()).resolve()
        for each in (FULL, EMPTY):
            (self.folder / each.volume).mkdir(parents=True)
        self.noise = Noise(SIZE)
        self.noise.write(self.folder / FULL.volume / "disk.img")
        authority = Authority.make("exports-ca")
        certificate, key = authority.issue(HOST, [x509.DNSName(HOST)])
        self.authority = authority.pem
        self.theirs = self._start(build.find(programs, "virt-exportserver"), certificate, key)
        self.ours = self._listen(certificate, key)
        control = Control(reactor, "")
        await control.until(SOON, "virt-exportserver", self._answers)

    def _start(self, program: Path, certificate: bytes, key: bytes) -> str:
        """KubeVirt's own; its address."""
        address = _address()
        files = {"CERT_FILE": certificate, "KEY_FILE": key, "TOKEN_FILE": TOKEN.encode()}
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        settings = {name: str(self.folder / name) for name in files} | {
            "LISTEN_ADDR": f"{address}:8443",
            "EXPORT_VM_DEF_URI": MACHINE,
            "EXPORT_SECRET_DEF_URI": SECRET,
        }
        for index, each in enumerate((FULL, EMPTY)):
            paths = {"RAW": each.raw, "RAW_GZIP": each.packed, "DIR": each.folder, "ARCHIVE": each.archive}
            settings[f"VOLUME{index}_EXPORT_PATH"] = str(self.folder / each.volume)
            settings |= {f"VOLUME{index}_EXPORT_{key}_URI": path for key, path in paths.items()}
        running = Program(reactor, "virt-exportserver", [str(program)], self.folder / "log", settings)
        running.start()
        self.addCleanup(running.kill)
        return address

    def _listen(self, certificate: bytes, key: bytes) -> str:
        """Ours; its address."""
        contents = Contents(self.folder / "contents", reactor)
        self.noise.write(contents.path(FULL.volume))
        site = exporting.site(Export((FULL, EMPTY), MACHINE, SECRET), Mounted(TOKEN), contents, reactor)
        address, context = _address(), options({"tls.crt": certificate, "tls.key": key})
        port: Any = reactor.listenSSL(8443, site, context, interface=address)  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        return address

    async def _answers(self) -> bool:
        try:
            return (await self.ask(self.theirs, "/exportready"))[0] == 200
        except UNREACHABLE:
            return False

    async def ask(
        self, address: str, path: str, method: bytes = b"GET", token: str | None = TOKEN, **headers: str
    ) -> tuple[int, str, bytes]:
        return await give(address, HOST, path, self.authority, token, method=method, headers=headers)

    async def test_the_same_is_answered(self) -> None:
        for path, method, token, headers in ASKED:
            theirs = await self.ask(self.theirs, path, method, token, **headers)
            ours = await self.ask(self.ours, path, method, token, **headers)
            self.assertEqual((ours[0], ours[2]), (theirs[0], theirs[2]), (path, method, token, headers))
            if not path.startswith(FULL.raw) and theirs[2]:
                self.assertEqual(ours[1], theirs[1], path)

    async def test_what_is_packed_holds_the_same(self) -> None:
        for read, path in ((gzip.decompress, FULL.packed), (_files, FULL.archive), (_files, EMPTY.archive)):
            theirs, ours = await self.ask(self.theirs, path), await self.ask(self.ours, path)
            self.assertEqual(ours[:2], theirs[:2])
            self.assertTrue(read(ours[2]) == read(theirs[2]), path)

    async def test_a_folder_is_elsewhere(self) -> None:
        for address in (self.theirs, self.ours):
            code, _, _ = await self.ask(address, FULL.folder.rstrip("/"), token=None)
            self.assertIn(code, (301, 307))


def _files(packed: bytes) -> dict[str, bytes]:
    """What an archive holds."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive.getmembers():
            held = archive.extractfile(member)
            found[member.name] = held.read() if held is not None else b""
    return found


def _address() -> str:
    """One on loopback that nobody else has, most likely."""
    return f"127.{random.randrange(1, 64)}.{random.randrange(256)}.{random.randrange(1, 255)}"
