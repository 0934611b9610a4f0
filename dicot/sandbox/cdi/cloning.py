"""Copying a claim into another by two Pods (CDI 1.65.0, upload-controller and clone-controller)."""

from collections.abc import Callable
from dataclasses import replace

from dicot.kube.address import place
from dicot.kube.kind import Manifest

from ...kube.quantity import whole
from ..steps import REST, Create, Decision, Remove, Rewrite, Step, act
from . import sizes
from .events import NORMAL, WARNING
from .kinds.claims import CLAIMS, PODS, SERVICES, Claim, Pod
from .names import (
    CLONE_FINALIZER,
    CLONE_OF,
    CLONE_REQUEST,
    CLONE_SENDER,
    CLONE_SERVER,
    CLONE_SOURCE_POD,
    CLONE_TOKEN,
    COMPONENT,
    CONTENT_TYPE,
    EXTENDED_TOKEN,
    FROM_SNAPSHOT,
    POD_PHASE,
    POD_READY,
    RUNNING,
    SENDER_SUFFIX,
    SOURCE_RUNNING,
    UPLOAD_CLIENT,
    UPLOAD_POD,
    joined,
    service,
)
from .pods import clone_source, upload_server, upload_service
from .storage import BLOCK, KUBEVIRT
from .tokens import API_SERVER, CONTROLLER
from .tokens import CLAIMS as CLAIMS_RESOURCE
from .tokens import SNAPSHOTS as SNAPSHOTS_RESOURCE
from .workers import FINAL, Scene, annotate, busy, dismiss, not_started, shown, tell

RECEIVER, CLONER = "upload-controller", "clone-controller"
_TRY_AGAIN = 2.0
_TOO_SMALL = "target resources requests storage size is smaller than the source"


def decide(scene: Scene) -> Decision:
    """The next step for a claim that may have to be cloned into."""
    if CLONE_REQUEST not in scene.claim.metadata.annotations:
        return REST
    received = _receive(scene)
    return received if received.steps else _send(scene, received.again)


def _receive(scene: Scene) -> Decision:
    claim, meta, source = scene.claim, scene.claim.metadata, scene.source
    if meta.deletionTimestamp is not None or meta.annotations.get(POD_PHASE) == "Succeeded":
        return _dismissed(scene)
    if source is None or _content(source) != _content(claim):
        return REST
    if not _fits(scene, source):
        return act(tell(scene, WARNING, "ErrIncompatiblePVC", _TOO_SMALL, RECEIVER))
    pod = scene.worker(CLONE_SERVER)
    if pod is None:
        return _start_server(scene, source)
    name = service(pod.metadata.name)
    if scene.service is None:
        return act(Create(place(SERVICES, meta.namespace), upload_service(claim, name)))
    statuses = pod.status.containerStatuses
    ready = bool(statuses) and all(each.get("ready") for each in statuses)
    notes = {
        UPLOAD_CLIENT: _client(source, claim),
        POD_PHASE: pod.status.phase,
        POD_READY: str(ready).lower(),
        **shown(claim, pod, RUNNING, reads=True),
    }
    said = annotate(claim, notes)
    return act(said) if said is not None else REST


def _dismissed(scene: Scene) -> Decision:
    steps: list[Step] = []
    if scene.service is not None and scene.service.metadata.deletionTimestamp is None:
        meta = scene.service.metadata
        steps.append(Remove(place(SERVICES, meta.namespace, meta.name), meta.uid, None))
    pod = scene.worker(CLONE_SERVER)
    gone = dismiss(scene.claim, pod) if pod is not None else None
    return act(*steps, *([gone] if gone is not None else []))


def _content(claim: Claim) -> str:
    return claim.metadata.annotations.get(CONTENT_TYPE, KUBEVIRT)


def _client(source: Claim, target: Claim) -> str:
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


def _start_server(scene: Scene, source: Claim) -> Decision:
    claim, meta = scene.claim, scene.claim.metadata
    used = [pod for pod in scene.users if pod.status.phase not in FINAL]
    if used:
        return act(*_in_use(scene, used, claim, "UploadTargetInUse", RECEIVER), again=_TRY_AGAIN)
    name = meta.annotations.get(UPLOAD_POD, "")
    if not name:
        named = annotate(claim, {UPLOAD_POD: joined("cdi-upload", meta.name)})
        return act(named) if named is not None else REST
    body = upload_server(claim, name, _client(source, claim), scene.terms, scene.now)
    at = place(PODS, meta.namespace)
    return act(Create(at, body, lambda reason: not_started(scene, name, RUNNING, RECEIVER, reason)))


def _in_use(scene: Scene, used: list[Pod], claim: Claim, reason: str, component: str) -> list[Step]:
    texts = (f"pod {each.metadata.namespace}/{each.metadata.name} using PersistentVolumeClaim" for each in used)
    return [tell(scene, WARNING, reason, f"{text} {claim.metadata.name}", component) for text in texts]


