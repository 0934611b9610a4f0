"""What a Pod of CDI has to do, as its manifest says it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dicot.kube.kind import Manifest

from ....kube.quantity import whole
from ...cdi.sizes import usable
from ...marks import FULL

DATA = "cdi-data-vol"
"""The volume of a Pod that is filled or read."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a claim holds: the name of its volume, and the fault that it has, if any."""

    volume: str
    fault: str = ""


Find = Callable[[str, str], Held | None]
"""The volume of a claim, by namespace and name; None where it has none."""


@dataclass(frozen=True, slots=True)
class Job:
    """``held`` is the volume that is written, or that a clone source reads; ``is_full`` tells whether it has no space
    left. ``room`` are the bytes that it has got, ``size`` those of the disk that it shall hold."""

    namespace: str
    name: str
    held: Held
    is_full: Callable[[], bool]
    settings: Mapping[str, str]
    labels: Mapping[str, str]
    room: int
    size: int

    @classmethod
    def of(cls, pod: Manifest, find: Find) -> "Job":
        """Raises LookupError where the Pod has no volume yet."""
        meta, spec = pod["metadata"], pod["spec"]
        volumes = {each["name"]: each for each in spec.get("volumes") or ()}
        held = find(meta["namespace"], volumes[DATA]["persistentVolumeClaim"]["claimName"])
        if held is None:
            raise LookupError(f"{meta['namespace']}/{meta['name']} has no volume")
        container = spec["containers"][0]
        settings = {each["name"]: each.get("value", "") for each in container.get("env") or ()}
        room = whole(settings.get("IMPORTER_IMAGE_SIZE") or settings.get("UPLOAD_IMAGE_SIZE") or 0)
        overhead = settings.get("FILESYSTEM_OVERHEAD") or "0"
        size = room if container.get("volumeDevices") else usable(overhead, room)
        at = meta["namespace"], volumes[DATA]["persistentVolumeClaim"]["claimName"]

        def is_full() -> bool:
            now = find(*at)
            return now is not None and now.fault == FULL

        return cls(meta["namespace"], meta["name"], held, is_full, settings, meta.get("labels", {}), room, size)
