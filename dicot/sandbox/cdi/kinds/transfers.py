"""ObjectTransfers and the volumes behind claims, and what CDI's controllers keep of them."""

import msgspec

from dicot.kube.kind import Kind, Meta, Row

from ..names import GROUP, VERSION
from .parts import Condition, Finalized

CLAIM, VOLUME = "persistentvolumeclaim", "datavolume"
"""What may be transferred."""


class TransferSource(msgspec.Struct, frozen=True):
    """What is transferred, if it has these annotations."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    requiredAnnotations: dict[str, str] = {}


class TransferTarget(msgspec.Struct, frozen=True):
    """Where to; what is not said stays as it is."""

    namespace: str | None = None
    name: str | None = None


class TransferSpec(msgspec.Struct, frozen=True):
    """An ObjectTransfer's spec; ``parentName`` is another that waits for this one."""

    source: TransferSource = TransferSource()
    target: TransferTarget = TransferTarget()
    parentName: str | None = None


class TransferStatus(msgspec.Struct, frozen=True):
    """An ObjectTransfer's status; ``data`` is what is to be remembered of the source once that is gone."""

    phase: str = ""
    data: dict[str, str] = {}
    conditions: tuple[Condition, ...] = ()


class Transfer(msgspec.Struct, frozen=True):
    """An ObjectTransfer."""

    metadata: Finalized
    spec: TransferSpec = TransferSpec()
    status: TransferStatus = TransferStatus()

    @property
    def kind(self) -> str:
        """What is transferred."""
        return self.spec.source.kind.lower()

    @property
    def source(self) -> tuple[str, str]:
        """Namespace and name of what is transferred."""
        return self.spec.source.namespace, self.spec.source.name

    @property
    def target(self) -> tuple[str, str]:
        """Namespace and name that it will have."""
        source, target = self.spec.source, self.spec.target
        namespace = source.namespace if target.namespace is None else target.namespace
        return namespace, source.name if target.name is None else target.name


class DiskClaim(msgspec.Struct, frozen=True):
    """The claim that a volume belongs to."""

    namespace: str = ""
    name: str = ""


class DiskSpec(msgspec.Struct, frozen=True):
    """What is kept of a PersistentVolume's spec."""

    persistentVolumeReclaimPolicy: str = ""
    claimRef: DiskClaim | None = None


class Disk(msgspec.Struct, frozen=True):
    """A PersistentVolume."""

    metadata: Meta
    spec: DiskSpec = DiskSpec()


def transfer_link(kind: str, namespace: str, name: str) -> str:
    """What transfers are found by that move an object, or move one to its place."""
    return f"{namespace}/{kind}:{name}"


def _links(row: Row, transfer: Transfer) -> tuple[str, ...]:
    return tuple(transfer_link(transfer.kind, *place) for place in (transfer.source, transfer.target))


TRANSFERS = Kind(
    GROUP, VERSION, "objecttransfers", "objecttransfer", Transfer, links=_links, namespaced=False, optional=True
)
DISKS = Kind("", "v1", "persistentvolumes", "persistentvolume", Disk, namespaced=False)
