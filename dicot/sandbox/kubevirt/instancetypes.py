"""What an instancetype makes of the spec of a guest (pkg/instancetype). The objects are Dicot's flavors."""

import copy
from collections.abc import Iterator, Mapping

from dicot.kube.kind import Manifest

from ..apiserver.refusal import Cause, Refusal
from ..apiserver.seams import Reader

GROUP = "instancetype.kubevirt.io"
NAMESPACED = ("virtualmachineinstancetype", "virtualmachineinstancetypes")
CLUSTER = ("virtualmachineclusterinstancetype", "virtualmachineclusterinstancetypes", "")
_BUT_NOT = ("ioThreads", "ioThreadsPolicy", "launchSecurity", "gpus", "hostDevices", "annotations")
"""Parts of an instancetype that no flavor has."""
_OF = f"{GROUP}/object-name"
"""Label of a copy: the name of what was copied."""
_CPU: Mapping[str, str] = {
    "model": "model",
    "dedicatedCpuPlacement": "dedicatedCPUPlacement",
    "isolateEmulatorThread": "isolateEmulatorThread",
    "numa": "numa",
    "realtime": "realtime",
}
"""What a guest calls it, and what an instancetype does."""
_TOPOLOGIES = ("sockets", "cores", "threads")


def find(reader: Reader, vm: Manifest) -> Manifest | None:
    """The spec of the instancetype that a machine names, None where there is none."""
    named = vm["spec"].get("instancetype")
    if not named or not named.get("name"):
        return None
    namespace = vm["metadata"].get("namespace", "")
    copied = _revision(reader, vm, namespace)
    if copied is not None:
        spec: Manifest = copied["data"]["spec"]
        return spec
    if named.get("revisionName"):
        # A copy that is named and lost is not made good by what it was a copy of.
        return None
    kind = named.get("kind", "").lower()
    if kind in NAMESPACED:
        found = reader.get(GROUP, NAMESPACED[1], namespace, named["name"])
    else:
        found = reader.get(GROUP, CLUSTER[1], "", named["name"]) if kind in CLUSTER else None
    return found["spec"] if found else None


def _revision(reader: Reader, vm: Manifest, namespace: str) -> Manifest | None:
    """The copy that a machine was given: what its spec names, or what its status names if it is of the same name."""
    named, kept = vm["spec"]["instancetype"], vm.get("status", {}).get("instancetypeRef") or {}
    if named.get("revisionName"):
        return reader.get("apps", "controllerrevisions", namespace, named["revisionName"])
    name = (kept.get("controllerRevisionRef") or {}).get("name")
    found = reader.get("apps", "controllerrevisions", namespace, name) if name else None
    same = found is not None and found["metadata"].get("labels", {}).get(_OF) == named["name"]
    return found if same else None


def apply(at: str, flavor: Manifest, spec: Manifest) -> tuple[Manifest, tuple[Cause, ...]]:
    """A guest's spec with what an instancetype says, or the fields of the spec that say it already.

    Raises Refusal for instancetypes of which nobody knows here what they do.
    """
    unknown = [each for each in _BUT_NOT if flavor.get(each)]
    if flavor["memory"].get("overcommitPercent"):
        unknown.append("memory.overcommitPercent")
    if unknown:
        raise Refusal(501, "NotImplemented", f"instancetypes with {', '.join(unknown)} are not part of the sandbox")
    conflicts = tuple(
        Cause("FieldValueInvalid", f"VM field(s) {at}.{path} conflicts with selected instance type", f"{at}.{path}")
        for path in (*_placed(flavor, spec), *_sized(flavor, spec))
    )
    return (spec, conflicts) if conflicts else (_applied(flavor, spec), ())


def _placed(flavor: Manifest, spec: Manifest) -> Iterator[str]:
    for key in ("nodeSelector", "schedulerName"):
        if flavor.get(key) and spec.get(key):
            yield key


def _sized(flavor: Manifest, spec: Manifest) -> Iterator[str]:
    domain = spec.get("domain", {})
    resources, cpu, memory = (domain.get(each) or {} for each in ("resources", "cpu", "memory"))
    for bound in ("requests", "limits"):
        if "cpu" in resources.get(bound, {}):
            yield f"domain.resources.{bound}.cpu"
    yield from (f"domain.cpu.{each}" for each in _TOPOLOGIES if cpu.get(each))
    for key, theirs in _CPU.items():
        if cpu.get(key) and flavor["cpu"].get(theirs) is not None:
            yield f"domain.cpu.{theirs}"
    if "guest" in memory:
        yield "domain.memory.guest"
        return
    for key in ("hugepages", "maxGuest"):
        if key in memory and key in flavor["memory"]:
            yield f"domain.memory.{key}"
            return
    for bound in ("requests", "limits"):
        if "memory" in resources.get(bound, {}):
            yield f"domain.resources.{bound}.memory"
            return


def _applied(flavor: Manifest, spec: Manifest) -> Manifest:
    spec = copy.deepcopy(spec)
    domain = spec.setdefault("domain", {})
    cpu, memory = domain.setdefault("cpu", {}), domain.setdefault("memory", {})
    given, sizes = flavor["cpu"], flavor["memory"]
    for key, theirs in {**_CPU, "maxSockets": "maxSockets"}.items():
        if given.get(theirs) is not None:
            cpu[key] = copy.deepcopy(given[theirs])
    cpu |= {"cores": 1, "sockets": given["guest"], "threads": 1}
    memory["guest"] = sizes["guest"]
    for key in ("hugepages", "maxGuest"):
        if key in sizes:
            memory[key] = copy.deepcopy(sizes[key])
    for key in ("nodeSelector", "schedulerName"):
        if flavor.get(key):
            spec[key] = copy.deepcopy(flavor[key])
    return spec
