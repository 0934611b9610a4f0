"""Admission of VirtualMachineExports (pkg/storage/admitters/vmexport.go)."""

from collections.abc import Iterator, Mapping

from ...apiserver.refusal import Cause, Refusal
from ...apiserver.seams import Review
from ..exports.objects import duration
from ..settings import Settings
from .causes import held, invalid, refuse, wrong

HOOK = "virtualmachineexport-validator.export.kubevirt.io"
_GATE = "VMExport"
_SOURCES: Mapping[str, tuple[str, str, str]] = {
    "PersistentVolumeClaim": ("PVC", "PVC", ""),
    "VirtualMachineSnapshot": ("VMSnapshot", "VMSnapshot", "snapshot.kubevirt.io"),
    "VirtualMachine": ("Virtual Machine", "VM", "kubevirt.io"),
    "VirtualMachineBackup": ("VirtualMachineBackup", "VirtualMachineBackup", "backup.kubevirt.io"),
}
"""What a kind is called where its name is missing, where its group is wrong, and that group."""


def validate(review: Review, settings: Settings) -> None:
    """Raises Refusal for an export of nothing, one that is changed, and where the gate is shut."""
    if review.operation == "CREATE" and _GATE not in settings.gates:
        raise wrong(HOOK, "vm export feature gate not enabled")
    spec = held(review.new or {}, "spec")
    try:
        duration(spec.get("ttlDuration", "0"))
    except ValueError as error:
        raise wrong(HOOK, str(error)) from None
    refuse(HOOK, _source(held(spec, "source")) if review.old is None else _fixed(spec, held(review.old, "spec")))
    if held(spec, "source").get("kind") == "VirtualMachineBackup":
        raise Refusal(501, "NotImplemented", "exports of backups are not part of the sandbox")


def _fixed(new: object, old: object) -> Iterator[Cause]:
    if old != new:
        yield invalid("spec", "spec in immutable after creation")


def _source(source: Mapping[str, object]) -> Iterator[Cause]:
    known = _SOURCES.get(str(source.get("kind")))
    if known is None:
        yield invalid("spec.source.kind", "invalid kind")
        return
    named, grouped, group = known
    if not source.get("name"):
        yield invalid("spec.source.name", f"{named} name must not be empty")
    if (source.get("apiGroup") or "") != group:
        what = f"be {group}" if group else "be missing or blank"
        yield invalid("spec.source.APIGroup", f"{grouped} API group must {what}")
