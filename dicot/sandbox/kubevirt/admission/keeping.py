"""Admission of VirtualMachineSnapshots, VirtualMachineRestores (pkg/storage/admitters) and VirtualMachineClones."""

from collections.abc import Callable, Iterator

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Cause, Refusal
from ...apiserver.seams import Reader, Review
from ..settings import Settings
from .causes import absent, held, invalid, listed, refuse, required, wrong

SNAPSHOT = "virtualmachinesnapshot-validator.snapshot.kubevirt.io"
RESTORE = "virtualmachinerestore-validator.snapshot.kubevirt.io"
CLONE = "vm-clone-validator.kubevirt.io"
_GATE = "Snapshot"
_SUFFIX = 5
_PATCHED = ('"/metadata/labels/', '"/metadata/annotations/', '"/spec/')
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
    refuse(RESTORE, _restore(new, review.namespace, reader))


def _restore(new: Manifest, namespace: str, reader: Reader) -> Iterator[Cause]:
    spec = held(new, "spec")
    target = held(spec, "target")
    found = list(_about("spec.target", target))
    yield from found
    if not found:
        if reader.get("snapshot.kubevirt.io", "virtualmachinesnapshots", namespace, _snapshot_of(spec)) is not None:
            yield from _patches(spec)
        yield from _overrides(spec)
        yield from _policies(spec)
    for other in reader.list("snapshot.kubevirt.io", "virtualmachinerestores", namespace):
        if held(other, "spec", "target") == target and not held(other, "status").get("complete"):
            yield invalid("spec.target", f'VirtualMachineRestore "{other["metadata"]["name"]}" in progress')


def _snapshot_of(spec: Manifest) -> str:
    return str(spec.get("virtualMachineSnapshotName") or "")


def _patches(spec: Manifest) -> Iterator[Cause]:
    """What is read of the patches is text: a value with a comma or a colon in it is none, as in KubeVirt."""
    for patch in map(str, listed(spec, "patches")):
        for each in patch.strip("{}").split(","):
            key, *values = (text.strip() for text in each.split(":"))
            if len(values) != 1:
                why = 'patch format is not valid - one ":" expected in a single key-value json patch'
                yield invalid("spec.patches", f"{why}: {each}")
            elif key == '"path"' and not values[0].startswith(_PATCHED):
                yield invalid("spec.patches", f"patching is valid only for elements under /spec/ only: {each}")


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


def copy_target(review: Review, new_id: Callable[[], str]) -> Manifest | None:
    """A new clone with the machine that it is to make, where it names none."""
    new = review.new or {}
    spec = held(new, "spec")
    if review.operation != "CREATE" or held(spec, "target").get("name"):
        return None
    name = f"clone-{held(spec, 'source').get('name', '')}-{new_id()[:_SUFFIX]}"
    target = {"apiGroup": "kubevirt.io", "kind": "VirtualMachine", **held(spec, "target"), "name": name}
    return {**new, "spec": {**spec, "target": target}}


def validate_clone(review: Review, settings: Settings) -> None:
    """Raises Refusal for a clone that cannot be, and where the gate is shut (vmclone-admitter.go)."""
    if review.operation == "CREATE" and _GATE not in settings.gates:
        raise wrong(CLONE, "snapshot feature gate is not enabled")
    spec = held(review.new or {}, "spec")
    refuse(CLONE, (*_filters(spec), *_ends(spec)))


def _filters(spec: Manifest) -> Iterator[Cause]:
    for field, filters in (
        ("spec.annotations", listed(spec, "annotationFilters")),
        ("spec.labels", listed(spec, "labelFilters")),
        ("spec.template.annotations", listed(spec, "template", "annotationFilters")),
        ("spec.template.labels", listed(spec, "template", "labelFilters")),
    ):
        for each in map(str, filters):
            yield from _filter(field, each)


def _filter(field: str, given: str) -> Iterator[Cause]:
    if len(given) == 1:
        if given == "!":
            yield invalid(field, "a negation character is not a valid filter")
        return
    wrongly = f"{field} filter {given} is invalid: cannot contain a"
    if "!" in given[1:]:
        rule = "NegationChar can be only used at the beginning of the filter"
        yield invalid(field, f"{wrongly} negation character (!); FilterRules: {rule}")
    if "*" in given[:-1]:
        rule = "WildcardChar can be only at the end of the filter"
        yield invalid(field, f"{wrongly} wildcard character (*); FilterRules: {rule}")


def _ends(spec: Manifest) -> Iterator[Cause]:
    source, target = held(spec, "source"), held(spec, "target")
    if source.get("kind") not in ("VirtualMachine", "VirtualMachineSnapshot"):
        yield invalid("spec.Source.Kind", "Source kind is not supported")
    if target and target.get("kind") != "VirtualMachine":
        yield invalid("spec.Target.Kind", "Target kind is not supported")
    if not source.get("apiGroup"):
        yield invalid("spec.Source.APIGroup", "Source's APIGroup cannot be empty")
    if source.get("kind") == target.get("kind") == "VirtualMachine" and source.get("name") == target.get("name"):
        message = "Target name cannot be equal to source name when both are VirtualMachines"
        yield invalid("spec.target.name", message)
