"""Claims that name what they shall be filled from, a VolumeImportSource or a VolumeUploadSource.

It runs on the real programs and on the sandbox.

Differences that are meant: what happens to the claim that is filled beside is not told again of the one that asked.
VolumeCloneSources fill nothing in the sandbox, and what is wrong with a source is not refused.
"""

from __future__ import annotations

from io import BytesIO

from dicot.sandbox.cdi.names import POD_PHASE as PHASE
from dicot.sandbox.cdi.names import POD_READY as READY
from tests.cluster.objects import Document, named
from tests.contract_bytes import SMALL
from tests.contract_uploads import Uploading
from tests.live.seen.carrier import Noise, send
from tests.live.seen.objects import CDI
from tests.sandbox.snapshots import takes

OWN = "cdi.kubevirt.io/storage."
BY_CHANCE = (f"{OWN}condition.running.message", f"{OWN}condition.bound")
PRIME = f"{OWN}populator.pvcPrime"


class PopulatorTests(Uploading):
    async def asked(self, name: str, kind: str) -> Document:
        """A claim that names a source of its own name, as it is made."""
        source = {"apiGroup": "cdi.kubevirt.io", "kind": kind, "name": name}
        path = f"{self.core}/persistentvolumeclaims"
        return await self.control.change("POST", path, takes.claim(name, SMALL, dataSourceRef=source))

    async def source(self, kind: str, name: str, spec: Document) -> None:
        """Something to be filled from."""
        made = named(kind, name, None, "cdi.kubevirt.io/v1beta1", spec=spec)
        path = f"{CDI}/namespaces/{self.namespace}/{kind.lower()}s"
        await self.control.change("POST", path, made)

    async def is_filled(self, made: Document) -> Document:
        """The claim, once it has its volume and the one beside it is gone."""
        name = made["metadata"]["name"]
        path = f"{self.core}/persistentvolumeclaims"
        await self.becomes(f"{path}/{name}", "Bound", lambda found: found["status"]["phase"] == "Bound")
        await self.vanishes(f"{path}/prime-{made['metadata']['uid']}")
        # CDI gives the volume first and writes what the claim says then.
        found = await self.control.get(f"{path}/{name}")
        self.assertEqual(found["metadata"]["annotations"][PHASE], "Succeeded")
        return found

    async def test_an_image_is_fetched(self) -> None:
        """Once the source is there; the volume is that of a claim beside, which goes."""
        noise = Noise(5000)
        noise.write(self.folder / "raw")
        made = await self.asked("fetched", "VolumeImportSource")
        await self.source("VolumeImportSource", "fetched", {"source": {"http": {"url": f"{self.serve()}/raw"}}})
        found = await self.is_filled(made)
        uid = made["metadata"]["uid"]
        self.assertEqual(
            {key.removeprefix(OWN): value for key, value in _notes(found).items() if _is_surely_said(key)},
            {
                "condition.running": "false",
                "condition.running.reason": "Completed",
                "pod.phase": "Succeeded",
                "pod.restarts": "0",
                "pod.schedulable": "true",
                "populator.progress": "100.0%",
                "populator.pvcPrime": f"prime-{uid}",
                "preallocation.requested": "false",
            },
        )
        self.assertNotEqual(found["spec"]["volumeName"], f"pvc-{uid}")
        await self.gives("fetched", noise, 5000)

    async def test_an_image_is_uploaded(self) -> None:
        """To the claim that asked, though another takes it."""
        noise = Noise(5000)
        await self.source("VolumeUploadSource", "sent", {})
        made = await self.asked("sent", "VolumeUploadSource")
        path = f"{self.core}/persistentvolumeclaims/sent"
        found = await self.becomes(path, "ready", lambda found: _notes(found).get(READY) == "true")
        self.assertEqual(_notes(found)[PRIME], f"prime-{made['metadata']['uid']}")
        url, authority = await self.proxy()
        body = BytesIO(b"".join(noise.blocks()))
        answer = await send(f"{url}/v1beta1/upload", authority, await self.allowed("sent"), body)
        self.assertEqual((answer.status, answer.content), (200, b""))
        self.assertNotIn(PRIME, _notes(await self.is_filled(made)))
        await self.gives("sent", noise, 5000)

    async def test_a_source_for_another(self) -> None:
        """It fills the one claim that it names."""
        spec = {"source": {"blank": {}}, "targetClaim": "somebody"}
        await self.source("VolumeImportSource", "own", spec)
        made = await self.asked("own", "VolumeImportSource")
        source = {"apiGroup": "cdi.kubevirt.io", "kind": "VolumeImportSource", "name": "own"}
        path = f"{self.core}/persistentvolumeclaims"
        other = await self.control.change("POST", path, takes.claim("somebody", SMALL, dataSourceRef=source))
        await self.is_filled(other)
        answer = await self.control.ask("GET", f"{path}/prime-{made['metadata']['uid']}")
        self.assertEqual(answer.status, 404)


def _is_surely_said(key: str) -> bool:
    """Whether a note of CDI's does not depend on when it looked."""
    return key.startswith(OWN) and not key.startswith(BY_CHANCE)


def _notes(found: Document) -> dict[str, str]:
    notes: dict[str, str] = found["metadata"].get("annotations") or {}
    return notes
