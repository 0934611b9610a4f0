"""What preferences make of a guest (pkg/instancetype/preference/apply): they fill in what nobody said."""

from collections.abc import Mapping
from typing import Any

from dicot.kube.kind import Manifest

_DEVICES: Mapping[str, str] = {
    "preferredUseVirtioTransitional": "useVirtioTransitional",
    "preferredBlockMultiQueue": "blockMultiQueue",
    "preferredNetworkInterfaceMultiQueue": "networkInterfaceMultiqueue",
    "preferredRng": "rng",
    "preferredTPM": "tpm",
}
_ATTACHED: Mapping[str, str] = {
    "preferredAutoattachGraphicsDevice": "autoattachGraphicsDevice",
    "preferredAutoattachMemBalloon": "autoattachMemBalloon",
    "preferredAutoattachPodInterface": "autoattachPodInterface",
    "preferredAutoattachSerialConsole": "autoattachSerialConsole",
    "preferredAutoattachInputDevice": "autoattachInputDevice",
}
_DISKS: Mapping[str, str] = {
    "preferredDiskBlockSize": "blockSize",
    "preferredDiskCache": "cache",
    "preferredDiskIO": "io",
}
_BUSES: Mapping[str, str] = {"disk": "preferredDiskBus", "cdrom": "preferredCdromBus", "lun": "preferredLunBus"}
_FEATURES: Mapping[str, str] = {
    "preferredApic": "apic",
    "preferredKvm": "kvm",
    "preferredPvspinlock": "pvspinlock",
    "preferredSmm": "smm",
}
_SPREAD_RATIO = 2
_THREADS_OF_A_CORE = 2
_BINDINGS = ("bridge", "slirp", "masquerade", "sriov", "macvtap", "passt", "binding", "passtBinding")


def apply(spec: Manifest, metadata: Manifest, preference: Manifest) -> None:
    """Fill in a guest's spec, and its annotations."""
    domain = spec["domain"]
    _features_of_cpu(domain, preference.get("cpu", {}))
    _devices(spec, preference.get("devices", {}))
    _features(domain, preference.get("features", {}))
    _firmware(domain, preference.get("firmware", {}))
    _clock(domain, preference.get("clock", {}))
    machine = preference.get("machine", {}).get("preferredMachineType")
    if machine and not (domain.get("machine") or {}).get("type"):
        domain["machine"] = {**(domain.get("machine") or {}), "type": machine}
    _fill(spec, "subdomain", preference.get("preferredSubdomain"))
    _fill(spec, "terminationGracePeriodSeconds", preference.get("preferredTerminationGracePeriodSeconds"))
    _fill(spec, "architecture", preference.get("preferredArchitecture"))
    if preference.get("annotations"):
        metadata["annotations"] = {**preference["annotations"], **(metadata.get("annotations") or {})}


def attach(spec: Manifest, preference: Manifest) -> None:
    """What is to be attached by itself, before anything is."""
    _fill_all(spec["domain"].setdefault("devices", {}), preference.get("devices", {}), _ATTACHED)


def topology(count: int, preference: Manifest) -> dict[str, int]:
    """How that many processors are laid out; one each of what is not said."""
    cpu = preference.get("cpu", {})
    match cpu.get("preferredCPUTopology", "sockets"):
        case "cores" | "preferCores":
            return {"cores": count}
        case "threads" | "preferThreads":
            return {"threads": count}
        case "spread" | "preferSpread":
            return _spread(count, preference, cpu.get("spreadOptions", {}))
    return {"sockets": count}


