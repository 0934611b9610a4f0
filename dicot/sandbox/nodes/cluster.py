"""What the nodes see of Pods, guests, claims and each other, and how these belong together."""

from typing import Any

from dicot.kube.kind import Row
from dicot.kube.store import Store

from ..marks import FAULT, LOST
from .instances import GUESTS, Guest
from .kinds import CLAIMS, NODES, PODS, Claim, Node, Pod
from .pods import FINAL


class Cluster:
    """The stores of what more than one part of a node looks at."""

    def __init__(self) -> None:
        self.pods: Store[Pod] = Store(PODS)
        self.guests: Store[Guest] = Store(GUESTS)
        self.claims: Store[Claim] = Store(CLAIMS)
        self.nodes: Store[Node] = Store(NODES)

    @property
    def stores(self) -> tuple[Store[Any], ...]:
        """All of them."""
        return (self.pods, self.guests, self.claims, self.nodes)

    def claim(self, namespace: str, name: str) -> Claim | None:
        """The claim of that name."""
        row = self.claims.one(namespace, name)
        return CLAIMS.read(row) if row is not None else None

    def pods_with(self, claim: Claim) -> list[Pod]:
        """The Pods that name a claim."""
        to = f"{claim.metadata.namespace}/{claim.metadata.name}"
        return [PODS.read(row) for row in self.pods.linked(to)]

    def is_lost(self, node: str) -> bool:
        """Whether kubelet and virt-handler of a node have stopped."""
        row = self.nodes.one("", node)
        return row is not None and NODES.read(row).metadata.annotations.get(FAULT) == LOST

    def guest_of(self, launcher: Row) -> Guest | None:
        """The guest that owns a launcher; None where it is gone or nobody has told of it yet."""
        found = next(iter(self.guests.linked(link(launcher, launcher.owner))), None)
        return GUESTS.read(found) if found is not None else None

    def launcher_of(self, guest: Row) -> Pod | None:
        """The Pod that runs a guest: on the guest's node, the youngest."""
        node = GUESTS.read(guest).status.nodeName
        owned = [PODS.read(row) for row in self.pods.linked(link(guest, guest.uid)) if row.owner == guest.uid]
        here = [pod for pod in owned if pod.spec.nodeName == node and pod.status.phase not in FINAL]
        return max(here, key=lambda pod: pod.metadata.creationTimestamp, default=None)


def link(row: Row, value: str) -> str:
    """What others of a row's namespace are found by: the uid of their owner, or the name of a claim."""
    return f"{row.namespace}/{value}"
