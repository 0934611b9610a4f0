"""A connection that sends at once.

Twisted's own waits for the next turn of the reactor with every write: two changes of what is waited for, a wait and
a send for each slice of an answer. The names of ``FileDescriptor`` (Twisted 26.10) that this relies on are all here.
"""

from typing import Any

from twisted.internet.tcp import Port, Server

TURN = 1 << 21
"""Bytes that one connection may send before the reactor has its turn: more than any list."""


class Prompt(Server):
    """Sends what the socket takes, and leaves the rest, and every trouble, to the reactor."""

    _left = TURN
    _is_due = False

    def write(self, data: bytes) -> None:
        if not data:
            return
        if self._is_due or self.dataBuffer or self.TLS or self._left <= 0 or not self._may_write:
            self._is_due = True
            Server.write(self, data)
            return
        held = self._tempDataBuffer
        if held:
            data = b"".join((*held, data))
        sent = self._sent(data)
        self._left -= sent
        if sent < len(data):
            self._keep(data, sent)
        elif held:
            self._tempDataBuffer, self._tempDataLen = [], 0
            self.stopWriting()

    def doWrite(self) -> Any:
        self._is_due, self._left = False, TURN
        return Server.doWrite(self)

    @property
    def _may_write(self) -> bool:
        return bool(self.connected) and not (self.disconnecting or self._writeDisconnected or self._aborting)

    def _sent(self, data: bytes) -> int:
        """How many bytes the socket takes now. What is wrong with it the reactor will find out, and end it."""
        try:
            return self.socket.send(data)
        except OSError:
            return 0

    def _keep(self, data: bytes, sent: int) -> None:
        """Leave what was not sent to the reactor."""
        self._tempDataBuffer, self._tempDataLen = [], 0
        self.dataBuffer, self.offset = data, sent
        self._maybePauseProducer()
        self.startWriting()


def prompt(port: object) -> None:
    """Have a listening port make such connections from now on, where it is one of Twisted's own over TCP."""
    if isinstance(port, Port):
        port.transport = Prompt
