"""What was done to a server: one annotation of its VirtualMachine for each request, so that no two of them collide.

An action is noted before it is carried out. When it ended the server's own objects tell, as long as it is the last
one; with the next that is noted, what they told is kept. The making of a server is no note of its own: the
VirtualMachine says who made it, when, and by which request. What kubectl did is not in the log: nobody knows whose
it was.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec

from ...caller import Caller
from ...cloud.kinds.kubevirt import VM, Vm
from ...cloud.plan import Notice, Patch, Plan
from ...kube.deep import shallow
from ...kube.kind import Manifest, Row
from ...moments import precise, read
from ...names import ACTION_PREFIX, REQUEST_ID
from ..kinds import Action, ActionNote
from . import notes
from .present import Present
from .seen import held
from .states import ACTIVE, ERROR, PAUSED, STOPPED
from .view import launched

MOST = 20
"""Actions that are kept of a server, beside its making."""
LONGEST_ERROR = 255
_ID = re.compile("[a-zA-Z0-9-]{0,255}")
EVENTS: Mapping[str, str] = {
    "create": "compute__do_build_and_run_instance",
    "delete": "compute_terminate_instance",
    "lock": "api_lock",
    "unlock": "api_unlock",
}
"""Nova's one event of an action, where it is not ``compute_<action>_instance``."""


@dataclass(frozen=True, slots=True)
class Logged:
    """An operation that the log shows.

    ``at_once``: it is done as soon as it is accepted. ``apart``: only its failure is noted on the machine.
    """

    action: str
    at_once: bool = False
    apart: bool = False


def event(action: str) -> str:
    """Nova's name for what happens in an action."""
    return EVENTS.get(action, f"compute_{action}_instance")


def actions(server: Present, project: str) -> list[Action]:
    """All that are known of a server of a project, the last first."""
    found = [told(request, each, _end(server, each)) for request, each in noted(server.vm).items()]
    return ordered([*found, *_making(server, project)])


def told(request: str, entry: ActionNote, finish: str = "") -> Action:
    """An action as it is known now, of what was noted of it."""
    return Action(**msgspec.structs.asdict(msgspec.structs.replace(entry, finish=finish)), request=request)


def ordered(found: Iterable[Action]) -> list[Action]:
    """The last first."""
    return sorted(found, key=lambda each: (read(each.start) or 0.0, each.request), reverse=True)


def beginning(server: Present, caller: Caller, logged: Logged, now: float) -> ActionNote:
    """What is noted of an action that begins."""
    start = precise(now)
    host = server.seen.vmi.status.nodeName if server.seen.vmi is not None else ""
    return ActionNote(logged.action, caller.user, caller.project, start, start if logged.at_once else "", host=host)


def recorded(plan: Plan, server: Present, request: str, entry: ActionNote) -> Plan:
    """The plan with the note of its action: in its patch of the VirtualMachine, or in one that goes before."""
    changes = {f"{ACTION_PREFIX}{request}": notes.as_note(entry)} | _settled(server, request)
    commit = plan.commit
    if isinstance(commit, Patch) and _is_of(commit, server):
        return replace(plan, commit=_with(commit, changes))
    mine = next((bind for bind in plan.binds if _is_of(bind, server)), _patch(server, {}))
    others = (bind for bind in plan.binds if not _is_of(bind, server))
    return replace(plan, binds=(*others, _with(mine, changes)))


def notice(action: str, row: Row | None, error: str = "") -> Notice:
    """What `kubectl describe` shall show of an action: on the machine ``row``, or on the one that the plan makes."""
    reason = f"Server{action.capitalize()}{'Refused' if error else ''}"
    return Notice(VM, row, reason, error[:LONGEST_ERROR], warning=bool(error))


