"""Volumes of a machine that its instance takes while it runs (pkg/storage/hotplug, DeclarativeHotplugVolumes)."""

from collections.abc import Container, Iterable, Mapping
from typing import Any

from dicot.kube.kind import Manifest

from .objects import is_same, phase, status

GATE = "DeclarativeHotplugVolumes"
OLD_GATE = "HotplugVolumes"
"""It wins where both are open."""


def is_open(gates: Container[str]) -> bool:
    """Whether machines say what is plugged in; by the older gate they are asked to."""
    return GATE in gates and OLD_GATE not in gates


def is_pluggable(volume: Manifest | None) -> bool:
    """Whether a volume may come and go while the guest runs."""
    sources = ("dataVolume", "persistentVolumeClaim")
    return volume is not None and any((volume.get(each) or {}).get("hotpluggable") for each in sources)


def changes(template: Manifest, guest: Manifest) -> Mapping[str, Any]:
    """What a running instance is to have otherwise, by path, so that it has what its machine's template has."""
    if phase(guest) != "Running":
        return {}
    spec, devices = guest["spec"], guest["spec"]["domain"]["devices"]
    wanted, had = _named(template.get("volumes")), _named(spec.get("volumes"))
    shown = _named(status(guest).get("volumeStatus"))
    volumes = [each for each in spec.get("volumes") or () if _stays(each, wanted.get(each["name"]))]
    volumes += [each for name, each in wanted.items() if is_pluggable(each) and name not in had and name not in shown]
    disks = _disks(template, devices.get("disks") or (), wanted, _named(volumes))
    if is_same(volumes, list(spec.get("volumes") or ())) and is_same(disks, list(devices.get("disks") or ())):
        return {}
    return {"/spec/volumes": volumes, "/spec/domain/devices/disks": disks}


def ephemeral(guest: Manifest, template: Manifest) -> list[str]:
    """Volumes of an instance that its machine has not, and that go with it (checkEphemeralHotplugVolumes)."""
    kept = _named(template.get("volumes"))
    return [
        each["name"] for each in guest["spec"].get("volumes") or () if is_pluggable(each) and each["name"] not in kept
    ]


def _named(found: Iterable[Manifest] | None) -> Mapping[str, Manifest]:
    return {each["name"]: each for each in found or ()}


def _stays(had: Manifest, wanted: Manifest | None) -> bool:
    """Whether a volume is still the same: one that has changed goes, and then comes back."""
    if not is_pluggable(had):
        return True
    return wanted is not None and (not is_pluggable(wanted) or is_same(wanted, had))


def _disks(
    template: Manifest, had: Iterable[Manifest], wanted: Mapping[str, Manifest], volumes: Mapping[str, Manifest]
) -> list[Manifest]:
    """The disks of those volumes; a CD-ROM stays without one."""
    theirs = _named(template["domain"]["devices"].get("disks"))
    kept = [
        each
        for each in had
        if each["name"] in volumes or _is_empty_drive(each, theirs.get(each["name"]), each["name"] in wanted)
    ]
    known = _named(had)
    new = (each for name, each in theirs.items() if is_pluggable(volumes.get(name)) and name not in known)
    return [*kept, *new]


def _is_empty_drive(had: Manifest, wanted: Manifest | None, has_volume: bool) -> bool:
    """Whether a disk whose volume is gone stays."""
    return wanted is not None and (not has_volume or ("cdrom" in had and "cdrom" in wanted))


def may_differ(old: Manifest, new: Manifest) -> tuple[bool, bool]:
    """Whether volumes, and whether disks, differ only in what may come and go (validLiveUpdateVolumes...Disks)."""
    before, after = _named(old.get("volumes")), _named(new.get("volumes"))
    fixed = {name for name, each in {**before, **after}.items() if not is_pluggable(each)}
    volumes = all(is_same(before.get(each), after.get(each)) for each in fixed if not is_pluggable(after.get(each)))
    had, has = (_named(each["domain"]["devices"].get("disks")) for each in (old, new))
    return volumes, _disks_may_differ(had, has, before, after)


def _disks_may_differ(
    had: Mapping[str, Manifest],
    has: Mapping[str, Manifest],
    before: Mapping[str, Manifest],
    after: Mapping[str, Manifest],
) -> bool:
    fixed = {name: each for name, each in has.items() if not is_pluggable(after.get(name))}
    if not all(name in had and is_same(had[name], each) for name, each in fixed.items()):
        return False
    gone = [name for name in had if name not in has]
    return all("cdrom" not in had[name] and (name not in before or is_pluggable(before[name])) for name in gone)
