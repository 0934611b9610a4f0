"""Volumes that come and go with a machine (pkg/storage/admitters/data-volume-template.go)."""

from collections.abc import Iterator

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Cause, Refusal
from .causes import held, invalid, listed, required

_UNCHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete "
    "validation"
)


def check(spec: Manifest) -> Iterator[Cause]:
    """What is wrong with the dataVolumeTemplates of a machine's spec."""
    used = set()
    for volume in listed(spec, "template", "spec", "volumes"):
        used |= {held(volume, "persistentVolumeClaim").get("claimName"), held(volume, "dataVolume").get("name")}
    for index, template in enumerate(listed(spec, "dataVolumeTemplates")):
        field = f"spec.dataVolumeTemplate[{index}]"
        cause = _wrong(field, template)
        if cause is not None:
            yield cause
        elif template["metadata"]["name"] not in used:
            message = f"DataVolumeTemplate entry {field} must be referenced in the VMI template's 'volumes' list"
            yield required(field, message)


def strangers(spec: Manifest, namespace: str) -> Iterator[Cause]:
    """Templates for another namespace than the machine's."""
    for index, template in enumerate(listed(spec, "dataVolumeTemplates")):
        other = held(template, "metadata").get("namespace")
        if other and other != namespace:
            message = f"Embedded DataVolume namespace {other} differs from VM namespace {namespace}"
            yield invalid(f"spec.dataVolumeTemplates[{index}]", message)


def groupless(vm: Manifest) -> Refusal | None:
    """The API server's refusal of data sources without a group: where there is none Go's types write a null, which
    the definition of machines does not take."""
    causes = []
    for index, template in enumerate(listed(vm, "spec", "dataVolumeTemplates")):
        for storage in ("pvc", "storage"):
            source = held(template, "spec", storage, "dataSource")
            if source and source.get("apiGroup") is None:
                field = f"spec.dataVolumeTemplates[{index}].spec.{storage}.dataSource.apiGroup"
                told = f'Invalid value: "null": {field} in body must be of type string: "null"'
                causes.append(Cause("FieldValueTypeInvalid", told, field))
    if not causes:
        return None
    causes.append(Cause("FieldValueInvalid", f"Invalid value: null: {_UNCHECKED}", "<nil>"))
    name = vm["metadata"]["name"]
    told = ", ".join(f"{cause.field}: {cause.message}" for cause in causes)
    message = f'VirtualMachine.kubevirt.io "{name}" is invalid: [{told}]'
    return Refusal(422, "Invalid", message, "kubevirt.io", "VirtualMachine", name, causes=tuple(causes))


def _wrong(field: str, template: Manifest) -> Cause | None:
    spec = held(template, "spec")
    storage, source = [each for each in ("pvc", "storage") if each in spec], held(spec, "source")
    if not held(template, "metadata").get("name"):
        name = f"{field}.name"
        return required(name, f"'name' field must not be empty for DataVolumeTemplate entry {name}.")
    if len(storage) != 1:
        missing, twice = (
            "Missing Data volume PVC or Storage",
            "Duplicate storage definition, both target storage and target pvc defined",
        )
        return invalid(f"{field}.PVC.Storage", twice if storage else missing)
    populated = any(each in spec[storage[0]] for each in ("dataSourceRef", "dataSource"))
    filled = "source" in spec or "sourceRef" in spec
    if populated and filled:
        return invalid(f"{field}.source", "External population is incompatible with Source and SourceRef")
    if not populated and not filled:
        message = "Data volume should have either Source, SourceRef, or be externally populated"
        return invalid(f"{field}.source.sourceRef", message)
    if "source" in spec and len(source) != 1:
        return invalid(
            f"{field}.source", "Multiple dataVolume sources" if source else "Missing dataVolume valid source"
        )
    return None
