"""Nova's states and what clients see of them (nova/api/openstack/common.py)."""

from collections.abc import Iterable, Mapping

ACTIVE = "active"
BUILDING = "building"
STOPPED = "stopped"
PAUSED = "paused"
SUSPENDED = "suspended"
ERROR = "error"

DEFAULT = ""
"""Any task of which a state's table says nothing."""

_REBUILDS = {
    "rebuilding": "REBUILD",
    "rebuild_block_device_mapping": "REBUILD",
    "rebuild_spawning": "REBUILD",
}
_RESIZES = {
    "resize_prep": "RESIZE",
    "resize_migrating": "RESIZE",
    "resize_migrated": "RESIZE",
    "resize_finish": "RESIZE",
}
STATUSES: Mapping[str, Mapping[str, str]] = {
    ACTIVE: {
        DEFAULT: "ACTIVE",
        "rebooting": "REBOOT",
        "reboot_pending": "REBOOT",
        "reboot_started": "REBOOT",
        "rebooting_hard": "HARD_REBOOT",
        "reboot_pending_hard": "HARD_REBOOT",
        "reboot_started_hard": "HARD_REBOOT",
        "updating_password": "PASSWORD",
        "migrating": "MIGRATING",
        **_REBUILDS,
        **_RESIZES,
    },
    BUILDING: {DEFAULT: "BUILD"},
    STOPPED: {DEFAULT: "SHUTOFF", **_RESIZES, **_REBUILDS},
    "resized": {DEFAULT: "VERIFY_RESIZE", "resize_reverting": "REVERT_RESIZE"},
    PAUSED: {DEFAULT: "PAUSED", "migrating": "MIGRATING"},
    SUSPENDED: {DEFAULT: "SUSPENDED"},
    "rescued": {DEFAULT: "RESCUE"},
    ERROR: {DEFAULT: "ERROR", **_REBUILDS},
    "deleted": {DEFAULT: "DELETED"},
    "soft-delete": {DEFAULT: "SOFT_DELETED"},
    "shelved": {DEFAULT: "SHELVED"},
    "shelved_offloaded": {DEFAULT: "SHELVED_OFFLOADED"},
}


def status_of(vm_state: str | None, task_state: str | None) -> str:
    """What clients see; UNKNOWN for a state that Nova has no word for."""
    tasks = STATUSES.get(vm_state or "")
    if tasks is None:
        return "UNKNOWN"
    return tasks.get(task_state or DEFAULT, tasks[DEFAULT])


def states_of(statuses: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The states, and the tasks, in which a server may show one of these statuses, whatever their case.

    Where a state's default is among them no task is left out: so Nova's ``status=ACTIVE`` also finds servers that
    are rebooting.
    """
    asked = {status.lower() for status in statuses}
    found = [
        (state, task)
        for state, tasks in STATUSES.items()
        for task, status in tasks.items()
        if status.lower() in asked
    ]
    tasks = frozenset(task for _, task in found)
    return frozenset(state for state, _ in found), frozenset() if DEFAULT in tasks else tasks
