"""What goes into volumes comes out of them: imports and clones, and what the export server gives back.

It runs on the real programs and on the sandbox.

Differences that are meant: none.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.web.server import Site
from twisted.web.static import File

from dicot.sandbox.marks import FAULT, FULL
from tests.cluster.objects import Document
from tests.live.seen.carrier import Noise, certificate, export_server, fetch
from tests.live.seen.objects import conditions, from_source, volume
from tests.live.seen.stage import SeenTestCase

MEGABYTE = 1_000_000
SMALL = "8Mi"
TOO_SMALL = "DataVolume too small to contain image"
"""What CDI says of all that tells of too little space."""
IMMEDIATE = {"cdi.kubevirt.io/storage.bind.immediate.requested": "true"}


class Case(SeenTestCase):
    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def serve(self) -> str:
        """The address of a server of the files in the folder."""
        site: Any = Site(File(str(self.folder)))
        port: Any = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return f"http://127.0.0.1:{port.getHost().port}"

    async def filled(self, name: str, *phases: str) -> Document:
        """Wait until a volume is in one of the phases."""
        path, wanted = f"{self.volumes}/{name}", phases or ("Succeeded",)
        return await self.becomes(
            path, " or ".join(wanted), lambda found: found.get("status", {}).get("phase") in wanted
        )

    async def gives(self, claim: str, noise: Noise, size: int, end: str = "") -> None:
        """Fails unless a claim gives back these bytes, and zeros behind them."""
        certified = certificate()
        await self.make(*export_server(claim, certified))
        name = f"virt-export-{claim}"
        pod = await self.becomes(
            f"{self.core}/pods/{name}", "Running", lambda pod: pod["status"].get("phase") == "Running"
        )
        address, path = pod["status"]["podIP"], f"/volumes/{claim}/disk.img"
        code, _, _ = await fetch(address, path, certified[0], size, token="wrong")
        self.assertEqual(code, 401)
        self.assertEqual(await fetch(address, path, certified[0], size), (200, noise.digest(), True))
        for each in (f"pods/{name}?gracePeriodSeconds=0", f"secrets/{name}-tls", f"secrets/{name}-token"):
            await self.control.change("DELETE", f"{self.core}/{each}")


class ImportTests(Case):
    SIZE = 3 * MEGABYTE + 17

    async def test_an_image_is_fetched_and_cloned(self) -> None:
        """With its checksum, packed or not; a clone has the same bytes."""
        noise = Noise(self.SIZE)
        noise.write(self.folder / "raw")
        (self.folder / "packed").write_bytes(gzip.compress((self.folder / "raw").read_bytes()))
        address = self.serve()
        checked = {"url": f"{address}/raw", "checksum": f"sha256:{noise.digest()}"}
        await self.make(
            volume("raw", from_source({"http": checked}, SMALL), IMMEDIATE),
            volume("packed", from_source({"http": {"url": f"{address}/packed"}}, SMALL), IMMEDIATE),
        )
        for name in ("raw", "packed"):
            await self.filled(name)
            await self.gives(name, noise, self.SIZE)
        source = {"pvc": {"name": "raw", "namespace": self.namespace}}
        await self.make(volume("clone", from_source(source, SMALL), IMMEDIATE))
        await self.filled("clone")
        await self.gives("clone", noise, self.SIZE)

    async def test_an_image_that_is_another(self) -> None:
        """A wrong checksum is the end of it."""
        (self.folder / "raw").write_bytes(b"other")
        wrong = {"url": f"{self.serve()}/raw", "checksum": f"sha256:{Noise(9).digest()}"}
        await self.make(volume("wrong", from_source({"http": wrong}, SMALL), IMMEDIATE))
        found = await self.filled("wrong", "Failed")
        self.assertIn("checksum mismatch: expected sha256:", says_of(found, "Running"))

    async def test_an_image_that_is_not_there(self) -> None:
        """It is tried again and again, and found once it is there."""
        address = self.serve()
        await self.make(volume("late", from_source({"http": {"url": f"{address}/late"}}, SMALL), IMMEDIATE))
        found = await self.becomes(
            f"{self.volumes}/late",
            "told of the error",
            lambda found: "404" in says_of(found, "Running"),
        )
        self.assertEqual(conditions(found)["Running"]["reason"], "Error")
        noise = Noise(5000)
        noise.write(self.folder / "late")
        await self.filled("late")
        await self.gives("late", noise, 5000)

    async def test_images_that_do_not_fit(self) -> None:
        """They are told of by their size, or once there is no space left; and tried again until they fit."""
        raw, small = bytes(9 * MEGABYTE), Noise(5000)
        (self.folder / "large-raw").write_bytes(raw)
        (self.folder / "large-packed").write_bytes(gzip.compress(raw))
        address = self.serve()
        for name in ("large-raw", "large-packed"):
            spec = from_source({"http": {"url": f"{address}/{name}"}}, SMALL)
            await self.make(volume(name, spec, IMMEDIATE))
        transfer = "Unable to process data: Unable to transfer source data to scratch space: "
        space = "unable to write to file: write /scratch/tmpimage: no space left on device"
        for name in ("large-raw", "large-packed"):
            found = await self.becomes(
                f"{self.volumes}/{name}",
                "told of it and tried again",
                lambda found: says_of(found, "Running") == TOO_SMALL and found["status"].get("restartCount", 0) >= 2,
            )
            self.assertEqual(conditions(found)["Running"]["reason"], "Error")
            self.assertEqual(found["status"]["phase"], "ImportInProgress")
            claim = await self.control.get(f"{self.core}/persistentvolumeclaims/{name}")
            room = claim["spec"]["resources"]["requests"]["storage"]
            size = f"virtual image size {len(raw)} is larger than the reported available storage {room}."
            why = space if name == "large-packed" else f"{size} A larger PVC is required"
            self.assertEqual(await self.last_words(f"{address}/{name}"), f"{transfer}{why}")
            small.write(self.folder / name)
            await self.filled(name)
            await self.gives(name, small, 5000)

    async def last_words(self, url: str) -> str:
        """The termination message of the worker that fetches from there."""
        endpoint = {"name": "IMPORTER_ENDPOINT", "value": url}
        [message] = [
            pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"]
            for pod in (await self.control.get(f"{self.core}/pods"))["items"]
            if endpoint in pod["spec"]["containers"][0].get("env", ())
        ]
        return str(message)

    async def test_a_disk_that_is_full(self) -> None:
        """It is told of, and tried again until there is room."""
        (self.folder / "raw").write_bytes(b"some")
        spec = from_source({"http": {"url": f"{self.serve()}/raw"}}, SMALL)
        await self.make(volume("full", spec, IMMEDIATE | {FAULT: FULL}))
        await self.becomes(f"{self.volumes}/full", "told of it", lambda found: says_of(found, "Running") == TOO_SMALL)
        await self.change(f"{self.core}/persistentvolumeclaims/full", {"metadata": {"annotations": {FAULT: None}}})
        await self.filled("full")


def says_of(found: Document, condition: str) -> str:
    """The message of a condition, "" where it has none."""
    message: str = conditions(found).get(condition, {}).get("message", "")
    return message
