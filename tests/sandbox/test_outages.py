"""What fails for a while, again and again: nodes, and Pods for a quota."""

from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Row
from dicot.moments import precise
from dicot.sandbox.marks import BACK, FAULT, LOST
from dicot.sandbox.nodes.kinds import NODES, Node
from dicot.sandbox.nodes.odds import LABEL, MET, NODES_AT, RULES, Odds
from dicot.sandbox.nodes.outages import QUOTAS, Outages
from dicot.sandbox.steps import REST, Create, Decision, Patch, Remove

from .things import NOW, STAMP, raw, seen

NAMES = ("node-1", "node-2")


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.odds = Odds()
        self.outages = Outages(self.odds, NAMES)

    def rule(self, namespace: str = NODES_AT, **data: str) -> Row:
        """A ConfigMap that is there."""
        meta = {"name": "r", "namespace": namespace, "uid": "uid-r", "resourceVersion": "1"}
        self.odds.rules.learn(raw({"metadata": meta | {"creationTimestamp": STAMP}, "data": data}))
        [row] = self.odds.rules.rows()
        return row

    def told(self, row: Row, now: float = NOW) -> str:
        """What is written on a rule."""
        [step] = [each for each in self.outages.decide_rule(row, now).steps if isinstance(each, Patch)]
        text: str = step.body["metadata"]["annotations"][MET]
        return text


class Nodes(Case):
    def node(self, name: str = "node-1", **notes: str) -> Node:
        found: Node = seen(NODES, {"metadata": {"name": name, "uid": f"uid-{name}", "annotations": notes}})
        return found

    def look(self, now: float, name: str = "node-1", **notes: str) -> Decision:
        return self.outages.decide_node(self.node(name, **notes), now)

    def written(self, decision: Decision) -> dict[str, str | None]:
        """What is written on a Node, {} for nothing."""
        for step in decision.steps:
            assert isinstance(step, Patch)
            self.assertEqual((step.at.plural, step.body["metadata"]["uid"]), ("nodes", f"uid-{step.at.name}"))
            notes: dict[str, str | None] = step.body["metadata"]["annotations"]
            return notes
        return {}

    def test_it_is_lost_at_once_until_a_moment(self) -> None:
        self.rule(mark=LOST, every="60", lasts="90.5")
        lost = {FAULT: LOST, BACK: precise(NOW + 90.5)}
        self.assertEqual(self.written(self.look(NOW)), lost)
        self.assertEqual(self.written(self.look(NOW + 90)), lost)

    def test_it_is_back_at_that_moment_whatever_becomes_of_its_odds(self) -> None:
        lost = {FAULT: LOST, BACK: precise(NOW + 3)}
        self.assertEqual(self.look(NOW + 1, **lost), Decision(again=2.0))
        self.assertEqual(self.written(self.look(NOW + 3, **lost)), {FAULT: None, BACK: None})

    def test_by_hand_it_is_lost_for_good(self) -> None:
        self.rule(mark=LOST, every="1", lasts="1")
        self.assertEqual(self.look(NOW, **{FAULT: LOST}), REST)

    def test_the_next_draw_is_an_interval_after_its_return(self) -> None:
        self.rule(mark=LOST, every="60", lasts="90")
        self.look(NOW)
        self.assertEqual(self.look(NOW + 90), Decision(again=60.0))
        self.assertEqual(self.look(NOW + 149), Decision(again=1.0))
        self.assertEqual(self.written(self.look(NOW + 150))[FAULT], LOST)

    def test_each_draws_for_itself_as_the_seed_has_it(self) -> None:
        self.rule(mark=LOST, chance="0.3", seed="7", every="2", lasts="1")
        for name in NAMES:
            dice, now = Random(f"7 {name}"), NOW
            for _ in range(20):
                wanted = dice.random() < 0.3
                self.assertEqual(bool(self.written(self.look(now, name))), wanted)
                now += 3.0 if wanted else 2.0

    def test_times(self) -> None:
        row = self.rule(mark=LOST, every="1", lasts="1", times="1")
        found = [self.written(self.look(NOW, name)) != {} for name in NAMES]
        self.assertEqual(found, [True, False])
        self.assertEqual([bool(self.written(self.look(NOW + 2, name))) for name in NAMES], [False, False])
        self.assertEqual(self.told(row), "1")

    def test_names(self) -> None:
        self.rule(mark=LOST, name="node-2", every="1", lasts="1")
        self.assertEqual(self.look(NOW), REST)
        self.assertNotEqual(self.look(NOW, "node-2"), REST)

    def test_a_node_of_somebody_else_is_left_alone(self) -> None:
        self.rule(mark=LOST, every="1", lasts="1")
        self.assertEqual(self.look(NOW, "theirs"), REST)

    def test_it_is_the_nodes_namespace_that_loses_them(self) -> None:
        row = self.rule("n", mark=LOST, every="1", lasts="1")
        self.assertEqual(self.look(NOW), REST)
        self.assertIn(NODES_AT, self.told(row))


