"""Every subresource: its method, what it accepts, and who answers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from . import guests, power, volumes
from .asked import Asked
from .writes import Write

How = Literal["told", "info", "stream", "gated", "expand", "evacuate", "undump"]
"""told: virt-handler does it at once; info: virt-handler knows it, and refusals are plain text; stream: a WebSocket;
gated: served by nobody here, also where its feature gate is open."""
JSON = "application/json"
HOTPLUG = ("HotplugVolumes", "DeclarativeHotplugVolumes")
_HOTPLUG_OFF = "Enable DeclarativeHotplugVolumes or HotplugVolumes feature gate to use this API."
_GRAPH_OFF = "ObjectGraph feature gate not enabled: Unable to return object graph."
_SEV_OFF = "'WorkloadEncryptionSEV' feature gate is not enabled"


@dataclass(frozen=True, slots=True)
class Route:
    """A subresource. ``power`` and ``check`` are pure; ``gates`` any of which is needed, ``off`` the refusal without;
    ``media`` what its answers are, "" for nothing in particular."""

    method: str
    how: How | None = None
    power: Callable[[Asked], tuple[Write, ...]] | None = None
    check: guests.Check | None = None
    gates: tuple[str, ...] = ()
    off: str = ""
    media: str = ""


def _put(check: guests.Check) -> Route:
    return Route("PUT", "told", check=check)


def _info(check: guests.Check, media: str = JSON) -> Route:
    return Route("GET", "info", check=check, media=media)


def _plug(write: Callable[[Asked], tuple[Write, ...]]) -> Route:
    return Route("PUT", power=write, gates=HOTPLUG, off=_HOTPLUG_OFF)


def _stream(check: guests.Check) -> Route:
    return Route("GET", "stream", check=check)


_DUMP = Route("PUT", "gated", gates=HOTPLUG, off=_HOTPLUG_OFF)
_GRAPH = Route("GET", "gated", gates=("ObjectGraph",), off=_GRAPH_OFF, media=JSON)
_SEV = ("WorkloadEncryptionSEV",)
_SEV_GET = Route("GET", "gated", gates=_SEV, off=_SEV_OFF, media=JSON)
_SEV_PUT = Route("PUT", "gated", gates=_SEV, off=_SEV_OFF)
_EVACUATE = Route("PUT", "evacuate")

MACHINES: Mapping[str, Route] = {
    "start": Route("PUT", power=power.start),
    "stop": Route("PUT", power=power.stop),
    "restart": Route("PUT", power=power.restart),
    "migrate": Route("PUT", power=power.migrate),
    "expand-spec": Route("GET", "expand", media=JSON),
    "portforward": _stream(guests.machine_port),
    "objectgraph": _GRAPH,
    "addvolume": _plug(volumes.add_to_machine),
    "removevolume": _plug(volumes.remove_from_machine),
    "memorydump": _DUMP,
    "removememorydump": Route("PUT", "undump"),
    "evacuate/cancel": _EVACUATE,
}
INSTANCES: Mapping[str, Route] = {
    "pause": _put(guests.pause),
    "unpause": _put(guests.unpause),
    "freeze": _put(guests.freeze),
    "unfreeze": _put(guests.unfreeze),
    "reset": _put(guests.reset),
    "softreboot": _put(guests.softreboot),
    "backup": _put(guests.backup),
    "redefine-checkpoint": _put(guests.checkpoint),
    "guestosinfo": _info(guests.agent),
    "userlist": _info(guests.agent),
    "filesystemlist": _info(guests.agent),
    "vnc/screenshot": _info(guests.screen, ""),
    "vnc": _stream(guests.screen),
    "console": _stream(guests.console),
    "usbredir": _stream(guests.usb),
    "vsock": _stream(guests.vsock),
    "portforward": _stream(guests.port),
    "objectgraph": _GRAPH,
    "addvolume": _plug(volumes.add_to_instance),
    "removevolume": _plug(volumes.remove_from_instance),
    "evacuate/cancel": _EVACUATE,
    "sev/fetchcertchain": _SEV_GET,
    "sev/querylaunchmeasurement": _SEV_GET,
    "sev/setupsession": _SEV_PUT,
    "sev/injectlaunchsecret": _SEV_PUT,
}
RESOURCES: Mapping[str, Mapping[str, Route]] = {"virtualmachines": MACHINES, "virtualmachineinstances": INSTANCES}
EXPAND = Route("PUT", "expand", media=JSON)
"""Of a machine that nobody stores, ``expand-vm-spec``."""
LISTED = (
    "expand-vm-spec",
    *(
        f"virtualmachineinstances/{each}"
        for each in (
            "vnc",
            "vnc/screenshot",
            "console",
            "portforward",
            "backup",
            "redefine-checkpoint",
            "pause",
            "unpause",
            "freeze",
            "unfreeze",
            "reset",
            "softreboot",
        )
    ),
    *(f"virtualmachines/{each}" for each in ("start", "stop", "restart", "migrate", "expand-spec", "objectgraph")),
    "virtualmachines/evacuate/cancel",
    *(
        f"virtualmachineinstances/{each}"
        for each in (
            "guestosinfo",
            "userlist",
            "filesystemlist",
            "addvolume",
            "removevolume",
            "objectgraph",
            "sev/fetchcertchain",
            "sev/querylaunchmeasurement",
            "sev/setupsession",
            "sev/injectlaunchsecret",
            "evacuate/cancel",
        )
    ),
)
"""What the discovery document names, in virt-api's order; it leaves some out."""


def find(resource: str, rest: str) -> Route | None:
    """The route of what follows a name; a port and its protocol are parameters."""
    table = RESOURCES[resource]
    head, slash, tail = rest.partition("/")
    if head == "portforward":
        return table[head] if slash and tail and tail.count("/") <= 1 else None
    return table.get(rest)