def _send(scene: Scene, again: float | None) -> Decision:
    claim, meta = scene.claim, scene.claim.metadata
    notes = meta.annotations
    if meta.deletionTimestamp is not None or CLONE_OF in notes or claim.status.phase != "Bound":
        return _ended(scene)
    if notes.get(POD_READY) != "true" and notes.get(POD_PHASE) != "Succeeded":
        return Decision(again=again)
    pod = scene.worker(CLONE_SENDER)
    name = notes.get(CLONE_SOURCE_POD, "")
    if not name and pod is None:
        return act(Rewrite(place(CLAIMS, meta.namespace, meta.name), _claimed(meta.uid)))
    if pod is None and notes.get(POD_PHASE) != "Succeeded":
        return _start_sender(scene, name)
    done = notes.get(POD_PHASE) == "Succeeded" and (pod is None or pod.status.phase in FINAL)
    said = {CLONE_OF: "true"} if done else {}
    step = annotate(claim, said | (shown(claim, pod, SOURCE_RUNNING, reads=False) if pod is not None else {}))
    if step is None:
        return REST
    told = [tell(scene, NORMAL, "CloneSucceeded", "Clone Complete", CLONER)] if done else []
    return act(step, *told)


def _claimed(uid: str) -> Callable[[Manifest], Manifest | None]:
    """The name of the source Pod, and the finalizer that keeps the claim until that Pod is gone."""

    def change(found: Manifest) -> Manifest | None:
        meta = found["metadata"]
        if meta["uid"] != uid or meta.get("deletionTimestamp"):
            return None
        meta.setdefault("annotations", {})[CLONE_SOURCE_POD] = f"{uid}{SENDER_SUFFIX}"
        meta["finalizers"] = [
            *(each for each in meta.get("finalizers", []) if each != CLONE_FINALIZER),
            CLONE_FINALIZER,
        ]
        return found

    return change


def _released(uid: str) -> Callable[[Manifest], Manifest | None]:
    def change(found: Manifest) -> Manifest | None:
        meta = found["metadata"]
        kept = [each for each in meta.get("finalizers", []) if each != CLONE_FINALIZER]
        if meta["uid"] != uid or len(kept) == len(meta.get("finalizers", [])):
            return None
        return {**found, "metadata": {**meta, "finalizers": kept}}

    return change


def _start_sender(scene: Scene, name: str) -> Decision:
    claim, source = scene.claim, scene.source
    if source is None or not scene.source_filled:
        return Decision(again=_TRY_AGAIN)
    if not _may_send(scene, source):
        return REST
    used = busy(scene.source_users, source.metadata.name)
    if used:
        return act(*_in_use(scene, list(used), source, "CloneSourceInUse", CLONER), again=_TRY_AGAIN)
    terms = replace(scene.terms, overhead=scene.overhead(source))
    body = clone_source(claim, source, name, terms)
    at = place(PODS, source.metadata.namespace)
    return act(Create(at, body, lambda reason: not_started(scene, name, SOURCE_RUNNING, CLONER, reason)))


def _may_send(scene: Scene, source: Claim) -> bool:
    """Whether CDI's API server has let somebody clone that claim into this one: anybody may write annotations."""
    theirs, ours = source.metadata, scene.claim.metadata
    if theirs.namespace == ours.namespace:
        return True
    long = ours.annotations.get(EXTENDED_TOKEN)
    token = long if long is not None else ours.annotations.get(CLONE_TOKEN, "")
    grant = scene.tokens.read(token, API_SERVER if long is None else CONTROLLER, scene.now)
    if grant is None or grant.uid not in ("", ours.uid):
        return False
    name, resource = theirs.name, CLAIMS_RESOURCE
    if theirs.labels.get(COMPONENT) == FROM_SNAPSHOT and source.spec.dataSourceRef is not None:
        name, resource = source.spec.dataSourceRef.name, SNAPSHOTS_RESOURCE
    named = (grant.resource, grant.namespace, grant.name, grant.target_namespace, grant.target_name)
    return named == (resource, theirs.namespace, name, ours.namespace, ours.name)


def _ended(scene: Scene) -> Decision:
    """The source Pod and the finalizer go."""
    claim, meta = scene.claim, scene.claim.metadata
    if CLONE_FINALIZER not in meta.finalizers:
        return REST
    pod = scene.worker(CLONE_SENDER)
    steps: list[Step] = []
    if pod is not None:
        if meta.annotations.get(POD_PHASE) == "Succeeded" and pod.status.phase == "Running":
            return REST
        gone = dismiss(claim, pod)
        steps += [gone] if gone is not None else []
    return act(*steps, Rewrite(place(CLAIMS, meta.namespace, meta.name), _released(meta.uid)))
