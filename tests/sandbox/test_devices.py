"""Consoles and screens, and the frames in which they are spoken to."""

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from dicot.sandbox.nodes.devices import Console, Screen, Sessions
from dicot.sandbox.nodes.websocket import LONGEST, Frames

MASK = b"\x01\x02\x03\x04"


def frame(kind: int, data: bytes) -> bytes:
    """What a client sends."""
    masked = bytes(each ^ MASK[index % 4] for index, each in enumerate(data))
    size = len(data)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([0x80 | kind]) + length + MASK + masked


class Echo:
    """A device that gives back what it gets."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def begin(self, write: object) -> None:
        """See Device."""

    def receive(self, data: bytes) -> None:
        """See Device."""
        self.heard.append(data)


class FrameTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.device, self.transport = Echo(), StringTransport()
        self.frames = Frames(self.device)
        self.frames.makeConnection(self.transport)

    def test_frames_come_in_any_pieces(self) -> None:
        sent = frame(2, b"one") + frame(1, b"") + frame(2, b"x" * 300)
        for at in range(len(sent)):
            self.frames.dataReceived(sent[at : at + 1])
        self.assertEqual(self.device.heard, [b"one", b"", b"x" * 300])

    def test_frames_of_all_lengths_are_sent(self) -> None:
        for size, head in ((5, b"\x82\x05"), (300, b"\x82\x7e\x01\x2c"), (1 << 16, b"\x82\x7f" + bytes(5) + b"\x01")):
            self.transport.clear()
            self.frames.send(b"y" * size)
            self.assertTrue(self.transport.value().startswith(head))
            self.assertTrue(self.transport.value().endswith(b"y" * size))

    def test_a_ping_is_answered(self) -> None:
        self.frames.dataReceived(frame(9, b"here?"))
        self.assertEqual(self.transport.value(), b"\x8a\x05here?")

    def test_a_goodbye_is_answered_and_is_the_end(self) -> None:
        self.frames.dataReceived(frame(8, b"\x03\xe8") + frame(2, b"late"))
        self.assertEqual(self.transport.value(), b"\x88\x02\x03\xe8")
        self.assertTrue(self.transport.disconnecting)
        self.assertEqual(self.device.heard, [])

    def test_what_is_no_frame_of_a_client_is_the_end(self) -> None:
        for sent in (b"\x82\x01x", b"\x82\xff" + (LONGEST + 1).to_bytes(8, "big")):
            self.setUp()
            self.frames.dataReceived(sent)
            self.assertTrue(self.transport.disconnecting)


class DeviceTests(SynchronousTestCase):
    def test_a_console_says_its_name_and_what_it_hears(self) -> None:
        said: list[bytes] = []
        console = Console("vm")
        console.begin(said.append)
        console.receive(b"root\r")
        self.assertTrue(said[0].endswith(b"vm login: "))
        self.assertEqual(said[1], b"root\r")

    def test_a_screen_shakes_hands_in_any_pieces(self) -> None:
        for size in (1, 5, 100):
            said: list[bytes] = []
            screen = Screen("vm")
            screen.begin(said.append)
            encodings = b"\x02\x00\x00\x02" + bytes(8)
            text = b"\x06" + bytes(3) + b"\x00\x00\x00\x02hi"
            sent = b"RFB 003.008\n\x01\x00" + encodings + text + bytes(20) + b"\x04" + bytes(7) + b"\x03" + bytes(9)
            for at in range(0, len(sent), size):
                screen.receive(sent[at : at + size])
            self.assertEqual(said[:3], [b"RFB 003.008\n", b"\x01\x01", bytes(4)])
            self.assertTrue(said[3].endswith(b"\x00\x00\x00\x02vm"))
            self.assertEqual(said[4:], [bytes(4)])

    def test_another_security_is_refused(self) -> None:
        said: list[bytes] = []
        screen = Screen("vm")
        screen.begin(said.append)
        screen.receive(b"RFB 003.008\n\x02\x00")
        self.assertEqual(said[2][:4], b"\x00\x00\x00\x01")

    def test_a_new_session_ends_the_old(self) -> None:
        sessions, transport = Sessions(), StringTransport()
        old = sessions.frames("n", "vm", "vnc")
        old.makeConnection(transport)
        new = sessions.frames("n", "vm", "vnc")
        self.assertTrue(transport.disconnecting)
        old.connectionLost()
        self.assertTrue(sessions.is_open("n", "vm", "vnc"))
        self.assertFalse(sessions.is_open("n", "vm", "console"))
        new.connectionLost()
        self.assertFalse(sessions.is_open("n", "vm", "vnc"))
