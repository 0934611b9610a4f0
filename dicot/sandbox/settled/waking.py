"""Wakes a settled server when anybody writes to one of its objects: from then on it is like any other."""

from collections.abc import Callable
from typing import Any

import msgspec
from twisted.logger import Logger

from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ..apiserver.refusal import Refusal
from ..apiserver.seams import Objects
from ..apiserver.storage import Storage, Where
from ..kubevirt.machines.launcher import launcher_pod
from ..kubevirt.machines.revisions import copy_of, remembered_start
from ..nodes import pods
from ..nodes.kinds import Pod
from .manifests import GUESTS, MACHINES, PORTS
from .mark import SETTLED, WOKEN, is_settled
from .server import port_name

FLAVORS: Where = ("instancetype.kubevirt.io", "virtualmachineclusterinstancetypes")
_log = Logger()


class Waker:
    """Is told of each write to an object that is there, before it is read (see Writer.before_each)."""

    def __init__(self, storage: Storage, objects: Objects, seconds: Callable[[], float]) -> None:
        self._storage = storage
        self._objects = objects
        self._seconds = seconds

    def touch(self, where: Where, namespace: str, name: str) -> None:
        """Wake the server whose object it is, if it sleeps."""
        if where not in (MACHINES, GUESTS, PORTS) or not is_settled(self._storage.get(where, namespace, name)):
            return
        found = self._read(where, namespace, name)
        self._wake(namespace, found["spec"]["vm"] if where == PORTS else name)

    def _wake(self, namespace: str, name: str) -> None:
        now = self._seconds()
        machine = woken(self._read(MACHINES, namespace, name), now)
        self._remember(machine)
        if self._storage.get(GUESTS, namespace, name) is not None:
            guest = woken(self._read(GUESTS, namespace, name), now)
            self._launch(guest, now)
            self._storage.put(GUESTS, namespace, name, guest)
        port = port_name(name, machine["spec"]["template"]["spec"]["domain"]["firmware"]["uuid"])
        if is_settled(self._storage.get(PORTS, namespace, port)):
            self._storage.put(PORTS, namespace, port, woken(self._read(PORTS, namespace, port), now))
        self._storage.put(MACHINES, namespace, name, machine)

    def _read(self, where: Where, namespace: str, name: str) -> Manifest:
        found = self._storage.read(where, namespace, name)
        assert found is not None, f"{name} is not there"
        return found

    def _remember(self, machine: Manifest) -> None:
        """Make the copies that its status names."""
        flavor = self._storage.read(FLAVORS, "", machine["spec"]["instancetype"]["name"])
        if flavor is not None:
            self._make("apps", "controllerrevisions", copy_of(machine, flavor))
        self._make("apps", "controllerrevisions", remembered_start(machine))

    def _launch(self, guest: Manifest, now: float) -> None:
        """Make the Pod that the guest runs in, which runs as well; without it the nodes take the guest for lost."""
        made = self._make("", "pods", launcher(guest, now))
        if made is None:
            return
        metadata, node = made["metadata"], guest["status"]["nodeName"]
        host = self._storage.read(("", "nodes"), "", node) or {}
        status = running(made, guest, _address(host), now)
        at = metadata["namespace"], metadata["name"]
        self._objects.change("", "pods", *at, lambda pod: {**pod, "status": status}, "status")
        guest["status"]["activePods"] = {metadata["uid"]: node}

    def _make(self, group: str, plural: str, manifest: Manifest) -> Manifest | None:
        try:
            return self._objects.create(group, plural, manifest)
        except Refusal as refusal:
            _log.debug("{name}: {why}", name=manifest["metadata"]["name"], why=refusal.message)
            return None


def woken(found: Manifest, now: float) -> Manifest:
    """An object without the label, and with the moment."""
    metadata = found["metadata"]
    labels = {key: value for key, value in metadata["labels"].items() if key != SETTLED}
    annotations = {**metadata.get("annotations", {}), WOKEN: stamp(now)}
    return {**found, "metadata": {**metadata, "labels": labels, "annotations": annotations}}


def launcher(guest: Manifest, now: float) -> Manifest:
    """The Pod of a guest that has its node."""
    pod = launcher_pod(guest)
    pod["metadata"]["annotations"][WOKEN] = stamp(now)
    return {**pod, "spec": {**pod["spec"], "nodeName": guest["status"]["nodeName"]}}


def running(pod: Manifest, guest: Manifest, host: str, now: float) -> Manifest:
    """The status of the launcher of a guest that runs, as virt-controller, scheduler and kubelet write it."""
    moment = stamp(now)
    unpaused = {
        "type": "kubevirt.io/virtual-machine-unpaused",
        "status": "True",
        "reason": "NotPaused",
        "message": "the virtual machine is not paused",
        "lastProbeTime": moment,
        "lastTransitionTime": moment,
    }
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": moment}
    seen = msgspec.convert({**pod, "status": {"conditions": [unpaused]}}, Pod)
    scene = pods.Scene(
        bound=True,
        guest="Running",
        sent=False,
        broken=False,
        address=guest["status"]["interfaces"][0]["ipAddress"],
        host=host,
        now=now,
        work=0.0,
    )
    status: dict[str, Any] = pods.run(seen, scene).body["status"]
    return {**status, "conditions": [unpaused, *status["conditions"], scheduled]}


def _address(node: Manifest) -> str:
    """Its own."""
    addresses = node.get("status", {}).get("addresses", ())
    return next((each["address"] for each in addresses if each["type"] == "InternalIP"), "")
