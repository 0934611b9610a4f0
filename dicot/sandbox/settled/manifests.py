"""The objects of a settled server, as Dicot and KubeVirt leave them behind.

What is in them was read off servers that were made through Dicot on the real programs (KubeVirt 1.8); the tests
compare.
"""

from collections.abc import Iterator

from msgspec import json

from dicot import names
from dicot.kube.kind import Manifest

from ..apiserver.storage import Where
from .mark import SETTLED
from .server import INTERFACE, Server, port_name

MACHINES: Where = ("kubevirt.io", "virtualmachines")
GUESTS: Where = ("kubevirt.io", "virtualmachineinstances")
PORTS: Where = ("network.dicot.io", "ports")
NETWORK = "private"
"""The network of Dicot's driver ``pod``, by the name that it has where nobody gave it another."""
ROOT = "root"
_HOTPLUG = 4
"""By how much KubeVirt lets processors and memory grow (MaxHotplugRatio)."""
_GIB = 1024
_VERSIONS = {"kubevirt.io/latest-observed-api-version": "v1", "kubevirt.io/storage-observed-api-version": "v1"}
_TOPOLOGY = {"kubevirt.io/pci-topology-version": "v3"}
_FINALIZER = "kubevirt.io/virtualMachineControllerFinalize"


def objects(server: Server) -> Iterator[tuple[Where, str, str, Manifest]]:
    """All of them, each with its place."""
    namespace = server.ground.namespace
    yield MACHINES, namespace, server.object, machine(server)
    if server.runs:
        yield GUESTS, namespace, server.object, guest(server)
    yield PORTS, namespace, port_name(server.object, server.id), port(server)


def machine(server: Server) -> Manifest:
    """The VirtualMachine."""
    marks = {names.MANAGED: "true", names.IMAGE_ID: server.image.id, SETTLED: "true"}
    metadata = {
        "name": server.object,
        "namespace": server.ground.namespace,
        "uid": server.uid,
        "generation": 1,
        "creationTimestamp": server.created,
        "labels": _labels(server) | marks,
        "annotations": _annotations(server) | _VERSIONS,
        "finalizers": [_FINALIZER],
    }
    template = {
        "metadata": {"annotations": dict(_TOPOLOGY), "labels": _labels(server)},
        "spec": _instance(server, _domain(server), {"image": server.image.reference}),
    }
    return {
        "kind": "VirtualMachine",
        "apiVersion": "kubevirt.io/v1",
        "metadata": metadata,
        "spec": {"instancetype": _flavor(server), "runStrategy": "RerunOnFailure", "template": template},
        "status": _machine_status(server),
    }


def guest(server: Server) -> Manifest:
    """The VirtualMachineInstance."""
    notes = {"kubevirt.io/cluster-instancetype-name": server.flavor.name, "kubevirt.io/vm-generation": "1"}
    metadata = {
        "name": server.object,
        "namespace": server.ground.namespace,
        "uid": server.guest_uid,
        "generation": 5,
        "creationTimestamp": server.created,
        "labels": _labels(server) | {"kubevirt.io/nodeName": server.node.name, SETTLED: "true"},
        "annotations": notes | _TOPOLOGY | _VERSIONS,
        "ownerReferences": [_owner(server) | {"blockOwnerDeletion": True, "controller": True}],
        "finalizers": [_FINALIZER, "kubevirt.io/foregroundDeleteVirtualMachine"],
    }
    disk = {"image": server.image.reference, "imagePullPolicy": "IfNotPresent"}
    domain = _domain(server) | {
        "cpu": {
            "cores": 1,
            "maxSockets": _HOTPLUG * server.flavor.vcpus,
            "model": "host-model",
            "sockets": server.flavor.vcpus,
            "threads": 1,
        },
        "features": {"acpi": {"enabled": True}},
        "memory": {"guest": _size(server.flavor.ram), "maxGuest": _size(_HOTPLUG * server.flavor.ram)},
    }
    return {
        "kind": "VirtualMachineInstance",
        "apiVersion": "kubevirt.io/v1",
        "metadata": metadata,
        "spec": _instance(server, domain, disk),
        "status": _guest_status(server),
    }


def port(server: Server) -> Manifest:
    """The Port."""
    marks = {names.ID: server.port_id, names.MANAGED: "true", names.SERVER_ID: server.id, SETTLED: "true"}
    metadata = {
        "name": port_name(server.object, server.id),
        "namespace": server.ground.namespace,
        "uid": server.port_uid,
        "generation": 1,
        "creationTimestamp": server.created,
        "labels": marks,
        "annotations": {names.REQUEST_ID: server.request, names.USER_ID: server.ground.user},
        "ownerReferences": [_owner(server)],
    }
    return {
        "kind": "Port",
        "apiVersion": "network.dicot.io/v1",
        "metadata": metadata,
        "spec": {
            "adminStateUp": True,
            "description": "",
            "fixedIps": [],
            "formatVersion": 1,
            "interface": INTERFACE,
            "macAddress": server.mac,
            "name": "",
            "networkId": names.network_id(NETWORK),
            "portSecurity": True,
            "securityGroups": [server.ground.group],
            "vm": server.object,
            "vmId": server.id,
        },
    }


