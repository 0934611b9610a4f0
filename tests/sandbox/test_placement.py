"""Where Pods go, and what is left there."""

from decimal import Decimal
from ipaddress import IPv4Network
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.quantity import amount
from dicot.sandbox.marks import FAULT
from dicot.sandbox.nodes.addresses import Addresses
from dicot.sandbox.nodes.kinds import Node, NodeStatus, Pod
from dicot.sandbox.nodes.machines import Machine
from dicot.sandbox.nodes.placement import Load, Unfit, choose, needs
from dicot.sandbox.nodes.scheduler import Scheduler
from dicot.sandbox.steps import Create, Patch

from .things import NOW, STAMP, claim, node, pod

ONE = Machine("one", "a", "192.0.2.1", IPv4Network("10.0.0.0/29"), cpu="2", memory="4Gi")
HARD, SOFT = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"
TWO = Machine("two", "b", "192.0.2.2", IPv4Network("10.0.1.0/29"), cpu="2", memory="8Gi")


def asks(**requests: str) -> dict[str, Any]:
    """A container that asks for something."""
    return {"containers": [{"name": "c", "resources": {"requests": requests}}]}


def place(made: Pod, load: Load, *nodes: Node) -> str:
    """The name of the node for a Pod, or why there is none. Of the two where no others are given."""
    found = nodes or (node(ONE), node(TWO))
    try:
        return choose(made, found, load)
    except Unfit as why:
        return str(why).removeprefix(f"0/{len(found)} nodes are available: ").partition(". no new claims")[0]


class Quantities(SynchronousTestCase):
    """Amounts as Kubernetes writes them."""

    def test_units(self) -> None:
        found = {text: amount(text) for text in ("100m", "1", "1.5", "1k", "2Ki", "1Gi", "1e3", "1E", "0", "12E2")}
        self.assertEqual(
            found,
            {
                "100m": Decimal("0.1"),
                "1": 1,
                "1.5": Decimal("1.5"),
                "1k": 1000,
                "2Ki": 2048,
                "1Gi": 2**30,
                "1e3": 1000,
                "1E": 10**18,
                "0": 0,
                "12E2": 1200,
            },
        )

    def test_nonsense(self) -> None:
        for text in ("", "x", "1Q", "Gi", "1 Gi", "1KiB"):
            self.assertRaises(ValueError, amount, text)


