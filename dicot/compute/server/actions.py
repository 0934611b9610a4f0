"""Start, stop, reboot, delete and update: what is to be written for each.

Nova's own checks come first (nova/compute/api.py, ``check_instance_state``); what KubeVirt refuses beyond them is the
same conflict to a client.
"""

from ...caller import Caller
from ...cloud.kinds.kubevirt import VM, VMI
from ...cloud.plan import Ask, Delete, Patch, Plan, Refusals
from ...faults import Conflict, Fault, NotFound
from ...kube import errors
from ...kube.kind import Manifest, Row
from ...kube.media import JSON_PATCH
from ...moments import stamp
from ...names import LAUNCHED_AT, MANAGED, TASK
from . import notes
from .present import Doomed, Present
from .seen import Task, task_of
from .states import ACTIVE, ERROR, PAUSED, STOPPED, SUSPENDED
from .view import launched

REBOOT_TAKES = 300.0
"""Seconds after which a reboot that was not seen to end counts as ended."""
AT_ONCE: Manifest = {"gracePeriodSeconds": 0}
REBOOTING_TASKS = frozenset({None, "rebooting", "rebooting_hard", "resuming", "unpausing", "pausing", "suspending"})
"""Tasks that a hard reboot may cut short."""


class Deaf(Fault):
    """A guest cannot be asked to reboot. Clients never see it: a restart follows."""

    code = 409


def missing(id: str) -> NotFound:
    """Nova's InstanceNotFound."""
    return NotFound(f"Instance {id} could not be found.")


def start(server: Present, caller: Caller) -> Plan:
    """Runs a stopped server."""
    check(server, caller, "start", (STOPPED,), (None,))
    return _started(server, "start")


def stop(server: Present, caller: Caller) -> Plan:
    """Shuts a server down, also one that crashes again and again."""
    check(server, caller, "stop", (ACTIVE, ERROR), (None,))
    crashing = server.seen.printable == "CrashLoopBackOff" and server.seen.strategy == "RerunOnFailure"
    if crashing:
        # KubeVirt refuses a stop while no instance is there. Manual takes back the pending start; Halted would turn
        # into Always at the next start.
        return _plan(server, _patch(server, {"spec": {"runStrategy": "Manual"}}), "stop", _noted(server))
    return _plan(server, _ask(server, "stop"), "stop", _noted(server))


def soft_reboot(server: Present, caller: Caller) -> Plan:
    """Asks the guest. Raises Deaf, by way of the plan's refusals, where it cannot be asked."""
    check(server, caller, "reboot", (ACTIVE,), (None,))
    kinds = (errors.Conflict, errors.Invalid, errors.Failed, errors.Doubtful)
    row = server.row
    return Plan(
        id=row.id,
        commit=Ask(VMI, row.namespace, row.name, "softreboot"),
        refusals=dict.fromkeys(kinds, _deaf) | {errors.Missing: lambda error: missing(row.id)},
    )


def _deaf(error: Exception) -> Fault:
    return Deaf("the guest cannot be asked to reboot")


def restart(server: Present, caller: Caller, now: float, *, hard: bool) -> Plan:
    """Stops and starts it; a server that does not run is started, as Nova does at a hard reboot."""
    states = (ACTIVE, STOPPED, PAUSED, SUSPENDED, ERROR) if hard else (ACTIVE,)
    check(server, caller, "reboot", states, REBOOTING_TASKS if hard else (None,))
    if server.seen.phase in (None, "Succeeded", "Failed"):
        return _started(server, "reboot")
    task = Task("rebooting_hard" if hard else "rebooting", stamp(now + REBOOT_TAKES), server.instance_uid)
    noted = _noted(server, {TASK: notes.as_note(task)})
    return _plan(server, _ask(server, "restart", AT_ONCE if hard else {}), "reboot", noted)


