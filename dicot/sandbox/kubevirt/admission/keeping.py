"""Admission of VirtualMachineSnapshots and VirtualMachineRestores (pkg/storage/admitters)."""

from collections.abc import Iterator

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Cause, Refusal
from ...apiserver.seams import Reader, Review
from ..settings import Settings
from .causes import absent, held, invalid, listed, refuse, required, wrong

SNAPSHOT = "virtualmachinesnapshot-validator.snapshot.kubevirt.io"
RESTORE = "virtualmachinerestore-validator.snapshot.kubevirt.io"
_GATE = "Snapshot"
_POLICIES = {
    "volumeRestorePolicy": ("restore", ("InPlace", "RandomizeNames", "PrefixTargetName")),
    "volumeOwnershipPolicy": ("ownership", ("Vm", "None")),
}


def validate_snapshot(review: Review, settings: Settings) -> None:
    """Raises Refusal for a snapshot of nothing, and where the gate is shut."""
    if review.operation == "CREATE" and _GATE not in settings.gates:
        raise wrong(SNAPSHOT, "snapshot feature gate not enabled")
    new = review.new or {}
    causes = _about("spec.source", held(new, "spec", "source")) if review.old is None else _fixed(new, review.old)
    refuse(SNAPSHOT, causes)


def validate_restore(review: Review, settings: Settings, reader: Reader) -> None:
    """Raises Refusal for a restore that cannot be, and where the gate is shut."""
    new = review.new or {}
    if review.old is not None:
        refuse(RESTORE, _fixed(new, review.old))
        return
    if _GATE not in settings.gates:
        raise wrong(RESTORE, "Snapshot/Restore feature gate not enabled")
    if held(new, "spec").get("volumeRestorePolicy") == "InPlace":
        raise Refusal(501, "NotImplemented", "restores in the place of what is there are not part of the sandbox")
    if held(new, "spec").get("patches"):
        raise Refusal(501, "NotImplemented", "restores with patches are not part of the sandbox")
    refuse(RESTORE, _restore(new, review.namespace, reader))


def _restore(new: Manifest, namespace: str, reader: Reader) -> Iterator[Cause]:
    spec = held(new, "spec")
    target = held(spec, "target")
    found = list(_about("spec.target", target))
    yield from found
    if not found:
        yield from _overrides(spec)
        yield from _policies(spec)
    for other in reader.list("snapshot.kubevirt.io", "virtualmachinerestores", namespace):
        if held(other, "spec", "target") == target and not held(other, "status").get("complete"):
            yield invalid("spec.target", f'VirtualMachineRestore "{other["metadata"]["name"]}" in progress')


def _overrides(spec: Manifest) -> Iterator[Cause]:
    for index, each in enumerate(listed(spec, "volumeRestoreOverrides")):
        field = f"spec.volumeRestoreOverrides[{index}]"
        if not each.get("volumeName"):
            yield required(f"{field}.volumeName", "must provide a volume name")
        if not each.get("restoreName") and each.keys().isdisjoint(("annotations", "labels")):
            yield required(field, "must provide at least one overriden field")


def _policies(spec: Manifest) -> Iterator[Cause]:
    for key, (called, known) in _POLICIES.items():
        policy = spec.get(key)
        if policy is not None and policy not in known:
            yield invalid(f"spec.{key}", f'volume {called} policy "{policy}" doesn\'t exist')


def _fixed(new: Manifest, old: Manifest) -> Iterator[Cause]:
    if held(old, "spec") != held(new, "spec"):
        yield invalid("spec", "spec in immutable after creation")


def _about(field: str, given: dict[str, object]) -> Iterator[Cause]:
    """Whether something is a machine."""
    if given.get("apiGroup") is None:
        yield absent(f"{field}.apiGroup", "missing apiGroup")
    elif given["apiGroup"] != "kubevirt.io":
        yield invalid(f"{field}.apiGroup", "invalid apiGroup")
    elif given.get("kind") != "VirtualMachine":
        yield invalid(f"{field}.kind", "invalid kind")
