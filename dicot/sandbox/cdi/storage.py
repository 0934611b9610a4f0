"""What claims of a storage class look like (CDI 1.65.0, pkg/controller/datavolume/util.go)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dicot.kube.kind import Manifest

from ...kube.quantity import whole
from . import sizes
from .kinds.classes import ClaimProperties, Config, Profile, StorageClass
from .kinds.volumes import Storage as Asked
from .names import DEFAULT_CLASS, DEFAULT_VIRT_CLASS, MINIMUM_SIZE

FILESYSTEM, BLOCK = "Filesystem", "Block"
KUBEVIRT, ARCHIVE = "kubevirt", "archive"
NOT_FOUND = "PVC spec is missing accessMode and no storageClass to choose profile"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a volume gets no claim; ``told`` is what an Event says of it, where that is more."""

    text: str
    told: str = ""


@dataclass(frozen=True)
class Storage:
    """The classes of a cluster, by name, and what is set about them."""

    classes: Mapping[str, StorageClass] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    config: Config | None = None

    def named(self, name: str | None, content: str = KUBEVIRT) -> StorageClass | None:
        """The class of that name; without one the default, for machines' disks before that for anything."""
        if name is not None:
            return self.classes.get(name)
        return (self._default(DEFAULT_VIRT_CLASS) if content == KUBEVIRT else None) or self._default(DEFAULT_CLASS)

    def overhead(self, name: str | None, mode: str | None) -> str:
        """Which part of a claim's file system its own records take, as CDIConfig's status says it."""
        known = self.config.status.filesystemOverhead if self.config is not None else None
        if mode == BLOCK or name == "" or known is None:
            return "0"
        found = self.named(name, ARCHIVE) or self.named(None, ARCHIVE)
        return known.storageClass.get(found.metadata.name, known.globally) if found else known.globally

    def minimum(self, name: str | None) -> int:
        """Bytes of the smallest claim that a class has."""
        profile = self.profiles.get(name or "")
        return whole(profile.metadata.annotations.get(MINIMUM_SIZE, "0")) if profile is not None else 0

    def properties(self, name: str) -> tuple[ClaimProperties, ...]:
        """How claims of a class may be."""
        profile = self.profiles.get(name)
        return profile.status.claimPropertySets if profile is not None else ()

    def _default(self, annotation: str) -> StorageClass | None:
        marked = [each for each in self.classes.values() if each.metadata.annotations.get(annotation) == "true"]
        by_name = sorted(marked, key=lambda each: each.metadata.name)
        return max(by_name, key=lambda each: each.metadata.creationTimestamp, default=None)


def rendered(asked: Asked, content: str, storage: Storage, known: str | None = None) -> Manifest | Problem:
    """The spec of the claim that ``spec.storage`` stands for. ``known``: the size where none is asked for."""
    form = _form(asked, content, storage)
    if isinstance(form, Problem):
        return form
    size = asked.resources.requests.get("storage")
    if size is None and known is not None:
        return {
            **plain(asked),
            **form,
            "resources": _resources(asked, {**asked.resources.requests, "storage": known}),
        }
    if size is None:
        return Problem("PVC Spec is not valid - missing storage size")
    if whole(size) < sizes.SMALLEST:
        return Problem("PVC Spec is not valid - storage size should be at least 1MiB")
    name, mode = form.get("storageClassName"), form.get("volumeMode")
    wanted = whole(size) if mode == BLOCK else sizes.required(storage.overhead(name, mode), whole(size))
    requests = {**asked.resources.requests, "storage": sizes.quantity(max(wanted, storage.minimum(name)))}
    return {**plain(asked), **form, "resources": _resources(asked, requests)}


def plain(asked: Asked) -> Manifest:
    """The spec of a claim that is as it is asked for."""
    spec: Manifest = {
        "accessModes": list(asked.accessModes),
        "resources": _resources(asked, asked.resources.requests),
    }
    for key in ("storageClassName", "volumeMode", "selector"):
        if getattr(asked, key) is not None:
            spec[key] = getattr(asked, key)
    return {**spec, "volumeName": asked.volumeName} if asked.volumeName else spec


def _resources(asked: Asked, requests: Mapping[str, str | int]) -> Manifest:
    said: Manifest = {"requests": {key: str(value) for key, value in requests.items()}}
    return {**said, "limits": dict(asked.resources.limits)} if asked.resources.limits else said


def _form(asked: Asked, content: str, storage: Storage) -> Manifest | Problem:
    """Class, access modes and volume mode."""
    mode, access = asked.volumeMode, list(asked.accessModes)
    if content == ARCHIVE:
        if mode == BLOCK:
            return Problem("ContentType Archive cannot have block volumeMode")
        mode = FILESYSTEM
    found = storage.named(asked.storageClassName, content)
    if found is None:
        return _said(asked.storageClassName, access, mode) if access else Problem(NOT_FOUND)
    name = found.metadata.name
    sets = storage.properties(name)
    if not mode and not access:
        if not sets or not sets[0].accessModes:
            return Problem(
                f"no accessMode specified in StorageProfile {name}",
                f"Spec is missing accessMode and volumeMode, cannot get access mode from StorageProfile {name}",
            )
        return _said(name, list(sets[0].accessModes), sets[0].volumeMode)
    if not access:
        fitting = next((each for each in sets if each.volumeMode == mode and each.accessModes), None)
        if fitting is None:
            return Problem(
                f"no matching accessMode specified in StorageProfile {name}",
                f"Spec is missing accessMode and cannot get access mode from StorageProfile {name}",
            )
        return _said(name, list(fitting.accessModes), mode)
    if not mode:
        mode = next((each.volumeMode for each in sets if set(each.accessModes) & set(access)), None)
    return _said(name, access, mode)


def _said(name: str | None, access: list[str], mode: str | None) -> Manifest:
    form: Manifest = {"accessModes": access}
    if name is not None:
        form["storageClassName"] = name
    return {**form, "volumeMode": mode} if mode else form
