"""Bodies made by chance from a seed: fitting ones, and those with one or two mistakes."""

import copy
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .shapes import SERVER, SHAPES, Field
from .values import (
    GOOD,
    NEAR,
    ODD,
    SNAPSHOT,
    SNAPSHOT_EMPTY,
    VOLUME,
    VOLUME_EMPTY,
    VOLUME_SHARED,
    VOLUME_USED,
    A,
    B,
    C,
)

PLAIN: Mapping[str, Any] = {"name": "web1", "flavorRef": "1", "imageRef": A}
ROOT: Mapping[str, Any] = {"source_type": "image", "destination_type": "local", "uuid": A, "boot_index": 0}
BUSES, TYPES = ("virtio", "scsi", "sata", "usb", "ide", "fdc", "nvme", ""), ("disk", "cdrom", "lun", "floppy", "")
DEVICES: tuple[Mapping[str, Any], ...] = (
    {"source_type": "blank", "destination_type": "local"},
    {"source_type": "blank", "destination_type": "local", "guest_format": "swap"},
    {"source_type": "blank", "destination_type": "local", "volume_size": 3},
    {"source_type": "blank", "destination_type": "volume", "volume_size": 3},
    {"source_type": "image", "destination_type": "volume", "uuid": A, "volume_size": 3},
    {"source_type": "image", "destination_type": "volume", "uuid": A},
    *(
        {"source_type": "volume", "destination_type": "volume", "uuid": id}
        for id in (VOLUME, VOLUME, VOLUME_EMPTY, VOLUME_USED, VOLUME_SHARED, C)
    ),
    *(
        {"source_type": "snapshot", "destination_type": "volume", "uuid": id}
        for id in (SNAPSHOT, SNAPSHOT.upper(), SNAPSHOT_EMPTY, C)
    ),
    {"no_device": True},
    {"source_type": "blank"},
    {"source_type": "image", "uuid": A},
)
DEVICE_MORE: Mapping[str, Sequence[Any]] = {
    "boot_index": (0, 1, "1", -1, None, 2),
    "volume_size": (1, "4", 10, 11, 512, 513),
    "guest_format": ("swap", "ext4", ""),
    "disk_bus": BUSES,
    "device_type": TYPES,
    "device_name": ("vda", "/dev/vda", "/dev/vdb", "vdc"),
    "no_device": (True, False, "x", ""),
    "delete_on_termination": (True, "no"),
    "image_id": (A, C),
    "virtual_name": ("swap",),
}
VOLUME_MORE: Mapping[str, Sequence[Any]] = {
    "volume_size": (1, 4, 10),
    "disk_bus": BUSES,
    "device_type": TYPES,
    "delete_on_termination": (True, False),
}
LEGACY_DEVICE: Mapping[str, Sequence[Any]] = {
    "virtual_name": ("swap", "ephemeral0", "ephemeral1", "ephemeral01", "root", ""),
    "volume_id": (VOLUME, VOLUME_EMPTY, VOLUME_USED, C),
    "snapshot_id": (SNAPSHOT, SNAPSHOT_EMPTY, C),
    "volume_size": (1, "4", 10, 11, 512, 513),
    "device_name": ("vda", "/dev/vda", "/dev/vdb", "sda1", "xvda2"),
    "no_device": (True, False, "x", ""),
    "delete_on_termination": (True, "no"),
}

Path = tuple[str | int, ...]
Place = tuple[Path, str]
"""Where a value is, and of what kind it is."""


