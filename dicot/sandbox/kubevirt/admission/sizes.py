"""Processors and memory of a guest (vmi-create-admitter.go)."""

from collections.abc import Iterator
from decimal import Decimal

from dicot.kube.kind import Manifest
from dicot.kube.quantity import amount

from ...apiserver.refusal import Cause
from ..settings import Settings
from .causes import held, invalid, listed, required, unsupported

_POLICIES = frozenset({"", "force", "require", "optional", "disable", "forbid"})
NO_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_MEGABYTE = 1_000_000
_GIBIBYTE = 1024**3
_BLOCK = 2 * 1024**2
_TOO_MANY_SOCKETS = "Number of sockets in CPU topology is greater than the maximum sockets allowed"


def quantity(spec: Manifest, *path: str) -> Decimal:
    """A quantity of the domain, 0 where there is none."""
    found = held(spec, "domain", *path[:-1]).get(path[-1])
    return amount(found) if found is not None else Decimal(0)


def said(spec: Manifest, *path: str) -> str:
    """A quantity as messages have it."""
    return str(held(spec, "domain", *path[:-1]).get(path[-1], 0))


def processors(spec: Manifest) -> int:
    """The number of a guest's processors; what is not said counts as one where anything is."""
    cpu = held(spec, "domain", "cpu")
    sockets, cores, threads = (cpu.get(each, 0) for each in ("sockets", "cores", "threads"))
    return (sockets or 1) * (cores or 1) * (threads or 1) if sockets or cores or threads else 0


