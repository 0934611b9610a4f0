"""What two sides made of a body, in words that can be compared."""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from .theirs import Asked, Said
from .values import NETWORK

SAME = (
    *("names", "forced", "hints", "tags", "groups", "display_description", "key_name", "metadata"),
    *("access_ip_v4", "access_ip_v6", "availability_zone", "auto_disk_config", "memory_mb"),
)
"""What Nova keeps of a new server as Dicot does."""
MOST_TOLD = 500
SIZES: Mapping[bool, str] = {True: "Mi", False: "Gi"}
LOST = re.compile(r"^Network (.*) could not be found\.$")
NAMELESS = re.compile(r"^Server-[0-9a-f-]{36}$")


def theirs(asked: Asked, said: Said) -> Any:
    """Nova's side."""
    if "heard" not in said:
        return _refusal(said)
    heard = said["heard"]
    return [read(heard) for read in CREATED.values()] if asked[0] == "create" else heard


def ours(asked: Asked, said: Said) -> Any:
    """Dicot's side."""
    if "heard" not in said:
        return _refusal(said)
    heard = said["heard"]
    return [OURS.get(name, _as_is(name))(heard) for name in CREATED] if asked[0] == "create" else heard


def difference(asked: Asked, nova: Said, dicot: Said) -> str:
    """The first thing in which they differ, "" where in nothing."""
    here, there = theirs(asked, nova), ours(asked, dicot)
    if here == there:
        return ""
    if asked[0] == "create" and "heard" in nova and "heard" in dicot:
        found = [(name, *pair) for name, *pair in zip(CREATED, here, there, strict=True) if pair[0] != pair[1]]
        return "; ".join(f"{name}: {shorter(mine)} != {shorter(other)}" for name, mine, other in found)
    return f"{shorter(here)} != {shorter(there)}"


def shorter(value: Any) -> str:
    """What a person wants to read of it."""
    text = repr(value)
    return text if len(text) < 2 * MOST_TOLD else f"{text[:MOST_TOLD]} ... {text[-MOST_TOLD:]}"


def _refusal(said: Said) -> Any:
    """Code and words. Of several unknown networks Nova tells in no order, and OpenSSL's words are its own."""
    message = said["message"].partition(" Error message:")[0]
    lost = LOST.match(message)
    return [said["code"], sorted(lost.group(1).split(", ")) if lost else message]


def _as_is(name: str) -> Callable[[Said], Any]:
    return lambda heard: heard[name]


def _hostnames(heard: Said) -> Any:
    return [NAMELESS.sub("Server-", name) for name in heard["hostnames"]]


def _networks(heard: Said) -> Any:
    """A network that is not named is the one that there is."""
    asked = heard["networks"] or [["auto", None, None]]
    if asked == [["none", None, None]]:
        return None
    return [[NETWORK, port and port.lower(), tag] for _, port, tag in asked]


def _disks(heard: Said) -> Any:
    """The root disk, then volumes, and the local blank ones that have a size; a local root disk is the flavor's."""
    root, others = list[Any](), list[Any]()
    for device in heard["devices"]:
        is_root = device["boot_index"] == 0
        if device["no_device"] or not (is_root or _is_made(device)):
            continue
        (root if is_root else others).append(_disk(device, heard["root"]))
    return [*root, *sorted(others, key=str)]


def _is_made(device: Said) -> bool:
    is_blank = device["source_type"] == "blank" and device["destination_type"] == "local"
    return device["destination_type"] == "volume" or (is_blank and bool(device["volume_size"]))


def _disk(device: Said, flavor: str) -> list[Any]:
    """As ``ours.disks`` has it."""
    source, is_swap = device["source_type"], device["guest_format"] == "swap"
    type = device["device_type"] or "disk"
    plug = device["disk_bus"] or ("sata" if type == "cdrom" else "virtio")
    boot = device["boot_index"]
    seen = [type, plug, device["tag"], None if boot is None or boot < 0 else boot + 1]
    if device["destination_type"] == "volume":
        if source == "volume":
            return ["volume", device["volume_id"].lower(), device["delete_on_termination"], *seen]
        where = [f"{device['volume_size']}Gi", device["volume_type"], device["delete_on_termination"]]
        return [source, (device.get(f"{source}_id") or "").lower() if source != "blank" else "", *where, *seen]
    size = f"{device['volume_size']}{SIZES[is_swap]}" if source == "blank" else flavor
    return [source, "" if source == "blank" else device["image_id"].lower(), size, *seen]


def _user_data(heard: Said) -> Any:
    """What the text stands for."""
    return base64.b64decode((heard["user_data"] or "").encode()).decode("latin-1") or None


CREATED: Mapping[str, Callable[[Said], Any]] = {
    **{name: _as_is(name) for name in SAME},
    "image_ref": lambda heard: heard["image_ref"].lower(),
    "hostnames": _hostnames,
    "config_drive": lambda heard: bool(heard["config_drive"]),
    "networks": _networks,
    "disks": _disks,
    "user_data": _user_data,
    "password": _as_is("password"),
}
OURS: Mapping[str, Callable[[Said], Any]] = {"hostnames": _hostnames}
