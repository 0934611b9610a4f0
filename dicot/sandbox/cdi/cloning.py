"""Copying a claim into another: a Pod that sends it to the server of the other (CDI 1.65.0, clone-controller)."""

from collections.abc import Callable
from dataclasses import replace

from dicot.kube.address import place
from dicot.kube.kind import Manifest

from ..steps import REST, Create, Decision, Rewrite, Step, act
from .carriers import clone_source
from .events import NORMAL
from .kinds.claims import CLAIMS, PODS, Claim
from .names import (
    CLONE_FINALIZER,
    CLONE_OF,
    CLONE_REQUEST,
    CLONE_SENDER,
    CLONE_SOURCE_POD,
    CLONE_TOKEN,
    COMPONENT,
    EXTENDED_TOKEN,
    FROM_SNAPSHOT,
    POD_PHASE,
    POD_READY,
    SENDER_SUFFIX,
    SOURCE_RUNNING,
)
from .tokens import API_SERVER, CONTROLLER
from .tokens import CLAIMS as CLAIMS_RESOURCE
from .tokens import SNAPSHOTS as SNAPSHOTS_RESOURCE
from .workers import FINAL, Scene, annotate, busy, dismiss, in_use, not_started, shown, tell

CLONER = "clone-controller"
_TRY_AGAIN = 2.0


def decide(scene: Scene) -> Decision:
    """The next step for a claim that may have to be cloned into, once its server has no next one."""
    return _send(scene) if CLONE_REQUEST in scene.claim.metadata.annotations else REST


def _send(scene: Scene) -> Decision:
    claim, meta = scene.claim, scene.claim.metadata
    notes = meta.annotations
    if meta.deletionTimestamp is not None or CLONE_OF in notes or claim.status.phase != "Bound":
        return _ended(scene)
    if notes.get(POD_READY) != "true" and notes.get(POD_PHASE) != "Succeeded":
        return REST
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
        return act(*in_use(scene, used, source, "CloneSourceInUse", CLONER), again=_TRY_AGAIN)
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
    grant = scene.keys.tokens.read(token, API_SERVER if long is None else CONTROLLER, scene.now)
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
