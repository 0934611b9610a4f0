"""The factory of connections: how many there may be, and what they share."""

from collections import Counter
from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import ServerFactory

from .access import Record
from .channel import Channel
from .limits import Limits
from .opened import Opened
from .origin import Network, is_within
from .request import Connection, Request, Root

_SHARE = 64
"""The part of all connections that gives way at a time."""
_PAUSE = 0.1
"""Seconds after which it is worth another look, where nobody could give way."""


class Site(ServerFactory):
    """What listens in front of a root."""

    noisy = False

    def __init__(
        self,
        root: Root,
        clock: IReactorTime,
        new_id: Callable[[], str],
        access: Callable[[Record], None],
        limits: Limits,
        proxies: Sequence[Network] = (),
    ) -> None:
        self.root = root
        self.clock = clock
        self.limits = limits
        self.proxies = proxies
        self.closing = False
        self._new_id = new_id
        self._access = access
        self._open: Opened[Connection] = Opened()
        self._addresses: Counter[str] = Counter()
        self._given = 0
        self._again = 0.0

    def new_id(self) -> str:
        """``req-`` and a UUID."""
        return self._new_id()

    def record(self, record: Record) -> None:
        self._access(record)

    def buildProtocol(self, addr: IAddress | None) -> Channel | None:
        """A connection, or None where this address or all together have enough: it is closed without a word."""
        address = str(getattr(addr, "host", ""))
        many = self._addresses[address] >= self.limits.per_address and not is_within(address, self.proxies)
        if self.closing or many or not self._has_room():
            return None
        channel = Channel(self, address)
        channel.factory = self
        self._open.add(channel)
        self._addresses[address] += 1
        return channel

    def _has_room(self) -> bool:
        """Whether there is a place for one more. Those that have waited longest for their clients give way to it:
        some at a time, so that not every one of a flood has them all looked at."""
        if len(self._open) < self.limits.connections:
            self._given = 0
            return True
        now = self.clock.seconds()
        if not self._given and now >= self._again:
            self._given = self._cleared(now - self.limits.patience)
            self._again = now if self._given else now + _PAUSE
        if not self._given:
            return False
        self._given -= 1
        return True

    def _cleared(self, before: float) -> int:
        """How many have given way, of those that wait since then."""
        waiting = [each for each in self._open if each.waits_since <= before]
        waiting.sort(key=lambda each: each.waits_since)
        leaving = waiting[: self.limits.connections // _SHARE + 1]
        for each in leaving:
            each.give_way()
        return len(leaving)

    def left(self, connection: Connection) -> None:
        """A connection is gone."""
        self._addresses[connection.address] -= 1
        if not self._addresses[connection.address]:
            del self._addresses[connection.address]
        self._open.discard(connection)

    def log(self, request: Request) -> None:
        """Twisted's hook: an answer is complete."""
        self._access(request.record(request.code))

    def drain(self, patience: float) -> Deferred[None]:
        """No new connection, no further request on those there are; fires when all have their answer and are gone."""
        self.closing = True
        for connection in self._open:
            connection.retire()
        return self._open.emptied(self.clock, patience)
