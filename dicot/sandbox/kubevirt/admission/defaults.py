"""What KubeVirt adds to the spec of a guest that leaves it open (pkg/defaults, api core/v1 defaults.go).

The functions change what they are given; callers hand them a copy.
"""

from collections.abc import Callable

from dicot.kube.kind import Manifest
from dicot.kube.quantity import amount

from ..settings import Settings
from .causes import held, listed
from .disks import TARGETS
from .pod import PROBES
from .sizes import memory_trouble, quantity

TOPOLOGY = "kubevirt.io/pci-topology-version"
_MOST_PROCESSORS = 512
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_TIMERS = ("hpet", "kvm", "pit", "rtc", "hyperv")
_FEATURES = ("acpi", "apic", "smm", "hypervPassthrough", "kvm", "pvspinlock")
_RETRIES = 4096


def whole(spec: Manifest, settings: Settings) -> None:
    """The defaults that a machine's guests are judged with, and that instances get."""
    spec.setdefault("architecture", settings.architecture)
    domain = spec["domain"]
    machine = domain.setdefault("machine", {})
    machine["type"] = machine.get("type") or settings.machine(spec["architecture"])
    _requests(domain)
    _memory(domain)
    _topology(domain)
    _pull(spec)
    spec.setdefault("evictionStrategy", settings.eviction)
    attach(spec, settings)


def attach(spec: Manifest, settings: Settings) -> None:
    """The network of the Pod, where none is named, and a disk for each volume."""
    _interface(spec, settings)
    _disks(spec)


def instance(vmi: Manifest, settings: Settings, new_id: Callable[[], str]) -> None:
    """All defaults of an instance, with what its status starts with."""
    spec = vmi["spec"]
    whole(spec, settings)
    domain, status = spec["domain"], vmi.setdefault("status", {})
    firmware = domain.setdefault("firmware", {})
    firmware["uuid"] = firmware.get("uuid") or new_id()
    _features(domain)
    _devices(domain)
    for probe in PROBES:
        for key, value in _PROBE.items() if spec.get(probe) is not None else ():
            spec[probe][key] = spec[probe].get(key) or value
    domain["cpu"].setdefault("model", settings.cpu_model)
    memory, cpu = domain["memory"], domain["cpu"]
    if "guest" in memory:
        status["memory"] = dict.fromkeys(("guestAtBoot", "guestCurrent", "guestRequested"), memory["guest"])
    status.setdefault(
        "currentCPUTopology", {each: cpu[each] for each in ("sockets", "cores", "threads") if cpu.get(each)}
    )
    if settings.live_update:
        _grow(spec, settings)


def has_express(spec: Manifest) -> bool:
    """Whether a guest's devices sit on PCI Express, so that more can be plugged in."""
    if spec.get("architecture", "") not in ("amd64", "arm64", ""):
        return False
    kind = held(spec, "domain", "machine").get("type")
    return kind is None or "q35" in kind or kind.startswith("virt")


def mark_topology(metadata: Manifest) -> None:
    """The third way of laying out PCI devices, unless another is asked for."""
    metadata.setdefault("annotations", {}).setdefault(TOPOLOGY, "v3")


def _requests(domain: Manifest) -> None:
    resources = domain.setdefault("resources", {})
    limit = held(resources, "limits").get("cpu")
    if limit is not None and amount(limit) and not amount(held(resources, "requests").get("cpu", 0)):
        resources.setdefault("requests", {})["cpu"] = limit


def _memory(domain: Manifest) -> None:
    memory = domain.setdefault("memory", {})
    if "guest" in memory:
        return
    bounds = (held(domain, "resources", each).get("memory", 0) for each in ("requests", "limits"))
    given = next((each for each in bounds if amount(each)), held(memory, "hugepages").get("pageSize"))
    if given is not None:
        memory["guest"] = given


