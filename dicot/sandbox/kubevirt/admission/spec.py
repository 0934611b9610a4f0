"""Whether a guest's spec is right: all that is asked of it, in KubeVirt's order."""

from collections.abc import Callable, Iterator
from functools import partial

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Cause
from ..settings import Settings
from . import devices, disks, networks, placement, pod, sizes, volumes

Check = Callable[[str, Manifest, Settings], Iterator[Cause]]
_CHECKS: tuple[Check, ...] = (
    pod.hostname,
    pod.subdomain,
    sizes.memory_bounds,
    sizes.hugepages,
    sizes.guest_limit,
    devices.machine_type,
    devices.acpi,
    sizes.cpu_bounds,
    sizes.pinning,
    sizes.numa,
    sizes.emulator,
    sizes.features,
    sizes.sockets,
    pod.start,
    sizes.realtime,
    placement.check,
    placement.spread,
    networks.check,
    disks.pairs,
    devices.inputs,
    devices.io_threads,
    pod.probes,
    devices.domain,
    volumes.check,
    volumes.images,
    volumes.utilities,
    volumes.credentials,
    pod.dns,
    pod.eviction,
    devices.displays,
    partial(devices.gated, "hostDevices"),
    devices.sound,
    devices.secured,
    devices.vsock,
    disks.reserved,
    partial(devices.gated, "downwardMetrics"),
    volumes.filesystems,
    partial(devices.gated, "video"),
    partial(devices.gated, "panicDevices"),
    devices.reboots,
    sizes.memlock,
)


def check(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Everything that is wrong with the spec of a guest, or of the guests of a machine."""
    for each in _CHECKS:
        yield from each(at, spec, settings)
