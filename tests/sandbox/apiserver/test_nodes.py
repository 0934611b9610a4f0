"""Nodes that fall silent, and what becomes of their Pods."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.moments import precise, stamp
from dicot.sandbox.apiserver.controllers.health import NOT_READY, UNREACHABLE, patience
from dicot.sandbox.apiserver.controllers.nodes import NodeLifecycle

from .cluster import Cluster

STAYS = [
    {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in (NOT_READY, UNREACHABLE)
]


class NodeCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.cluster = Cluster()
        self.cluster.make("namespaces", "n", "")
        self.cluster.make("namespaces", "kube-node-lease", "")
        for name in ("one", "two"):
            self.cluster.make("nodes", name, "", meta={"labels": {"kubernetes.io/os": "linux"}})
            self.post(name)
        self.cluster.settle()

    def post(self, name: str, ready: str = "True") -> None:
        """A kubelet posts the whole status."""
        now = stamp(self.cluster.clock.seconds())

        def posted(node: Manifest) -> Manifest:
            moments = {"lastHeartbeatTime": now, "lastTransitionTime": now}
            node["status"] = {"conditions": [{"type": "Ready", "status": ready, **moments}]}
            return node

        self.cluster.objects.change("", "nodes", "", name, posted, "status")

    def renew(self, name: str) -> None:
        """A kubelet renews its Lease."""
        spec = {"renewTime": precise(self.cluster.clock.seconds())}
        if self.cluster.get("leases", name, "kube-node-lease", "coordination.k8s.io") is None:
            self.cluster.make("leases", name, "kube-node-lease", "coordination.k8s.io", spec=spec)
        self.cluster.objects.change(
            "coordination.k8s.io", "leases", "kube-node-lease", name, lambda old: {**old, "spec": spec}
        )

    def pass_time(self, seconds: int, *alive: str) -> None:
        """In which these kubelets are alive."""
        for _ in range(seconds):
            for name in alive:
                self.renew(name)
            self.cluster.clock.advance(1)

    def pod(self, name: str, node: str = "one", **spec: Any) -> None:
        """One that runs on a node."""
        self.cluster.make("pods", name, spec={"nodeName": node, "tolerations": STAYS, **spec})
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}
        self.cluster.objects.change(
            "", "pods", "n", name, lambda old: {**old, "status": {"conditions": [ready]}}, "status"
        )

    def taints(self, name: str = "one") -> set[tuple[str, str]]:
        spec = self.cluster.found("nodes", name, "").get("spec") or {}
        return {(each["key"], each["effect"]) for each in spec.get("taints") or ()}

    def condition(self, plural: str, name: str, kind: str = "Ready") -> Manifest:
        found = self.cluster.found(plural, name, "" if plural == "nodes" else "n")
        conditions: list[Manifest] = found["status"]["conditions"]
        return next((each for each in conditions if each["type"] == kind), {})


class HealthTests(NodeCase):
    """What nodes say of themselves."""

    def test_one_that_posts_is_free_of_taints_and_has_its_old_labels(self) -> None:
        def tainted(node: Manifest) -> Manifest:
            node["spec"] = {
                "taints": [{"key": NOT_READY, "effect": "NoSchedule"}, {"key": "own", "effect": "NoExecute"}]
            }
            return node

        self.cluster.change("nodes", "one", tainted, "")
        self.cluster.settle()
        self.assertEqual(self.taints(), {("own", "NoExecute")})
        labels = self.cluster.found("nodes", "one", "")["metadata"]["labels"]
        self.assertEqual(labels, {"kubernetes.io/os": "linux", "beta.kubernetes.io/os": "linux"})

    def test_a_lease_is_enough_to_be_alive(self) -> None:
        self.pass_time(200, "one", "two")
        self.assertEqual((self.condition("nodes", "one")["status"], self.taints()), ("True", set()))

    def test_so_is_the_status(self) -> None:
        for _ in range(10):
            self.pass_time(20, "two")
            self.post("one")
        self.assertEqual((self.condition("nodes", "one")["status"], self.taints()), ("True", set()))

    def test_a_silent_one_is_unknown_after_50_seconds(self) -> None:
        self.pass_time(20, "one", "two")
        self.pass_time(49, "two")
        self.assertEqual(self.condition("nodes", "one")["status"], "True")
        self.pass_time(7, "two")
        found = self.condition("nodes", "one")
        self.assertEqual(
            (found["status"], found["reason"], found["message"]),
            ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."),
        )
        never = self.condition("nodes", "one", "DiskPressure")
        self.assertEqual((never["status"], never["reason"]), ("Unknown", "NodeStatusNeverUpdated"))
        self.assertEqual(self.taints(), {(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")})
        self.assertEqual((self.condition("nodes", "two")["status"], self.taints("two")), ("True", set()))

    def test_one_that_never_said_anything_has_a_minute(self) -> None:
        self.cluster.make("nodes", "three", "")
        self.pass_time(60, "one", "two")
        self.assertEqual(self.cluster.found("nodes", "three", "").get("status", {}).get("conditions", []), [])
        self.pass_time(7, "one", "two")
        self.assertEqual(self.condition("nodes", "three")["reason"], "NodeStatusNeverUpdated")

    def test_one_that_comes_back_is_as_it_was(self) -> None:
        self.pass_time(60, "two")
        self.post("one")
        self.cluster.settle()
        self.assertEqual((self.condition("nodes", "one")["status"], self.taints()), ("True", set()))
        self.pass_time(30, "one", "two")
        self.assertEqual(self.condition("nodes", "one")["status"], "True")

    def test_a_clock_that_is_put_forward_silences_nobody(self) -> None:
        """The time of day is for what is written alone."""
        ahead = [0.0]
        clock = self.cluster.clock
        lifecycle = NodeLifecycle(self.cluster.objects, lambda: clock.seconds() + ahead[0], clock.seconds)
        for offset in (0.0, 86_400.0):
            ahead[0] = offset
            lifecycle.settle(("node", "one"))
        self.assertEqual(self.condition("nodes", "one")["status"], "True")
        self.pass_time(51)
        lifecycle.settle(("node", "one"))
        self.assertEqual(self.condition("nodes", "one")["lastTransitionTime"], stamp(clock.seconds() + 86_400))

    def test_one_that_says_that_it_is_not_ready_loses_its_pods(self) -> None:
        self.post("one", "False")
        self.cluster.settle()
        self.assertEqual(self.taints(), {(NOT_READY, "NoSchedule"), (NOT_READY, "NoExecute")})

    def test_a_cordon_is_a_taint(self) -> None:
        self.cluster.change("nodes", "one", lambda node: {**node, "spec": {"unschedulable": True}}, "")
        self.cluster.settle()
        self.assertEqual(self.taints(), {("node.kubernetes.io/unschedulable", "NoSchedule")})
        self.cluster.change(
            "nodes", "one", lambda node: {**node, "spec": {**node["spec"], "unschedulable": False}}, ""
        )
        self.cluster.settle()
        self.assertEqual(self.taints(), set())

    def test_where_nobody_is_ready_nobody_is_evicted(self) -> None:
        self.pod("p")
        self.pass_time(60)
        self.assertEqual(self.taints(), {(UNREACHABLE, "NoSchedule")})
        self.pass_time(400)
        self.assertNotIn("deletionTimestamp", self.cluster.found("pods", "p")["metadata"])


class EvictionTests(NodeCase):
    """The Pods of a node that is lost."""

    def setUp(self) -> None:
        super().setUp()
        self.pod("stays")
        self.pod("hurries", tolerations=[{**each, "tolerationSeconds": 10} for each in STAYS])
        self.pod("never", tolerations=[{"operator": "Exists"}])
        self.pod("elsewhere", "two")
        self.pass_time(58, "two")

    def going(self) -> set[str]:
        """Those that have been deleted."""
        pods = list(self.cluster.objects.list("", "pods", "n"))
        left = {pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}
        return {"stays", "hurries", "never", "elsewhere"} - left

    def test_they_are_not_ready(self) -> None:
        shown = {name: self.condition("pods", name)["status"] for name in ("stays", "never", "elsewhere")}
        self.assertEqual(shown, {"stays": "False", "never": "False", "elsewhere": "True"})
        self.pod("late")
        self.cluster.settle()
        self.assertEqual(self.condition("pods", "late")["status"], "False")

    def test_each_stays_as_long_as_it_tolerates_that(self) -> None:
        self.assertEqual(self.going(), set())
        self.pass_time(12, "two")
        self.assertEqual(self.going(), {"hurries"})
        self.pass_time(270, "two")
        self.assertEqual(self.going(), {"hurries"})
        self.pass_time(30, "two")
        self.assertEqual(self.going(), {"hurries", "stays"})

    def test_it_says_why(self) -> None:
        self.pass_time(12, "two")
        pod = self.cluster.get("pods", "hurries")
        if pod is not None:
            [target] = [each for each in pod["status"]["conditions"] if each["type"] == "DisruptionTarget"]
            self.assertEqual((target["status"], target["reason"]), ("True", "DeletionByTaintManager"))
        self.assertIn("~pods/hurries", self.cluster.happened)

    def test_one_that_comes_back_in_time_keeps_them(self) -> None:
        self.post("one")
        self.pass_time(400, "one", "two")
        self.assertEqual(self.going(), set())

    def test_patience(self) -> None:
        taint = {"key": "k", "value": "v", "effect": "NoExecute"}
        cases: tuple[tuple[list[Manifest], float | None], ...] = (
            ([], 0.0),
            ([{"key": "k", "operator": "Exists"}], None),
            ([{"key": "k", "value": "v", "tolerationSeconds": 5}], 5.0),
            ([{"key": "k", "value": "v", "tolerationSeconds": -5}], 0.0),
            ([{"key": "k", "value": "w"}], 0.0),
            ([{"operator": "Exists", "effect": "NoSchedule"}], 0.0),
            ([{"operator": "Exists", "tolerationSeconds": 7}, {"key": "k", "operator": "Exists"}], 7.0),
        )
        for tolerations, expected in cases:
            self.assertEqual(patience([taint], tolerations), expected, str(tolerations))