def failed(server: Present, request: str, entry: ActionNote, error: str, now: float) -> Plan:
    """The note of an action that was begun and then refused."""
    refused = msgspec.structs.replace(entry, finish=precise(now), error=error[:LONGEST_ERROR])
    return Plan(
        id=server.row.id,
        commit=_with(_patch(server, {}), {f"{ACTION_PREFIX}{request}": notes.as_note(refused)}),
        notice=notice(entry.action, server.row, error),
    )


def noted(vm: Vm) -> dict[str, ActionNote]:
    """The notes by request id; one that does not fit its form counts as not there."""
    found = {}
    for key, text in vm.metadata.annotations.items():
        if not key.startswith(ACTION_PREFIX):
            continue
        try:
            entry = shallow(text, ActionNote)
        except msgspec.MsgspecError:
            continue
        if fits(entry):
            found[key.removeprefix(ACTION_PREFIX)] = entry
    return found


def fits(entry: ActionNote) -> bool:
    """Whether clients can be told of it: those who may edit the objects write what they like."""
    return (
        entry.action != "" and read(entry.start) is not None and _ID.fullmatch(entry.user + entry.project) is not None
    )


def _settled(server: Present, request: str) -> Manifest:
    """Ends that can still be told, kept; and what there is no room for, left out."""
    others = {key: entry for key, entry in noted(server.vm).items() if key != request}
    latest = sorted(others, key=lambda key: read(others[key].start) or 0.0)[-(MOST - 1) :]
    changes: Manifest = {
        f"{ACTION_PREFIX}{key}": notes.as_note(msgspec.structs.replace(others[key], finish=end))
        for key in latest
        if not others[key].finish and (end := _end(server, others[key]))
    }
    return changes | {f"{ACTION_PREFIX}{key}": None for key in others if key not in latest}


def _making(server: Present, project: str) -> Iterator[Action]:
    """The making of a server by way of Nova."""
    request = server.vm.metadata.annotations.get(REQUEST_ID)
    if not request:
        return
    finish, error = launched(server.vm, server.seen.vmi) or "", ""
    if not finish and server.state.vm_state == ERROR and server.state.failure is not None:
        finish, error = server.state.failure.created, server.state.failure.message
    host = server.seen.vmi.status.nodeName if server.seen.vmi is not None else ""
    yield Action("create", notes.user_id(server.vm), project, server.row.created, finish, error, host, request)


def _end(server: Present, entry: ActionNote) -> str:
    """When an action ended: as noted, or as what it was to bring about shows it."""
    if entry.finish or server.state.task_state is not None:
        return entry.finish
    seen, start = _shown(server, entry.action), read(entry.start)
    # Kubernetes' times have no fractions.
    if seen is None or start is None or seen < int(start):
        return ""
    return precise(max(seen, start))


def _shown(server: Present, action: str) -> float | None:
    """The moment at which the server came to be as it is, where the action was to make it so."""
    state, seen = server.state.vm_state, server.seen
    if action in ("start", "reboot") and state in (ACTIVE, PAUSED) and seen.vmi is not None:
        reached = {each.phase: each.phaseTransitionTimestamp for each in seen.vmi.status.phaseTransitionTimestamps}
        return read(reached.get("Running"))
    if action == "stop" and state == STOPPED:
        unready = held(seen.vm.status.conditions, "Ready", "False")
        return read(unready.lastTransitionTime) if unready else None
    return None


def _is_of(patch: Patch, server: Present) -> bool:
    row = server.row
    return patch.kind is VM and (patch.namespace, patch.name) == (row.namespace, row.name)


def _patch(server: Present, body: Manifest) -> Patch:
    return Patch(VM, server.row.namespace, server.row.name, body)


def _with(patch: Patch, changes: Manifest) -> Patch:
    """A merge patch that also changes these annotations."""
    assert isinstance(patch.body, dict)
    metadata = patch.body.get("metadata", {})
    annotations = {**metadata.get("annotations", {}), **changes}
    return replace(patch, body={**patch.body, "metadata": {**metadata, "annotations": annotations}})
