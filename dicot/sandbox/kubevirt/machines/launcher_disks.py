"""Volumes of a launcher, and the containers that serve containerDisks and the log of the serial console."""

from collections.abc import Collection, Iterator
from typing import Any

from dicot.kube.kind import Manifest

from .hotplug import is_pluggable
from .kinds import claim_of
from .objects import meta

IMAGE = "quay.io/kubevirt/virt-launcher:v1.8.4"
USER = 107
CONTAINER_DISKS = "/var/run/kubevirt/container-disks"
_PRIVATE = "/var/run/kubevirt-private"
_FROM_HOST = "HostToContainer"
ENVIRONMENT = [
    {"name": "XDG_CACHE_HOME", "value": _PRIVATE},
    {"name": "XDG_CONFIG_HOME", "value": _PRIVATE},
    {"name": "XDG_RUNTIME_DIR", "value": "/var/run"},
]
_SHARED = {
    "private": _PRIVATE,
    "public": "/var/run/kubevirt",
    "ephemeral-disks": "/var/run/kubevirt-ephemeral-disks",
    "libvirt-runtime": "/var/run/libvirt",
    "sockets": "/var/run/kubevirt/sockets",
}
FUNCTIONS = "kubevirt.io/network-info"
"""Annotation of a launcher: which virtual functions it has for its guest, who reads it in a volume."""
_FUNCTIONS = "network-info-annotation"
_TOLD = {"path": "network-info", "fieldRef": {"fieldPath": f"metadata.annotations['{FUNCTIONS}']"}}
_EMPTY = (
    "private",
    "public",
    "sockets",
    "virt-bin-share-dir",
    "libvirt-runtime",
    "ephemeral-disks",
    "container-disks",
)
_SECRETS = {
    "userdata": ("secretRef", "udata", "userData"),
    "networkdata": ("networkDataSecretRef", "ndata", "networkData"),
}
_MOUNTED = {"configMap": "config-map", "secret": "secret", "downwardAPI": "downwardapi"}


def security(*, group: bool, add: Collection[str] = ()) -> Manifest:
    """The rights of a container."""
    rights: dict[str, Any] = {"drop": ["ALL"]}
    user = {"runAsUser": USER, **({"runAsGroup": USER} if group else {}), "runAsNonRoot": True}
    capabilities = {"add": list(add), **rights} if add else rights
    return {"allowPrivilegeEscalation": False, "capabilities": capabilities, **user}


def mount(name: str, path: str, **more: Any) -> Manifest:
    """A volume in a container."""
    return {"name": name, "mountPath": path, **more}


def of(vmi: Manifest, blocks: Collection[str]) -> tuple[list[Manifest], list[Manifest], list[Manifest]]:
    """The Pod's volumes, where the guest's container has them, and those that are block devices there."""
    volumes: list[Manifest] = [{"name": each, "emptyDir": {}} for each in _EMPTY]
    mounts = [mount(name, path) for name, path in _SHARED.items()]
    mounts.append(mount("container-disks", CONTAINER_DISKS, mountPropagation=_FROM_HOST))
    devices: list[Manifest] = []
    for each in vmi["spec"].get("volumes") or ():
        claim = claim_of(each)
        if claim and not is_pluggable(each):
            volumes.append({"name": each["name"], "persistentVolumeClaim": {"claimName": claim}})
            if claim in blocks:
                devices.append({"name": each["name"], "devicePath": f"/dev/{each['name']}"})
            else:
                mounts.append(mount(each["name"], f"{_PRIVATE}/vmi-disks/{each['name']}"))
        for volume, places in _extras(each):
            volumes.append(volume)
            mounts += places
    volumes.append({"name": "hotplug-disks", "emptyDir": {}})
    mounts.append(mount("hotplug-disks", "/var/run/kubevirt/hotplug-disks", mountPropagation=_FROM_HOST))
    if has_functions(vmi["spec"]["domain"]["devices"]):
        volumes.append({"name": _FUNCTIONS, "downwardAPI": {"items": [_TOLD]}})
        mounts.append(mount(_FUNCTIONS, "/etc/podinfo"))
    return volumes, mounts, devices


def has_functions(devices: Manifest) -> bool:
    """Whether a guest has virtual functions of a network card among its devices."""
    return any("sriov" in each for each in devices.get("interfaces") or ())


