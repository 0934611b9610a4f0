"""Servers that have volumes: made with them, booted from, kept, handed on, taken from a snapshot, gone with them."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor

from tests.live.case import image_id, message_of
from tests.live.clients import until
from tests.live.journey import DEMO
from tests.live.volumed import SERVERS, VolumeCase
from tests.live.wire import Heard, side_by_side

SNAPSHOTS = "/apis/snapshot.storage.k8s.io/v1/namespaces/demo/volumesnapshots"
VOLUME = {"destination_type": "volume", "boot_index": -1}


class VolumeTests(VolumeCase):
    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.image = await image_id(self.demo)

    async def create(self, name: str, devices: list[Any], **more: Any) -> Heard:
        server = {
            "name": f"{name}-{self.tag}",
            "flavorRef": "1",
            "imageRef": "",
            "networks": "auto",
            "block_device_mapping_v2": devices,
            **more,
        }
        return await self.demo.ask("POST", SERVERS, {"server": server})

    async def active(self, name: str, devices: list[Any], **more: Any) -> Any:
        """A server that runs, as it is shown."""
        answer = await self.create(name, devices, **more)
        self.assertEqual(answer.code, 202, answer)
        id = answer.document["server"]["id"]
        await until(reactor, f"{name} to run", lambda: self.runs(id))
        return await self.shown(id)

    async def typed(self, name: str) -> str:
        """The id of a server as a person makes it: booted from a new volume, with another that goes with it."""
        blank = "source_type=blank,destination_type=volume,volume_size=1,delete_on_termination=true"
        words = ["--flavor", "m1.small", "--image", "cirros", "--boot-from-volume", "2", "--block-device", blank]
        made = await self.cli.json("server", "create", *words, "--wait", f"{name}-{self.tag}")
        return str(made["id"])

    async def raced(self, devices: list[Any]) -> Any:
        """The one server, as it runs, of two that want the same volume at once."""
        answers = await side_by_side(*(self.create(name, devices) for name in ("second", "third")))
        self.assertEqual(sorted(answer.code for answer in answers), [202, 400], [str(each) for each in answers])
        [id] = [answer.document["server"]["id"] for answer in answers if answer.code == 202]
        await until(reactor, "one of them to run", lambda: self.runs(id))
        return await self.shown(id)

    async def shown(self, id: str) -> Any:
        return (await self.demo.ask("GET", f"{SERVERS}/{id}")).document["server"]

    async def runs(self, id: str) -> bool:
        server = await self.shown(id)
        self.assertNotEqual(server["status"], "ERROR", server)
        return bool(server["status"] == "ACTIVE")

    async def gone(self, id: str) -> None:
        """Deletes a server, and waits until its machine is no more."""
        answer = await self.demo.ask("DELETE", f"{SERVERS}/{id}")
        self.assertEqual(answer.code, 204, answer)

        async def is_gone() -> bool:
            return (await self.demo.ask("GET", f"{SERVERS}/{id}")).code == 404

        await until(reactor, f"the end of {id}", is_gone)

    async def volumes(self) -> set[str]:
        """The ids of the DataVolumes that this test has left."""
        found = await self.kubectl.objects("dv", *DEMO)
        return {
            each["metadata"]["labels"]["dicot.io/id"]
            for each in found
            if self.tag in each["metadata"]["name"] and "dicot.io/id" in each["metadata"].get("labels", {})
        }

    async def left(self, wanted: set[str]) -> None:
        """Waits until these volumes are left, and no others."""

        async def only() -> bool:
            return await self.volumes() == wanted

        await until(reactor, f"{len(wanted)} volumes to be left", only)

    async def test_new_ones_stay_or_go_as_was_said(self) -> None:
        root = {"source_type": "image", "destination_type": "local", "uuid": self.image, "boot_index": 0}
        blank = {"source_type": "blank", "volume_size": 1} | VOLUME
        devices = [root, blank, blank | {"delete_on_termination": True, "disk_bus": "scsi"}]
        server = await self.active("new", devices, imageRef=self.image)
        stays, goes = server["os-extended-volumes:volumes_attached"]
        self.assertEqual((stays["delete_on_termination"], goes["delete_on_termination"]), (False, True))
        self.assertEqual(server["image"]["id"], self.image)
        disks = (await self.instance())["spec"]["domain"]["devices"]["disks"]
        self.assertEqual(
            [(disk["disk"]["bus"], disk.get("serial")) for disk in disks],
            [("virtio", None), ("virtio", stays["id"][:20]), ("scsi", goes["id"][:20])],
        )
        await self.gone(server["id"])
        await self.left({stays["id"]})
        await self.assert_forgotten(server["id"])
        self.assertEqual(await self.volumes(), {stays["id"]})

    async def test_one_is_booted_from_and_handed_on(self) -> None:
        first = await self.shown(await self.typed("first"))
        volume, goes = first["os-extended-volumes:volumes_attached"]
        self.assertTrue(goes["delete_on_termination"])
        self.assertEqual((first["image"], volume["delete_on_termination"]), ("", False))
        existing = {"source_type": "volume", "uuid": volume["id"]} | VOLUME | {"boot_index": 0}
        refused = await self.create("early", [existing])
        self.assertEqual(refused.code, 400, refused)
        self.assertIn("to reserve, but the current status is in-use.", message_of("compute", refused))
        await self.gone(first["id"])
        await self.left({volume["id"]})
        second = await self.raced([existing | {"delete_on_termination": True}])
        self.assertEqual(second["os-extended-volumes:volumes_attached"], [volume | {"delete_on_termination": True}])
        await self.gone(second["id"])
        await self.left(set())
        await self.assert_gone()

    async def test_one_is_made_of_a_snapshot(self) -> None:
        made = {"source_type": "image", "uuid": self.image, "volume_size": 2} | VOLUME | {"boot_index": 0}
        first = await self.active("source", [made])
        [volume] = first["os-extended-volumes:volumes_attached"]
        [data] = await self.names("dv")
        name = f"shot-{self.tag}"
        shot = await self.cluster.change(
            "POST",
            SNAPSHOTS,
            {
                "apiVersion": "snapshot.storage.k8s.io/v1",
                "kind": "VolumeSnapshot",
                "metadata": {"name": name},
                "spec": {"source": {"persistentVolumeClaimName": data.partition("/")[2]}},
            },
        )

        async def ready() -> bool:
            found = await self.cluster.get(f"{SNAPSHOTS}/{name}")
            return bool(found.get("status", {}).get("readyToUse"))

        await until(reactor, "the snapshot", ready)
        of_it = {"source_type": "snapshot", "uuid": shot["metadata"]["uid"]} | VOLUME | {"boot_index": 0}
        second = await self.active("restored", [of_it | {"delete_on_termination": True}])
        [restored] = second["os-extended-volumes:volumes_attached"]
        self.assertNotEqual(restored["id"], volume["id"])
        self.assertEqual((second["image"], restored["delete_on_termination"]), ("", True))
        for server in (first, second):
            await self.gone(server["id"])
        await self.left({volume["id"]})
