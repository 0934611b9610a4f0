"""What the cluster has."""

from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.features import (
    CDI,
    KUBEVIRT,
    SNAPSHOT_CLASS,
    Developer,
    Documents,
    Features,
    Probe,
    SnapshotClass,
    StorageClass,
    features,
    open_gates,
)
from dicot.cloud.kinds.kubevirt import NODE, VM
from dicot.cloud.kinds.storage import STORAGE_CLASS
from dicot.kube.errors import Denied, Missing, Refused, Unreachable
from dicot.kube.kind import Kind, Manifest

VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.3"}
GROUPS = {
    "kind": "APIGroupList",
    "apiVersion": "v1",
    "groups": [
        {
            "name": "kubevirt.io",
            "versions": [
                {"groupVersion": "kubevirt.io/v1", "version": "v1"},
                {"groupVersion": "kubevirt.io/v1alpha3", "version": "v1alpha3"},
            ],
            "preferredVersion": {"groupVersion": "kubevirt.io/v1", "version": "v1"},
        }
    ],
}


def kubevirt(version: str = "v1.8.4", **configuration: Any) -> Manifest:
    return {
        "metadata": {"name": "kubevirt", "namespace": "kubevirt"},
        "spec": {"configuration": configuration},
        "status": {"phase": "Deployed", "observedKubeVirtVersion": version},
    }


def storage_class(name: str, *defaults: str, created: str = "2026-01-01T00:00:00Z") -> Manifest:
    annotations = {f"storageclass.{default}": "true" for default in defaults}
    return {
        "metadata": {"name": name, "creationTimestamp": created, "annotations": annotations},
        "provisioner": "csi.example.org",
        "volumeBindingMode": "Immediate",
    }


PLAIN = "kubernetes.io/is-default-class"
DISKS = "kubevirt.io/is-default-virt-class"


def read(
    kubevirts: tuple[Manifest, ...] = (), classes: tuple[Manifest, ...] = (), snapshots: tuple[Manifest, ...] = ()
) -> Features:
    return features(
        Documents(
            version=msgspec.json.encode(VERSION),
            groups=msgspec.json.encode(GROUPS),
            kubevirts=tuple(map(msgspec.json.encode, kubevirts)),
            storage_classes=tuple(map(msgspec.json.encode, classes)),
            snapshot_classes=tuple(map(msgspec.json.encode, snapshots)),
        )
    )


class FeaturesTests(SynchronousTestCase):
    """From documents to features."""

    def test_versions_and_apis(self) -> None:
        found = read((kubevirt(),))
        self.assertEqual((found.kubernetes, found.kubevirt, found.cdi), ("v1.36.3", "v1.8.4", ""))
        self.assertEqual([found.serves(kind) for kind in (VM, NODE, SNAPSHOT_CLASS)], [True, True, False])

    def test_bare_cluster_has_nothing(self) -> None:
        found = features(Documents(b"{}", b"{}"))
        self.assertEqual(found, Features())
        self.assertEqual((found.hotplug, found.storage_class(""), found.snapshot_class("x")), ("", None, ""))

    def test_changes_reach_running_machines_by_default_since_1_6(self) -> None:
        for version, strategy, expected in (
            ("v1.5.3", None, False),
            ("v1.6.0", None, True),
            ("v1.8.4", "Stage", False),
            ("v1.5.3", "LiveUpdate", True),
            ("devel", None, False),
        ):
            self.assertIs(read((kubevirt(version, vmRolloutStrategy=strategy),)).live_update, expected, version)

    def test_hotplug(self) -> None:
        for version, listed, expected in (
            ("v1.8.4", [], ""),
            ("v1.8.4", ["DeclarativeHotplugVolumes"], "declarative"),
            ("v1.8.4", ["HotplugVolumes", "DeclarativeHotplugVolumes"], "legacy"),
            ("v1.9.0", None, "declarative"),
        ):
            found = read((kubevirt(version, developerConfiguration={"featureGates": listed}),))
            self.assertEqual(found.hotplug, expected, (version, listed))

    def test_default_class_for_disks_goes_before_the_general_one(self) -> None:
        classes = (storage_class("a"), storage_class("b", PLAIN), storage_class("c", DISKS))
        self.assertEqual(read(classes=classes).default_class, "c")
        self.assertEqual(read(classes=classes[:2]).default_class, "b")
        self.assertEqual(read(classes=classes[:1]).default_class, "")

    def test_newest_of_several_defaults(self) -> None:
        classes = (
            storage_class("b", PLAIN, created="2026-02-01T00:00:00Z"),
            storage_class("a", PLAIN, created="2026-01-01T00:00:00Z"),
        )
        self.assertEqual(read(classes=classes).default_class, "b")

    def test_storage_class_by_name(self) -> None:
        found = read(classes=(storage_class("a"), storage_class("b", PLAIN)))
        self.assertEqual(found.storage_class("a"), StorageClass("a", "csi.example.org", "Immediate"))
        self.assertEqual(found.storage_class(""), StorageClass("b", "csi.example.org", "Immediate"))
        self.assertIsNone(found.storage_class("none"))

    def test_snapshot_class_of_a_provisioner(self) -> None:
        said = {"snapshot.storage.kubernetes.io/is-default-class": "true"}
        found = read(
            snapshots=(
                {"metadata": {"name": "a"}, "driver": "csi.example.org"},
                {"metadata": {"name": "b", "annotations": said}, "driver": "csi.example.org"},
                {"metadata": {"name": "c"}, "driver": "another"},
            )
        )
        self.assertEqual((found.snapshot_class("csi.example.org"), found.snapshot_class("none")), ("b", ""))
        self.assertEqual(found.snapshot_classes[2], SnapshotClass("c", "another", False))

    def test_object_that_does_not_fit_counts_as_absent(self) -> None:
        self.assertEqual(read(({"spec": 1}, kubevirt("v1.7.0"))).kubevirt, "v1.7.0")


