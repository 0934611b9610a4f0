"""What a claim says of the Pods that work for it (CDI 1.65.0, pkg/controller/util.go)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import msgspec

from dicot.kube.address import place
from dicot.kube.errors import Refused
from dicot.kube.kind import Manifest

from ..steps import REST, Create, Decision, Patch, Remove, Step, act
from .events import WARNING, event
from .keys import Keys
from .kinds.claims import CLAIMS, PODS, Claim, Pod, Thing
from .names import CLONE_SENDER, COMPONENT, POD_PHASE, POD_RESTARTS, RETAIN_POD, RUNNING, joined
from .pods import Terms
from .storage import Storage

FINAL = ("Succeeded", "Failed")
_TRY_AGAIN = 2.0
_TOO_SMALL = (
    "is larger than the reported available",
    "no space left on device",
    "file largest block is bigger than maxblock",
    "disk quota exceeded",
)
_NOT_PULLED = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName")


@dataclass(frozen=True, slots=True)
class Scene:
    """A claim and what belongs to it.

    ``workers``: the Pods that work for it, in any namespace. ``users``: the Pods that mount it. ``scratch``: the
    claim beside it. ``service`` and ``secret``: those of its upload server. ``source``: the claim to clone;
    ``source_filled``: whether its own volume has succeeded; ``source_users``: the Pods that mount that one.
    """

    claim: Claim
    workers: tuple[Pod, ...]
    users: tuple[Pod, ...]
    scratch: Claim | None
    service: Thing | None
    secret: Thing | None
    source: Claim | None
    source_filled: bool
    source_users: tuple[Pod, ...]
    storage: Storage
    keys: Keys
    now: float

    def worker(self, component: str) -> Pod | None:
        """The one with that label."""
        return next((pod for pod in self.workers if pod.metadata.labels.get(COMPONENT) == component), None)

    def overhead(self, claim: Claim) -> str:
        """Which part of a claim is lost to its file system."""
        return self.storage.overhead(claim.spec.storageClassName, claim.spec.volumeMode)

    @property
    def terms(self) -> Terms:
        """What holds for its Pods."""
        return Terms(self.overhead(self.claim), self.storage.config)


def annotate(claim: Claim, notes: Mapping[str, str | None]) -> Patch | None:
    """Say it on the claim; None removes a note. None where all is said."""
    has = claim.metadata.annotations
    changes = {key: value for key, value in notes.items() if has.get(key) != value}
    if not changes:
        return None
    meta = claim.metadata
    body = {"metadata": {"uid": meta.uid, "annotations": changes}}
    return Patch(place(CLAIMS, meta.namespace, meta.name), body)


def tell(scene: Scene, sort: str, reason: str, message: str, component: str) -> Step:
    """An Event about the claim."""
    return event("PersistentVolumeClaim", scene.claim.metadata, sort, reason, message, component, scene.now)


def in_use(scene: Scene, used: Sequence[Pod], claim: Claim, reason: str, component: str) -> list[Step]:
    """Events about Pods that a claim has to wait for."""
    texts = (f"pod {each.metadata.namespace}/{each.metadata.name} using PersistentVolumeClaim" for each in used)
    return [tell(scene, WARNING, reason, f"{text} {claim.metadata.name}", component) for text in texts]


@dataclass(frozen=True, slots=True)
class Post:
    """Of a claim's worker: which controller makes it, the annotation that names its Pod, how the name begins, and
    what is told while others use the claim."""

    component: str
    note: str
    beginning: str
    in_use: str


def start(
    scene: Scene, post: Post, made: Callable[[str], Manifest], notes: Mapping[str, str] = MappingProxyType({})
) -> Decision:
    """Once nobody uses the claim, name a worker, with other ``notes``, then make it."""
    claim, meta = scene.claim, scene.claim.metadata
    used = [pod for pod in scene.users if pod.status.phase not in FINAL]
    if used:
        return act(*in_use(scene, used, claim, post.in_use, post.component), again=_TRY_AGAIN)
    name = meta.annotations.get(post.note, "")
    if not name:
        named = annotate(claim, {post.note: joined(post.beginning, meta.name), **notes})
        return act(named) if named is not None else REST
    at = place(PODS, meta.namespace)
    return act(Create(at, made(name), partial(not_started, scene, name, RUNNING, post.component)))


def dismiss(claim: Claim, pod: Pod) -> Step | None:
    """Delete a worker, unless it shall be looked at, or goes already."""
    kept = claim.metadata.annotations.get(RETAIN_POD) == "true" and claim.metadata.deletionTimestamp is None
    if kept or pod.metadata.deletionTimestamp is not None:
        return None
    return Remove(place(PODS, pod.metadata.namespace, pod.metadata.name), pod.metadata.uid, None)


def busy(pods: tuple[Pod, ...], claim: str) -> tuple[Pod, ...]:
    """Those that may write to a claim: not the ended ones, nor clone sources, nor those that only read."""
    return tuple(pod for pod in pods if pod.status.phase not in FINAL and _writes(pod, claim))


def _writes(pod: Pod, claim: str) -> bool:
    if pod.metadata.labels.get(COMPONENT) == CLONE_SENDER:
        return False
    for volume in pod.spec.volumes:
        if volume.persistentVolumeClaim is None or volume.persistentVolumeClaim.claimName != claim:
            continue
        if volume.persistentVolumeClaim.readOnly:
            continue
        mounts = [mount for each in pod.spec.containers for mount in each.volumeMounts if mount.name == volume.name]
        devices = [device for each in pod.spec.containers for device in each.volumeDevices]
        if any(not mount.readOnly for mount in mounts) or any(each.name == volume.name for each in devices):
            return True
    return False


def not_started(scene: Scene, name: str, prefix: str, component: str, reason: Refused) -> tuple[Step, ...]:
    """What a claim says of a Pod that may not be made: its maker is told no more."""
    why = "ErrExceededQuota" if "exceeded quota:" in reason.message else "ErrStartingPod"
    text = f"Error starting pod '{name}': For more information, request access to cdi-deploy logs from your sysadmin"
    notes = {prefix: "false", f"{prefix}.reason": why, f"{prefix}.message": text, POD_PHASE: "Failed"}
    step = annotate(scene.claim, notes)
    told = tell(scene, WARNING, why, text, component)
    return (told, step) if step is not None else (told,)


def shown(claim: Claim, pod: Pod, prefix: str, *, reads: bool) -> dict[str, str]:
    """Notes on how a Pod goes. ``reads``: its message is read as JSON where it ended well."""
    statuses = pod.status.containerStatuses
    if not statuses:
        return {}
    notes: dict[str, str] = {}
    restarts = int(statuses[0].get("restartCount", 0))
    said = claim.metadata.annotations.get(POD_RESTARTS, "0")
    if not said.isdigit() or restarts >= int(said):
        notes[POD_RESTARTS] = str(restarts)
    if all("running" in each.get("state", {}) for each in statuses):
        return notes | {prefix: "true", f"{prefix}.message": "", f"{prefix}.reason": "Pod is running"}
    notes[RUNNING] = "false"
    return notes | {f"{prefix}.{key}": value for key, value in _stopped(statuses, reads=reads).items()}


def _stopped(statuses: tuple[dict[str, Any], ...], *, reads: bool) -> dict[str, str]:
    for each in statuses:
        if each.get("state", {}).get("waiting", {}).get("reason") in _NOT_PULLED:
            text = f"failed to pull image: {each.get('image', '')}"
            return {"message": text, "reason": "ImagePullFailed"}
    state = statuses[0].get("state", {})
    waiting = state.get("waiting", {})
    if waiting and waiting.get("reason") != "CrashLoopBackOff":
        return {"message": _simple(waiting.get("message", "")), "reason": waiting.get("reason", "")}
    ended = state.get("terminated")
    if ended is None:
        return {}
    read = reported(ended) if reads else None
    if read is None:
        return {"message": _simple(ended.get("message", "")), "reason": ended.get("reason", "")}
    said = {"message": read["message"]} if "message" in read else {}
    return {**said, "reason": ended.get("reason", "")}


def reported(ended: Mapping[str, Any]) -> dict[str, Any] | None:
    """The report of a worker that ended well; None where it made none."""
    if ended.get("exitCode", 0) != 0:
        return None
    try:
        return msgspec.json.decode(ended.get("message", ""), type=dict[str, Any])
    except msgspec.DecodeError:
        return None


def _simple(message: str) -> str:
    return "DataVolume too small to contain image" if any(text in message for text in _TOO_SMALL) else message
