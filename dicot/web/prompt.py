"""A connection that sends at once.

Twisted's own waits for the next turn of the reactor with every write: two changes of what is waited for, a wait and
a send for each slice of an answer. The names of ``FileDescriptor`` (Twisted 26.10) that this relies on are all here.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from twisted.internet.tcp import Port, Server

T = TypeVar("T")
TURN = 1 << 19
"""Bytes that one connection may send before the reactor has its turn: some of a list, so that a small answer does
not wait for all of somebody else's."""


class Prompt(Server):
    """Sends what the socket takes, and leaves the rest, and every trouble, to the reactor."""

    _left = TURN
    _is_due = False

    def write(self, data: bytes) -> None:
        if not data:
            return
        if not self._is_free:
            Server.write(self, data)
            return
        sent = self._sent(self.socket.send, data)
        if sent < len(data):
            self._keep((data,), sent)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """All of them by one call of the kernel's, none copied: what is not sent is kept as it lies."""
        texts = [text for text in iovec if text]
        if not texts:
            return
        if not self._is_free:
            Server.writeSequence(self, texts)
            return
        self._send(texts)

    def doWrite(self) -> Any:
        """What only waited for its turn is sent as it lies; Twisted's own would copy it, and send less."""
        self._is_due, self._left = False, TURN
        if self._tempDataBuffer and not self.dataBuffer and not self.TLS:
            texts, self._tempDataBuffer, self._tempDataLen = self._tempDataBuffer, [], 0
            self._send(texts)
            if self.dataBuffer:
                return None
        return Server.doWrite(self)

    @property
    def _is_free(self) -> bool:
        """Whether anything may be sent past the reactor. Once it may not, it may not before the reactor's turn."""
        waits = self._is_due or self.dataBuffer or self._tempDataBuffer or self.TLS or self._left <= 0
        self._is_due = bool(waits) or not self._may_write
        return not self._is_due

    @property
    def _may_write(self) -> bool:
        return bool(self.connected) and not (self.disconnecting or self._writeDisconnected or self._aborting)

    def _send(self, texts: Sequence[bytes]) -> None:
        sent = self._sent(self.socket.sendmsg, texts)
        if sent < sum(map(len, texts)):
            self._keep(texts, sent)

    def _sent(self, send: Callable[[T], int], data: T) -> int:
        """How many bytes the socket takes now. What is wrong with it the reactor will find out, and end it."""
        try:
            sent = send(data)
        except OSError:
            return 0
        self._left -= sent
        return sent

    def _keep(self, texts: Sequence[bytes], sent: int) -> None:
        """Leave what was not sent to the reactor."""
        first = 0
        while sent >= len(texts[first]):
            sent -= len(texts[first])
            first += 1
        self.dataBuffer, self.offset = texts[first], sent
        self._tempDataBuffer = list(texts[first + 1 :])
        self._tempDataLen = sum(map(len, self._tempDataBuffer))
        self._maybePauseProducer()
        self.startWriting()


def prompt(port: object) -> None:
    """Have a listening port make such connections from now on, where it is one of Twisted's own over TCP."""
    if isinstance(port, Port):
        port.transport = Prompt
