"""How the nodes go about what they have decided."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IAgent
from zope.interface import implementer

from dicot.kube.address import Place
from dicot.kube.errors import Conflict, Denied, Exists, Headers, Missing, Unreachable
from dicot.kube.kind import Manifest
from dicot.kube.source import Origin
from dicot.sandbox.controller import RETRY, Accounts
from dicot.sandbox.marks import FAULT, LOST
from dicot.sandbox.nodes.machines import HEARTBEAT
from dicot.sandbox.nodes.service import Nodes
from dicot.sandbox.steps import Create, Patch

from .things import NOW, claim_manifest, guest_manifest, pod_manifest, raw


@implementer(IAgent)
class Silence:
    """An agent that never gets an answer."""

    def request(self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Any = None) -> "Deferred[Any]":
        """See IAgent."""
        return Deferred()


class Badge:
    """A credential."""

    server = "http://127.0.0.1:1"

    async def authorize(self, stale: bool = False) -> Headers:
        """See Credential."""
        return {}


class Book:
    """A Kube that writes down what is asked; ``fail`` may raise instead."""

    def __init__(self) -> None:
        self.written: list[tuple[str, Place]] = []
        self.bodies: list[Any] = []
        self.objects: dict[Place, Manifest] = {}
        self.fail: Callable[[str, Place], Exception | None] = lambda verb, at: None

    def _write(self, verb: str, at: Place, body: Any = None) -> bytes:
        fault = self.fail(verb, at)
        if fault is not None:
            raise fault
        self.written.append((verb, at))
        self.bodies.append(body)
        return raw(self.objects.get(at, {"metadata": {"name": at.name or "x"}}))

    async def create(self, at: Place, body: Manifest) -> bytes:
        """See Kube."""
        return self._write("create", at, body)

    async def read(self, at: Place) -> bytes:
        """See Kube."""
        return self._write("read", at)

    async def replace(self, at: Place, body: Manifest) -> bytes:
        """See Kube."""
        return self._write("replace", at, body)

    async def patch(self, at: Place, body: Manifest, media: str) -> bytes:
        """See Kube."""
        return self._write("patch", at, body)

    async def delete(self, at: Place, uid: str, grace: int | None) -> bytes:
        """See Kube."""
        return self._write(f"delete {uid} {grace}", at)

    def of(self, plural: str) -> list[tuple[str, str]]:
        """Verbs and subresources (or names) of one kind of object."""
        return [(verb, at.subresource or at.name) for verb, at in self.written if at.plural == plural]


class NodesAtWork(SynchronousTestCase):
    """The service over a Kube that only takes notes."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.kube, self.handler = Book(), Book()
        self.version = 10
        origin = Origin(Silence(), Badge(), DeferredSemaphore(2))
        accounts = Accounts(self.kube, self.handler)  # type: ignore[arg-type]
        self.nodes = Nodes(accounts, origin, self.clock, lambda: 0.5)
        self.cluster = self.nodes.world.cluster
        self.nodes.startService()
        self.cluster.nodes.replace([], "1")
        self.addCleanup(self.stop)

    def stop(self) -> None:
        """Watches end in a turn of their own."""
        self.nodes.stopService()
        self.clock.advance(0)

    def sync(self) -> None:
        """All lists are there."""
        for store in self.nodes.world.stores:
            store.replace([], "1")

    def tell(self, store: Any, manifest: Manifest, version: int = 2) -> None:
        """A new state of an object."""
        manifest["metadata"]["resourceVersion"] = str(version)
        store.learn(raw(manifest))

    def test_machines_are_registered_and_keep_beating(self) -> None:
        self.assertEqual(self.kube.of("nodes")[:3], [("create", ""), ("patch", "node-1"), ("patch", "status")])
        self.assertEqual(self.kube.bodies[1]["metadata"]["annotations"][HEARTBEAT], "2027-01-15T08:00:00Z")
        self.kube.written.clear()
        self.clock.pump([10] * 6)
        self.assertEqual(len(self.kube.of("nodes")), 6)
        self.assertEqual(self.kube.of("leases"), [("patch", "node-1"), ("patch", "node-2")] * 6)

    def test_a_lease_is_made_where_there_is_none(self) -> None:
        self.kube.fail = lambda verb, at: (
            Missing(404, "NotFound", "x") if (verb, at.plural) == ("patch", "leases") else None
        )
        self.kube.written.clear()
        self.clock.advance(10)
        self.assertEqual(self.kube.of("leases"), [("create", "")] * 2)
        self.assertEqual(self.kube.bodies[-1]["spec"]["renewTime"], "2027-01-15T08:00:10.000000Z")

    def lose(self, *names: str) -> None:
        """These nodes are lost, and no others."""
        self.sync()
        for name in ("node-1", "node-2"):
            noted = {FAULT: LOST} if name in names else {}
            metadata = {"name": name, "uid": f"uid-{name}", "annotations": noted}
            self.version += 1
            self.tell(self.cluster.nodes, {"metadata": metadata}, self.version)

    def test_a_lost_machine_is_silent_until_it_is_back(self) -> None:
        self.lose("node-1")
        self.clock.pump([1] * 70)
        self.kube.written.clear()
        self.clock.pump([1] * 70)
        self.assertNotIn("node-1", {name for verb, name in self.kube.of("leases")})
        self.assertEqual(self.kube.of("nodes"), [("create", ""), ("patch", "node-2"), ("patch", "status")])
        self.lose()
        self.kube.written.clear()
        self.clock.advance(1)
        self.assertEqual(self.kube.of("nodes"), [("create", ""), ("patch", "node-1"), ("patch", "status")])
        ready = self.kube.bodies[-2]["status"]["conditions"][-1]
        self.assertEqual((ready["type"], ready["lastTransitionTime"]), ("Ready", "2027-01-15T08:02:20Z"))

    def test_nobody_does_anything_on_a_lost_node_until_it_is_back(self) -> None:
        self.lose("node-1")
        place = Place("kubevirt.io", "v1", "virtualmachineinstances", "n", "g")
        self.handler.objects[place] = guest_manifest(phase="Running")
        self.tell(self.cluster.guests, guest_manifest(phase="Running"))
        going = {"deletionTimestamp": "2027-01-15T08:00:00Z"}
        self.tell(self.cluster.pods, pod_manifest(meta=going, spec={"nodeName": "node-1"}))
        self.assertEqual((self.handler.written, self.kube.of("pods")), ([], []))
        self.lose()
        self.assertEqual(self.handler.of("virtualmachineinstances"), [("read", "g"), ("replace", "g")])
        self.assertEqual(self.kube.of("pods"), [("delete uid-p 0", "p")])

    def test_what_is_made_is_known_at_once(self) -> None:
        self.sync()
        made = self.nodes.take(Create(Place("", "v1", "pods", "n"), pod_manifest()))
        self.kube.objects[Place("", "v1", "pods", "n")] = pod_manifest()
        self.successResultOf(Deferred.fromCoroutine(made))
        self.assertIsNotNone(self.cluster.pods.one("n", "p"))

    def test_a_refused_object_is_told_of_before_it_fails(self) -> None:
        told = Patch(Place("", "v1", "pods", "n", "other"), {})
        self.kube.fail = lambda verb, at: Denied(403, "Forbidden", "exceeded quota") if verb == "create" else None
        self.kube.written.clear()
        made = self.nodes.take(Create(Place("", "v1", "pods", "n"), {}, lambda reason: (told,)))
        self.failureResultOf(Deferred.fromCoroutine(made), Denied)
        self.assertEqual(self.kube.written, [("patch", told.at)])

    def test_a_cluster_that_is_away_is_asked_again(self) -> None:
        self.kube.fail = lambda verb, at: Unreachable("away")
        self.clock.advance(60)
        self.kube.written.clear()
        self.kube.fail = lambda verb, at: Exists(409, "AlreadyExists", "x") if verb == "create" else None
        self.clock.advance(RETRY)
        self.assertEqual(self.kube.of("nodes"), self._beats())

    def _beats(self) -> list[tuple[str, str]]:
        return [("patch", name) for machine in ("node-1", "node-2") for name in (machine, "status")]

    def test_nothing_is_decided_before_everything_is_seen(self) -> None:
        place = Place("kubevirt.io", "v1", "virtualmachineinstances", "n", "g")
        self.handler.objects[place] = guest_manifest(phase="Succeeded")
        self.cluster.guests.replace([raw(guest_manifest(phase="Running"))], "3")
        self.assertEqual(self.handler.written, [])
        world = self.nodes.world
        for store in world.stores:
            if store not in (world.cluster.guests, world.storage.disks):
                store.replace([], "3")
        self.assertEqual(self.handler.written, [])
        self.nodes.world.storage.disks.replace([], "3")
        self.assertEqual(self.handler.of("virtualmachineinstances"), [("read", "g")])

    def test_a_guest_is_written_by_virt_handler_alone(self) -> None:
        self.sync()
        place = Place("kubevirt.io", "v1", "virtualmachineinstances", "n", "g")
        self.handler.objects[place] = guest_manifest(phase="Running")
        self.tell(self.cluster.guests, guest_manifest(phase="Running"))
        self.assertEqual(self.handler.of("virtualmachineinstances"), [("read", "g"), ("replace", "g")])
        self.assertEqual(self.handler.bodies[1]["status"]["phase"], "Succeeded")
        self.assertEqual(self.kube.of("virtualmachineinstances"), [])

    def test_a_pod_is_deleted_for_good(self) -> None:
        self.sync()
        self.tell(self.cluster.pods, pod_manifest(meta={"deletionTimestamp": "2027-01-15T08:00:00Z"}))
        self.assertEqual(self.kube.of("pods"), [("delete uid-p 0", "p")])

    def test_what_failed_is_decided_again_later(self) -> None:
        self.sync()
        for fault in (Conflict(409, "Conflict", "stale"), Unreachable("away")):
            self.kube.fail = lambda verb, at, fault=fault: fault  # type: ignore[misc]
            self.tell(self.cluster.claims, claim_manifest(), 2)
            self.assertEqual(self.kube.of("persistentvolumes"), [])
            self.kube.fail = lambda verb, at: None
            self.clock.advance(RETRY)
            self.assertEqual(self.kube.of("persistentvolumes"), [("create", "")])
            self.kube.written.clear()
            self.cluster.claims.forget("n", "c", "uid-c")
            self.cluster.claims.replace([], "9")

    def test_a_change_while_it_is_written_is_decided_after(self) -> None:
        self.sync()
        waiting: list[Deferred[bytes]] = []

        async def slow(at: Place, body: Manifest) -> bytes:
            waiting.append(Deferred())
            return await waiting[-1]

        self.kube.create = slow  # type: ignore[method-assign]
        self.tell(self.cluster.claims, claim_manifest(), 2)
        self.tell(self.cluster.claims, claim_manifest(spec={"accessModes": ["ReadWriteMany"]}), 3)
        self.assertEqual(len(waiting), 1)
        waiting[0].callback(raw({"metadata": {"name": "pvc-uid-c"}}))
        self.assertEqual(len(waiting), 2)

    def test_stopped_it_leaves_nothing(self) -> None:
        self.sync()
        self.tell(self.cluster.pods, pod_manifest(spec={"nodeSelector": {"no": "where"}}))
        self.nodes.stopService()
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.nodes.startService()
        self.kube.written.clear()
        self.tell(self.cluster.claims, claim_manifest(), 3)
        self.assertEqual(self.kube.of("persistentvolumes"), [("create", "")])
