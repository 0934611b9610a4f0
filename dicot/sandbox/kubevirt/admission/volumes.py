"""Volumes of a guest, and what it is given at boot (validateVolumes, validateAccessCredentials)."""

import base64
import binascii
from collections.abc import Iterator

from dicot.kube.kind import Manifest

from ...apiserver.refusal import Cause
from ..settings import Settings
from . import disks
from .causes import absent, held, invalid, listed, required

SOURCES = (
    "persistentVolumeClaim",
    "sysprep",
    "cloudInitNoCloud",
    "cloudInitConfigDrive",
    "containerDisk",
    "ephemeral",
    "emptyDisk",
    "hostDisk",
    "dataVolume",
    "configMap",
    "secret",
    "downwardAPI",
    "serviceAccount",
    "downwardMetrics",
    "memoryDump",
    "containerPath",
)
_NAMED = (("configMap", "name"), ("secret", "secretName"), ("serviceAccount", "serviceAccountName"))
_ONE_ONLY = (
    ("serviceAccount", "serviceAccount"),
    ("downwardMetrics", "downwardMetric"),
    ("memoryDump", "memory dump"),
)
_CLOUDS = ("cloudInitNoCloud", "cloudInitConfigDrive")
_LONGEST = 2048
_DATA = (
    # what messages call it, its three sources, and how a second one and too much of it are told
    ("userData", "secretRef", "must have only one userdatasource set.", "userdata", "UserDataSecretRef"),
    (
        "networkData",
        "networkDataSecretRef",
        "must have only one networkdata source set.",
        "networkdata",
        "NetworkDataSecretRef",
    ),
)


