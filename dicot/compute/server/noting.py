"""Changes of what Dicot keeps of a server in annotations: its metadata, its tags, its lock."""

from collections.abc import Mapping

from ...cloud.kinds.kubevirt import NODE, VM, VMI
from ...cloud.kinds.storage import DATA_VOLUME
from ...cloud.plan import Patch, Plan
from ...cloud.resource import Right
from ...kube import errors
from ...moments import stamp
from ...names import UPDATED_AT
from . import notes
from .actions import missing
from .present import Present
from .states import ACTIVE, PAUSED, STOPPED, SUSPENDED

SETTLED = (ACTIVE, PAUSED, SUSPENDED, STOPPED)
"""States in which metadata and tags may be changed."""
READS = (VM, VMI, NODE, DATA_VOLUME)
"""The kinds that tell the state of a server."""
NOTERS: Mapping[str, tuple[Right, ...]] = {
    "member": (Right("kubevirt.io", "virtualmachines", ("get", "patch"), "notes what Dicot keeps of a server"),)
}


def noted(server: Present, key: str, value: object, now: float) -> Plan:
    """The plan that gives an annotation of a server this value; what is empty is not kept.

    It holds only for the version of the VirtualMachine that it was derived from. So of two changes at once none is
    lost: the later is derived again.
    """
    note = notes.as_note(value) if value else None
    body = {"metadata": {"annotations": {key: note, UPDATED_AT: stamp(now)}}}
    row = server.row
    return Plan(
        id=row.id,
        commit=Patch(VM, row.namespace, row.name, body, version=row.version),
        refusals={errors.Missing: lambda error: missing(row.id)},
    )
