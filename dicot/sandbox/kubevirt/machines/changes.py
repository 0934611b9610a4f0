"""Changes of a machine that runs: what its instance takes at once, and what wants a restart.

KubeVirt rolls changes out live where nothing else is configured (vmRolloutStrategy LiveUpdate).
"""

import copy
from collections.abc import Iterable
from functools import partial
from typing import Any

from dicot.kube.errors import Refused
from dicot.kube.kind import Manifest
from dicot.kube.quantity import amount

from ...steps import Step
from . import flavors, hotplug, interfaces, revisions
from .objects import amend, is_going, is_same, meta, says, status
from .scene import Failure, Outcome, Scene
from .status import GENERATION, failed

_FIXED = "a non-live-updatable field was changed in the template spec"
_MEMORY = "memory updated in template spec"
_ALIGNED = 2 * 2**20
_LEAST = 2**30


class _Conflicting(Exception):
    """A template disagrees with its instancetype."""


def follow(scene: Scene) -> Outcome:
    """Give a running instance what it can take, or ask for a restart."""
    guest = scene.guest
    if guest is None or is_going(guest):
        return Outcome()
    try:
        wanted = _expanded(scene, scene.machine["spec"])
        started = revisions.starts(scene)
        differs = started and not is_same(_as_far_as_fixed(scene, started[-1]["data"]["spec"], wanted, guest), wanted)
    except (revisions.Unknown, _Conflicting):
        return Outcome()
    restart = _FIXED if differs else "" if started else None
    template = scene.machine["spec"]["template"]["spec"]
    wired = interfaces.to_instance(template, guest)
    if wired:
        return Outcome((amend(guest, wired, refused=partial(_unwirable, scene)),), restart=restart)
    plugged = hotplug.changes(template, guest) if scene.plugs else {}
    if plugged:
        return Outcome((amend(guest, plugged, refused=partial(_unpluggable, scene)),), restart=restart)
    return Outcome(restart=restart) if differs else _live(guest, wanted, restart)


def _unwirable(scene: Scene, reason: Refused) -> tuple[Step, ...]:
    why = f"error encountered when trying to patch vmi: {reason.message}"
    return failed(scene, Failure("HotPlugNetworkInterfaceError", why)).steps


def _unpluggable(scene: Scene, reason: Refused) -> tuple[Step, ...]:
    why = f"Error encountered while handling declarative hotplug volumes: {reason.message}"
    return failed(scene, Failure("HotPlugVolumeError", why)).steps


def _expanded(scene: Scene, spec: Manifest) -> Manifest:
    """The template's spec with what its flavor makes of it. Raises revisions.Unknown, _Conflicting."""
    template = copy.deepcopy(spec["template"])
    instancetype, preference = (revisions.flavor_spec(scene, what, spec) for what in ("instancetype", "preference"))
    if flavors.apply(template["spec"], template.setdefault("metadata", {}), instancetype, preference):
        raise _Conflicting
    expanded: Manifest = template["spec"]
    return expanded


def _as_far_as_fixed(scene: Scene, before: Manifest, wanted: Manifest, guest: Manifest) -> Manifest:
    """What the machine was at its start, but for what may change while it runs (syncRestartRequired)."""
    old = _expanded(scene, before)
    for name in ("nodeSelector", "affinity", "tolerations"):
        _take(old, wanted, name)
    domain, new = old["domain"], wanted["domain"]
    if domain.get("cpu") and new.get("cpu"):
        _take(domain["cpu"], new["cpu"], "sockets")
    if (new.get("memory") or {}).get("guest"):
        _take(domain.setdefault("memory", {}), new["memory"], "guest")
    if _networks_may_differ(wanted, guest):
        _take(old, wanted, "networks")
        _take(domain["devices"], new["devices"], "interfaces")
    volumes, disks = hotplug.may_differ(old, wanted)
    if volumes:
        _take(old, wanted, "volumes")
    if disks:
        _take(domain["devices"], new["devices"], "disks")
    firmware = (new.get("firmware") or {}).get("uuid")
    if firmware and firmware == (guest["spec"]["domain"].get("firmware") or {}).get("uuid"):
        domain.setdefault("firmware", {})["uuid"] = firmware
    return old


def _take(into: Manifest, source: Manifest, name: str) -> None:
    into.pop(name, None)
    if name in source:
        into[name] = source[name]


def _networks_may_differ(wanted: Manifest, guest: Manifest) -> bool:
    """Whether what an instance has is there unchanged, and no network of the Pod comes to it."""
    spec = guest["spec"]
    ports, networks = wanted["domain"]["devices"].get("interfaces"), wanted.get("networks")
    had = spec["domain"]["devices"].get("interfaces")
    pods = ("pod" in each for each in networks or ())
    had_pods = ("pod" in each for each in spec.get("networks") or ())
    if any(pods) and not any(had_pods):
        return False
    return _holds(ports, had) and _holds(networks, spec.get("networks"))