class Quotas(Case):
    def quota(self) -> None:
        """It has been made."""
        meta = {"name": "odds-r", "namespace": "n", "uid": "uid-q", "resourceVersion": "1", "labels": {LABEL: "true"}}
        self.outages.quotas.learn(raw({"metadata": meta}))

    def steps(self, row: Row, now: float) -> list[Any]:
        """What is done about the quota."""
        return [each for each in self.outages.decide_rule(row, now).steps if not isinstance(each, Patch)]

    def test_none_may_be_made_for_a_while(self) -> None:
        row = self.rule("n", mark="quota", every="5", lasts="3")
        [made] = self.steps(row, NOW)
        assert isinstance(made, Create)
        self.assertEqual((made.at.plural, made.at.namespace), ("resourcequotas", "n"))
        self.assertEqual(made.body["spec"], {"hard": {"pods": "0"}})
        [owner] = made.body["metadata"]["ownerReferences"]
        self.assertEqual((owner["kind"], owner["name"], owner["uid"]), ("ConfigMap", "r", "uid-r"))
        self.assertEqual(QUOTAS.selector, RULES.selector)
        self.assertIn(LABEL, made.body["metadata"]["labels"])
        self.quota()
        self.assertEqual(self.steps(row, NOW + 2.9), [])
        [gone] = self.steps(row, NOW + 3)
        assert isinstance(gone, Remove)
        self.assertEqual((gone.at.name, gone.uid), ("odds-r", "uid-q"))

    def test_it_is_looked_at_when_it_changes_and_each_second(self) -> None:
        row = self.rule("n", mark="quota", every="5", lasts="1.5")
        self.assertEqual([self.outages.decide_rule(row, NOW + at).again for at in (0, 1, 1.5)], [1.0, 0.5, 1.0])

    def test_it_comes_again(self) -> None:
        row = self.rule("n", mark="quota", every="5", lasts="3")
        self.assertEqual([len(self.steps(row, NOW + at)) for at in (0, 3, 7.9, 8)], [1, 0, 0, 1])
        self.assertEqual(self.told(row, NOW + 8), "2")

    def test_chance_is_as_the_seed_has_it(self) -> None:
        row = self.rule("n", mark="quota", chance="0.3", seed="7", every="2", lasts="1")
        dice, now = Random("7 n"), NOW
        for _ in range(20):
            wanted = dice.random() < 0.3
            self.assertEqual(len(self.steps(row, now)), wanted)
            now += 3.0 if wanted else 2.0

    def test_other_odds_make_none(self) -> None:
        row = self.rule("n", mark="image-pull")
        self.assertEqual((self.steps(row, NOW), self.told(row)), ([], "0"))


class Sense(Case):
    def test_what_comes_and_goes_says_how_often_and_how_long(self) -> None:
        wrong: tuple[dict[str, str], ...] = (
            {"mark": "quota"},
            {"mark": "quota", "every": "1"},
            {"mark": "quota", "lasts": "1"},
            {"mark": "quota", "every": "1", "lasts": "1", "delay": "1"},
            {"mark": "crash", "every": "1", "lasts": "1"},
        )
        for data in wrong:
            self.setUp()
            self.assertIn("comes and goes", self.told(self.rule("n", **data)))