def _topology(domain: Manifest) -> None:
    cpu = domain.setdefault("cpu", {})
    if any(cpu.get(each) for each in ("cores", "sockets", "threads")):
        return
    bounds = (held(domain, "resources", each).get("cpu") for each in ("limits", "requests"))
    given = next((each for each in bounds if each is not None), "1")
    cpu |= {"sockets": int(-(-amount(given) // 1)), "cores": 1, "threads": 1}


def _pull(spec: Manifest) -> None:
    for disk in (held(each, "containerDisk") for each in listed(spec, "volumes")):
        image = disk.get("image", "")
        if disk and not disk.get("imagePullPolicy"):
            latest = image.endswith(":latest") or not set(":@") & set(image)
            disk["imagePullPolicy"] = "Always" if latest else "IfNotPresent"


def _interface(spec: Manifest, settings: Settings) -> None:
    devices = spec["domain"]["devices"]
    if devices.get("autoattachPodInterface") is False or spec.get("networks") or devices.get("interfaces"):
        return
    devices["interfaces"] = [{"name": "default", settings.interface: {}}]
    spec["networks"] = [{"name": "default", "pod": {}}]


def _disks(spec: Manifest) -> None:
    devices = spec["domain"]["devices"]
    shown = {each.get("name", "") for each in (*listed(devices, "disks"), *listed(devices, "filesystems"))}
    for name in (each.get("name", "") for each in listed(spec, "volumes")):
        if name not in shown:
            devices.setdefault("disks", []).append({"name": name})


def _features(domain: Manifest) -> None:
    features = domain.setdefault("features", {})
    features.setdefault("acpi", {})
    states = [features[each] for each in _FEATURES if each in features]
    hyperv = held(features, "hyperv")
    states += [each for each in hyperv.values() if isinstance(each, dict)]
    states += [held(domain, "clock", "timer")[each] for each in _TIMERS if each in held(domain, "clock", "timer")]
    timers = [each for each in _TIMERS if each in held(domain, "clock", "timer")]
    for state in states:
        state.setdefault("enabled", True)
    for timer in timers:
        given = held(domain, "clock", "timer", timer)
        given.setdefault("present", given.pop("enabled"))
    if held(hyperv, "spinlocks").get("enabled"):
        hyperv["spinlocks"].setdefault("spinlocks", _RETRIES)


def _devices(domain: Manifest) -> None:
    for disk in listed(domain, "devices", "disks"):
        kind = next((each for each in TARGETS if each in disk), "disk")
        disk.setdefault(kind, {}).setdefault("bus", "sata")
        if kind == "cdrom":
            disk[kind] = {"readonly": True, "tray": "closed", **disk[kind]}
    for given in listed(domain, "devices", "inputs"):
        given["bus"], given["type"] = given.get("bus") or "usb", given.get("type") or "tablet"
    watchdog = held(domain, "devices", "watchdog")
    if watchdog:
        watchdog.setdefault("i6300esb", {}).setdefault("action", "reset")


def _grow(spec: Manifest, settings: Settings) -> None:
    """Room for more processors and memory while it runs."""
    cpu, memory = spec["domain"]["cpu"], spec["domain"]["memory"]
    if not cpu.get("maxSockets"):
        sockets, rest = cpu.get("sockets", 0), cpu.get("cores", 0) * cpu.get("threads", 0)
        most = sockets * settings.ratio
        if most * rest > _MOST_PROCESSORS:
            most = max(_MOST_PROCESSORS // rest, sockets)
        if most:
            cpu["maxSockets"] = most
    if "maxGuest" in memory or "guest" not in memory:
        return
    maximum = quantity(spec, "memory", "guest") * settings.ratio
    if not memory_trouble(spec, maximum):
        memory["maxGuest"] = binary(int(maximum))


def binary(number: int) -> str:
    """A number of bytes as Kubernetes writes it (resource.BinarySI)."""
    suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
    power = 0
    while number and number % 1024 == 0 and power < len(suffixes) - 1:
        number //= 1024
        power += 1
    return f"{number}{suffixes[power]}"