def _holds(new: Iterable[Manifest] | None, old: Iterable[Manifest] | None) -> bool:
    named = {each["name"]: _stateless(each) for each in new or ()}
    return all(is_same(named.get(each["name"]), _stateless(each)) for each in old or ())


def _stateless(each: Manifest) -> Manifest:
    return {key: value for key, value in each.items() if key != "state"}


def _live(guest: Manifest, wanted: Manifest, restart: str | None) -> Outcome:
    """Sockets, then where it may run, then memory; the first that fails is told (handleCPUChangeRequest...)."""
    changes: dict[str, Any] = {}
    why, failure = _sockets(guest, wanted, changes)
    if failure is None:
        _places(guest, wanted, changes)
        more, failure = _memory(guest, wanted, changes)
        why = why or more
    steps: tuple[Step, ...] = (amend(guest, changes),) if changes else ()
    return Outcome(steps, failure=failure, restart=why or restart)


def _sockets(guest: Manifest, wanted: Manifest, changes: dict[str, Any]) -> tuple[str, Failure | None]:
    old, new = guest["spec"]["domain"].get("cpu"), wanted["domain"].get("cpu")
    if not old or not new or new.get("sockets", 0) == old.get("sockets", 0):
        return "", None
    if says(guest, "HotVCPUChange", "True"):
        why = "Error encountered while handling CPU change request: another CPU hotplug is in progress"
        return "", Failure("HotPlugCPUError", why)
    if new.get("sockets", 0) > old.get("maxSockets", 0):
        return "CPU sockets updated in template spec to a value higher than what's available", None
    if new.get("sockets", 0) < old.get("sockets", 0):
        return "Reduction of CPU socket count requires a restart", None
    changes["/spec/domain/cpu/sockets"] = new["sockets"]
    return "", None


def _places(guest: Manifest, wanted: Manifest, changes: dict[str, Any]) -> None:
    for name in ("affinity", "nodeSelector", "tolerations"):
        if not is_same(guest["spec"].get(name), wanted.get(name)):
            changes[f"/spec/{name}"] = wanted.get(name)


def _memory(guest: Manifest, wanted: Manifest, changes: dict[str, Any]) -> tuple[str, Failure | None]:
    new = (wanted["domain"].get("memory") or {}).get("guest")
    old = guest["spec"]["domain"].get("memory") or {}
    shown = status(guest).get("memory") or {}
    if not new or not old.get("guest") or not shown.get("guestCurrent"):
        return "", None
    if says(guest, "HotMemoryChange", "False"):
        return f"{_MEMORY}. Memory-hotplug failed and is not available for this VM configuration", None
    if amount(new) == amount(old["guest"]):
        return "", None
    refused = _refused(guest, wanted, new, old)
    if refused:
        return refused, None
    if says(guest, "HotMemoryChange", "True"):
        why = "error encountered while handling memory hotplug requests: another memory hotplug is in progress"
        return "", Failure("HotPlugMemoryError", why)
    if amount(new) < amount(shown.get("guestAtBoot", "0")):
        return f"{_MEMORY} to a value lower than what the VM started with", None
    changes["/spec/domain/memory/guest"] = new
    return "", None


def _refused(guest: Manifest, wanted: Manifest, new: str, old: Manifest) -> str:
    """Why its memory cannot change while it runs."""
    if not says(guest, "LiveMigratable", "True"):
        return f"{_MEMORY}. Memory-hotplug is only available for migratable VMs"
    if not old.get("maxGuest"):
        return f"{_MEMORY}. Memory-hotplug is not available for this VM configuration"
    limits = (
        (amount(new) > amount(old["maxGuest"]), "Guest memory is greater than the configured maxGuest memory"),
        (amount(new) % _ALIGNED != 0, "Guest memory must be 2Mi aligned"),
        (amount(old["maxGuest"]) % _ALIGNED != 0, "MaxGuest must be 2Mi aligned"),
        (wanted.get("architecture") != "amd64", "Memory hotplug is only available for x86_64 VMs"),
        (amount(new) < _LEAST, "Memory hotplug is only available for VMs with at least 1Gi of guest memory"),
    )
    why = next((words for holds, words in limits if holds), "")
    return f"memory hotplug not supported, {why}" if why else ""


def noted(scene: Scene) -> tuple[tuple[Step, ...], Manifest | None]:
    """Note on an instance that nothing of its template has changed since (conditionallyBumpGenerationAnnotation):
    the patch, and the instance as it then is."""
    guest, generation = scene.guest, str(meta(scene.machine)["generation"])
    if guest is None or meta(guest).get("annotations", {}).get(GENERATION) == generation:
        return (), guest
    name = status(guest).get("virtualMachineRevisionName")
    started = next((each for each in scene.revisions if meta(each)["name"] == name), None)
    if started is None or not is_same(started["data"]["spec"]["template"], scene.machine["spec"]["template"]):
        return (), guest
    notes = {**meta(guest).get("annotations", {}), GENERATION: generation}
    known = {**guest, "metadata": {**meta(guest), "annotations": notes}}
    return (amend(guest, {"/metadata/annotations": notes}),), known
