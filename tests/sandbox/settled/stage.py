"""A small API server with all that settled servers stand on, and no controllers."""

from __future__ import annotations

import json
from collections.abc import Callable
from ipaddress import IPv4Network
from itertools import count

from twisted.internet.task import Clock

from dicot.kube.kind import Manifest
from dicot.moments import stamp
from dicot.names import CONTAINER_DISK, FLAVOR_SPEC, ID, IMAGE_SPEC, IMAGES_NAMESPACE, SYSTEM_NAMESPACE
from dicot.sandbox.apiserver.journal import Nowhere
from dicot.sandbox.apiserver.objects import ServedObjects
from dicot.sandbox.apiserver.registry import Served
from dicot.sandbox.apiserver.resource import Resource
from dicot.sandbox.apiserver.schemas import Kinds
from dicot.sandbox.apiserver.storage import Storage, Where
from dicot.sandbox.apiserver.watching import Watches
from dicot.sandbox.apiserver.writing import Writer
from dicot.sandbox.settled.ground import Flavor, Ground, Image, Node
from dicot.sandbox.settled.waking import Waker

NOW = 1_800_000_000.0
BIRTH = "2027-01-15T07:00:00Z"
USER, GROUP = "77a7631e2bbc5f9c8172aad20b47b944", "f64eb991-4559-5354-aadb-033b67c4bc3a"
IMAGE, FLAVOR = "760ba769-d212-48ac-addb-23f3c2bf5690", "b9b0ed7e-1e1a-4f25-8906-1e077f756ccb"
DISK = "quay.io/kubevirt/cirros-container-disk-demo:v1.8.4"
GROUND = Ground(
    namespace="demo",
    uid="uid-demo",
    since=NOW - 3600,
    user=USER,
    group=GROUP,
    flavors=(Flavor("m1.small", FLAVOR, 1, "2", 1, 2048, 20),),
    images=(Image(IMAGE, DISK, {"os_distro": "cirros"}),),
    nodes=(Node("node-1", IPv4Network("10.244.0.0/15")), Node("node-2", IPv4Network("10.246.0.0/15"))),
)


def seeds() -> dict[str, tuple[Where, Manifest]]:
    """What GROUND is read from, by what it is."""
    flavor = {FLAVOR_SPEC: json.dumps({"id": "2", "disk": 20})}
    spec = {"properties": {"os_distro": "cirros"}, "diskFormat": "raw"}
    image = {CONTAINER_DISK: DISK, IMAGE_SPEC: json.dumps(spec)}
    found: dict[str, tuple[str, str, Manifest, Manifest]] = {
        "user": ("identity.dicot.io", "users", meta("u", SYSTEM_NAMESPACE, USER), {"name": "demo"}),
        "group": ("network.dicot.io", "securitygroups", meta("g", "demo", GROUP), {"name": "default"}),
        "flavor": (
            "instancetype.kubevirt.io",
            "virtualmachineclusterinstancetypes",
            {"name": "m1.small", "uid": FLAVOR, "generation": 1, "annotations": flavor},
            {"cpu": {"guest": 1}, "memory": {"guest": "2048Mi"}},
        ),
        "image": (
            "cdi.kubevirt.io",
            "datasources",
            meta("cirros-live", IMAGES_NAMESPACE, "") | {"uid": IMAGE, "annotations": image},
            {},
        ),
        "node-1": ("", "nodes", {"name": "node-1"}, {"podCIDR": "10.244.0.0/15"}),
        "node-2": ("", "nodes", {"name": "node-2"}, {"podCIDR": "10.246.0.0/15"}),
        "project": ("", "namespaces", {"name": "demo", "uid": "uid-demo", "creationTimestamp": BIRTH}, {}),
    }
    return {name: ((group, plural), thing(plural, m, spec)) for name, (group, plural, m, spec) in found.items()}


def meta(name: str, namespace: str, id: str) -> Manifest:
    return {"name": name, "namespace": namespace, "labels": {ID: id} if id else {}}


def thing(plural: str, metadata: Manifest, spec: Manifest) -> Manifest:
    version = "instancetype.kubevirt.io/v1beta1" if "instancetypes" in plural else "v1"
    kind = "VirtualMachineClusterInstancetype" if "instancetypes" in plural else plural
    address = (
        {"status": {"addresses": [{"type": "InternalIP", "address": "127.0.0.11"}]}} if plural == "nodes" else {}
    )
    return {"kind": kind, "apiVersion": version, "metadata": metadata, "spec": spec, **address}


class Stage:
    """The parts, at NOW."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.storage = Storage(Nowhere())
        numbers = count(1)
        self.served = Served()
        for group, plural, kind in (
            ("kubevirt.io", "virtualmachines", "VirtualMachine"),
            ("kubevirt.io", "virtualmachineinstances", "VirtualMachineInstance"),
            ("network.dicot.io", "ports", "Port"),
        ):
            resource = Resource(group, "v1", plural, kind.lower(), kind, custom=True)
            self.served.define([resource], resource)
        writer = Writer(
            self.storage,
            self.served,
            Kinds({}),
            (),
            lambda: stamp(self.clock.seconds()),
            lambda: f"uid-{next(numbers)}",
            lambda letters: letters[0],
        )
        self.objects = ServedObjects(writer)
        self.watches = Watches(self.storage)
        writer.before_each(Waker(self.storage, self.objects, self.clock.seconds).touch)

    def plant(self, *but: str) -> None:
        """Put there what GROUND is read from, without some of it."""
        for name, (where, found) in seeds().items():
            if name not in but:
                self.put(where, found)

    def put(self, where: Where, found: Manifest) -> None:
        self.storage.put(where, found["metadata"].get("namespace", ""), found["metadata"]["name"], found)

    def names(self, where: Where) -> list[str]:
        return [key.partition("/")[2] for key in self.storage.shelf(where).keys]

    def found(self, where: Where, name: str, namespace: str = "demo") -> Manifest:
        found = self.storage.read(where, namespace, name)
        assert found is not None, name
        return found

    def change(self, where: Where, name: str, change: Callable[[Manifest], Manifest | None]) -> Manifest:
        return self.objects.change(*where, "demo", name, change)
