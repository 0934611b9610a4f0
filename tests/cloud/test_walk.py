"""Servers and ports listed by a first walk, and one by one as they come: both list the same."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.identity import NAMESPACE, NAMESPACE_RECORD
from dicot.cloud.kinds.kubevirt import NODE, VM, VMI
from dicot.cloud.kinds.network import PORT, SECURITY_GROUP
from dicot.cloud.reading import feed
from dicot.cloud.reading.feed import Feed
from dicot.cloud.reading.shelf import Page, Query, Shape, Steps
from dicot.cloud.resource import Resource
from dicot.compute.server.resource import SERVERS
from dicot.kube.kind import Kind, Manifest
from dicot.network.port import PORTS
from dicot.sandbox.apiserver.storage import Where
from dicot.sandbox.settled.manifests import GUESTS, MACHINES, objects
from dicot.sandbox.settled.manifests import PORTS as PLACE_OF_PORTS
from dicot.sandbox.settled.server import server

from ..sandbox.settled.stage import GROUND
from .ground import RED, Ground

COUNT = 300
KINDS: tuple[Kind[Any], ...] = tuple(
    {
        kind
        for resource in (SERVERS, PORTS)
        for source in resource.sources
        for kind in (source.main, *(join.kind for join in source.joins))
    }
)
DETAIL, BRIEF, OF_PORTS = ("detail", 13, True), ("brief", 0, False), ("ports", 0, False)
SHOWN: tuple[tuple[Resource, Shape], ...] = ((SERVERS, DETAIL), (SERVERS, BRIEF), (PORTS, OF_PORTS))
OF: Mapping[Where, Kind[Any]] = {MACHINES: VM, GUESTS: VMI, PLACE_OF_PORTS: PORT}


def town() -> Iterator[tuple[Kind[Any], Manifest]]:
    """Settled servers; some lack their instance or their port, or stand in a namespace that is no project."""
    dice = random.Random(2)
    for node in GROUND.nodes:
        metadata: Manifest = {"name": node.name, "uid": f"uid-{node.name}"}
        yield NODE, {"metadata": metadata, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    metadata = {"name": "default", "namespace": GROUND.namespace, "uid": "g", "labels": {"dicot.io/id": GROUND.group}}
    yield SECURITY_GROUP, {"metadata": metadata, "spec": {"name": "default"}}
    for number in range(COUNT):
        for where, _, _, manifest in objects(server(GROUND, number)):
            if where != MACHINES and dice.randrange(9) == 0:
                continue
            if number % 31 == 0:
                manifest["metadata"]["namespace"] = "elsewhere"
            yield OF[where], manifest


class WalkTests(SynchronousTestCase):
    """Two replicas: one has synced before anything is there, the other when all is there."""

    def setUp(self) -> None:
        self.patch(feed, "_MANY", 50)
        self.objects = list(town())
        random.Random(4).shuffle(self.objects)
        for version, (_, manifest) in enumerate(self.objects, 100):
            manifest["metadata"]["resourceVersion"] = str(version)

    def replica(self) -> tuple[Ground, dict[str, Feed]]:
        """One that knows its projects and nothing else yet."""
        ground = Ground(KINDS)
        feeds = {resource.name: Feed(resource, ground.cache) for resource in (SERVERS, PORTS)}
        for each in feeds.values():
            each.start()
        ground.sync(NAMESPACE, NAMESPACE_RECORD)
        ground.project(GROUND.namespace, RED)
        return ground, feeds

    def walked(self) -> tuple[Ground, dict[str, Feed]]:
        """The lists come whole, by place as an API server has them."""
        ground, feeds = self.replica()
        for kind in KINDS:
            items = [manifest for of, manifest in self.objects if of is kind]
            items.sort(key=lambda manifest: (manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]))
            ground.stores[kind].replace(map(msgspec.json.encode, items), "9999")
        return ground, feeds

    def told(self) -> tuple[Ground, dict[str, Feed]]:
        """Each object comes as an event."""
        ground, feeds = self.replica()
        ground.sync(*KINDS)
        for kind, manifest in self.objects:
            ground.tell(kind, "ADDED", manifest)
        return ground, feeds

    def listed(self, ground: Ground, feeds: Mapping[str, Feed]) -> list[Any]:
        """All that may be asked of both."""
        ground.clock.pump([0.0] * 50)
        shown: list[Any] = []
        for resource, shape in SHOWN:
            shelf = feeds[resource.name].shelf
            queries = Query(10_000), Query(10_000, status="ACTIVE"), Query(10_000, sort=(("name", False),))
            shown += [page(shelf.page((GROUND.namespace, "elsewhere"), query, shape)) for query in queries]
            shown.append([shelf.one((GROUND.namespace,), server(GROUND, at).id, shape) for at in range(COUNT)])
        return shown

    def test_both_list_the_same(self) -> None:
        walked, told = self.listed(*self.walked()), self.listed(*self.told())
        self.assertEqual(walked, told)
        self.assertGreater(len(walked[0]), COUNT * 0.9)

    def test_what_is_met_later_is_asked_by_both(self) -> None:
        replicas = self.walked(), self.told()
        for ground, feeds in replicas:
            self.listed(ground, feeds)
            # All servers of a node, and all of a security group, are to be told.
            newer = {"resourceVersion": "10000"}
            zone = newer | {"uid": "uid-node-1", "labels": {"topology.kubernetes.io/zone": "z"}}
            ground.put(NODE, "", "node-1", metadata=zone)
            group = {"uid": "g", "id": GROUND.group, "spec": {"name": "other"}}
            ground.put(SECURITY_GROUP, GROUND.namespace, "default", metadata=newer, **group)
        walked, told = (self.listed(*replica) for replica in replicas)
        self.assertEqual(walked, told)
        self.assertIn(b'"other"', b"".join(walked[0]))
        self.assertIn(b'"OS-EXT-AZ:availability_zone":"z"', b"".join(walked[0]))


def page(steps: Steps) -> Sequence[bytes]:
    """The parts of a page with its steps run to the end."""
    try:
        while True:
            next(steps)
    except StopIteration as end:
        found: Page = end.value
        return found.parts
