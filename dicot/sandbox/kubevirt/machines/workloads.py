"""Guests that are moved because something was changed in them while they run (watch/workload-updater).

Only where KubeVirt is set up to do so: its object's workloadUpdateMethods have LiveMigrate.
"""

from collections.abc import Iterator, Sequence

from dicot.kube.address import Place
from dicot.kube.kind import Manifest

from ...steps import Create, Remove, Step
from .launcher import suffix
from .objects import event, is_changing, is_final, is_going, is_migrating, meta, phase, place, says, status
from .scene import Stage

AUTOMATED = "kubevirt.io/workloadUpdateMigration"
"""Annotation of a migration that nobody asked for."""
AGAIN = 30.0
"""Seconds until it is asked again whether a guest that must move does."""
_UNWANTED = "kubevirt.io/workloadUpdateMigrationAbortion"
"""Annotation of a guest that is not to be moved so."""
_BASE = "kubevirt-workload-update-"


def tend(stage: Stage) -> Iterator[Step]:
    """Move a guest that must, or call off a move that is not needed any more."""
    guest = stage.guest
    if phase(guest) != "Running" or is_going(guest):
        return
    under_way = [each for each in stage.moves if not is_final(each)]
    automated = [each for each in under_way if AUTOMATED in meta(each).get("annotations", {})]
    if _UNWANTED in meta(guest).get("annotations", {}):
        yield from _call_off(stage, automated)
    elif is_changing(guest):
        if stage.moves_changed and not under_way and _may_move(stage):
            yield from _move(stage)
    elif (status(guest).get("migrationState") or {}).get("targetNodeDomainReadyTimestamp") is None:
        yield from _call_off(stage, automated)


def _may_move(stage: Stage) -> bool:
    return says(stage.guest, "LiveMigratable", "True") and not is_migrating(stage.guest, stage.now)


def _move(stage: Stage) -> Iterator[Step]:
    """One migration for each version of the guest that must move: its name follows from that."""
    guest = stage.guest
    name = _BASE + suffix(f"{meta(guest)['uid']}/{meta(guest)['resourceVersion']}")
    at = Place("kubevirt.io", "v1", "virtualmachineinstancemigrations", meta(guest)["namespace"])
    yield Create(
        at,
        {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachineInstanceMigration",
            "metadata": {"name": name, "generateName": _BASE, "annotations": {AUTOMATED: ""}},
            "spec": {"vmiName": meta(guest)["name"]},
        },
    )
    message = f"Created Migration {name} for automated workload update"
    yield event(guest, "SuccessfulCreate", message, stage.now)


def _call_off(stage: Stage, moves: Sequence[Manifest]) -> Iterator[Step]:
    for each in moves:
        if not is_going(each):
            yield Remove(place(each), meta(each)["uid"], None)
            message = f"Aborted change for vmi: {meta(stage.guest)['name']}"
            yield event(stage.guest, "SuccessfulChangeAbortion", message, stage.now)