class Maker:
    """Makes the bodies of an operation at 2.minor; the same for the same seed."""

    def __init__(self, operation: str, minor: int, seed: str) -> None:
        self._shape, self._minor = SHAPES[operation], minor
        self._chance = random.Random(f"{seed}/{operation}/{minor}")

    def fitting(self) -> Any:
        """A body of which each field by itself is right; any of those that need not be there may be missing."""
        often = self._chance.choice((0.1, 0.3, 0.6))
        return self._object(self._shape, often)

    def modest(self) -> Any:
        """A new server of what is there, with hardly anything beside: most of these are taken."""
        server = self._object({name: field for name, field in SERVER.items() if name not in PLAIN}, 0.0)
        for name in self._chance.sample(sorted(SERVER), self._chance.choice((1, 1, 2))):
            field = SERVER[name]
            if field.since <= self._minor <= field.until:
                server[name] = self._value(field, 0.3)
        return {"server": {**PLAIN, **({"networks": "auto"} if self._minor >= 37 else {}), **server}}

    def with_devices(self) -> Any:
        """A new server with block devices that might well be what somebody wants."""
        flavor, legacy = self._chance.choice(("1", "42")), self._chance.random() < 0.2
        devices = [self._device(legacy) for _ in range(self._chance.choice((0, 1, 1, 2, 3)))]
        boots_from_volume = not legacy and self._chance.random() < 0.3
        if boots_from_volume:
            devices.insert(0, self._bootable())
        elif not legacy and self._chance.random() < 0.9:
            devices.insert(0, {**ROOT, **self._some({"disk_bus": BUSES, "device_type": TYPES, "uuid": (B,)}, 0.15)})
        name = "block_device_mapping" if legacy else "block_device_mapping_v2"
        server = {**PLAIN, "flavorRef": flavor, name: devices, **({"networks": "none"} if self._minor >= 37 else {})}
        if boots_from_volume or self._chance.random() < 0.1:
            server |= {"imageRef": ""}
        return {
            "server": server
            | self._some({"max_count": (2,), "personality": ([{"path": "/a", "contents": ""}],)}, 0.05)
        }

    def _bootable(self) -> dict[str, Any]:
        """A volume to boot from."""
        kind = self._chance.choice([device for device in DEVICES if device.get("destination_type") == "volume"])
        return {**kind, "boot_index": 0, **self._some(VOLUME_MORE, 0.3)}

    def _device(self, legacy: bool) -> dict[str, Any]:
        if legacy:
            return self._some(LEGACY_DEVICE, 0.4)
        kind = self._chance.choice(DEVICES)
        more = self._some({"volume_type": ("slow", B, "", None, "none")}, 0.1) if self._minor >= 67 else {}
        return {**kind, **self._some(DEVICE_MORE, 0.2), **more}

    def _some(self, values: Mapping[str, Sequence[Any]], odds: float) -> dict[str, Any]:
        """Some of these fields, each with one of its values."""
        found = {name: self._chance.choice(those) for name, those in values.items()}
        return {name: value for name, value in found.items() if self._chance.random() < odds}

    def mistaken(self) -> Any:
        """A fitting body, changed in a place or two."""
        body = self.fitting()
        for _ in range(self._chance.choice((1, 1, 2))):
            places = list(places_of(body, self._shape))
            path, kind = self._chance.choice(places)
            body = self._changed(body, path, kind)
        return body

    def _object(self, shape: Mapping[str, Field], often: float) -> dict[str, Any]:
        found = {}
        for name, field in shape.items():
            there = field.since <= self._minor <= field.until
            if there and (field.needed <= self._minor or self._chance.random() < self._odds(field, often)):
                found[name] = self._value(field, often)
        return found

    def _odds(self, field: Field, often: float) -> float:
        return often / 10 if field.rare else max(often, field.often)

    def _value(self, field: Field, often: float) -> Any:
        if field.kind == "networks" and self._minor >= 37 and self._chance.random() < 0.4:
            return self._chance.choice(("auto", "none"))
        if field.inner is None:
            return copy.deepcopy(self._chance.choice(GOOD[field.kind]))
        if not field.many:
            return self._object(field.inner, often)
        return [self._object(field.inner, 0.5) for _ in range(self._chance.choice((0, 1, 1, 1, 2)))]

    def _changed(self, body: Any, path: Path, kind: str) -> Any:
        """With another value in a place, or none, or one that was not asked for beside it."""
        if not path:
            return copy.deepcopy(self._chance.choice(ODD))
        holder = body
        for step in path[:-1]:
            holder = holder[step]
        last, how = path[-1], self._chance.random()
        if how < 0.1:
            del holder[last]
        elif how < 0.15:
            holder[last] = [holder[last]]
        elif how < 0.2 and isinstance(holder, dict):
            extra = self._chance.choice(("extra", "Name", f"{last} ", "", "\u4e16", "tag", "id", "adminPass"))
            holder[extra] = self._chance.choice(ODD)
        elif how < 0.6 and kind in NEAR:
            holder[last] = copy.deepcopy(self._chance.choice(NEAR[kind]))
        else:
            holder[last] = copy.deepcopy(self._chance.choice(ODD))
        return body


def places_of(value: Any, shape: Mapping[str, Field], path: Path = ()) -> Iterator[Place]:
    """All places of a body."""
    yield path, ""
    for name, each in value.items() if isinstance(value, dict) else ():
        field = shape.get(name)
        if field is None or field.inner is None:
            yield (*path, name), field.kind if field else ""
        elif isinstance(each, list):
            yield (*path, name), field.kind
            for index, item in enumerate(each):
                yield from places_of(item, field.inner, (*path, name, index))
        else:
            yield from places_of(each, field.inner, (*path, name))


def one_by_one(operation: str, minor: int) -> Iterator[Any]:
    """Each field in turn with each value there is for it, in the least body that has it."""
    for body, path, field in _least(SHAPES[operation], minor):
        values = (*GOOD.get(field.kind, ()), *NEAR.get(field.kind, ()), *ODD)
        for value in values:
            made = copy.deepcopy(body)
            holder = made
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = copy.deepcopy(value)
            yield made


def _least(shape: Mapping[str, Field], minor: int, path: Path = ()) -> Iterator[tuple[Any, Path, Field]]:
    needed = {name: least_of(field, minor) for name, field in shape.items() if field.needed <= minor}
    for name, field in shape.items():
        yield {**needed, name: None}, (*path, name), field
        for inner, rest, leaf in _least(field.inner, minor) if field.inner else ():
            yield {**needed, name: [inner] if field.many else inner}, (*path, name, *((0,) * field.many), *rest), leaf


def least_of(field: Field, minor: int) -> Any:
    """The least that a field can be."""
    if field.kind == "networks":
        return "auto"
    if field.inner is None:
        return copy.deepcopy(GOOD[field.kind][0])
    return {name: least_of(each, minor) for name, each in field.inner.items() if each.needed <= minor}