class Needs(SynchronousTestCase):
    """What a Pod asks for."""

    def test_containers_add_up_and_sidecars_with_them(self) -> None:
        spec = {
            "containers": [{"name": n, "resources": {"requests": {"cpu": "100m"}}} for n in "ab"],
            "initContainers": [
                {"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "50m"}}},
                {"name": "i", "resources": {"requests": {"cpu": "200m", "memory": "1Gi"}}},
            ],
        }
        self.assertEqual(needs(pod(spec=spec)), {"cpu": Decimal("0.25"), "memory": 2**30, "pods": 1})

    def test_a_large_init_container_counts_alone(self) -> None:
        spec = asks(cpu="1") | {"initContainers": [{"name": "i", "resources": {"requests": {"cpu": "3"}}}]}
        self.assertEqual(needs(pod(spec=spec))["cpu"], 3)


class Choices(SynchronousTestCase):
    """Which machine."""

    def choose(self, **spec: Any) -> str:
        """Of two empty ones."""
        return place(pod(spec=spec), Load())

    def test_the_one_with_the_most_memory_left(self) -> None:
        self.assertEqual(self.choose(), "two")

    def test_load_counts(self) -> None:
        load = Load()
        load.count("x", pod("x", spec={"nodeName": "two"} | asks(memory="6Gi"), status={"phase": "Running"}))
        self.assertEqual(place(pod(), load), "one")
        load.count("x", pod("x", spec={"nodeName": "two"} | asks(memory="6Gi"), status={"phase": "Succeeded"}))
        self.assertEqual(place(pod(), load), "two")

    def test_a_selector(self) -> None:
        self.assertEqual(self.choose(nodeSelector={"topology.kubernetes.io/zone": "a"}), "one")
        self.assertEqual(
            self.choose(nodeSelector={"topology.kubernetes.io/zone": "c"}),
            "2 node(s) didn't match Pod's node affinity/selector",
        )

    def test_an_affinity(self) -> None:
        def term(operator: str, *values: str) -> dict[str, Any]:
            expression = {"key": "topology.kubernetes.io/zone", "operator": operator, "values": list(values)}
            terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
            return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}

        self.assertEqual(self.choose(affinity=term("In", "a")), "one")
        self.assertEqual(self.choose(affinity=term("NotIn", "b")), "one")
        self.assertEqual(self.choose(affinity=term("Exists")), "two")
        self.assertIn("2 node(s)", self.choose(affinity=term("DoesNotExist")))

    def tainted(self, effect: str, key: str = "k", **spec: Any) -> str:
        """Where the second, the better one, has a taint."""
        taints = [{"key": key, "value": "v", "effect": effect}]
        return place(pod(spec=spec), Load(), node(ONE), node(TWO, labels={"l": "m"}, taints=taints))

    def test_a_taint(self) -> None:
        self.assertEqual([self.tainted(each) for each in ("NoSchedule", "NoExecute")], ["one"] * 2)
        self.assertEqual(self.tainted("PreferNoSchedule"), "two")
        only: dict[str, Any] = {"nodeSelector": {"topology.kubernetes.io/zone": "b"}}
        why = "1 node(s) didn't match Pod's node affinity/selector, 1 node(s)"
        self.assertEqual(self.tainted("NoSchedule", **only), f"{why} had untolerated taint(s)")
        cordoned = node(TWO, unschedulable=True)
        self.assertEqual(place(pod(spec=only), Load(), node(ONE), cordoned), f"{why} were unschedulable")
        self.assertEqual(place(pod(), Load(), node(ONE), cordoned), "one")
        allowed = [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]
        self.assertEqual(place(pod(spec={"tolerations": allowed}), Load(), node(ONE), cordoned), "two")

    def test_a_toleration(self) -> None:
        for toleration, found in (
            ({"operator": "Exists"}, "two"),
            ({"key": "k", "operator": "Exists"}, "two"),
            ({"key": "k", "value": "v"}, "two"),
            ({"key": "k", "value": "v", "effect": "NoSchedule"}, "two"),
            ({"key": "k", "value": "other"}, "one"),
            ({"key": "k", "value": "v", "effect": "NoExecute"}, "one"),
            ({"key": "other", "operator": "Exists"}, "one"),
        ):
            self.assertEqual(self.tainted("NoSchedule", tolerations=[toleration]), found, str(toleration))

    def test_labels_are_those_of_the_node(self) -> None:
        self.assertEqual(self.tainted("PreferNoSchedule", nodeSelector={"l": "m"}), "two")

    def test_reasons_are_counted(self) -> None:
        self.assertEqual(self.choose(**asks(cpu="3")), "2 Insufficient cpu")
        self.assertEqual(
            self.choose(nodeSelector={"topology.kubernetes.io/zone": "a"}, **asks(memory="6Gi")),
            "1 Insufficient memory, 1 node(s) didn't match Pod's node affinity/selector",
        )

    def test_all_that_is_short_is_told(self) -> None:
        self.assertEqual(self.choose(**asks(cpu="3", memory="6Gi")), "1 Insufficient memory, 2 Insufficient cpu")

    def test_pods_are_counted(self) -> None:
        load = Load()
        few = Node(node(ONE).metadata, status=NodeStatus({"pods": "1"}))
        self.assertEqual(place(pod(), load, few), "one")
        load.count("x", pod("x", spec={"nodeName": "one"}, status={"phase": "Running"}))
        self.assertEqual(place(pod(), load, few), "1 Too many pods")

    def test_a_node_that_says_nothing_takes_nobody(self) -> None:
        self.assertEqual(place(pod(), Load(), Node(node(ONE).metadata)), "1 Too many pods")

    def test_nobody_is_preempted(self) -> None:
        """What kube-scheduler v1.36.3 was heard to say."""
        for memory, cpu, preemption in (
            (
                "6Gi",
                "1m",
                "1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.",
            ),
            ("9Gi", "1m", "2 Preemption is not helpful for scheduling."),
            ("1Gi", "2", "2 No preemption victims found for incoming pod."),
        ):
            load = Load()
            for each in ("one", "two"):
                load.count(each, pod(each, spec={"nodeName": each} | asks(memory="3Gi", cpu="1")))
            with self.assertRaises(Unfit) as caught:
                choose(pod(spec=asks(memory=memory, cpu=cpu)), (node(ONE), node(TWO)), load)
            self.assertIn(
                f" no new claims to deallocate, preemption: 0/2 nodes are available: {preemption}",
                str(caught.exception),
            )

    def test_no_node_at_all(self) -> None:
        with self.assertRaises(Unfit) as caught:
            choose(pod(), (), Load())
        self.assertEqual(str(caught.exception), "no nodes available to schedule pods")

    def test_devices_that_no_machine_has(self) -> None:
        self.assertEqual(self.choose(**asks(**{"example.org/gpu": "1"})), "2 Insufficient example.org/gpu")


