"""What a flavor is, read from its instancetype: servers and flavors both ask."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from ..cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, INSTANCETYPE, Instancetype
from ..cloud.quantity import whole
from ..cloud.resource import Known
from ..kube.kind import Row
from ..names import FLAVOR_SPEC, NAME


class FlavorSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """Annotation ``dicot.io/flavor-spec``: disk and ephemeral in GiB, swap in MiB."""

    id: str = ""
    disk: int = 0
    ephemeral: int = 0
    swap: int = 0
    rxtxFactor: float = 1.0
    description: str | None = None
    extraSpecs: dict[str, str] = {}


NO_SPEC = FlavorSpec()
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class FlavorFacts:
    """A flavor before it is given a form. ``ram`` in MiB; ``kind`` and ``type_name`` say which instancetype it is."""

    id: str
    name: str
    vcpus: int
    ram: int
    spec: FlavorSpec
    public: bool
    kind: str
    type_name: str
    extra_specs: dict[str, str] = field(default_factory=dict)


def spec_of(text: str) -> FlavorSpec:
    """The annotation's JSON; what does not fit counts as not said."""
    try:
        return msgspec.json.decode(text, type=FlavorSpec) if text else NO_SPEC
    except msgspec.MsgspecError:
        return NO_SPEC


def read(row: Row, body: Instancetype) -> FlavorFacts:
    """The flavor that an instancetype is; one that Dicot did not make has its uid for an id, and no disk."""
    notes = body.metadata.annotations
    spec = spec_of(notes.get(FLAVOR_SPEC, ""))
    return FlavorFacts(
        id=spec.id or row.uid,
        name=notes.get(NAME) or row.name,
        vcpus=body.spec.cpu.guest,
        ram=whole(body.spec.memory.guest) // MIB,
        spec=spec,
        public=not row.namespace,
        kind=INSTANCETYPE.singular if row.namespace else CLUSTER_INSTANCETYPE.singular,
        type_name=row.name,
        extra_specs=spec.extraSpecs,
    )


def flavors(known: Known) -> Iterable[FlavorFacts]:
    """The flavors a caller may use; of two with one id the one made first. Such without CPU or memory are none."""
    rows = [*known.rows(CLUSTER_INSTANCETYPE), *known.rows(INSTANCETYPE)]
    rows.sort(key=lambda found: found[0].created)
    seen: set[str] = set()
    for row, body in rows:
        flavor = read(row, body)
        if flavor.id not in seen and flavor.vcpus > 0 and flavor.ram > 0:
            seen.add(flavor.id)
            yield flavor


def flavor(known: Known, id: str) -> FlavorFacts | None:
    """The flavor of that id, None where there is none that the caller may use."""
    return next((found for found in flavors(known) if found.id == id), None)
