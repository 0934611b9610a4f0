"""What each run strategy makes of a machine and its instance (syncRunStrategy)."""

from collections.abc import Callable, Mapping

from dicot.kube.kind import Manifest

from ...steps import Remove, Replace
from .birth import start
from .objects import amend, event, is_final, is_going, meta, phase, place, status
from .scene import Failure, Outcome, Scene, strategy
from .status import backoff


def steer(scene: Scene) -> Outcome:
    """What is to be done, by the machine's strategy."""
    name = strategy(scene.machine)
    if name not in _STRATEGIES:
        return Outcome(failure=Failure("FailedCreate", f"unknown runstrategy: {name}"))
    return _STRATEGIES[name](scene)


def stop(scene: Scene) -> Outcome:
    """Delete the instance, unless that has been done."""
    guest = scene.guest
    if guest is None or is_going(guest):
        return Outcome()
    uid = meta(guest)["uid"]
    message = f"Stopped the virtual machine by deleting the virtual machine instance {uid}"
    steps = (Remove(place(guest), uid, None), event(scene.machine, "SuccessfulDelete", message, scene.now))
    return Outcome(steps, stopping=True, restart="")


def is_asked(machine: Manifest, action: str, guest: Manifest | None = None) -> bool:
    """Whether the first request is that one; a Stop means one instance alone."""
    requests = status(machine).get("stateChangeRequests") or [{}]
    if requests[0].get("action") != action:
        return False
    return guest is None or requests[0].get("uid") == meta(guest)["uid"]


def _start_in_time(scene: Scene) -> Outcome:
    """Start, but not before the back-off of a machine whose starts fail is over."""
    left = backoff(scene.machine, scene.now)
    return Outcome(waits=float(left)) if left else start(scene)


def _always(scene: Scene) -> Outcome:
    if scene.guest is None:
        return _start_in_time(scene)
    asked = is_asked(scene.machine, "Stop", scene.guest)
    return stop(scene) if asked or is_final(scene.guest) else Outcome()


def _rerun_on_failure(scene: Scene) -> Outcome:
    machine, guest = scene.machine, scene.guest
    if guest is not None:
        if is_going(guest) or not (is_asked(machine, "Stop", guest) or is_final(guest)):
            return Outcome()
        stopped = stop(scene)
        return _start_again(scene, stopped) if phase(guest) == "Failed" else stopped
    if not is_asked(machine, "Start") and status(machine).get("runStrategy") == "RerunOnFailure":
        return Outcome()
    return _start_in_time(scene)


def _start_again(scene: Scene, stopped: Outcome) -> Outcome:
    """Ask for a start of what has failed; the status is written when that is seen."""
    asked = [*(status(scene.machine).get("stateChangeRequests") or ()), {"action": "Start"}]
    written = amend(scene.machine, {"/status/stateChangeRequests": asked}, "status")
    return Outcome((*stopped.steps, written), wrote=True)


def _manual(scene: Scene) -> Outcome:
    if scene.guest is not None:
        return stop(scene) if is_asked(scene.machine, "Stop", scene.guest) else Outcome()
    return start(scene) if is_asked(scene.machine, "Start") else Outcome()


def _halted(scene: Scene) -> Outcome:
    """A start that was asked for makes it one that always runs."""
    machine = scene.machine
    if scene.guest is not None:
        return stop(scene)
    if not is_asked(machine, "Start"):
        return Outcome()
    runs = {"runStrategy": "Always"} if machine["spec"].get("runStrategy") else {"running": True}
    return Outcome((Replace(place(machine), {**machine, "spec": {**machine["spec"], **runs}}),), wrote=True)


def _once(scene: Scene) -> Outcome:
    return start(scene) if scene.guest is None else Outcome()


_STRATEGIES: Mapping[str, Callable[[Scene], Outcome]] = {
    "Always": _always,
    "RerunOnFailure": _rerun_on_failure,
    "Manual": _manual,
    "Halted": _halted,
    "Once": _once,
}
