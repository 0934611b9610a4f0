"""What servers had used that are gone: noted in their logs before they go, and so known for a day."""

from collections.abc import Iterable, Iterator

import msgspec

from ...caller import Caller
from ...cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, INSTANCETYPE, VM
from ...cloud.resource import Known
from ...moments import read
from ..facts import FlavorCopy, flavor_of, flavor_of_vm
from ..kinds import SERVER_LOG, UsageNote
from ..times import seconds_of
from .present import Present
from .view import launched

TERMINATED = "terminated"
LONGEST = 255


class Used(msgspec.Struct, frozen=True):
    """What is known of a server; ``started_at`` is when it first ran, "" where it never has, and ``ended_at`` when it
    was deleted, "" where it was not."""

    instance_id: str
    name: str
    tenant_id: str
    flavor: str
    vcpus: int
    memory_mb: int
    local_gb: int
    state: str
    started_at: str
    ended_at: str = ""

    @property
    def rank(self) -> tuple[str, str]:
        """Where it is listed."""
        return self.tenant_id, self.instance_id


def used(server: Present, known: Known, now: str) -> UsageNote:
    """What is noted of a server that is to go at a moment. ``known`` is seen from its project."""
    flavor = _flavor(server, known)
    return UsageNote(
        flavor=flavor.name[:LONGEST],
        vcpus=flavor.vcpus,
        memoryMb=flavor.ram,
        localGb=flavor.disk + flavor.ephemeral,
        startedAt=seconds_of(launched(server.vm, server.seen.vmi)),
        endedAt=now,
    )


def _flavor(server: Present, known: Known) -> FlavorCopy:
    wanted = server.vm.spec.instancetype
    if wanted is None:
        return flavor_of_vm(server.vm, server.seen.vmi)
    own = wanted.kind == INSTANCETYPE.singular
    kind = INSTANCETYPE if own else CLUSTER_INSTANCETYPE
    found = known.named(kind, wanted.name, server.row.namespace if own else None)
    return flavor_of_vm(server.vm, server.seen.vmi, flavor_of(*found, kind).copy if found else None)


def departed(known: Known, caller: Caller, namespaces: Iterable[str]) -> Iterator[Used]:
    """Those of some namespaces that ran once and are gone. One that somebody only wanted to delete is still there."""
    wanted = frozenset(namespaces)
    for row, log in known.rows(SERVER_LOG, everywhere=caller.admin):
        spec, note = log.spec, log.spec.usage
        if row.namespace not in wanted or read(note.startedAt) is None or read(note.endedAt) is None:
            continue
        if known.find(VM, spec.serverId) is None:
            yield Used(
                instance_id=spec.serverId,
                name=spec.name,
                tenant_id=known.project(row.namespace),
                flavor=note.flavor,
                vcpus=note.vcpus,
                memory_mb=note.memoryMb,
                local_gb=note.localGb,
                state=TERMINATED,
                started_at=note.startedAt,
                ended_at=note.endedAt,
            )