def delete(server: Present, caller: Caller) -> Plan | None:
    """Removes it, in whatever state, and what goes with it; None where it is on its way out already.

    A volume that existed before is made to belong to it first: whoever dies in between leaves nothing behind.
    """
    check_lock(server, caller)
    row = server.row
    if server.vm.metadata.deletionTimestamp is not None:
        return None
    refusals: Refusals = {errors.Missing: lambda error: missing(row.id)}
    binds = tuple(_owned(each, row) for each in server.dooms if not _is_owned(each, row))
    return Plan(id=row.id, commit=Delete(VM, row.namespace, row.name, row.uid), binds=binds, refusals=refusals)


def _is_owned(doomed: Doomed, server: Row) -> bool:
    return any(owner.uid == server.uid for owner in doomed.meta.ownerReferences)


def _owned(doomed: Doomed, server: Row) -> Patch:
    """Beside other owners: what several servers have goes with the last of them."""
    owner = {"apiVersion": VM.api_version, "kind": VM.singular, "name": server.name, "uid": server.uid}
    owners = doomed.meta.ownerReferences
    add = {"op": "add", "path": "/metadata/ownerReferences" + ("/-" if owners else "")}
    body = [add | {"value": owner if owners else [owner]}]
    row = doomed.row
    return Patch(doomed.kind, row.namespace, row.name, body, version=row.version, media=JSON_PATCH)


def _started(server: Present, action: str) -> Plan:
    """A VM of ours that was stopped in a crash loop gets its strategy back, which starts it."""
    ours = MANAGED in server.vm.metadata.labels
    if ours and server.seen.strategy == "Manual":
        return _plan(server, _patch(server, {"spec": {"runStrategy": "RerunOnFailure"}}), action)
    return _plan(server, _ask(server, "start"), action, _noted(server))


def check(
    server: Present,
    caller: Caller,
    action: str,
    states: tuple[str, ...],
    tasks: frozenset[str | None] | tuple[None, ...] | None,
) -> None:
    """Raises Conflict in Nova's words for a state in which the action makes no sense; ``tasks`` None is any."""
    check_lock(server, caller)
    check_state(server, action, states)
    if tasks is not None and server.state.task_state not in tasks:
        raise conflict(server, action, f"task_state {server.state.task_state}")


def check_state(server: Present, action: str, states: tuple[str, ...]) -> None:
    """Raises Conflict for any other state."""
    if server.state.vm_state not in states:
        raise conflict(server, action, f"vm_state {server.state.vm_state}")


def check_lock(server: Present, caller: Caller) -> None:
    """Raises Conflict where it is locked and the caller no administrator."""
    if notes.lock_note(server.vm) is not None and not caller.admin:
        raise Conflict(f"Instance {server.row.id} is locked")


def conflict(server: Present, action: str, state: str) -> Conflict:
    """Nova's InstanceInvalidState."""
    return Conflict(f"Cannot '{action}' instance {server.row.id} while it is in {state}")


def _plan(server: Present, commit: Ask | Patch, action: str, binds: tuple[Patch, ...] = ()) -> Plan:
    state = f"vm_state {server.state.vm_state}"
    return Plan(
        id=server.row.id,
        commit=commit,
        binds=binds,
        refusals={
            errors.Conflict: lambda error: conflict(server, action, state),
            errors.Missing: lambda error: missing(server.row.id),
        },
    )


def _ask(server: Present, subresource: str, body: Manifest | None = None) -> Ask:
    return Ask(VM, server.row.namespace, server.row.name, subresource, body or {})


def _patch(server: Present, body: Manifest) -> Patch:
    return Patch(VM, server.row.namespace, server.row.name, body)


def _noted(server: Present, more: Manifest | None = None) -> tuple[Patch, ...]:
    """What has to be on the VM before its instance goes.

    That it ever ran: while no replica is the steward nobody notes it, and afterwards nobody can tell. A task that is
    over must not be seen in the states that follow.
    """
    changes: Manifest = {}
    if task_of(server.vm) is not None:
        changes[TASK] = None
    since = launched(server.vm, server.seen.vmi)
    if since and not server.seen.launched:
        changes[LAUNCHED_AT] = since
    changes |= more or {}
    return (_patch(server, {"metadata": {"annotations": changes}}),) if changes else ()