def _extras(volume: Manifest) -> Iterator[tuple[Manifest, list[Manifest]]]:
    """Secrets of cloud-init, and what is given to the guest as a disk."""
    name = volume["name"]
    cloud_init = volume.get("cloudInitNoCloud") or volume.get("cloudInitConfigDrive") or {}
    for key, (reference, suffix, other) in _SECRETS.items():
        if cloud_init.get(reference):
            places = [
                mount(f"{name}-{suffix}", f"{_PRIVATE}/secret/{name}/{each}", subPath=each, readOnly=True)
                for each in (key, other)
            ]
            yield {"name": f"{name}-{suffix}", "secret": {"secretName": cloud_init[reference]["name"]}}, places
    for kind, folder in _MOUNTED.items():
        if kind in volume:
            source = {key: value for key, value in volume[kind].items() if key != "volumeLabel"}
            place = f"{_PRIVATE}/{folder}/{name}"
            yield {"name": name, kind: source}, [mount(name, place, readOnly=True)]


def _container_disks(vmi: Manifest) -> Iterator[tuple[int, Manifest]]:
    for index, each in enumerate(vmi["spec"].get("volumes") or ()):
        if "containerDisk" in each:
            yield index, each


def pull_secrets(vmi: Manifest) -> list[Manifest]:
    """Secrets to pull the containerDisks with."""
    named = [each["containerDisk"].get("imagePullSecret") for _, each in _container_disks(vmi)]
    return [{"name": each} for each in dict.fromkeys(named) if each]


def containers(vmi: Manifest) -> list[Manifest]:
    """A container for each containerDisk."""
    return [_container_disk(vmi, index, each, init=False) for index, each in _container_disks(vmi)]


def init_containers(vmi: Manifest) -> list[Manifest]:
    """What runs before the guest's container, or beside it."""
    found = (
        [_console_log(vmi)] if vmi["spec"]["domain"]["devices"].get("autoattachSerialConsole") is not False else []
    )
    disks = list(_container_disks(vmi))
    if disks:
        found += [_binary(), *(_container_disk(vmi, index, each, init=True) for index, each in disks)]
    return found


def _container_disk(vmi: Manifest, index: int, volume: Manifest, *, init: bool) -> Manifest:
    folder = f"/var/run/kubevirt-ephemeral-disks/container-disk-data/{meta(vmi)['uid']}"
    disk = volume["containerDisk"]
    return {
        "name": f"volume{volume['name']}{'-init' if init else ''}",
        "image": disk["image"],
        **({"imagePullPolicy": disk["imagePullPolicy"]} if disk.get("imagePullPolicy") else {}),
        "command": ["/usr/bin/container-disk"],
        "args": ["--no-op"] if init else ["--copy-path", f"{folder}/disk_{index}"],
        "resources": {
            "requests": {"cpu": "1m", "memory": "1M", "ephemeral-storage": "50M"},
            "limits": {"cpu": "10m", "memory": "40M"},
        },
        "securityContext": security(group=False),
        "volumeMounts": [mount("container-disks", folder), mount("virt-bin-share-dir", "/usr/bin")],
    }


def _console_log(vmi: Manifest) -> Manifest:
    return {
        "name": "guest-console-log",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/usr/bin/virt-tail"],
        "args": ["--logfile", f"{_PRIVATE}/{meta(vmi)['uid']}/virt-serial0-log"],
        "env": [{"name": "VIRT_LAUNCHER_LOG_VERBOSITY", "value": "2"}],
        "resources": {"requests": {"cpu": "5m", "memory": "35M"}, "limits": {"cpu": "15m", "memory": "60M"}},
        "restartPolicy": "Always",
        "securityContext": security(group=False),
        "volumeMounts": [mount("private", _PRIVATE, readOnly=True)],
    }


def _binary() -> Manifest:
    """Puts the program that serves containerDisks where their containers find it."""
    program = "/usr/bin/container-disk"
    return {
        "name": "container-disk-binary",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/usr/bin/cp", "--preserve=all", program, f"/init{program}"],
        "env": ENVIRONMENT,
        "resources": {"requests": {"cpu": "10m", "memory": "1M"}, "limits": {"cpu": "100m", "memory": "40M"}},
        "securityContext": security(group=True),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [mount("virt-bin-share-dir", "/init/usr/bin")],
    }