class Company(SynchronousTestCase):
    """Pods that belong together, and Pods that keep apart."""

    def setUp(self) -> None:
        self.load = Load()

    def term(self, value: str, **more: Any) -> dict[str, Any]:
        return {"labelSelector": {"matchLabels": {"group": value}}, "topologyKey": "kubernetes.io/hostname", **more}

    def pod(self, label: str, node: str = "", namespace: str = "n", **affinity: Any) -> Pod:
        meta = {"labels": {"group": label}, "namespace": namespace}
        return pod(label, meta=meta, spec={"nodeName": node, "affinity": affinity}, status={"phase": "Running"})

    def there(self, label: str, node: str, namespace: str = "n", **affinity: Any) -> None:
        self.load.count(f"{namespace}-{label}-{node}", self.pod(label, node, namespace, **affinity))

    def choose(self, label: str, **affinity: Any) -> str:
        return place(self.pod(label, **affinity), self.load)

    def test_apart(self) -> None:
        apart = {"podAntiAffinity": {HARD: [self.term("a")]}}
        self.there("a", "two")
        self.assertEqual(self.choose("a", **apart), "one")
        self.there("a", "one")
        self.assertEqual(self.choose("a", **apart), "2 node(s) didn't match pod anti-affinity rules")

    def test_those_who_are_there_keep_others_away(self) -> None:
        self.there("b", "two", podAntiAffinity={HARD: [self.term("a")]})
        self.assertEqual(self.choose("a"), "one")
        self.there("b", "one", podAntiAffinity={HARD: [self.term("a")]})
        self.assertEqual(self.choose("a"), "2 node(s) didn't satisfy existing pods anti-affinity rules")
        self.assertEqual(self.choose("c"), "two")

    def test_together(self) -> None:
        together = {"podAffinity": {HARD: [self.term("a")]}}
        self.assertEqual(self.choose("b", **together), "2 node(s) didn't match pod affinity rules")
        self.assertEqual(self.choose("a", **together), "two")
        self.there("a", "one")
        self.assertEqual(self.choose("a", **together), "one")
        self.assertEqual(self.choose("b", **together), "one")

    def test_all_terms_must_hold_of_one(self) -> None:
        both = {"podAffinity": {HARD: [self.term("a"), self.term("b")]}}
        self.there("a", "one")
        self.there("b", "one")
        self.assertIn("didn't match pod affinity rules", self.choose("a", **both))

    def test_preferences(self) -> None:
        wish = [{"weight": 100, "podAffinityTerm": self.term("a")}]
        self.there("a", "one")
        self.assertEqual(self.choose("a", podAffinity={SOFT: wish}), "one")
        self.assertEqual(self.choose("a", podAntiAffinity={SOFT: wish}), "two")
        self.there("a", "two")
        self.load.count("second", self.pod("a", "two"))
        self.assertEqual(self.choose("a", podAntiAffinity={SOFT: wish}), "one")
        self.assertEqual(self.choose("a", podAffinity={SOFT: wish}), "two")

    def test_other_namespaces_count_only_where_they_are_named(self) -> None:
        self.there("a", "two", "m")
        self.assertEqual(self.choose("a", podAntiAffinity={HARD: [self.term("a")]}), "two")
        self.assertEqual(self.choose("a", podAntiAffinity={HARD: [self.term("a", namespaces=["m"])]}), "one")

    def test_places_are_what_the_key_says(self) -> None:
        self.there("a", "two")
        zone = self.term("a", topologyKey="topology.kubernetes.io/zone")
        none = self.term("a", topologyKey="example.org/rack")
        self.assertEqual(self.choose("a", podAntiAffinity={HARD: [zone]}), "one")
        self.assertEqual(self.choose("a", podAntiAffinity={HARD: [none]}), "two")
        self.assertIn("didn't match pod affinity", self.choose("a", podAffinity={HARD: [none]}))

    def test_selectors_by_expressions(self) -> None:
        chosen = {"matchExpressions": [{"key": "group", "operator": "In", "values": ["a", "b"]}]}
        term = {"labelSelector": chosen, "topologyKey": "kubernetes.io/hostname"}
        self.there("b", "two")
        self.assertEqual(self.choose("c", podAntiAffinity={HARD: [term]}), "one")
        self.assertEqual(self.choose("c", podAntiAffinity={HARD: [{"topologyKey": "kubernetes.io/hostname"}]}), "two")


