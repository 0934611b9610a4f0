"""What instancetypes make of a guest (pkg/instancetype/apply), and preferences in ``preferences``."""

import copy
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from dicot.kube.kind import Manifest
from dicot.kube.quantity import amount

from . import preferences

INSTANCETYPE_NOTES: Mapping[str, str] = {
    "virtualmachineinstancetype": "kubevirt.io/instancetype-name",
    "virtualmachineclusterinstancetype": "kubevirt.io/cluster-instancetype-name",
    "virtualmachinepreference": "kubevirt.io/preference-name",
    "virtualmachineclusterpreference": "kubevirt.io/cluster-preference-name",
}
"""Annotations of a guest that name where it has its size from, by what the matcher's kind means."""
_CPU_FIELDS = ("model", "dedicatedCPUPlacement", "isolateEmulatorThread", "numa", "realtime", "maxSockets")
_ONLY_ONE = ("model", "dedicatedCPUPlacement", "isolateEmulatorThread", "numa", "realtime")
_SIZES = ("guest", "maxGuest")
_WHOLE = ("nodeSelector", "schedulerName")
_DOMAIN = ("ioThreads", "ioThreadsPolicy", "launchSecurity")
_DEVICES = ("gpus", "hostDevices")


def canonical(text: str) -> str:
    """A size as Go writes it, in the largest unit that leaves it whole; as it is, where it is in no binary unit."""
    if not str(text).endswith("i"):
        return text
    number, units = int(amount(text)), ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
    unit = ""
    while number and number % 1024 == 0 and units:
        number, unit = number // 1024, units.pop(0)
    return f"{number}{unit}"


def rewritten(spec: Manifest) -> Manifest:
    """An instancetype's spec once KubeVirt has read and written it."""
    memory = spec.get("memory")
    if not memory:
        return spec
    return {**spec, "memory": {**memory, **{name: canonical(memory[name]) for name in _SIZES if memory.get(name)}}}


def kind_of(matcher: Manifest, what: str) -> str:
    """The kind that a matcher means, in singular: of the cluster where it says none."""
    given = matcher.get("kind", "").lower().removesuffix("s")
    return given or f"virtualmachinecluster{what}"


def apply(
    spec: Manifest, metadata: Manifest, instancetype: Manifest | None, preference: Manifest | None
) -> list[str]:
    """Give a guest's spec, and its metadata, what they name; the fields on which it disagrees with its instancetype,
    in which case it is of no use."""
    if instancetype is not None:
        conflicts = list(_conflicts(spec, metadata, instancetype))
        if conflicts:
            return conflicts
        _apply(spec, metadata, copy.deepcopy(instancetype), preference)
    if preference is not None:
        preferences.apply(spec, metadata, copy.deepcopy(preference))
    return []


def note(annotations: dict[str, str], machine: Manifest) -> None:
    """Say in a guest's annotations where it has its size from."""
    for what in ("instancetype", "preference"):
        matcher = machine["spec"].get(what)
        if matcher:
            annotations[INSTANCETYPE_NOTES[kind_of(matcher, what)]] = matcher["name"]


def _conflicts(spec: Manifest, metadata: Manifest, instancetype: Manifest) -> Iterator[str]:
    domain = spec["domain"]
    for name in _WHOLE:
        if instancetype.get(name) and spec.get(name):
            yield f"spec.{name}"
    yield from _cpu_conflicts(domain, instancetype.get("cpu", {}))
    yield from _memory_conflicts(domain, instancetype.get("memory", {}))
    for name in _DOMAIN:
        if instancetype.get(name) and domain.get(name):
            yield f"spec.domain.{name}"
    for name in _DEVICES:
        if instancetype.get(name) and domain.get("devices", {}).get(name):
            yield f"spec.domain.devices.{name}"
    notes = metadata.get("annotations") or {}
    for key, value in (instancetype.get("annotations") or {}).items():
        if notes.get(key, value) != value:
            yield f"annotations.{key}"


def _cpu_conflicts(domain: Manifest, wanted: Manifest) -> Iterator[str]:
    yield from (f"spec.domain.resources.{each}" for each in _asked(domain, "cpu"))
    cpu = domain.get("cpu") or {}
    yield from (f"spec.domain.cpu.{name}" for name in ("sockets", "cores", "threads") if cpu.get(name))
    yield from (f"spec.domain.cpu.{name}" for name in _ONLY_ONE if cpu.get(name) and wanted.get(name) is not None)


def _memory_conflicts(domain: Manifest, wanted: Manifest) -> Iterator[str]:
    """The first one alone."""
    memory = domain.get("memory") or {}
    if memory.get("guest"):
        yield "spec.domain.memory.guest"
        return
    for name in ("hugepages", "maxGuest"):
        if memory.get(name) and wanted.get(name):
            yield f"spec.domain.memory.{name}"
            return
    yield from [f"spec.domain.resources.{each}" for each in _asked(domain, "memory")][:1]


def _asked(domain: Manifest, what: str) -> Iterator[str]:
    resources = domain.get("resources") or {}
    yield from (f"{kind}.{what}" for kind in ("requests", "limits") if what in (resources.get(kind) or {}))


def _apply(spec: Manifest, metadata: Manifest, instancetype: Manifest, preference: Manifest | None) -> None:
    domain = spec["domain"]
    for name in _WHOLE:
        if instancetype.get(name):
            spec[name] = instancetype[name]
    _apply_cpu(domain, instancetype.get("cpu", {}), preference)
    _apply_memory(domain, instancetype.get("memory", {}))
    for name in _DOMAIN:
        if instancetype.get(name):
            domain[name] = instancetype[name]
    for name in _DEVICES:
        if instancetype.get(name):
            domain.setdefault("devices", {})[name] = instancetype[name]
    if instancetype.get("annotations"):
        metadata["annotations"] = {**instancetype["annotations"], **(metadata.get("annotations") or {})}


def _apply_cpu(domain: Manifest, wanted: Manifest, preference: Manifest | None) -> None:
    cpu = domain.setdefault("cpu", {})
    cpu.update({name: wanted[name] for name in _CPU_FIELDS if wanted.get(name) is not None})
    cpu.update({"cores": 1, "sockets": 1, "threads": 1})
    if wanted.get("guest", 1) != 1:
        cpu.update(preferences.topology(wanted["guest"], preference or {}))


def _apply_memory(domain: Manifest, wanted: Manifest) -> None:
    memory: dict[str, Any] = domain.setdefault("memory", {})
    memory.update({"hugepages": wanted["hugepages"]} if wanted.get("hugepages") else {})
    memory.update({name: canonical(wanted[name]) for name in _SIZES if wanted.get(name)})
    overcommitted = wanted.get("overcommitPercent", 0)
    if overcommitted:
        asked = int(amount(wanted["guest"]) * (100 - Decimal(overcommitted)) / 100)
        domain.setdefault("resources", {}).setdefault("requests", {})["memory"] = str(asked)
