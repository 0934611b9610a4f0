"""The nodes themselves: what they offer, and the Node objects that say so."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from dicot.kube.address import Place
from dicot.kube.kind import Manifest
from dicot.kube.quantity import amount

MOST = 6
"""As many as there are ranges of addresses for their Pods."""
DEFAULT = "2"
HEARTBEAT = "kubevirt.io/heartbeat"
HEARTBEAT_PERIOD = 60.0
"""virt-controller gives a node up when this annotation is five minutes old."""
LEASE_PERIOD = 10.0
"""kubelet renews its Lease so often; kube-controller-manager gives a node up that was silent for 50 seconds."""
LEASE_LASTS = 40

_PODS, _RANGE = int(IPv4Address("10.244.0.0")), 1 << 17
_ZONE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z")
"""A label's value (apimachinery, util/validation)."""
_LABELS = {
    "kubernetes.io/arch": "amd64",
    "kubernetes.io/os": "linux",
    "kubevirt.io/schedulable": "true",
    "machine-type.node.kubevirt.io/pc-q35-rhel9.6.0": "true",
    "machine-type.node.kubevirt.io/q35": "true",
}
# What virt-handler's device plugins offer.
_DEVICES = {"devices.kubevirt.io/kvm": "1k", "devices.kubevirt.io/tun": "1k", "devices.kubevirt.io/vhost-net": "1k"}
_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


@dataclass(frozen=True, slots=True)
class Machine:
    """A node. ``pods`` is the range its Pods' addresses come from; its own one is a loopback, where its door is."""

    name: str
    zone: str
    address: str
    pods: IPv4Network
    cpu: str = "64"
    memory: str = "256Gi"

    @property
    def labels(self) -> dict[str, str]:
        """The labels that Pods select nodes by."""
        own = {"kubernetes.io/hostname": self.name, "topology.kubernetes.io/zone": self.zone}
        return {**_LABELS, **own}

    @property
    def capacity(self) -> dict[str, str]:
        """What Pods can ask for."""
        storage = {"ephemeral-storage": "1Ti", "pods": "2k"}
        return {"cpu": self.cpu, "memory": self.memory, **storage, **_DEVICES}

    def at(self, subresource: str = "") -> Place:
        """Where its Node is."""
        return Place("", "v1", "nodes", name=self.name, subresource=subresource)

    def node(self, now: str) -> Manifest:
        """The Node as kubelet and virt-handler register it."""
        metadata = {"name": self.name, "labels": self.labels, "annotations": {HEARTBEAT: now}}
        return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"podCIDR": str(self.pods)}}

    def beat(self, now: str) -> Manifest:
        """A merge patch: virt-handler is alive and takes guests."""
        return {"metadata": {"annotations": {HEARTBEAT: now}, "labels": self.labels}}

    def lease(self) -> Place:
        """Where kubelet's Lease is."""
        return Place("coordination.k8s.io", "v1", "leases", "kube-node-lease", self.name)

    def leased(self, now: str) -> Manifest:
        """The Lease: kubelet is alive at that moment, in microseconds."""
        spec = {"holderIdentity": self.name, "leaseDurationSeconds": LEASE_LASTS, "renewTime": now}
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": "kube-node-lease"},
            "spec": spec,
        }

    def status(self, now: str, since: str) -> Manifest:
        """A merge patch of the status: kubelet is alive since then."""
        moments = {"lastHeartbeatTime": now, "lastTransitionTime": since}
        conditions = [
            {"type": kind, "status": status, "reason": reason, "message": message, **moments}
            for kind, status, reason, message in _CONDITIONS
        ]
        addresses = [{"type": "InternalIP", "address": self.address}, {"type": "Hostname", "address": self.name}]
        machine = {
            "architecture": "amd64",
            "operatingSystem": "linux",
            "osImage": "Dicot sandbox",
            "kernelVersion": "6.12.0",
            "kubeletVersion": "v1.36.3",
            "containerRuntimeVersion": "containerd://2.1.0",
            "machineID": self.name,
            "systemUUID": self.name,
            "bootID": self.name,
            "kubeProxyVersion": "",
        }
        return {
            "status": {
                "capacity": self.capacity,
                "allocatable": self.capacity,
                "conditions": conditions,
                "addresses": addresses,
                "nodeInfo": machine,
            }
        }


def machines(text: str) -> tuple[Machine, ...]:
    """As many as a number says, each in a zone of its own; or one for each ZONE, ZONE:CPU or ZONE:CPU:MEMORY, with
    commas. Raises ValueError for what is neither."""
    if text.isdecimal():
        text = ",".join(f"zone-{index}" for index in range(1, min(int(text), MOST + 1) + 1))
    found = tuple(_machine(index, each) for index, each in enumerate(text.split(","), 1))
    if len(found) > MOST:
        raise ValueError(f"there are at most {MOST} nodes")
    return found


def _machine(index: int, text: str) -> Machine:
    zone, *offered = text.split(":")
    if not _ZONE.match(zone) or len(offered) > 2 or not all(amount(each) > 0 for each in offered):
        raise ValueError(f"{text!r} is neither ZONE nor ZONE:CPU:MEMORY")
    pods = IPv4Network((_PODS + (index - 1) * _RANGE, 15))
    return Machine(f"node-{index}", zone, f"127.0.0.{10 + index}", pods, *offered)


TWO = machines(DEFAULT)
