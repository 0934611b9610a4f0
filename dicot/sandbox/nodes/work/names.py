"""The names that Pods are found by within the cluster, as its DNS tells them of Services without an address."""

from twisted.internet.defer import Deferred, fail, succeed
from twisted.names import dns, error
from twisted.names.server import DNSServerFactory

LIFE = 1
"""Seconds for which an answer holds."""
Answer = tuple[list[dns.RRHeader], list[dns.RRHeader], list[dns.RRHeader]]


class Names:
    """Where each Service's Pod listens: NAME.NAMESPACE.svc."""

    def __init__(self) -> None:
        self._addresses: dict[str, str] = {}

    def add(self, service: str, namespace: str, address: str) -> None:
        """A Pod listens there."""
        self._addresses[f"{service}.{namespace}.svc"] = address

    def drop(self, service: str, namespace: str) -> None:
        """It does so no more."""
        self._addresses.pop(f"{service}.{namespace}.svc", None)

    def find(self, name: str) -> str | None:
        """The address of a name, None where nobody has it."""
        return self._addresses.get(name.lower().removesuffix(".").removesuffix(".cluster.local"))


class Resolver:
    """Answers questions of DNS."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def query(self, query: dns.Query, timeout: object = None) -> Deferred[Answer]:
        """See IResolver."""
        address = self._names.find(query.name.name.decode("ascii", "replace"))
        if address is None:
            return fail(error.DomainError())
        found = [dns.RRHeader(query.name.name, dns.A, dns.IN, LIFE, dns.Record_A(address, LIFE))]
        return succeed((found if query.type == dns.A else [], [], []))


def server(names: Names) -> dns.DNSDatagramProtocol:
    """A DNS server."""
    factory = DNSServerFactory(clients=[Resolver(names)])
    factory.noisy = False
    return dns.DNSDatagramProtocol(controller=factory)
