"""Block device mappings of a create: only the disk that the image boots from, until volumes are served."""

from typing import Any

from ...faults import BadRequest

INVALID = "Block Device Mapping is Invalid: "
BOOT_ORDER = f"{INVALID}Boot sequence for the instance and image/block device mapping combination is not valid."
LOCALS = f"{INVALID}You specified more local devices than the limit allows"


def check_devices(server: dict[str, Any]) -> None:
    """Raises BadRequest, in Nova's words, for any mapping but that of the image to the root disk."""
    legacy, mappings = server.get("block_device_mapping", []), server.get("block_device_mapping_v2", [])
    if legacy and mappings:
        raise BadRequest("Using different block_device_mapping syntaxes is not allowed in the same request.")
    for device in legacy:
        if device.get("no_device") is None:
            _check_source(device)
    for device in mappings:
        if not device.get("no_device"):
            _check(device, server.get("imageRef") or "")


def _check(device: dict[str, Any], image: str) -> None:
    source, target = device.get("source_type"), device.get("destination_type")
    id = device.get("uuid")
    if source == "blank" and id:
        raise BadRequest(f"{INVALID}Invalid device UUID.")
    if source != "blank" and not id:
        raise BadRequest(f"{INVALID}Missing device UUID.")
    if source == "image" and target == "local":
        if not image or int(device.get("boot_index") or 0) != 0 or device.get("boot_index") is None:
            raise BadRequest(f"{INVALID}Mapping image to local is not supported.")
        if id != image:
            raise BadRequest(BOOT_ORDER)
        return
    _check_source({**device, f"{source}_id": id})
    raise BadRequest(LOCALS if target == "local" else BOOT_ORDER)


def _check_source(device: dict[str, Any]) -> None:
    """No volume and no snapshot can be found yet."""
    for kind in ("volume", "snapshot"):
        if device.get(f"{kind}_id"):
            raise BadRequest(f"{INVALID}failed to get {kind} {device[f'{kind}_id']}.")
