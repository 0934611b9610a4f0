"""``twistd dicot-sandbox``: what it refuses to start with."""

import socket
from pathlib import Path

from twisted.internet.testing import StringTransport
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from dicot.sandbox.tap import Channel, Options, makeService


class UsageTests(SynchronousTestCase):
    def refused(self, *arguments: str) -> str:
        options = Options()
        with self.assertRaises(UsageError) as caught:
            options.parseOptions(arguments)
            makeService(options)
        text = str(caught.exception)
        self.assertNotIn("\n", text)
        return text

    def test_a_port_that_is_none(self) -> None:
        self.assertEqual(self.refused("--listen", "tcp"), "--listen: tcp is no port")
        self.assertEqual(self.refused("--listen", "65536"), "--listen: 65536 is no port")

    def test_numbers_that_are_none(self) -> None:
        for option in ("--servers", "--renames"):
            self.assertEqual(self.refused(option, "many"), f"{option}: many is no number")

    def test_nodes_that_are_none(self) -> None:
        self.assertEqual(self.refused("--nodes", "7"), "--nodes: there are at most 6 nodes")
        self.assertEqual(self.refused("--nodes", "zone:much"), "--nodes: not a quantity: 'much'")

    def test_a_port_that_is_taken(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            said = self.refused("--listen", port, "--state", self.mktemp())
        self.assertEqual(said, f"--listen: cannot listen on 127.0.0.1:{port}: Address already in use")

    def test_a_state_of_somebody_else(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "state.sqlite").write_text("this is no database" * 100)
        said = self.refused("--listen", "0", "--state", str(folder))
        self.assertEqual(said, f"{folder / 'state.sqlite'}: file is not a database")

    def test_a_folder_that_cannot_be(self) -> None:
        file = Path(self.mktemp())
        file.write_text("")
        self.assertIn(str(file), self.refused("--listen", "0", "--state", str(file / "inside")))


class ChannelTests(SynchronousTestCase):
    def test_a_header_that_is_none_is_answered_in_words(self) -> None:
        channel, transport = Channel(), StringTransport()
        channel.makeConnection(transport)
        channel.dataReceived(b"GET /version HTTP/1.1\r\nHost: x\r\nA/b: c\r\n\r\n")
        head, _, body = transport.value().partition(b"\r\n\r\n")
        self.assertEqual((head.splitlines()[0], body), (b"HTTP/1.1 400 Bad Request", b"400 Bad Request"))
        self.assertIn(b"Content-Type: text/plain; charset=utf-8", head)
        self.assertTrue(transport.disconnecting)
