"""What a kubelet makes of its Pods, and when CDI's workers are done."""

from dataclasses import dataclass
from typing import Any

from dicot.kube.address import Place
from dicot.kube.kind import Manifest
from dicot.kube.media import STRATEGIC
from dicot.moments import read, stamp

from ..marks import FAULT, delay
from ..steps import REST, Create, Decision, Patch, Remove, act
from . import networks
from .kinds import CLONE_SOURCE, COMPONENT, UPLOAD_SERVER, Container, Pod
from .work.programs import EXPORTER, Ended, State

FINAL = ("Succeeded", "Failed")
LAUNCHER = ("kubevirt.io", "virt-launcher")
_DONE_BY_ITSELF = ("importer", CLONE_SOURCE, "cdi-populator-prep")
_PULL_TEXT = "rpc error: code = NotFound desc = failed to pull and unpack image: not found"
_IMPORT_TEXT = "Unable to process data: Unable to connect to http data source: no such host"


@dataclass(frozen=True, slots=True)
class Scene:
    """What else a kubelet looks at.

    ``bound``: all claims that the Pod mounts are bound. ``guest``: phase of the VirtualMachineInstance that a
    launcher runs, "" once it is gone. ``sent``: the clone source that sends to this upload server has ended.
    ``broken``: a claim that it mounts has the fault ``import``. ``address``: for a Pod that has none yet.
    ``now``: seconds since 1970. ``work``: how long a worker takes, in seconds. ``program``: what really runs in it,
    None where nothing does.
    """

    bound: bool
    guest: str
    sent: bool
    broken: bool
    address: str
    host: str
    now: float
    work: float
    program: State | None = None


def is_launcher(pod: Pod) -> bool:
    """Whether a Pod runs a guest."""
    key, value = LAUNCHER
    return pod.metadata.labels.get(key) == value


def place(pod: Pod, subresource: str = "") -> Place:
    """Where a Pod is."""
    return Place("", "v1", "pods", pod.metadata.namespace, pod.metadata.name, subresource)


def bind(pod: Pod, node: str) -> Create:
    """The scheduler's decision."""
    target = {"apiVersion": "v1", "kind": "Node", "name": node}
    return Create(
        place(pod, "binding"),
        {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod.metadata.name, "uid": pod.metadata.uid},
            "target": target,
        },
    )


def refuse(pod: Pod, why: str, now: float) -> Patch | None:
    """The scheduler's refusal, unless the Pod says it already."""
    if any(each.type == "PodScheduled" and each.message == why for each in pod.status.conditions):
        return None
    refused = _condition(pod, "PodScheduled", False, now, "Unschedulable") | {"message": why}
    return _status(pod, {"conditions": [refused]})


def decide(pod: Pod, scene: Scene) -> Decision:
    """The next step of a Pod that has a node, or is to go."""
    if pod.metadata.deletionTimestamp is not None:
        if is_launcher(pod) and pod.status.phase == "Running" and scene.guest in ("Scheduled", "Running"):
            return REST
        return act(Remove(place(pod), pod.metadata.uid))
    if pod.status.phase in FINAL:
        return REST
    if pod.status.phase != "Running":
        return _start(pod, scene)
    if is_launcher(pod) and scene.guest in ("", *FINAL):
        return act(_end(pod, scene.now))
    return networks.decide(pod, scene.address) or _work(pod, scene)


def _start(pod: Pod, scene: Scene) -> Decision:
    if not scene.bound:
        return REST
    left = (read(pod.metadata.creationTimestamp) or scene.now) + delay(pod.metadata.annotations) - scene.now
    if left > 0:
        return Decision(again=left)
    if pod.metadata.annotations.get(FAULT) == "image-pull":
        return _pull(pod, scene)
    if scene.program is not None and not scene.program.ready:
        return REST
    return networks.decide(pod, scene.address) or act(run(pod, scene))


def _pull(pod: Pod, scene: Scene) -> Decision:
    """Images that are not there: refused, then waited for."""
    waits = [each.get("state", {}).get("waiting", {}).get("reason") for each in pod.status.containerStatuses]
    if "ImagePullBackOff" in waits:
        return REST
    reason = "ImagePullBackOff" if "ErrImagePull" in waits else "ErrImagePull"
    waiting = {"waiting": {"reason": reason, "message": _PULL_TEXT}}
    statuses = [_container(each, waiting, ready=False) for each in pod.spec.containers]
    status = {"phase": "Pending", "hostIP": scene.host, "containerStatuses": statuses}
    started = {} if pod.status.startTime else {"startTime": stamp(scene.now)}
    return act(_status(pod, status | started), again=scene.work)


