"""Addresses for Pods and Services."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network


class Addresses:
    """The addresses of a network: who has got one keeps it until he is gone."""

    def __init__(self, network: IPv4Network) -> None:
        self._network = network
        self._held: dict[str, str] = {}
        self._taken: set[str] = set()
        self._next = self._endless()

    def hold(self, uid: str, address: str) -> None:
        """A Pod has an address."""
        self.free(uid)
        self._held[uid] = address
        self._taken.add(address)

    def free(self, uid: str) -> None:
        """A Pod is gone."""
        self._taken.discard(self._held.pop(uid, ""))

    def ask(self, uid: str, address: str) -> str:
        """That very address, "" where it is none of these or somebody has it."""
        try:
            known = IPv4Address(address) in self._network
        except ValueError:
            return ""
        if not known or (address in self._taken and self._held.get(uid) != address):
            return ""
        self.hold(uid, address)
        return address

    def give(self, uid: str) -> str:
        """The Pod's address, or the next that nobody has. Raises ValueError when all are taken."""
        if uid in self._held:
            return self._held[uid]
        if len(self._taken) >= self._network.num_addresses - 2:
            raise ValueError(f"no address is left in {self._network}")
        address = next(each for each in self._next if each not in self._taken)
        self.hold(uid, address)
        return address

    def _endless(self) -> Iterator[str]:
        """Round and round, so that an address rests before it is given again."""
        while True:
            yield from map(str, self._network.hosts())