class GateTests(SynchronousTestCase):
    """Which gates are open, by release."""

    def test_until_1_8_what_is_general_or_listed(self) -> None:
        self.assertEqual(open_gates((1, 8), Developer()), {"HotplugNICs", "VMLiveUpdateFeatures"})
        self.assertIn("Snapshot", open_gates((1, 8), Developer(featureGates=("Snapshot",))))

    def test_since_1_9_what_is_beta_too(self) -> None:
        opened = open_gates((1, 9), Developer())
        self.assertTrue({"Snapshot", "DeclarativeHotplugVolumes", "VMExport", "ExpandDisks"} <= opened)

    def test_closed_is_closed_unless_listed_or_general(self) -> None:
        closed = ("Snapshot", "DeclarativeHotplugVolumes", "VMExport")
        opened = open_gates((1, 9), Developer(featureGates=("Snapshot",), disabledFeatureGates=closed))
        self.assertEqual({gate for gate in closed if gate in opened}, {"Snapshot", "VMExport"})

    def test_release_that_nobody_knows_has_what_is_listed(self) -> None:
        self.assertEqual(open_gates((0, 0), Developer(featureGates=("X",))), {"X"})


class Cluster:
    """Answers from documents; a kind that is not there is refused as Kubernetes does."""

    def __init__(self) -> None:
        self.objects: dict[Kind[Any], list[Manifest]] = {KUBEVIRT: [kubevirt()], STORAGE_CLASS: []}
        self.problem: Exception | None = None
        self.refusal: Refused = Missing(404, "NotFound", "the server could not find the requested resource")
        self.asked = 0
        self.wait: Deferred[None] | None = None

    async def fetch(self, path: str, *, within: float = 10.0) -> bytes:
        self.asked += path == "/apis"
        if self.wait is not None:
            await self.wait
        if self.problem is not None:
            raise self.problem
        return msgspec.json.encode({"/version": VERSION, "/apis": GROUPS}[path])

    async def all(self, kind: Kind[Any], namespace: str = "", *, within: float = 30.0) -> list[bytes]:
        if kind not in self.objects:
            raise self.refusal
        return [msgspec.json.encode(found) for found in self.objects[kind]]


class ProbeTests(SynchronousTestCase):
    """Asked each minute, and soon after a hint."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.cluster = Cluster()
        self.probe = Probe(self.cluster, self.clock)
        self.told: list[Features] = []
        self.probe.listen(self.told.append)

    def test_absent_apis_are_no_problem(self) -> None:
        self.assertEqual(self.probe.problem, "not asked yet")
        self.assertIsNone(self.successResultOf(self.probe.start()))
        self.assertEqual((self.probe.problem, self.probe.features.kubevirt), ("", "v1.8.4"))

    def test_what_may_not_be_read_counts_as_absent(self) -> None:
        self.cluster.refusal = Denied(403, "Forbidden", "cdis is forbidden")
        self.successResultOf(self.probe.start())
        self.assertEqual((self.probe.problem, self.probe.features.cdi), ("", ""))

    def test_only_differences_are_told(self) -> None:
        self.probe.start()
        self.clock.advance(Probe.EVERY)
        self.assertEqual((self.cluster.asked, len(self.told)), (2, 1))
        self.cluster.objects[CDI] = [{"metadata": {"name": "cdi"}, "status": {"observedVersion": "v1.65.0"}}]
        self.clock.advance(Probe.EVERY)
        self.assertEqual([found.cdi for found in self.told], ["", "v1.65.0"])

    def test_hint_shortens_the_wait(self) -> None:
        self.probe.start()
        self.probe.hint()
        self.clock.advance(Probe.SOON / 2)
        self.probe.hint()
        self.clock.advance(Probe.SOON / 2)
        self.assertEqual(self.cluster.asked, 2)

    def test_hint_while_asking_asks_again(self) -> None:
        self.cluster.wait = Deferred()
        started = self.probe.start()
        self.probe.hint()
        wait, self.cluster.wait = self.cluster.wait, None
        wait.callback(None)
        self.successResultOf(started)
        self.clock.advance(Probe.SOON)
        self.assertEqual(self.cluster.asked, 2)

    def test_cluster_that_does_not_answer_leaves_what_was_known(self) -> None:
        self.probe.start()
        self.cluster.problem = Unreachable("no connection")
        self.clock.advance(Probe.EVERY)
        self.assertEqual((self.probe.problem, self.probe.features.kubevirt), ("no connection", "v1.8.4"))
        self.cluster.problem = None
        self.clock.advance(Probe.EVERY)
        self.assertEqual((self.probe.problem, len(self.told)), ("", 1))

    def test_stop_leaves_no_timer_and_no_question(self) -> None:
        self.probe.start()
        self.cluster.wait = Deferred()
        self.clock.advance(Probe.EVERY)
        self.probe.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.cluster.wait = None
        self.probe.start()
        self.probe.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