def run(pod: Pod, scene: Scene) -> Patch:
    """Its containers run."""
    now = stamp(scene.now)
    running = {"running": {"startedAt": now}}
    address = (scene.program.address if scene.program is not None else "") or scene.address
    done = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}}
    conditions = [
        _condition(pod, kind, True, scene.now)
        for kind in ("PodReadyToStartContainers", "Initialized", "ContainersReady")
    ]
    status = {
        "phase": "Running",
        "hostIP": scene.host,
        "hostIPs": [{"ip": scene.host}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": pod.status.startTime or now,
        "conditions": [*conditions, _ready(pod, scene.now)],
        "containerStatuses": [_container(each, running) for each in pod.spec.containers],
        "initContainerStatuses": [
            _container(each, running if each.restartPolicy == "Always" else done) for each in pod.spec.initContainers
        ],
    }
    return _status(pod, status)


def _work(pod: Pod, scene: Scene) -> Decision:
    """A running Pod: a worker ends, a readiness gate opens or shuts."""
    component = pod.metadata.labels.get(COMPONENT, "")
    left = (read(pod.status.startTime) or scene.now) + scene.work - scene.now
    if component == "importer" and scene.broken:
        return _fail(pod, scene)
    ended = scene.program.ended if scene.program is not None else None
    if ended is not None and ended.code:
        return _failed(pod, ended, scene)
    if component in _DONE_BY_ITSELF:
        if scene.program is not None and ended is None:
            return REST
        return act(_end(pod, scene.now, ended)) if left <= 0 else Decision(again=left)
    if component == UPLOAD_SERVER and (scene.sent or ended is not None):
        return act(_end(pod, scene.now, ended))
    if EXPORTER in pod.metadata.labels and ended is not None:
        return act(_end(pod, scene.now, ended))
    ready = _ready(pod, scene.now)
    shown = next((each.status for each in pod.status.conditions if each.type == "Ready"), "")
    return act(_status(pod, {"conditions": [ready]})) if ready["status"] != shown else REST


def _fail(pod: Pod, scene: Scene) -> Decision:
    """A worker that fails and is started again, as restartPolicy OnFailure has it."""
    shown = pod.status.containerStatuses
    restarts = shown[0].get("restartCount", 0) if shown else 0
    last = read(shown[0].get("state", {}).get("terminated", {}).get("finishedAt")) if shown else None
    # Moments are whole seconds: the last end may have been up to one later than it says.
    left = last + 1 + scene.work - scene.now if last is not None else 0.0
    if left > 0:
        return Decision(again=left)
    return act(_broken(pod, _IMPORT_TEXT, restarts + 1 if last else restarts, scene.now), again=scene.work)


def _failed(pod: Pod, ended: Ended, scene: Scene) -> Decision:
    """A program that has failed and will be started again: what it said the last time is shown."""
    shown = pod.status.containerStatuses
    told = shown[0].get("state", {}).get("terminated") if shown else None
    if told and shown[0].get("restartCount", 0) >= ended.times - 1:
        return REST
    return act(_broken(pod, ended.message, ended.times - 1, scene.now))


def _broken(pod: Pod, message: str, restarts: int, moment: float) -> Patch:
    now = stamp(moment)
    ended = {"exitCode": 1, "reason": "Error", "message": message, "startedAt": now, "finishedAt": now}
    state = {"terminated": ended}
    statuses = [_container(each, state, ready=False) | {"restartCount": restarts} for each in pod.spec.containers]
    return _status(pod, {"containerStatuses": statuses})


def _end(pod: Pod, moment: float, program: Ended | None = None) -> Patch:
    """All containers end well. CDI reads the termination message of its workers as JSON."""
    now = stamp(moment)
    ended = {"exitCode": 0, "reason": "Completed", "startedAt": pod.status.startTime or now, "finishedAt": now}
    said = program.message if program is not None else "{}"
    message = {"message": said} if COMPONENT in pod.metadata.labels else {}
    state = {"terminated": ended | message}
    conditions = [_condition(pod, kind, False, moment, "PodCompleted") for kind in ("Ready", "ContainersReady")]
    statuses = [_container(each, state, ready=False) for each in pod.spec.containers]
    return _status(pod, {"phase": "Succeeded", "conditions": conditions, "containerStatuses": statuses})


def _ready(pod: Pod, now: float) -> Manifest:
    """Ready, if every readiness gate is open."""
    open_gates = {each.type for each in pod.status.conditions if each.status == "True"}
    shut = [each.conditionType for each in pod.spec.readinessGates if each.conditionType not in open_gates]
    return _condition(pod, "Ready", not shut, now, "ReadinessGatesNotReady" if shut else "")


def _condition(pod: Pod, kind: str, holds: bool, now: float, reason: str = "") -> Manifest:
    """A condition that keeps its moment where it does not change."""
    status = "True" if holds else "False"
    same = (each for each in pod.status.conditions if each.type == kind and each.status == status)
    since = next((each.lastTransitionTime for each in same), None)
    return {
        "type": kind,
        "status": status,
        "reason": reason or None,
        "lastTransitionTime": since or stamp(now),
    }


def _container(container: Container, state: Manifest, *, ready: bool = True) -> dict[str, Any]:
    image = container.image
    return {
        "name": container.name,
        "image": image,
        "imageID": f"{image.partition(':')[0]}@sha256:{'0' * 64}" if "waiting" not in state else "",
        "ready": ready,
        "started": "running" in state,
        "restartCount": 0,
        "state": state,
    }


def _status(pod: Pod, status: Manifest) -> Patch:
    return Patch(place(pod, "status"), {"metadata": {"uid": pod.metadata.uid}, "status": status}, STRATEGIC)