def _labels(server: Server) -> dict[str, str]:
    return {names.ID: server.id, server.group_label: ""}


def _annotations(server: Server) -> dict[str, str]:
    flavor, image = server.flavor, server.image
    copied = {"id": flavor.id, "name": flavor.name, "vcpus": flavor.vcpus, "ram": flavor.ram, "disk": flavor.disk}
    return {
        names.FLAVOR: _note(copied | {"ephemeral": 0, "swap": 0, "extraSpecs": {}}),
        names.IMAGE: _note({"id": image.id, "properties": image.properties}),
        names.LAUNCHED_AT: server.started,
        names.NAME: server.name,
        names.REQUEST_ID: server.request,
        names.RESERVATION: server.reservation,
        names.SERVER: _note({"hostname": server.name}),
        names.USER_ID: server.ground.user,
    }


def _flavor(server: Server) -> Manifest:
    return {"kind": "VirtualMachineClusterInstancetype", "name": server.flavor.name}


def _owner(server: Server) -> Manifest:
    return {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": server.object, "uid": server.uid}


def _domain(server: Server) -> Manifest:
    interface = {"macAddress": server.mac, "masquerade": {}, "model": "virtio", "name": INTERFACE}
    disk = {"bootOrder": 1, "disk": {"bus": "virtio"}, "name": ROOT}
    return {
        "devices": {"disks": [disk], "interfaces": [interface]},
        "firmware": {"serial": server.id, "uuid": server.id},
        "machine": {"type": "q35"},
        "resources": {},
    }


def _instance(server: Server, domain: Manifest, disk: Manifest) -> Manifest:
    return {
        "architecture": "amd64",
        "domain": domain,
        "evictionStrategy": "LiveMigrateIfPossible",
        "hostname": server.name,
        "networks": [{"name": INTERFACE, "pod": {}}],
        "terminationGracePeriodSeconds": 60,
        "volumes": [{"containerDisk": disk, "name": ROOT}],
    }


def _machine_status(server: Server) -> Manifest:
    up = {"created": True, "ready": True} if server.runs else {}
    return {
        "conditions": [_ready(server), *_migratable(server)],
        **up,
        "desiredGeneration": 1,
        "instancetypeRef": {"controllerRevisionRef": {"name": server.revision}, **_flavor(server)},
        "observedGeneration": 1,
        "printableStatus": "Running" if server.runs else "Stopped",
        "runStrategy": "RerunOnFailure",
        "volumeSnapshotStatuses": [
            {
                "enabled": False,
                "name": ROOT,
                "reason": f"Snapshot is not supported for this volumeSource type [{ROOT}]",
            }
        ],
    }


def _ready(server: Server) -> Manifest:
    if server.runs:
        return _holds(server, "Ready")
    moment = server.started
    why = {"message": "VMI does not exist", "reason": "VMINotExists", "status": "False", "type": "Ready"}
    return {"lastProbeTime": moment, "lastTransitionTime": moment, **why}


def _migratable(server: Server) -> list[Manifest]:
    return [_holds(server, "LiveMigratable"), _holds(server, "StorageLiveMigratable")]


def _holds(server: Server, kind: str) -> Manifest:
    return {"lastProbeTime": None, "lastTransitionTime": server.started, "status": "True", "type": kind}


def _guest_status(server: Server) -> Manifest:
    memory = _size(server.flavor.ram)
    return {
        "activePods": {server.pod_uid: server.node.name},
        "conditions": [_holds(server, "Ready"), *_migratable(server)],
        "currentCPUTopology": {"cores": 1, "sockets": server.flavor.vcpus, "threads": 1},
        "guestOSInfo": {},
        "interfaces": [
            {
                "infoSource": "domain",
                "ipAddress": server.address,
                "ipAddresses": [server.address],
                "linkState": "up",
                "mac": server.mac,
                "name": INTERFACE,
                "podInterfaceName": "eth0",
                "queueCount": 1,
            }
        ],
        "launcherContainerImageVersion": "quay.io/kubevirt/virt-launcher:v1.8.4",
        "machine": {"type": "pc-q35-rhel9.6.0"},
        "memory": {"guestAtBoot": memory, "guestCurrent": memory, "guestRequested": memory},
        "migrationMethod": "LiveMigration",
        "migrationTransport": "Unix",
        "nodeName": server.node.name,
        "phase": "Running",
        "phaseTransitionTimestamps": [
            {"phase": phase, "phaseTransitionTimestamp": moment}
            for phase, moment in (
                ("Pending", server.created),
                ("Scheduling", server.started),
                ("Scheduled", server.started),
                ("Running", server.started),
            )
        ],
        "qosClass": "Burstable",
        "runtimeUser": 107,
        "selinuxContext": "none",
        "virtualMachineRevisionName": f"revision-start-vm-{server.uid}-1",
        "volumeStatus": [{"name": ROOT, "target": "vda"}],
    }


def _size(mebibytes: int) -> str:
    """A quantity, as Kubernetes shortens it."""
    return f"{mebibytes // _GIB}Gi" if mebibytes % _GIB == 0 else f"{mebibytes}Mi"


def _note(value: Manifest) -> str:
    return json.encode(value).decode()
