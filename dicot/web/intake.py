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

    def new_id(self) -> str:
        """``req-`` and a UUID."""
        return self._new_id()

    def record(self, record: Record) -> None:
        self._access(record)

    def buildProtocol(self, addr: IAddress | None) -> Channel | None:
        """A connection, or None where this address or all together have enough: it is closed without a word."""
        address = str(getattr(addr, "host", ""))
        full = len(self._open) >= self.limits.connections
        many = self._addresses[address] >= self.limits.per_address and not is_within(address, self.proxies)
        if self.closing or full or many:
            return None
        channel = Channel(self, address)
        channel.factory = self
        self._open.add(channel)
        self._addresses[address] += 1
        return channel

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
