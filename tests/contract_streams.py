"""What is said to guests and heard of them: the console, the screen, and what the agent tells.

It runs on the real programs and on the sandbox.
"""

from __future__ import annotations

from dicot.sandbox.nodes.instances import GUEST_AGENT
from tests.live.seen.objects import SUBRESOURCES, machine
from tests.live.seen.socket import Socket, connect
from tests.live.seen.stage import SeenTestCase

TALKING, QUIET = "vm-talking", "vm-quiet"


class StreamTests(SeenTestCase):
    CAST = (machine(TALKING, notes={GUEST_AGENT: "true"}), machine(QUIET))

    def path(self, action: str, name: str = TALKING) -> str:
        return f"{SUBRESOURCES}/namespaces/{self.namespace}/virtualmachineinstances/{name}/{action}"

    async def open(self, action: str) -> Socket:
        """A connection to the machine's device, which ends with the test."""
        await self.shows(TALKING, "Running")
        socket = await connect(self.access, self.path(action))

        def hang_up() -> object:
            socket.close()
            return socket.ended

        self.addCleanup(hang_up)
        return socket

    async def test_the_console_answers(self) -> None:
        """It says whose it is, and again all that it is sent; who comes later takes it over."""
        first = await self.open("console")
        await first.has(f"{TALKING} login: ".encode())
        self.assertTrue(first.head.startswith(b"HTTP/1.1 101 "), first.head)
        self.assertIn(b"plain.kubevirt.io", first.head)
        first.send(b"root\r")
        self.assertTrue((await first.has(b"root\r")).endswith(b"login: root\r"))
        second = await self.open("console")
        await second.has(b"login: ")
        await first.ended

    async def test_the_screen_is_shown(self) -> None:
        """As any viewer asks for it; a second one is let in unless it asks to leave the first alone."""
        first = await self.open("vnc")
        self.assertEqual(await first.has(b"\n"), b"RFB 003.008\n")
        first.send(b"RFB 003.008\n")
        await first.has(b"\n\x01\x01")
        first.send(b"\x01")
        await first.has(b"\x01\x01" + bytes(4))
        first.send(b"\x01")
        self.assertIn(b"\x02\xd0\x01\x90", await first.has(TALKING.encode()))
        first.send(b"\x03\x00" + bytes(4) + b"\x02\xd0\x01\x90")
        await first.has(TALKING.encode() + bytes(4))
        polite = await self.open("vnc?preserveSession=true")
        await polite.ended
        self.assertTrue(polite.head.startswith(b"HTTP/1.1 500 "), polite.head)
        second = await self.open("vnc")
        await second.has(b"RFB")
        await first.ended

    async def test_who_asks_for_no_stream(self) -> None:
        await self.shows(TALKING, "Running")
        answer = await self.control.ask("GET", self.path("console"))
        self.assertEqual(answer.status, 400)

    async def test_what_the_agent_tells(self) -> None:
        """Of a guest that has one."""
        for name in (TALKING, QUIET):
            await self.shows(name, "Running")
        told = await self.control.get(self.path("guestosinfo"))
        self.assertEqual((told["hostname"], told["os"]["id"], told["timezone"]), (TALKING, "debian", "UTC, 0"))
        users = await self.control.get(self.path("userlist"))
        self.assertEqual(users["items"], told["userList"])
        disks = await self.control.get(self.path("filesystemlist"))
        self.assertEqual(disks["items"], told["fsInfo"]["disks"])
        self.assertEqual([each["mountPoint"] for each in disks["items"]], ["/"])
        refused = await self.control.ask("GET", self.path("guestosinfo", QUIET))
        self.assertEqual(refused.status, 500)
        self.assertIn(b"VMI does not have guest agent connected", refused.content)