def memory_bounds(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """What is asked for and what is allowed."""
    requested, limit = (f"{at}.domain.resources.{each}.memory" for each in ("requests", "limits"))
    asked, allowed = (quantity(spec, "resources", each, "memory") for each in ("requests", "limits"))
    shown = said(spec, "resources", "requests", "memory")
    most = said(spec, "resources", "limits", "memory")
    if asked < 0:
        yield invalid(requested, f"{requested} '{shown}': must be greater than or equal to 0.")
    elif 0 < asked < _MEGABYTE:
        yield invalid(requested, f"{requested} '{shown}': must be greater than or equal to 1M.")
    if allowed < 0:
        yield invalid(limit, f"{limit} '{most}': must be greater than or equal to 0.")
    if 0 < allowed < asked:
        yield invalid(requested, f"{requested} '{shown}' is greater than {limit} '{most}'")


def hugepages(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Pages that the memory must be made of."""
    page = held(spec, "domain", "memory", "hugepages").get("pageSize", "")
    if "hugepages" not in held(spec, "domain", "memory"):
        return
    field, requested = f"{at}.domain.memory.hugepages.pageSize", f"{at}.domain.resources.requests.memory"
    try:
        size = amount(page)
    except ValueError:
        yield invalid(field, f"{field} '{page}': {NO_QUANTITY}")
        return
    memory = (
        quantity(spec, "resources", "requests", "memory")
        or quantity(spec, "memory", "guest")
        or quantity(spec, "resources", "limits", "memory")
    )
    shown = said(spec, "resources", "requests", "memory")
    if 0 < memory < size:
        message = f"{requested} '{shown}' must be equal to or larger than page size {field} '{page}'"
        yield invalid(requested, message)
    elif size and memory % size:
        yield invalid(requested, f"{requested} '{shown}' is not a multiple of the page size {field} '{page}'")


def guest_limit(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Without live updates the guest's memory must be within the limit."""
    if settings.live_update or "guest" not in held(spec, "domain", "memory"):
        return
    guest, limit = f"{at}.domain.memory.guest", f"{at}.domain.resources.limits.memory"
    allowed = quantity(spec, "resources", "limits", "memory")
    if 0 < allowed < quantity(spec, "memory", "guest"):
        shown, most = said(spec, "memory", "guest"), said(spec, "resources", "limits", "memory")
        yield invalid(guest, f"{guest} '{shown}' must be equal to or less than the memory limit {limit} '{most}'")


def cpu_bounds(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """What is asked for and what is allowed."""
    fields = {each: f"{at}.domain.resources.{each}.cpu" for each in ("requests", "limits")}
    amounts = {each: quantity(spec, "resources", each, "cpu") for each in fields}
    shown = {each: said(spec, "resources", each, "cpu") for each in fields}
    for each, field in fields.items():
        if amounts[each] < 0:
            yield invalid(field, f"{field} '{shown[each]}': must be greater than or equal to 0.")
    if 0 < amounts["limits"] < amounts["requests"]:
        over = f"'{shown['requests']}' is greater than {fields['limits']} '{shown['limits']}'"
        yield invalid(fields["requests"], f"{fields['requests']} {over}")


def pinning(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Processors of a guest's own."""
    cpu = held(spec, "domain", "cpu")
    if not cpu.get("dedicatedCpuPlacement"):
        return
    yield from _pinned_memory(at, spec)
    field, resources = f"{at}.domain.cpu.dedicatedCpuPlacement", f"{at}.domain.resources"
    asked, allowed = (quantity(spec, "resources", each, "cpu") for each in ("requests", "limits"))
    for each, value in (("requests", asked), ("limits", allowed)):
        if value > 0 and value % 1:
            yield invalid(f"{resources}.{each}.cpu", f"provided resources CPU {each} must be an interger")
    yield from _pinned_limits(at, spec)
    bounds = f"{resources}.requests.cpu or {resources}.limits.cpu"
    count = processors(spec)
    whole = tuple(-(-value // 1) for value in (asked, allowed))
    if not any(whole) and not count:
        message = f"either {bounds} or {at}.domain.cpu.cores must be provided when DedicatedCPUPlacement is true "
        yield invalid(field, message)
    if all(each > 0 for each in whole) and whole[0] != whole[1]:
        yield invalid(field, f"{bounds} must be equal when DedicatedCPUPlacement is true ")
    if any(each > 0 for each in whole) and count and count not in whole:
        message = f"{bounds} must not be provided at the same time with {at}.domain.cpu.cores when "
        yield invalid(field, message + "DedicatedCPUPlacement is true ")
    if cpu.get("threads", 0) > 2:
        message = (
            f"Not more than two threads must be provided at {at}.domain.cpu.threads (got {cpu['threads']}) when "
        )
        yield invalid(field, message + "DedicatedCPUPlacement is true")


def _pinned_memory(at: str, spec: Manifest) -> Iterator[Cause]:
    memory = held(spec, "domain", "memory")
    bounds = (quantity(spec, "resources", each, "memory") for each in ("limits", "requests"))
    if any(bounds) or "hugepages" in memory or quantity(spec, "memory", "guest"):
        return
    fields = ("resources.requests.memory", "resources.limits.memory", "memory.hugepages", "memory.guest")
    first, second, third, last = (f"{at}.domain.{each}" for each in fields)
    yield invalid(second, f"{first}, {second}, {third} or {last} should be provided")


def _pinned_limits(at: str, spec: Manifest) -> Iterator[Cause]:
    asked, allowed = (quantity(spec, "resources", each, "memory") for each in ("requests", "limits"))
    if asked > 0 and allowed > 0 and asked != allowed:
        requested, limit = (f"{at}.domain.resources.{each}.memory" for each in ("requests", "limits"))
        yield invalid(requested, f"{requested} must be equal to {limit}")


def numa(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """The nodes' memory topology, passed on."""
    cpu = held(spec, "domain", "cpu")
    if "guestMappingPassthrough" not in held(cpu, "numa"):
        return
    field = f"{at}.domain.cpu.numa.guestMappingPassthrough"
    strategy = f"when NUMA topology strategy is set in {field}"
    if not cpu.get("dedicatedCpuPlacement"):
        yield invalid(field, f"{at}.domain.cpu.dedicatedCpuPlacement must be set to true {strategy}")
    if "hugepages" not in held(spec, "domain", "memory"):
        yield invalid(field, f"{at}.domain.memory.hugepages must be requested {strategy}")


def emulator(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """The emulator's thread, set apart."""
    cpu = held(spec, "domain", "cpu")
    if cpu.get("isolateEmulatorThread") and not cpu.get("dedicatedCpuPlacement"):
        message = "IsolateEmulatorThread should be only set in combination with DedicatedCPUPlacement"
        yield invalid(f"{at}.domain.cpu.isolateEmulatorThread", message)


def features(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Features of processors."""
    for index, feature in enumerate(listed(spec, "domain", "cpu", "features")):
        policy = feature.get("policy", "")
        if policy not in _POLICIES:
            message = f"CPU feature {feature.get('name', '')} uses policy {policy} that is not supported."
            yield unsupported(f"{at}.domain.cpu.features[{index}].policy", message)


def sockets(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Room for more sockets."""
    cpu = held(spec, "domain", "cpu")
    if 0 < cpu.get("maxSockets", 0) < cpu.get("sockets", 0):
        yield invalid(f"{at}.domain.cpu.sockets", _TOO_MANY_SOCKETS)


def realtime(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Processors in real time."""
    cpu = held(spec, "domain", "cpu")
    if "realtime" not in cpu:
        return
    field = f"{at}.domain.cpu"
    if not cpu.get("dedicatedCpuPlacement"):
        message = f"{field}.dedicatedCpuPlacement must be set to true when {field}.realtime is used"
        yield required(f"{field}.dedicatedCpuPlacement", message)
    if "guestMappingPassthrough" not in held(cpu, "numa"):
        numa_field = f"{field}.numa.guestMappingPassthrough"
        yield required(numa_field, f"{numa_field} must be defined when {field}.realtime is used")


def memlock(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Memory that is locked beside the guest's."""
    if "reservedOverhead" in held(spec, "domain", "memory") and "ReservedOverheadMemlock" not in settings.gates:
        message = "Reserved overhead memlock feature gate is not enabled in kubevirt-config"
        yield invalid(f"{at}.domain.memory.reservedOverhead", message)


def live_update(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """What a machine promises that its guests can grow to (pkg/liveupdate)."""
    if not settings.live_update:
        return
    yield from sockets(at, spec, settings)
    maximum = held(spec, "domain", "memory").get("maxGuest")
    if maximum is not None:
        trouble = memory_trouble(spec, amount(maximum))
        if trouble:
            yield invalid(f"{at}.domain.memory.guest", trouble)


def memory_trouble(spec: Manifest, maximum: Decimal | None) -> str:
    """Why memory cannot grow to a maximum, "" where it can (pkg/liveupdate/memory)."""
    cpu, memory = held(spec, "domain", "cpu"), held(spec, "domain", "memory")
    guest = amount(memory["guest"]) if "guest" in memory else None
    block = _GIBIBYTE if held(memory, "hugepages").get("pageSize") == "1Gi" else _BLOCK
    aligned = "1Gi" if block == _GIBIBYTE else "2Mi"
    clashes = (
        ("realtime" in cpu, "Memory hotplug is not compatible with realtime VMs"),
        (
            "guestMappingPassthrough" in held(cpu, "numa"),
            "Memory hotplug is not compatible with guest mapping passthrough",
        ),
        ("launchSecurity" in held(spec, "domain"), "Memory hotplug is not compatible with encrypted VMs"),
    )
    for clash, message in clashes:
        if clash:
            return message
    if guest is None:
        return "Guest memory must be configured when memory hotplug is enabled"
    if maximum is None:
        return "Max guest memory must be configured when memory hotplug is enabled"
    limits = (
        (guest > maximum, "Guest memory is greater than the configured maxGuest memory"),
        (guest % block != 0, f"Guest memory must be {aligned} aligned"),
        (maximum % block != 0, f"MaxGuest must be {aligned} aligned"),
        (spec.get("architecture") != "amd64", "Memory hotplug is only available for x86_64 VMs"),
        (guest < _GIBIBYTE, "Memory hotplug is only available for VMs with at least 1Gi of guest memory"),
    )
    return next((message for holds, message in limits if holds), "")
