"""What is to be written: data, compared with ==. Free of Twisted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..faults import Fault
from ..kube.errors import Exists
from ..kube.kind import Kind, Manifest, Row
from ..kube.media import MERGE


@dataclass(frozen=True, slots=True)
class Create:
    """POST of an object; its metadata carries name and namespace. ``own``: as Dicot's own account."""

    kind: Kind[Any]
    body: Manifest
    own: bool = False


@dataclass(frozen=True, slots=True)
class Patch:
    """PATCH of an object; with ``version`` only if its resourceVersion is still that one."""

    kind: Kind[Any]
    namespace: str
    name: str
    body: Manifest | list[Manifest]
    version: str = ""
    media: str = MERGE
    own: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE of the object with that uid, in the background."""

    kind: Kind[Any]
    namespace: str
    name: str
    uid: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """PUT to a subresource of ``subresources.kubevirt.io`` (start, stop, restart...) of a VM or a VMI."""

    kind: Kind[Any]
    namespace: str
    name: str
    subresource: str
    body: Manifest = field(default_factory=dict)


Step = Create | Patch | Delete | Ask


@dataclass(frozen=True, slots=True)
class Claim:
    """A name that must be unique: kind of name ("keypair", "user"), scope, name, and who will hold it.

    ``holder`` is the id of the object that is about to exist, ``place`` its resource and place
    ("keypairs.compute.dicot.io dicot-system/abc") so that the steward can tell whether it does.
    """

    kind: str
    scope: str
    name: str
    holder: str
    place: str


class NameTaken(Exists):
    """Another object holds a name that a plan claims. To a plan's ``refusals`` it is also an Exists."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(409, "AlreadyExists", f"{claim.kind} {claim.name!r} is taken")
        self.claim = claim


@dataclass(frozen=True, slots=True)
class Reservation:
    """Amounts taken from a project's quota: ``used`` by the cache, ``limits`` (-1 none).

    Of several plans that are applied together each reserves its own; ``used`` is the same for all.

    ``refuse`` makes the service's over-quota fault from what is used, the Ledger's open entries included. Where what
    is left is enough for some of several plans these are applied; of the amounts in ``firm`` all must fit.
    """

    amounts: Mapping[str, int]
    used: Mapping[str, int]
    limits: Mapping[str, int]
    refuse: Callable[[Mapping[str, int]], Fault]
    firm: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Notice:
    """What people of Kubernetes are told by an Event once a plan has been carried out. Nothing depends on it.

    It is about ``row``, or where that is None about what the commit made. ``reason`` is one word in camel case.
    """

    kind: Kind[Any]
    row: Row | None
    reason: str
    message: str
    warning: bool = False


Refusals = Mapping[type[Exception], Callable[[Any], Fault]]
"""A plan's own meaning of refusals (NameTaken, types of ``kube.errors``), asked before the writer's table."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One resource's coming, change or going.

    The order of work: claims, the Ledger entry (only where ``pending`` or ``reserve`` is set), the dry run of
    ``commit`` where ``rehearse``, ``binds`` (patches of existing objects with their version), ``pending`` objects
    side by side, ``commit``, the ``drops`` of names. Adoption of what was pending may follow the answer. Whatever a
    replica that dies leaves of it the steward finishes: nothing else may have to follow. ``id`` is the resource's id.
    """

    id: str
    commit: Step
    claims: tuple[Claim, ...] = ()
    reserve: Reservation | None = None
    rehearse: bool = False
    binds: tuple[Patch, ...] = ()
    pending: tuple[Create, ...] = ()
    drops: tuple[Claim, ...] = ()
    refusals: Refusals = field(default_factory=dict)
    notice: Notice | None = None