def _spread(count: int, preference: Manifest, options: Manifest) -> dict[str, int]:
    ratio = options.get("ratio") or preference.get("preferSpreadSocketToCoreRatio") or _SPREAD_RATIO
    match options.get("across", "SocketsCores"):
        case "CoresThreads":
            return {"threads": ratio, "cores": count // ratio}
        case "SocketsCoresThreads":
            return {"threads": _THREADS_OF_A_CORE, "cores": ratio, "sockets": count // _THREADS_OF_A_CORE // ratio}
    return {"cores": ratio, "sockets": count // ratio}


def _fill(into: Manifest, name: str, value: Any) -> None:
    if value not in (None, "") and into.get(name) in (None, ""):
        into[name] = value


def _fill_all(into: Manifest, preferred: Manifest, names: Mapping[str, str]) -> None:
    for theirs, ours in names.items():
        _fill(into, ours, preferred.get(theirs))


def _features_of_cpu(domain: Manifest, preferred: Manifest) -> None:
    more = preferred.get("preferredCPUFeatures") or []
    if more:
        cpu = domain.setdefault("cpu", {})
        known = {each["name"] for each in cpu.get("features") or ()}
        cpu["features"] = [*(cpu.get("features") or ()), *(each for each in more if each["name"] not in known)]


def _devices(spec: Manifest, preferred: Manifest) -> None:
    if not preferred:
        return
    devices = spec["domain"].setdefault("devices", {})
    _fill_all(devices, preferred, {**_DEVICES, **_ATTACHED})
    if preferred.get("preferredDisableHotplug") is not None:
        devices["disableHotplug"] = preferred["preferredDisableHotplug"]
    if devices.get("sound"):
        _fill(devices["sound"], "model", preferred.get("preferredSoundModel"))
    for disk in devices.get("disks") or ():
        _disk(disk, preferred)
    for interface in devices.get("interfaces") or ():
        _interface(interface, spec, preferred)
    for tablet in devices.get("inputs") or ():
        _fill(tablet, "bus", preferred.get("preferredInputBus"))
        _fill(tablet, "type", preferred.get("preferredInputType"))
    for panic in devices.get("panicDevices") or ():
        _fill(panic, "model", preferred.get("preferredPanicDeviceModel"))


def _disk(disk: Manifest, preferred: Manifest) -> None:
    target = next((each for each in _BUSES if each in disk), "disk")
    _fill(disk.setdefault(target, {}), "bus", preferred.get(_BUSES[target]))
    if target == "disk":
        _fill_all(disk, preferred, _DISKS)
        if disk["disk"].get("bus") == "virtio":
            _fill(disk, "dedicatedIOThread", preferred.get("preferredDiskDedicatedIoThread"))


def _interface(interface: Manifest, spec: Manifest, preferred: Manifest) -> None:
    _fill(interface, "model", preferred.get("preferredInterfaceModel"))
    masquerade = preferred.get("preferredInterfaceMasquerade")
    on_pod = any(each["name"] == interface["name"] and "pod" in each for each in spec.get("networks") or ())
    if masquerade is not None and on_pod and not any(each in interface for each in _BINDINGS):
        interface["masquerade"] = masquerade


def _features(domain: Manifest, preferred: Manifest) -> None:
    if not preferred:
        return
    features = domain.setdefault("features", {})
    if preferred.get("preferredAcpi") is not None:
        features["acpi"] = preferred["preferredAcpi"]
    _fill_all(features, preferred, _FEATURES)
    if preferred.get("preferredHyperv") is not None:
        features["hyperv"] = {**preferred["preferredHyperv"], **(features.get("hyperv") or {})}


def _firmware(domain: Manifest, preferred: Manifest) -> None:
    if not preferred:
        return
    loader = domain.setdefault("firmware", {}).setdefault("bootloader", {})
    if preferred.get("preferredUseBios") and not {"bios", "efi"} & loader.keys():
        loader["bios"] = {}
    if "bios" in loader:
        _fill(loader["bios"], "useSerial", preferred.get("preferredUseBiosSerial"))
    if preferred.get("preferredEfi") is not None and not {"bios", "efi"} & loader.keys():
        loader["efi"] = preferred["preferredEfi"]
        return
    if preferred.get("preferredUseEfi") and not {"bios", "efi"} & loader.keys():
        loader["efi"] = {}
    if "efi" in loader:
        _fill(loader["efi"], "secureBoot", preferred.get("preferredUseSecureBoot"))


def _clock(domain: Manifest, preferred: Manifest) -> None:
    if not preferred:
        return
    clock = domain.setdefault("clock", {})
    if preferred.get("preferredClockOffset") is not None and not {"utc", "timezone"} & clock.keys():
        clock.update(preferred["preferredClockOffset"])
    _fill(clock, "timer", preferred.get("preferredTimer"))
