"""Servers that take in what a claim shall hold: an upload, or what another claim is cloned by (CDI 1.65.0,
upload-controller)."""

from dicot.kube.address import place

from ...kube.quantity import whole
from ..steps import REST, Create, Decision, Remove, Step, act
from . import sizes
from .carriers import upload_secret, upload_server, upload_service
from .events import NORMAL, WARNING
from .kinds.claims import CLAIMS, SECRETS, SERVICES, Claim, Pod
from .names import (
    CLONE_REQUEST,
    CONTENT_TYPE,
    POD_PHASE,
    POD_READY,
    PROXY,
    RUNNING,
    UPLOAD_CLIENT,
    UPLOAD_POD,
    UPLOAD_REQUEST,
    UPLOAD_SERVER,
    service,
)
from .scratch import scratch
from .storage import BLOCK, KUBEVIRT
from .workers import FINAL, Post, Scene, annotate, dismiss, shown, start, tell

COMPONENT = "upload-controller"
_POST = Post(COMPONENT, UPLOAD_POD, "cdi-upload", "UploadTargetInUse")
_TOO_SMALL = "target resources requests storage size is smaller than the source"


def decide(scene: Scene) -> Decision:
    """The next step for a claim that may have to take something in. One that is asked to do both does neither."""
    claim, notes = scene.claim, scene.claim.metadata.annotations
    if (UPLOAD_REQUEST in notes) == (CLONE_REQUEST in notes):
        return REST
    if claim.metadata.deletionTimestamp is not None or notes.get(POD_PHASE) == "Succeeded":
        return _dismissed(scene)
    if UPLOAD_REQUEST in notes:
        return _receive(scene, PROXY)
    source = scene.source
    if source is None or _content(source) != _content(claim):
        return REST
    if not _fits(scene, source):
        return act(tell(scene, WARNING, "ErrIncompatiblePVC", _TOO_SMALL, COMPONENT))
    return _receive(scene, _sender(source, claim))


def _receive(scene: Scene, client: str) -> Decision:
    """``client``: the name that the server lets in."""
    claim = scene.claim
    pod = scene.worker(UPLOAD_SERVER)
    if pod is None:
        return _start(scene, client)
    missing = _missing(scene, pod)
    if missing:
        return act(*missing)
    statuses = pod.status.containerStatuses
    ready = bool(statuses) and all(each.get("ready") for each in statuses)
    notes = {
        POD_PHASE: pod.status.phase,
        POD_READY: str(ready).lower(),
        **shown(claim, pod, RUNNING, reads=True),
    }
    if client != PROXY:
        notes[UPLOAD_CLIENT] = client
    said = annotate(claim, notes)
    if said is None:
        return REST
    uploaded = client == PROXY and pod.status.phase == "Succeeded"
    told = [tell(scene, NORMAL, "UploadSucceeded", "Upload Successful", COMPONENT)] if uploaded else []
    return act(said, *told)


def _missing(scene: Scene, pod: Pod) -> list[Step]:
    """What a server needs beside its Pod. Nobody asks that of a clone's target, whose source writes to its volume, so
    that it has no certificate."""
    claim, namespace = scene.claim, scene.claim.metadata.namespace
    steps: list[Step] = []
    name = service(pod.metadata.name)
    if UPLOAD_REQUEST in claim.metadata.annotations:
        if scene.secret is None and pod.status.phase == "Pending":
            secret = upload_secret(pod, scene.keys.server(name, namespace))
            steps.append(Create(place(SECRETS, namespace), secret))
        if scene.scratch is None and pod.status.phase not in FINAL:
            steps.append(Create(place(CLAIMS, namespace), scratch(scene, pod)))
    if scene.service is None:
        steps.append(Create(place(SERVICES, namespace), upload_service(claim, name)))
    return steps


def _dismissed(scene: Scene) -> Decision:
    steps: list[Step] = []
    if scene.service is not None and scene.service.metadata.deletionTimestamp is None:
        meta = scene.service.metadata
        steps.append(Remove(place(SERVICES, meta.namespace, meta.name), meta.uid, None))
    pod = scene.worker(UPLOAD_SERVER)
    gone = dismiss(scene.claim, pod) if pod is not None else None
    return act(*steps, *([gone] if gone is not None else []))


def _content(claim: Claim) -> str:
    return claim.metadata.annotations.get(CONTENT_TYPE, KUBEVIRT)


def _sender(source: Claim, target: Claim) -> str:
    theirs, ours = source.metadata, target.metadata
    return f"{theirs.namespace}/{theirs.name}-{ours.namespace}/{ours.name}"


def _fits(scene: Scene, source: Claim) -> bool:
    """Whether the target has room, and the modes go together."""
    target = scene.claim
    if source.spec.volumeMode != target.spec.volumeMode and _content(target) != KUBEVIRT:
        return False
    return _room(scene, source) <= _room(scene, target)


def _room(scene: Scene, claim: Claim) -> int:
    size = whole(claim.spec.resources.requests.get("storage", 0))
    return size if claim.spec.volumeMode == BLOCK else sizes.usable(scene.overhead(claim), size)


def _start(scene: Scene, client: str) -> Decision:
    return start(scene, _POST, lambda name: upload_server(scene.claim, name, client, scene.terms, scene.now))
