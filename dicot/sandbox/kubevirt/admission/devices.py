"""What else a guest is made of: firmware, devices, and what needs a feature gate (vmi-create-admitter.go)."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Cause
from ..settings import Settings
from . import disks
from .causes import forbidden, held, invalid, listed, required

_IO_POLICIES = ("shared", "auto", "supplementalPool")
_GATED: Mapping[str, tuple[str, str, str]] = {
    # the gate of a device, the field that a refusal names, and its message
    "downwardMetrics": (
        "DownwardMetrics",
        "domain.devices.downwardMetrics",
        "downwardMetrics virtio serial is not allowed: DownwardMetrics feature gate is not enabled",
    ),
    "hostDevices": ("HostDevices", "HostDevices", "Host Devices feature gate is not enabled in kubevirt-config"),
    "video": (
        "VideoConfig",
        "video",
        "Video configuration is specified but the VideoConfig feature gate is not enabled",
    ),
    "panicDevices": (
        "PanicDevices",
        "domain.devices.panicDevices",
        "Panic Devices feature gate is not enabled in kubevirt-config",
    ),
}
_SECURED: Mapping[str, str] = {
    "sev": "WorkloadEncryptionSEV",
    "snp": "WorkloadEncryptionSEV",
    "tdx": "WorkloadEncryptionTDX",
}


def machine_type(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """The machine that is emulated."""
    kind = held(spec, "domain", "machine").get("type", "")
    known = settings.machines(spec.get("architecture", ""))
    if kind and not any(fnmatchcase(kind, pattern) for pattern in known):
        field = f"{at}.domain.machine.type"
        yield invalid(field, f"{field} is not supported: {kind} (allowed values: [{' '.join(known)}])")


def acpi(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Tables that come from Secrets."""
    given = held(spec, "domain", "firmware").get("acpi")
    if given is None:
        return
    field = f"{at}.acpi"
    if not given.get("slicNameRef") and not given.get("msdmNameRef"):
        yield invalid(field, "ACPI was set but no SLIC nor MSDM volume reference was set")
        return
    volumes = {each.get("name"): each for each in reversed(listed(spec, "volumes"))}
    for key in ("slicNameRef", "msdmNameRef"):
        name = given.get(key)
        if name and name not in volumes:
            yield invalid(f"{field}.{key}", f"{field} does not have a matching Volume.")
        elif name and "secret" not in volumes[name]:
            yield invalid(f"{field}.{key}", f"{field} refers to Volume of unsupported type.")


def domain(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Disks and firmware."""
    field = f"{at}.domain"
    yield from disks.check(f"{field}.devices.disks", listed(spec, "domain", "devices", "disks"))
    loader = held(spec, "domain", "firmware", "bootloader")
    if "efi" in loader and "bios" in loader:
        here = f"{field}.firmware.bootloader"
        yield invalid(here, f"{here} has both EFI and BIOS configured, but they are mutually exclusive.")
    yield from _kernel(f"{field}.firmware.kernelBoot", held(spec, "domain", "firmware", "kernelBoot"))
    features = held(spec, "domain", "features")
    guarded = "smm" in features and held(features, "smm").get("enabled", True)
    if "efi" in loader and held(loader, "efi").get("secureBoot", True) and not guarded:
        message = "has EFI SecureBoot enabled. SecureBoot requires SMM, which is currently disabled."
        yield invalid(field, f"{field} {message}")


def _kernel(field: str, given: Manifest) -> Iterator[Cause]:
    if "container" not in given:
        if given.get("kernelArgs"):
            message = "kernel arguments cannot be provided without an external kernel"
            yield invalid(f"{field}.kernelArgs", message)
        return
    container, here = given["container"], f"{field}.container"
    if not container.get("image"):
        yield required(f"{here}.image", f"{here} must be defined with an image")
    if not container.get("initrdPath") and not container.get("kernelPath"):
        message = f"{here} must be defined with at least one of the following: kernelPath, initrdPath"
        yield required(here, message)
    for key in ("kernelPath", "initrdPath"):
        if container.get(key):
            yield from disks.path(f"{here}.{key}", container[key])


def inputs(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Tablets, and nothing else."""
    for index, given in enumerate(listed(spec, "domain", "devices", "inputs")):
        here = f"{at}.domain.devices.inputs[{index}]"
        if given.get("bus", "") not in ("", "virtio", "usb"):
            yield invalid(f"{here}.bus", "Input device can have only virtio or usb bus.")
        if given.get("type") != "tablet":
            yield invalid(f"{here}.type", "Input device can have only tablet type.")


def io_threads(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Threads for disks."""
    policy = held(spec, "domain").get("ioThreadsPolicy")
    if policy is None:
        return
    if policy not in _IO_POLICIES:
        yield invalid(f"{at}.domain.ioThreadsPolicy", f"Invalid IOThreadsPolicy ({policy})")
    if policy == _IO_POLICIES[-1] and not held(spec, "domain", "ioThreads").get("supplementalPoolThreadCount"):
        message = "the number of iothreads needs to be set and positive for the dedicated policy"
        yield invalid(f"{at}.domain.ioThreads.count", message)


def displays(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """One memory of a screen at most."""
    shown = 0
    for each in listed(spec, "domain", "devices", "gpus"):
        options = held(each, "virtualGPUOptions")
        display, ram = held(options, "display"), held(options, "display", "ramFB")
        on = "display" in options and display.get("enabled", True)
        shown += bool(on and ("ramFB" not in display or ram.get("enabled")))
    if shown > 1:
        yield invalid(f"{at}.GPUs", "configuring multiple displays with ramfb is not valid ")


def sound(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """A sound card."""
    card = held(spec, "domain", "devices").get("sound")
    if card is None:
        return
    if card.get("model", "") not in ("", "ich9", "ac97"):
        yield invalid(f"{at}.Sound", "Sound device type is not supported. Options: 'ich9' or 'ac97'")
    if not card.get("name"):
        yield invalid(f"{at}.Sound", "Sound device requires a name field.")


def secured(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Memory that the host cannot read; what it needs beside its gate nobody has tried."""
    given = held(spec, "domain").get("launchSecurity")
    if given is None:
        return
    kinds = [each for each in _SECURED if each in given]
    field = f"{at}.launchSecurity"
    if len(kinds) != 1:
        yield forbidden(field, "One and only one launchSecurity type can be set")
    elif _SECURED[kinds[0]] not in settings.gates:
        yield invalid(field, f"{_SECURED[kinds[0]]} feature gate is not enabled in kubevirt-config")


def gated(key: str, at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """A device that needs a feature gate."""
    gate, field, message = _GATED[key]
    if held(spec, "domain", "devices").get(key) is not None and gate not in settings.gates:
        yield invalid(f"{at}.{field}", message)


def vsock(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Sockets to the host."""
    if held(spec, "domain", "devices").get("autoattachVSOCK") and "VSOCK" not in settings.gates:
        message = "VSOCK feature gate is not enabled in kubevirt-config"
        yield invalid(f"{at}.domain.devices.autoattachVSOCK", message)


def reboots(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """What a reboot does."""
    if "rebootPolicy" in held(spec, "domain") and "RebootPolicy" not in settings.gates:
        message = "RebootPolicy is specified but the RebootPolicy feature gate is not enabled"
        yield invalid(f"{at}.domain.rebootPolicy", message)