def check(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Every volume."""
    field, volumes = f"{at}.volumes", listed(spec, "volumes")
    names = [each.get("name", "") for each in volumes]
    for index, volume in enumerate(volumes):
        here = f"{field}[{index}]"
        if names.index(names[index]) != index:
            other = f"{field}[{names.index(names[index])}]"
            yield invalid(f"{here}.name", f"{here} and {other} must not have the same Name.")
        if "dataVolume" in volume and not volume["dataVolume"].get("name"):
            yield required(f"{here}.name", "DataVolume 'name' must be set")
        if sum(each in volume for each in SOURCES) != 1:
            yield invalid(here, f"{here} must have exactly one source type set")
        yield from _cloud(here, volume)
        if "downwardMetrics" in volume and "DownwardMetrics" not in settings.gates:
            message = "downwardMetrics disks are not allowed: DownwardMetrics feature gate is not enabled."
            yield invalid(here, message)
        yield from _host(here, volume, settings)
        for source, key in _NAMED:
            if source in volume and not volume[source].get(key):
                name = f"{here}.{source}.{key}"
                yield invalid(name, f"{name} is a required field")
    for source, what in _ONE_ONLY:
        if sum(source in each for each in volumes) > 1:
            yield invalid(field, f"{field} must have max one {what} volume set")


def images(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Disks within container images."""
    for index, volume in enumerate(listed(spec, "volumes")):
        given = held(volume, "containerDisk").get("path", "")
        if given:
            yield from disks.path(f"{at}.volumes[{index}].containerDisk", given)


def utilities(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Volumes that are only ever plugged in."""
    if spec.get("utilityVolumes") is not None:
        message = "cannot create VMI with utility volumes in spec, utility volumes can only be added via hotplug"
        yield invalid(f"{at}.utilityVolumes", message)


def filesystems(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Claims that are shared as file systems."""
    volumes = {each.get("name"): each for each in listed(spec, "volumes")}
    for each in listed(spec, "domain", "devices", "filesystems"):
        volume = volumes.get(each.get("name"), {})
        stored = "persistentVolumeClaim" in volume or "dataVolume" in volume
        if stored and "EnableVirtioFsStorageVolumes" not in settings.gates:
            message = "virtiofs is not allowed: virtiofs feature gate is not enabled for PVC"
            yield invalid(f"{at}.domain.devices.filesystems", message)


def mapped(at: str, spec: Manifest) -> Iterator[Cause]:
    """Volumes beside disks and file systems, which only instances are asked for."""
    devices = held(spec, "domain", "devices")
    shown = {each.get("name", "") for each in (*listed(devices, "disks"), *listed(devices, "filesystems"))}
    for index, volume in enumerate(listed(spec, "volumes")):
        field, name = f"{at}.domain.volumes[{index}].name", volume.get("name", "")
        if "memoryDump" not in volume and name not in shown:
            yield invalid(field, f"{field} '{name}' not found.")


def _cloud(here: str, volume: Manifest) -> Iterator[Cause]:
    source = next((each for each in _CLOUDS if each in volume), "")
    if not source:
        return
    field, given = f"{here}.{source}", volume[source]
    counted = 0
    for key, secret, twice, what, instead in _DATA:
        encoded = given.get(f"{key}Base64", "")
        plain = given.get(key, "")
        count = sum(map(bool, (held(given, secret).get("name"), encoded, plain)))
        size, readable = _decoded(encoded)
        if not readable:
            name = f"{field}.{key}Base64"
            yield invalid(name, f"{name}.{source}.{key}Base64 is not a valid base64 value.")
        if count > 1:
            yield invalid(field, f"{field} {twice}")
        if (len(plain.encode()) or size) > _LONGEST:
            message = f"{field} {what} exceeds {_LONGEST} byte limit. Should use {instead} for larger data."
            yield invalid(field, message)
        counted += count
    if not counted:
        yield invalid(field, f"{field} must have at least one userdatasource or one networkdatasource set.")


def _decoded(encoded: str) -> tuple[int, bool]:
    """How long it is, and whether it could be read."""
    try:
        return len(base64.b64decode(encoded, validate=True)), True
    except (binascii.Error, ValueError):
        return 0, False


def _host(here: str, volume: Manifest, settings: Settings) -> Iterator[Cause]:
    if "hostDisk" not in volume:
        return
    disk, field = volume["hostDisk"], f"{here}.hostDisk"
    kind = disk.get("type", "")
    if "HostDisk" not in settings.gates:
        yield invalid(here, "HostDisk feature gate is not enabled")
    if not disk.get("path"):
        yield absent(f"{field}.path", f"{field}.path is required for hostDisk volume")
    if kind not in ("Disk", "DiskOrCreate"):
        message = f"{field}.type has invalid value '{kind}', allowed are 'Disk' or 'DiskOrCreate'"
        yield invalid(f"{field}.type", message)
    if kind == "Disk" and disk.get("capacity"):
        message = f"{field}.capacity is allowed to pass only with {field}.type equal to 'DiskOrCreate'"
        yield invalid(f"{field}.capacity", message)


def credentials(at: str, spec: Manifest, settings: Settings) -> Iterator[Cause]:
    """Keys and passwords, and the ways that they take."""
    volumes = listed(spec, "volumes")
    has = {"noCloud": any(_CLOUDS[0] in each for each in volumes)}
    has["configDrive"] = any(_CLOUDS[1] in each for each in volumes)
    for index, given in enumerate(listed(spec, "accessCredentials")):
        here = f"{at}.accessCredentials[{index}]"
        if "sshPublicKey" in given:
            yield from _key(here, given["sshPublicKey"], has)
        if "userPassword" in given:
            ways = held(given["userPassword"], "propagationMethod")
            yield from _one(here, f"{here}.userPassword", given["userPassword"], "qemuGuestAgent" in ways)
        if ("sshPublicKey" in given) == ("userPassword" in given):
            yield invalid(here, f"{here} must have exactly one access credential type set")


def _key(here: str, key: Manifest, has: dict[str, bool]) -> Iterator[Cause]:
    field, ways = f"{here}.sshPublicKey", held(key, "propagationMethod")
    for way, found in has.items():
        if way in ways and not found:
            message = f"{here} requires a {way} volume to exist when the {way} propagationMethod is in use."
            yield invalid(f"{field}.propagationMethod", message)
    if "qemuGuestAgent" in ways and not held(ways, "qemuGuestAgent").get("users"):
        message = f"{here} requires at least one user to be present in the users list"
        yield invalid(f"{field}.propagationMethod.qemuGuestAgent.users", message)
    yield from _one(here, field, key, sum(way in ways for way in (*has, "qemuGuestAgent")) == 1)


def _one(here: str, field: str, given: Manifest, one_way: bool) -> Iterator[Cause]:
    if "secret" not in held(given, "source"):
        yield invalid(f"{field}.source", f"{here} must have exactly one source set")
    if not one_way:
        yield invalid(f"{field}.propagationMethod", f"{here} must have exactly one propagationMethod set")
