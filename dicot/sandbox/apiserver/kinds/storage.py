"""What claims, volumes and classes may not be (kubernetes, pkg/apis/core and pkg/apis/storage)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dicot.kube.kind import Manifest
from dicot.kube.quantity import amount

from ..refusal import Cause
from ..structural import causes
from .core import IMMUTABLE

MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
_FIXED = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
_LESS = "field can not be less than status.capacity"
_NO_SOURCE = frozenset(
    (
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    )
)


def _access(modes: Iterable[str], why: str = "") -> Iterator[Cause]:
    found = list(modes)
    if not found:
        yield causes.required("spec.accessModes", why)
    for each in found:
        if each not in MODES:
            yield causes.unsupported("spec.accessModes", each, MODES)


def _mode(spec: Mapping[str, Any]) -> Iterator[Cause]:
    mode = spec.get("volumeMode", "Filesystem")
    if mode not in VOLUME_MODES:
        yield causes.unsupported("spec.volumeMode", mode, VOLUME_MODES)


def claim(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A PersistentVolumeClaim."""
    spec = new.get("spec") or {}
    yield from _access(spec.get("accessModes") or (), "at least 1 access mode is required")
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if size is None:
        yield causes.required("spec.resources[storage]")
    elif amount(size) <= 0:
        yield causes.invalid("spec.resources[storage]", size, "must be greater than zero")
    yield from _mode(spec)
    if old is not None:
        yield from _changed_claim(new, old)


def _changed_claim(new: Manifest, old: Manifest) -> Iterator[Cause]:
    spec, was = dict(new["spec"]), dict(old["spec"])
    if not was.get("volumeName"):
        # The binder says once which volume it is.
        for each in (spec, was):
            each.pop("volumeName", None)
    if old["spec"].get("volumeName") and old.get("status", {}).get("phase") == "Bound":
        if amount(_size(spec)) < min(amount(_size(was)), amount(_capacity(old))):
            yield causes.forbidden("spec.resources.requests.storage", _LESS)
        for each in (spec, was):
            each.pop("resources", None)
            each.pop("volumeAttributesClassName", None)
    if spec != was:
        yield causes.forbidden("spec", _FIXED)


def _size(spec: Mapping[str, Any]) -> str:
    return str(((spec.get("resources") or {}).get("requests") or {}).get("storage", "0"))


def _capacity(found: Manifest) -> str:
    return str((found.get("status", {}).get("capacity") or {}).get("storage", "0"))


def volume(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A PersistentVolume."""
    spec = new.get("spec") or {}
    yield from _access(spec.get("accessModes") or ())
    capacity = spec.get("capacity") or {}
    if not capacity:
        yield causes.required("spec.capacity")
    if "storage" not in capacity or len(capacity) > 1:
        yield causes.unsupported("spec.capacity", capacity or None, ("storage",))
    if not set(spec) - _NO_SOURCE:
        yield causes.required("spec", "must specify a volume type")
    yield from _mode(spec)


def storage_class(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A StorageClass."""
    if not new.get("provisioner"):
        yield causes.required("provisioner")
    kinds: Mapping[str, tuple[str, ...]] = {
        "reclaimPolicy": ("Delete", "Retain"),
        "volumeBindingMode": ("Immediate", "WaitForFirstConsumer"),
    }
    for field, known in kinds.items():
        if field in new and new[field] not in known:
            yield causes.unsupported(field, new[field], known)
    for field in ("parameters", "provisioner", *kinds) if old is not None else ():
        if old is not None and new.get(field) != old.get(field):
            yield causes.invalid(field, new.get(field), IMMUTABLE)
