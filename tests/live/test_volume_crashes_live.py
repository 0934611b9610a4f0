"""Dicot killed with -9 while it makes a server with a volume that is to outlive it.

Before the server is there the volume goes with everything else; afterwards nothing takes it, not even when somebody
deletes the server before the steward has looked at what the dead one left.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor

from dicot.tap import CRASH_AT
from tests.live.case import image_id
from tests.live.clients import until
from tests.live.daemon import DAEMON
from tests.live.journey import DEMO
from tests.live.volumed import SERVERS, VolumeCase
from tests.live.wire import NoAnswer

ONLY_ON = "sandbox"
BLANK = {"source_type": "blank", "destination_type": "volume", "volume_size": 1, "boot_index": -1}


class VolumeCrashTests(VolumeCase):
    async def dies(self, point: str) -> None:
        """A create at a daemon that dies at a point of it."""
        daemon = await DAEMON.own(reactor, self, start=False)
        await daemon.start({CRASH_AT: point})
        image = await image_id(self.demo)
        root = {"source_type": "image", "destination_type": "local", "uuid": image, "boot_index": 0}
        server: dict[str, Any] = {"name": f"dies-{self.tag}", "flavorRef": "1", "imageRef": image, "networks": "auto"}
        server["block_device_mapping_v2"] = [root, BLANK]
        try:
            await self.demo.at(daemon.url).ask("POST", SERVERS, {"server": server})
        except NoAnswer:
            pass
        self.assertEqual(await daemon.ended(), -9)

    async def servers(self) -> list[str]:
        found = (await self.demo.ask("GET", f"{SERVERS}?name={self.tag}")).document["servers"]
        return [server["id"] for server in found]

    async def volumes(self) -> list[str]:
        return [name for name in await self.names("dv") if "-volume" in name]

    async def test_dead_before_the_server_is_there(self) -> None:
        await self.dies("after create datavolumes")
        self.assertEqual((len(await self.volumes()), await self.servers()), (1, []))
        [volume] = [each for each in await self.kubectl.objects("dv", *DEMO) if self.tag in each["metadata"]["name"]]
        await self.assert_forgotten(volume["metadata"]["labels"]["dicot.io/server-id"])
        await self.assert_gone()

    async def test_dead_afterwards_and_the_server_deleted_at_once(self) -> None:
        await self.dies("before patch ports")
        [id] = await self.servers()
        self.assertEqual((await self.demo.ask("DELETE", f"{SERVERS}/{id}")).code, 204)

        async def is_gone() -> bool:
            return not await self.names("vm")

        await until(reactor, f"the end of {id}", is_gone)
        await self.assert_forgotten(id)
        self.assertEqual(len(await self.volumes()), 1)
