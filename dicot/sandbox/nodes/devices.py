"""The serial console and the screen of guests, such that who looks at them knows whose they are."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .websocket import Frames

WIDTH, HEIGHT = 720, 400
_VERSION = b"RFB 003.008\n"
_FORMAT = bytes((32, 24, 0, 1)) + b"\x00\xff\x00\xff\x00\xff" + bytes((16, 8, 0)) + bytes(3)
_LENGTHS = {0: 20, 3: 10, 4: 8, 5: 6}
"""Of the messages of a client (RFC 6143, 7.5) that have the same length always."""


class Console:
    """A getty: it says the name of its machine, and again all that it is sent."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._write: Callable[[bytes], None] = lambda data: None

    def begin(self, write: Callable[[bytes], None]) -> None:
        """See Device."""
        self._write = write
        write(f"\r\nDebian GNU/Linux 13 {self._name} ttyS0\r\n\r\n{self._name} login: ".encode())

    def receive(self, data: bytes) -> None:
        """See Device."""
        self._write(data)


class Screen:
    """A display that speaks RFB 3.8 without a password, and stays black (RFC 6143)."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._write: Callable[[bytes], None] = lambda data: None
        self._buffer = b""
        self._step = self._version

    def begin(self, write: Callable[[bytes], None]) -> None:
        """See Device."""
        self._write = write
        write(_VERSION)

    def receive(self, data: bytes) -> None:
        """See Device."""
        self._buffer += data
        while self._step():
            continue

    def _take(self, count: int) -> bytes:
        """The next bytes, b"" where they are not all there."""
        if len(self._buffer) < count:
            return b""
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _version(self) -> bool:
        if not self._take(len(_VERSION)):
            return False
        self._write(b"\x01\x01")
        self._step = self._security
        return True

    def _security(self) -> bool:
        chosen = self._take(1)
        if not chosen:
            return False
        refused = b"\x00\x00\x00\x01\x00\x00\x00\x00"
        self._write(bytes(4) if chosen == b"\x01" else refused)
        self._step = self._shared if chosen == b"\x01" else self._deaf
        return True

    def _shared(self) -> bool:
        if not self._take(1):
            return False
        name = self._name.encode()
        size = WIDTH.to_bytes(2, "big") + HEIGHT.to_bytes(2, "big")
        self._write(size + _FORMAT + len(name).to_bytes(4, "big") + name)
        self._step = self._message
        return True

    def _message(self) -> bool:
        if not self._buffer:
            return False
        kind = self._buffer[0]
        taken = self._take(_LENGTHS.get(kind) or self._long(kind))
        if kind == 3 and taken:
            # Nothing has changed.
            self._write(bytes(4))
        return bool(taken)

    def _long(self, kind: int) -> int:
        """The length of a message that says it itself: encodings, and text that was cut."""
        if kind == 2:
            return 4 + 4 * int.from_bytes(self._buffer[2:4], "big") if len(self._buffer) >= 4 else 4
        return 8 + int.from_bytes(self._buffer[4:8], "big") if len(self._buffer) >= 8 else 8

    def _deaf(self) -> bool:
        return False


DEVICES: dict[str, Callable[[str], Console | Screen]] = {"console": Console, "vnc": Screen}


@dataclass(slots=True)
class Sessions:
    """Who is connected to which guest's device: one at a time, and a new one takes the place of the old."""

    _open: dict[tuple[str, str, str], Frames] = field(default_factory=dict)

    def is_open(self, namespace: str, name: str, kind: str) -> bool:
        """Whether somebody is connected."""
        return (namespace, name, kind) in self._open

    def frames(self, namespace: str, name: str, kind: str) -> Frames:
        """A connection that is yet to be made."""
        key = (namespace, name, kind)
        old = self._open.pop(key, None)
        if old is not None:
            old.close()

        def lost() -> None:
            if self._open.get(key) is made:
                del self._open[key]

        made = self._open[key] = Frames(DEVICES[kind](name), lost)
        return made
