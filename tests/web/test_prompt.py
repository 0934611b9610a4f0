"""What is sent at once, and what the reactor is left with."""

import errno
import socket
from collections.abc import Sequence
from typing import Any, cast

from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Port
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from dicot.pull import SLICE, Slices, sliced
from dicot.web.prompt import TURN, Prompt, prompt


class Socket:
    """Takes so many bytes before it is full; with an error it is broken."""

    def __init__(self, room: int = 1 << 40) -> None:
        self.room = room
        self.error = 0
        self.sent: list[bytes] = []

    def fileno(self) -> int:
        return 7

    def setblocking(self, blocks: bool) -> None:
        assert not blocks

    def sendmsg(self, buffers: Sequence[bytes]) -> int:
        return self.send(b"".join(buffers))

    def send(self, data: bytes) -> int:
        if self.error:
            raise OSError(self.error, "broken")
        if not self.room:
            raise BlockingIOError(errno.EAGAIN, "full")
        taken = bytes(data[: self.room])
        self.room -= len(taken)
        self.sent.append(taken)
        return len(taken)


class PromptTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.socket = Socket()
        self.reactor: Any = MemoryReactorClock()
        port = Port(0, Factory(), reactor=self.reactor)
        self.connection = Prompt(cast(Any, self.socket), Protocol(), ("192.0.2.1", 1), port, 0, self.reactor)

    @property
    def waits(self) -> bool:
        return self.connection in self.reactor.getWriters()

    def test_what_the_socket_takes_is_sent_at_once(self) -> None:
        self.connection.write(b"ab")
        self.connection.write(b"")
        self.connection.write(b"cd")
        self.assertEqual((self.socket.sent, self.waits), ([b"ab", b"cd"], False))

    def test_several_pieces_go_together(self) -> None:
        self.connection.writeSequence([b"head", b"", b": "])
        self.connection.writeSequence([b""])
        self.connection.writeSequence([])
        self.assertEqual((self.socket.sent, self.waits), ([b"head: "], False))

    def test_of_several_the_rest_is_kept_as_it_lies(self) -> None:
        pieces = [bytes([65 + number]) * 9 for number in range(5)]
        for room in range(46):
            self.setUp()
            self.socket.room = room
            self.connection.writeSequence(pieces)
            self.assertEqual(self.waits, room < 45)
            held = [self.connection.dataBuffer, *self.connection._tempDataBuffer]
            self.assertTrue(all(any(each is piece for piece in pieces) for each in held if each), held)
            self.assertEqual(sum(map(len, held[1:])), self.connection._tempDataLen)
            self.connection.writeSequence([b"x", b"y"])
            self.connection.write(b"z")
            self.socket.room = 1 << 40
            while self.waits:
                self.connection.doWrite()
            self.assertEqual(b"".join(self.socket.sent), b"".join(pieces) + b"xyz")

    def test_the_rest_is_sent_once_there_is_room(self) -> None:
        self.socket.room = 3
        self.connection.writeSequence([b"ab"])
        for data in (b"cd", b"ef"):
            self.connection.write(data)
        self.assertEqual((b"".join(self.socket.sent), self.waits), (b"abc", True))
        self.socket.room = 1
        self.connection.doWrite()
        self.connection.write(b"gh")
        self.assertEqual((b"".join(self.socket.sent), self.waits), (b"abcd", True))
        self.socket.room = 99
        self.connection.doWrite()
        self.assertEqual((b"".join(self.socket.sent), self.waits), (b"abcdefgh", False))
        self.connection.write(b"i")
        self.assertEqual(self.socket.sent[-1], b"i")

    def test_a_full_socket_takes_nothing(self) -> None:
        self.socket.room = 0
        self.connection.write(b"ab")
        self.assertTrue(self.waits)
        self.socket.room = 9
        self.connection.doWrite()
        self.assertEqual(self.socket.sent, [b"ab"])

    def test_a_broken_socket_is_ended_by_the_reactor(self) -> None:
        self.socket.error = errno.EPIPE
        self.connection.write(b"ab")
        self.assertTrue(self.waits)
        self.assertIsInstance(self.connection.doWrite(), ConnectionLost)

    def test_nothing_is_sent_on_a_connection_that_closes(self) -> None:
        self.connection.loseConnection()
        self.connection.write(b"ab")
        self.assertEqual(self.socket.sent, [])

    def test_nothing_is_sent_on_a_connection_that_was_cut(self) -> None:
        self.connection.abortConnection()
        self.connection.write(b"ab")
        self.connection.connected = 0
        self.connection.write(b"cd")
        self.assertEqual(self.socket.sent, [])

    def test_the_reactor_has_its_turn(self) -> None:
        piece = b"x" * (TURN // 2)
        for _ in range(4):
            self.connection.write(piece)
        self.assertEqual((len(self.socket.sent), self.waits), (2, True))
        while self.waits:
            self.connection.doWrite()
        self.assertEqual(sum(map(len, self.socket.sent)), 2 * TURN)
        self.connection.write(b"y")
        self.assertTrue(self.waits)
        self.connection.doWrite()
        self.connection.write(b"z")
        self.assertEqual((b"".join(self.socket.sent)[-2:], self.waits), (b"yz", False))

    def test_what_waits_for_its_turn_is_not_copied(self) -> None:
        pieces = [bytes([65 + number]) * TURN for number in range(5)]
        for piece in pieces:
            self.connection.writeSequence([b"", piece])
        self.connection.doWrite()
        self.assertEqual((b"".join(self.socket.sent), self.waits), (b"".join(pieces), False))

    def test_a_body_is_pulled_while_there_is_room(self) -> None:
        body = [bytes([65 + number % 26]) * 1500 for number in range(1000)]
        self.socket.room = 5 * SLICE
        sent = Slices(self.connection, sliced(body, b", "), self.connection.write).send()
        self.assertNoResult(sent)
        held = len(self.connection.dataBuffer) - self.connection.offset + self.connection._tempDataLen
        self.assertTrue(0 < held <= 2 * SLICE)
        self.socket.room = 1 << 40
        while self.waits:
            self.connection.doWrite()
        self.successResultOf(sent)
        self.assertEqual(b"".join(self.socket.sent), b", ".join(body))

    def test_nobody_waits_for_a_body_that_fits(self) -> None:
        sent = Slices(self.connection, sliced([b"x" * (TURN - SLICE)]), self.connection.write).send()
        self.successResultOf(sent)
        self.assertEqual((len(self.socket.sent), self.waits), (TURN // SLICE - 1, False))

    def test_a_long_body_lets_others_have_their_turn(self) -> None:
        sent = Slices(self.connection, sliced([b"x" * (3 * TURN)]), self.connection.write).send()
        self.assertNoResult(sent)
        self.assertEqual((sum(map(len, self.socket.sent)), self.waits), (TURN, True))
        while self.waits:
            self.connection.doWrite()
        self.successResultOf(sent)
        self.assertEqual(sum(map(len, self.socket.sent)), 3 * TURN)


class PortTests(SynchronousTestCase):
    def test_a_port_makes_such_connections(self) -> None:
        port = Port(0, Factory(), reactor=MemoryReactorClock())
        prompt(port)
        self.assertIs(port.transport, Prompt)

    def test_another_reactors_port_stays_as_it_is(self) -> None:
        prompt(socket)
        self.assertFalse(hasattr(socket, "transport"))
