"""What is decided again when something changes, and on what."""

from typing import Any

from dicot.sandbox.controller import Key
from dicot.sandbox.marks import DELAY, FAULT
from dicot.sandbox.nodes.instances import GUESTS
from dicot.sandbox.nodes.kinds import CLAIMS, COMPONENT, PODS
from dicot.sandbox.nodes.machines import TWO
from dicot.sandbox.nodes.odds import MET, RULES
from dicot.sandbox.nodes.volumes import PROVISIONER
from dicot.sandbox.nodes.world import NodeWorld
from dicot.sandbox.snapshots.kinds import CONTENTS, SNAPSHOTS
from dicot.sandbox.snapshots.names import BEING_CREATED
from dicot.sandbox.steps import REST, Create, Decision, Patch, Rewrite, Tell

from .things import NOW, STAMP, claim_manifest, guest_manifest, pod_manifest
from .told import ToldTestCase

OWNED = {"apiVersion": "x", "kind": "X", "name": "g", "controller": True}


class Worlds(ToldTestCase):
    """The world of the nodes."""

    def setUp(self) -> None:
        self.world = NodeWorld(TWO, 2.0)
        self.cluster, self.storage = self.world.cluster, self.world.storage
        self.hears(self.world)


class Again(Worlds):
    """What a change touches."""

    def test_a_pod_touches_the_guest_it_runs(self) -> None:
        self.tell(self.cluster.guests, guest_manifest())
        meta = {"ownerReferences": [OWNED | {"uid": "uid-g"}]}
        self.assertEqual(
            self.tell(self.cluster.pods, pod_manifest(meta=meta)), [Key(PODS, "n", "p"), Key(GUESTS, "n", "g")]
        )
        self.assertEqual(
            self.tell(self.cluster.guests, guest_manifest(phase="Running")),
            [Key(GUESTS, "n", "g"), Key(PODS, "n", "p")],
        )

    def test_a_snapshot_touches_the_claims_that_are_filled_from_it(self) -> None:
        """And is nothing that the nodes decide about."""
        source = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"}
        self.tell(self.cluster.claims, claim_manifest(spec={"dataSourceRef": source}))
        snapshot = {"metadata": {"name": "s", "namespace": "n", "uid": "uid-s"}}
        touched = self.tell(self.storage.snapshots, snapshot)
        self.assertEqual(touched, [Key(SNAPSHOTS, "n", "s"), Key(CLAIMS, "n", "c")])
        told, unbound = (self.world.decide(key, NOW) for key in touched)
        self.assertEqual(told, REST)
        self.assertEqual([type(step) for step in unbound.steps], [Tell])

    def test_a_content_is_decided_with_what_it_is_taken_of(self) -> None:
        disk = {"metadata": {"name": "v", "uid": "uid-v"}, "spec": {"capacity": {"storage": "1Gi"}}}
        self.tell(self.storage.disks, disk)
        spec = {"driver": PROVISIONER, "source": {"volumeHandle": "v"}}
        content = {"metadata": {"name": "x", "uid": "uid-x"}, "spec": spec}
        (key,) = self.tell(self.storage.contents, content)
        (step,) = self.world.decide(key, NOW).steps
        self.assertIsInstance(step, Patch)

    def test_a_claim_touches_the_pods_that_mount_it(self) -> None:
        spec = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}
        self.tell(self.cluster.pods, pod_manifest(spec=spec))
        touched = self.tell(self.cluster.claims, claim_manifest())
        self.assertEqual(touched, [Key(CLAIMS, "n", "c"), Key(PODS, "n", "p")])

    def test_a_clone_source_touches_the_upload_server_of_another_namespace(self) -> None:
        meta = {"ownerReferences": [OWNED | {"uid": "t-1"}], "labels": {COMPONENT: "cdi-upload-server"}}
        self.tell(self.cluster.pods, pod_manifest("up", meta=meta))
        source = {"namespace": "images", "labels": {COMPONENT: "cdi-clone-source"}}
        touched = self.tell(self.cluster.pods, pod_manifest("t-1-source-pod", meta=source))
        self.assertIn(Key(PODS, "n", "up"), touched)

    def test_a_pod_that_is_gone_touches_its_guest_only(self) -> None:
        self.tell(self.cluster.guests, guest_manifest())
        self.tell(self.cluster.pods, pod_manifest(meta={"ownerReferences": [OWNED | {"uid": "uid-g"}]}))
        self.again.clear()
        self.cluster.pods.forget("n", "p", "uid-p")
        self.assertEqual(self.again, [Key(GUESTS, "n", "g")])

    def test_everything(self) -> None:
        self.tell(self.cluster.pods, pod_manifest())
        self.tell(self.cluster.guests, guest_manifest())
        self.assertEqual(self.world.everything(), [Key(PODS, "n", "p"), Key(GUESTS, "n", "g")])