class AddressesOfANode(SynchronousTestCase):
    """Addresses of Pods."""

    def setUp(self) -> None:
        self.addresses = Addresses(IPv4Network("10.0.0.0/29"))

    def test_a_pod_keeps_its_own(self) -> None:
        first = self.addresses.give("a")
        self.assertEqual((first, self.addresses.give("a")), ("10.0.0.1", "10.0.0.1"))
        self.assertEqual(self.addresses.give("b"), "10.0.0.2")

    def test_one_that_is_held_is_not_given(self) -> None:
        self.addresses.hold("x", "10.0.0.1")
        self.assertEqual(self.addresses.give("a"), "10.0.0.2")

    def test_a_freed_one_rests_first(self) -> None:
        self.addresses.give("a")
        self.addresses.free("a")
        self.assertEqual(self.addresses.give("b"), "10.0.0.2")

    def test_all_taken(self) -> None:
        self.assertEqual(len({self.addresses.give(str(each)) for each in range(6)}), 6)
        self.assertRaises(ValueError, self.addresses.give, "last")
        self.addresses.free("3")
        self.assertEqual(self.addresses.give("last"), "10.0.0.4")


class Scheduling(SynchronousTestCase):
    """The scheduler's decisions."""

    def setUp(self) -> None:
        self.scheduler = Scheduler((ONE, TWO))
        self.nodes = (node(ONE), node(TWO))

    def refusal(self, **claims: Any) -> str:
        """Why a Pod with such claims waits."""
        (step,) = self.scheduler.decide(pod(), list(claims.items()), self.nodes, NOW).steps
        assert isinstance(step, Patch)
        text: str = step.body["status"]["conditions"][0]["message"]
        return text

    def test_what_is_bound_counts_before_it_is_seen(self) -> None:
        targets = []
        for each in "abc":
            (step,) = self.scheduler.decide(pod(each, spec=asks(memory="3Gi")), (), self.nodes, NOW).steps
            assert isinstance(step, Create)
            targets.append(step.body["target"]["name"])
        self.assertEqual(targets, ["two", "two", "one"])

    def test_claims_come_first(self) -> None:
        """In the words of kube-scheduler v1.36.3, the last of which are about claims of devices."""
        for found, why in (
            (None, 'persistentvolumeclaim "c" not found'),
            (claim(meta={"deletionTimestamp": STAMP}), 'persistentvolumeclaim "c" is being deleted'),
            (claim(), "pod has unbound immediate PersistentVolumeClaims"),
        ):
            self.assertEqual(self.refusal(c=found), f"0/2 nodes are available: {why}. not found")

    def test_a_fault_lets_no_node_take_it(self) -> None:
        spoiled = pod(meta={"annotations": {FAULT: "unschedulable"}})
        [step] = self.scheduler.decide(spoiled, (), self.nodes, NOW).steps
        [condition] = step.body["status"]["conditions"]  # type: ignore[union-attr]
        self.assertIn("0/2 nodes are available: 2 node(s) were unschedulable.", condition["message"])

    def test_a_refused_one_is_tried_again(self) -> None:
        decision = self.scheduler.decide(pod(spec=asks(memory="1Ti")), (), self.nodes, NOW)
        self.assertEqual(decision.again, 1.0)
