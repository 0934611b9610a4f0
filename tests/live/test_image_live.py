"""The Containerfile's steps in a fresh root, and Dicot started from it: as nobody, on a root that is read-only."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from tests.cluster.containerfile import WRITABLE, Builder, Image, inside, launcher, remove
from tests.cluster.control import Control
from tests.cluster.debian import program
from tests.cluster.installed import ROOT
from tests.cluster.ports import free_port
from tests.cluster.programs import Program
from tests.cluster.users import read_kubeconfig
from tests.length import IS_LONG
from tests.live.case import LiveCase, image_id
from tests.live.wire import logged_in

ONLY_ON = "real"
READY = 240.0
ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"
"""Where a Pod finds its account; /var/run, by which it is known, is a link that would lead out of the root."""
SIZE = 220 * 2**20
"""Bytes that may come to what Debian has: 180 MB did, 75 of them the kubernetes package."""


def needs() -> None:
    """Skips where the steps cannot be done."""
    if not IS_LONG:
        raise SkipTest("it takes minutes: DICOT_LONG=1")
    if os.getuid() != 0:
        raise SkipTest("it needs root, to make a root of its own")
    if not program("debootstrap"):
        raise SkipTest("debootstrap is missing: apt-get install debootstrap")


class ImageTests(LiveCase):
    async def setUp(self) -> None:  # type: ignore[override]
        needs()
        await super().setUp()
        self.folder = Path(tempfile.mkdtemp(prefix="dicot-image-"))
        self.addCleanup(remove, self.folder)

    async def test_its_steps_make_a_dicot_that_runs(self) -> None:
        image = await deferToThread(Builder(ROOT, self.folder).build, (ROOT / "Containerfile").read_text())
        self.assertNotIn(image.user.partition(":")[0], ("", "0", "root"))
        self.assertLess(size(image.root / "opt"), SIZE)
        url, probes = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self.furnish(image, url, probes)
        await self.serves(image, url, probes)

    def furnish(self, image: Image, url: str, probes: str) -> None:
        """What a cluster would mount into it: the configuration and the account."""
        inside(image.root, "/etc/dicot/dicot.toml").write_text(
            f'[api]\nlisten = ["{url}"]\npublic_url = "{url}"\n[status]\nlisten = ["{probes}"]\n'
        )
        login = read_kubeconfig(self.daemon.ground.kubeconfig)
        account = inside(image.root, ACCOUNT)
        account.mkdir(parents=True)
        (account / "token").write_text(login.tokens[login.current])
        (account / "ca.crt").write_bytes(login.authority)
        (account / "namespace").write_text("dicot-system")

    async def serves(self, image: Image, url: str, probes: str) -> None:
        server = urlsplit(self.daemon.ground.access.server)
        where = {"KUBERNETES_SERVICE_HOST": str(server.hostname), "KUBERNETES_SERVICE_PORT": str(server.port)}
        log = self.folder / "dicot.log"
        script = launcher(image, where, self.folder)
        dicot = Program(reactor, "image", ["/usr/bin/unshare", "--mount", str(script)], log)
        front = Control(reactor, probes)
        self.addCleanup(lambda: Deferred.fromCoroutine(front.close()))
        self.addCleanup(dicot.kill)
        dicot.start()

        async def ready() -> bool:
            if dicot.failures:
                raise AssertionError(f"it ended by itself\n{dicot.tail()}")
            return await front.answers("/readyz")

        await front.until(READY, "Dicot to be ready", ready)
        assert dicot.pid is not None
        status = Path(f"/proc/{dicot.pid}/status").read_text()
        self.assertIn("Uid:\t65532\t65532\t65532\t65532", status)
        for folder in ("etc", "opt", "var", *WRITABLE):
            path = Path(f"/proc/{dicot.pid}/root/{folder}/written")
            if folder in WRITABLE:
                path.write_text("")
            else:
                self.assertRaises(OSError, path.write_text, "")
        person = await logged_in(reactor, url, "demo", self.daemon.ground.passwords["demo"])
        self.assertTrue(await image_id(person))


def size(root: Path) -> int:
    """Bytes of all files."""
    return sum(path.lstat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())