class Deciding(Worlds):
    """What a decision rests on."""

    def step(self, key: Key) -> Any:
        """The only step."""
        (step,) = self.world.decide(key, NOW).steps
        return step

    def launcher(self, name: str, created: str, **status: Any) -> None:
        """A launcher of guest g on node-1."""
        meta = {
            "ownerReferences": [OWNED | {"uid": "uid-g"}],
            "labels": {"kubevirt.io": "virt-launcher"},
            "creationTimestamp": created,
        }
        self.tell(self.cluster.pods, pod_manifest(name, meta=meta, spec={"nodeName": "node-1"}, status=status))

    def test_what_is_not_there(self) -> None:
        self.assertEqual(self.world.decide(Key(PODS, "n", "p"), NOW), REST)

    def test_a_pod_without_a_node_is_bound(self) -> None:
        self.tell(self.cluster.pods, pod_manifest())
        self.assertIsInstance(self.step(Key(PODS, "n", "p")), Patch)
        self.tell(self.cluster.nodes, TWO[0].node(STAMP) | TWO[0].status(STAMP, STAMP))
        bound = self.step(Key(PODS, "n", "p"))
        assert isinstance(bound, Create)
        self.assertEqual(bound.body["target"]["name"], "node-1")

    def test_a_claim_grows_once_a_pod_mounts_it(self) -> None:
        key = Key(CLAIMS, "n", "c")
        waits = {"storage": "NodeResizePending"}
        status = {"capacity": {"storage": "1Gi"}, "allocatedResourceStatuses": waits}
        spec = {"volumeName": "v", "volumeMode": "Filesystem", "resources": {"requests": {"storage": "2Gi"}}}
        self.tell(self.cluster.claims, claim_manifest(phase="Bound", spec=spec, status=status))
        self.tell(self.storage.disks, {"metadata": {"name": "v"}, "spec": {"capacity": {"storage": "2Gi"}}})
        self.assertEqual(self.world.decide(key, NOW), REST)
        mounts = {"volumes": [{"persistentVolumeClaim": {"claimName": "c"}}]}
        self.tell(self.cluster.pods, pod_manifest(spec=mounts))
        self.assertEqual(self.world.decide(key, NOW), REST)
        self.assertIn(key, self.tell(self.cluster.pods, pod_manifest(spec=mounts | {"nodeName": "node-1"})))
        done = self.world.decide(key, NOW).steps[-1]
        assert isinstance(done, Patch)
        self.assertEqual(done.body["status"]["capacity"], {"storage": "2Gi"})

    def test_a_pod_of_another_node_is_left_alone(self) -> None:
        self.tell(self.cluster.pods, pod_manifest(spec={"nodeName": "elsewhere"}))
        self.assertEqual(self.world.decide(Key(PODS, "n", "p"), NOW), REST)

    def test_a_pod_that_never_had_a_node_can_go(self) -> None:
        self.tell(self.cluster.pods, pod_manifest(meta={"deletionTimestamp": STAMP}))
        self.assertEqual(self.step(Key(PODS, "n", "p")).uid, "uid-p")

    def test_a_pod_waits_for_its_claims(self) -> None:
        spec = {"nodeName": "node-1", "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}
        self.tell(self.cluster.pods, pod_manifest(spec=spec))
        self.assertEqual(self.world.decide(Key(PODS, "n", "p"), NOW), REST)
        self.tell(self.cluster.claims, claim_manifest(phase="Bound"))
        self.assertIsInstance(self.step(Key(PODS, "n", "p")), Patch)

    def test_two_pods_get_two_addresses(self) -> None:
        found = set()
        for name in "ab":
            self.tell(self.cluster.pods, pod_manifest(name, spec={"nodeName": "node-2"}))
            found.add(self.step(Key(PODS, "n", name)).body["status"]["podIP"])
        self.assertEqual(found, {"10.246.0.1", "10.246.0.2"})

    def test_a_guest_goes_by_its_youngest_living_launcher(self) -> None:
        self.launcher("old", "2027-01-15T07:00:00Z", phase="Running", podIP="10.244.0.1")
        self.launcher("new", "2027-01-15T07:30:00Z", phase="Running", podIP="10.244.0.2")
        self.launcher("dead", "2027-01-15T07:45:00Z", phase="Failed")
        self.tell(self.cluster.guests, guest_manifest())
        step = self.step(Key(GUESTS, "n", "g"))
        assert isinstance(step, Rewrite)
        changed = step.change(guest_manifest())
        assert changed is not None
        self.assertEqual(changed["status"]["interfaces"][0]["ipAddress"], "10.244.0.2")

    def test_a_guest_that_boots_slowly(self) -> None:
        self.launcher("p", "2027-01-15T07:30:00Z", phase="Running", podIP="10.244.0.1", startTime=STAMP)
        self.tell(self.cluster.guests, guest_manifest(meta={"annotations": {DELAY: "5"}}))
        self.assertEqual(self.world.decide(Key(GUESTS, "n", "g"), NOW), Decision(again=5.0))
        self.assertNotEqual(self.world.decide(Key(GUESTS, "n", "g"), NOW + 5).steps, ())

    def test_odds_come_before_anything_else(self) -> None:
        meta = {"namespace": "n", "creationTimestamp": STAMP}
        self.tell(self.world.odds.rules, {"metadata": meta | {"name": "r", "uid": "r"}, "data": {"mark": "import"}})
        self.tell(self.cluster.claims, claim_manifest(meta={"creationTimestamp": STAMP}))
        met = self.step(Key(CLAIMS, "n", "c"))
        assert isinstance(met, Patch)
        self.assertEqual(met.body["metadata"]["annotations"], {FAULT: "import"})
        told = self.step(Key(RULES, "n", "r"))
        assert isinstance(told, Patch)
        self.assertEqual(told.body["metadata"]["annotations"], {MET: "1"})

    def content_of(self, data: dict[str, str]) -> Key:
        """A content that waits for its snapshot to be taken, seen before that snapshot was looked at."""
        meta = {"namespace": "n", "creationTimestamp": STAMP}
        self.tell(self.world.odds.rules, {"metadata": meta | {"name": "r", "uid": "r"}, "data": data})
        self.tell(self.storage.disks, {"metadata": {"name": "v"}, "spec": {"capacity": {"storage": "1Gi"}}})
        self.tell(self.storage.snapshots, {"metadata": meta | {"name": "s", "uid": "s"}})
        spec = {"driver": PROVISIONER, "source": {"volumeHandle": "v"}}
        spec |= {"volumeSnapshotRef": {"namespace": "n", "name": "s", "uid": "s"}}
        content = {"metadata": {"name": "x", "uid": "x", "annotations": {BEING_CREATED: "yes"}}, "spec": spec}
        self.tell(self.storage.contents, content)
        return Key(CONTENTS, "", "x")

    def test_odds_of_a_snapshot_come_before_its_content(self) -> None:
        content = self.content_of({"mark": "snapshot"})
        decision = self.world.decide(content, NOW)
        [met] = decision.steps
        assert isinstance(met, Patch)
        self.assertEqual(
            (met.at.plural, met.body["metadata"]["annotations"]), ("volumesnapshots", {FAULT: "snapshot"})
        )
        self.assertIsNotNone(decision.again)
        meta = {"namespace": "n", "creationTimestamp": STAMP, "annotations": {FAULT: "snapshot"}}
        self.tell(self.storage.snapshots, {"metadata": meta | {"name": "s", "uid": "s"}})
        refused = self.world.decide(content, NOW).steps[0]
        assert isinstance(refused, Patch)
        self.assertIn("there is no room", refused.body["status"]["error"]["message"])

    def test_a_snapshot_that_is_taken_slowly(self) -> None:
        content = self.content_of({"resource": "volumesnapshots", "delay": "5"})
        meta = {"namespace": "n", "creationTimestamp": STAMP, "annotations": {DELAY: "5.0"}}
        self.tell(self.storage.snapshots, {"metadata": meta | {"name": "s", "uid": "s"}})
        waits = self.world.decide(content, NOW + 4.9)
        self.assertEqual((waits.steps, waits.again is None), ((), False))
        taken = self.world.decide(content, NOW + 5).steps[0]
        assert isinstance(taken, Patch)
        self.assertTrue(taken.body["status"]["readyToUse"])

    def test_a_claim_gets_its_volume(self) -> None:
        self.tell(self.cluster.claims, claim_manifest())
        self.assertIsInstance(self.step(Key(CLAIMS, "n", "c")), Create)
