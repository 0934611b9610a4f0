"""What a body asks for beside a root disk, as KubeVirt takes it: blank disks, buses, tags, places."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet import reactor

from tests.live.case import image_id, kubernetes
from tests.live.clients import until
from tests.live.journey import DEMO, JourneyCase
from tests.live.wire import Person, logged_in

INSTANCETYPES = "/apis/instancetype.kubevirt.io/v1beta1/virtualmachineclusterinstancetypes"
FLAVOR = "roomy"
SPEC = {"id": FLAVOR, "disk": 1, "ephemeral": 2, "swap": 64}


def flavor(name: str) -> Any:
    """One with ephemeral disk and swap, as an administrator of the cluster writes it."""
    return {
        "apiVersion": "instancetype.kubevirt.io/v1beta1",
        "kind": "VirtualMachineClusterInstancetype",
        "metadata": {"name": name, "annotations": {"dicot.io/flavor-spec": json.dumps(SPEC | {"id": name})}},
        "spec": {"cpu": {"guest": 1}, "memory": {"guest": "512Mi"}},
    }


class DiskTests(JourneyCase):
    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.flavor = f"{FLAVOR}-{self.tag}"
        cluster = kubernetes(self, self.daemon.ground.access)
        await cluster.apply(INSTANCETYPES, flavor(self.flavor))
        passwords = self.daemon.ground.passwords
        self.demo = await logged_in(reactor, self.daemon.url, "demo", passwords["demo"])

    async def clean(self) -> None:
        await super().clean()
        await self.kubectl.delete("virtualmachineclusterinstancetype", self.flavor)

    async def made(self, name: str, hints: Any = None, **more: Any) -> str:
        """The id of a server that runs."""
        server = {
            "name": f"{name}-{self.tag}",
            "flavorRef": self.flavor,
            "imageRef": await image_id(self.demo),
            "networks": "auto",
            **more,
        }
        body = {"server": server} | ({"os:scheduler_hints": hints} if hints else {})
        answer = await self.demo.ask("POST", "/compute/v2.1/servers", body)
        self.assertEqual(answer.code, 202, answer)
        id = str(answer.document["server"]["id"])
        await until(reactor, f"{name} to run", lambda: self.runs(self.demo, id))
        return id

    async def runs(self, person: Person, id: str) -> bool:
        answer = await person.ask("GET", f"/compute/v2.1/servers/{id}")
        self.assertNotEqual(answer.document["server"]["status"], "ERROR", answer)
        return bool(answer.document["server"]["status"] == "ACTIVE")

    async def test_blank_disks_come_and_go_with_the_server(self) -> None:
        root = {
            "source_type": "image",
            "destination_type": "local",
            "uuid": await image_id(self.demo),
            "boot_index": 0,
            "disk_bus": "sata",
            "tag": "boot",
        }
        [network] = (await self.demo.ask("GET", "/network/v2.0/networks")).document["networks"]
        id = await self.made(
            "roomy",
            block_device_mapping_v2=[root],
            networks=[{"uuid": network["id"], "tag": "nic"}],
        )
        devices = (await self.instance())["spec"]["domain"]["devices"]
        disks = {disk["name"]: (disk["disk"]["bus"], disk.get("tag")) for disk in devices["disks"]}
        self.assertEqual(
            disks,
            {
                "root": ("sata", "boot"),
                "ephemeral0": ("virtio", None),
                "swap": ("virtio", None),
                "config": ("virtio", None),
            },
        )
        self.assertEqual(devices["interfaces"][0]["tag"], "nic")
        volumes = [name.partition("/")[2] for name in await self.names("dv")]
        self.assertEqual(len(volumes), 3, volumes)
        sizes = {name: await self.size(name) for name in volumes}
        self.assertEqual(sorted(sizes.values()), ["1Gi", "2Gi", "64Mi"])
        answer = await self.demo.ask("DELETE", f"/compute/v2.1/servers/{id}")
        self.assertEqual(answer.code, 204)
        await self.assert_gone()

    async def size(self, volume: str) -> str:
        """What was asked for a disk."""
        [found] = [each for each in await self.kubectl.objects("dv", *DEMO) if each["metadata"]["name"] == volume]
        size: str = found["spec"]["storage"]["resources"]["requests"]["storage"]
        return size

    async def test_beside_and_apart(self) -> None:
        first = await self.made("first")
        second = await self.made("beside", {"same_host": first})
        third = await self.made("apart", {"different_host": [first, second]})
        hosts = {}
        for vmi in await self.kubectl.objects("vmi", *DEMO):
            if self.tag in vmi["metadata"]["name"]:
                hosts[vmi["metadata"]["labels"]["dicot.io/id"]] = vmi["status"]["nodeName"]
        self.assertEqual(hosts[first], hosts[second])
        self.assertNotEqual(hosts[first], hosts[third])
        for id in (first, second, third):
            await self.demo.ask("DELETE", f"/compute/v2.1/servers/{id}")
        await self.assert_gone()
