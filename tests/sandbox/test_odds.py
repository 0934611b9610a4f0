"""Faults and delays by chance, as ConfigMaps set them."""

from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Kind, Manifest
from dicot.sandbox.marks import DELAY, FAULT
from dicot.sandbox.nodes.instances import GUESTS
from dicot.sandbox.nodes.kinds import CLAIMS, NODES, PODS
from dicot.sandbox.nodes.odds import MET, RULES, Odds
from dicot.sandbox.steps import Patch

from .things import STAMP, claim_manifest, guest_manifest, pod_manifest, raw

BEFORE, LATER = "2027-01-15T07:59:59Z", "2027-01-15T08:00:01Z"


class Draws(SynchronousTestCase):
    def setUp(self) -> None:
        self.odds = Odds()

    def rule(self, at: str = "rule", version: int = 1, notes: Any = None, **data: str) -> Manifest:
        """A ConfigMap that is there."""
        meta = {"name": at, "namespace": "n", "uid": f"uid-{at}", "resourceVersion": str(version)}
        made = {"metadata": meta | {"creationTimestamp": STAMP, "annotations": notes or {}}, "data": data}
        self.odds.rules.learn(raw(made))
        return made

    def met(self, kind: Kind[Any], manifest: Manifest) -> dict[str, str]:
        """What is written on an object."""
        manifest["metadata"].setdefault("creationTimestamp", STAMP)
        decision = self.odds.meet(kind, kind.decode(raw(manifest)))
        if decision is None:
            return {}
        (step,) = decision.steps
        assert isinstance(step, Patch)
        self.assertEqual((step.at.plural, step.body["metadata"]["uid"]), (kind.plural, manifest["metadata"]["uid"]))
        annotations: dict[str, str] = step.body["metadata"]["annotations"]
        return annotations

    def told(self) -> str | None:
        """What is written on the rule."""
        [row] = self.odds.rules.rows()
        decision = self.odds.tell(row)
        self.assertEqual(decision.again, 1.0)
        for step in decision.steps:
            assert isinstance(step, Patch)
            found: str = step.body["metadata"]["annotations"][MET]
            return found
        return None

    def test_each_mark_is_of_its_kind(self) -> None:
        for mark, kind, made in (
            ("image-pull", PODS, pod_manifest()),
            ("crash-loop", GUESTS, guest_manifest()),
            ("full-disk", CLAIMS, claim_manifest()),
        ):
            self.odds = Odds()
            self.rule(mark=mark)
            self.assertEqual(self.met(kind, made), {FAULT: mark})
            for other, another in ((PODS, pod_manifest()), (GUESTS, guest_manifest()), (CLAIMS, claim_manifest())):
                if other is not kind:
                    self.assertEqual(self.met(other, another), {})

    def test_chance_is_as_the_seed_has_it(self) -> None:
        self.rule(mark="image-pull", chance="0.4", seed="7")
        names = [f"p{number}" for number in range(20)]
        dice = Random(7)
        wanted = [name for name in names if dice.random() < 0.4]
        self.assertEqual([name for name in names if self.met(PODS, pod_manifest(name))], wanted)
        self.assertEqual(self.told(), str(len(wanted)))

    def test_times(self) -> None:
        self.rule(mark="image-pull", times="2")
        self.assertEqual([bool(self.met(PODS, pod_manifest(each))) for each in "abcd"], [True, True, False, False])

    def test_names(self) -> None:
        self.rule(mark="image-pull", name="virt-launcher-*")
        self.assertEqual(self.met(PODS, pod_manifest("other")), {})
        self.assertEqual(self.met(PODS, pod_manifest("virt-launcher-x")), {FAULT: "image-pull"})

    def test_what_was_there_before_and_elsewhere_is_left_alone(self) -> None:
        self.rule(mark="image-pull")
        self.assertEqual(self.met(PODS, pod_manifest("old", meta={"creationTimestamp": BEFORE})), {})
        self.assertEqual(self.met(PODS, pod_manifest("far", meta={"namespace": "m"})), {})
        self.assertEqual(
            self.met(PODS, pod_manifest("young", meta={"creationTimestamp": LATER})), {FAULT: "image-pull"}
        )

    def test_an_object_is_met_until_it_shows_it_and_never_again(self) -> None:
        self.rule(mark="image-pull")
        self.assertEqual(self.met(PODS, pod_manifest()), {FAULT: "image-pull"})
        self.assertEqual(self.met(PODS, pod_manifest()), {FAULT: "image-pull"})
        self.assertEqual(self.met(PODS, pod_manifest(meta={"annotations": {FAULT: "image-pull"}})), {})
        self.assertEqual(self.met(PODS, pod_manifest()), {})
        self.odds.forget("uid-p")
        self.assertEqual(self.met(PODS, pod_manifest()), {FAULT: "image-pull"})

    def test_what_is_set_by_hand_stays(self) -> None:
        self.rule(mark="image-pull", delay="2")
        found = self.met(PODS, pod_manifest(meta={"annotations": {FAULT: "unschedulable"}}))
        self.assertEqual(found, {DELAY: "2.0"})

    def test_a_delay_alone(self) -> None:
        self.rule(resource="virtualmachineinstances", delay="1.5")
        self.assertEqual(self.met(GUESTS, guest_manifest()), {DELAY: "1.5"})

    def test_the_first_rule_counts_last(self) -> None:
        self.rule("b", mark="image-pull")
        self.rule("a", mark="unschedulable")
        self.assertEqual(self.met(PODS, pod_manifest()), {FAULT: "image-pull"})

    def test_nothing_is_met_without_rules_nor_of_other_kinds(self) -> None:
        self.assertEqual(self.met(PODS, pod_manifest()), {})
        self.rule(mark="image-pull")
        self.assertEqual(self.met(NODES, {"metadata": {"name": "n", "uid": "u"}}), {})

    def test_a_rule_says_what_came_of_it(self) -> None:
        self.rule(mark="image-pull")
        self.assertEqual(self.told(), "0")
        self.rule(version=2, mark="image-pull", notes={MET: "0"})
        self.assertIsNone(self.told())

    def test_a_rule_that_says_nothing_says_so(self) -> None:
        wrong: tuple[tuple[dict[str, Any], str], ...] = (
            ({"mark": "flood"}, "flood is no mark"),
            ({"delay": "3"}, "neither a mark nor the resource"),
            ({"mark": "crash", "chance": "2"}, "at most 1"),
            ({"mark": "crash", "times": "some"}, "Expected `int`"),
        )
        for data, why in wrong:
            self.odds = Odds()
            self.rule(**data)
            self.assertIn(why, self.told() or "")
            self.assertEqual(self.met(GUESTS, guest_manifest()), {})
        self.assertEqual(RULES.selector, "sandbox.dicot.io/odds=true")
