"""Tests for L{dicot.assembly}."""

from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from dicot.assembly import Watches
from dicot.cloud.kinds.identity import NAMESPACE_RECORD
from dicot.kube.reflector import Reflector
from dicot.kube.store import Store
from dicot.names import ENABLED, SYSTEM_NAMESPACE
from tests.kube.scripted import ReflectorTestCase
from tests.kube.things import THINGS, added
from tests.whole import Whole


class AgeTests(ReflectorTestCase):
    """How long ago the cluster was heard, by which it is known whether anybody may be refused."""

    def setUp(self) -> None:
        super().setUp()
        reflector = cast(Reflector, self.reflector)
        nothing: Any = None
        self.stores: dict[Any, Store[Any]] = {THINGS: self.store}
        self.watches = Watches(self.stores, (reflector,), nothing, nothing, nothing, nothing)

    def age(self) -> float:
        return self.watches.age((THINGS,))()

    def test_a_list_that_is_not_whole_yet_was_never_heard(self) -> None:
        self.assertEqual(self.age(), float("inf"))
        self.asked.accept()
        self.asked.lines(added("a", 1))
        self.assertEqual(self.age(), float("inf"))

    def test_nor_is_one_before_all_others_are_whole(self) -> None:
        self.sync(10, "a")
        self.stores["other"] = self.new_store()
        self.assertEqual(self.age(), float("inf"))

    def test_afterwards_every_byte_counts(self) -> None:
        self.sync(10, "a")
        self.clock.advance(3)
        self.assertEqual(self.age(), 3)
        self.asked.lines(added("b", 11))
        self.assertEqual(self.age(), 0)


class EventTests(SynchronousTestCase):
    """What an administrator does to a project in Kubernetes acts on tokens that were seen before, at once."""

    def setUp(self) -> None:
        self.whole = Whole(["demo"])
        self.token = self.whole.token("demo")
        self.assertEqual(self.shown(), 200)

    def shown(self) -> int:
        return self.whole.ask("GET", "/compute/v2.1/servers", token=self.token).code

    def test_a_project_that_is_disabled(self) -> None:
        space = self.whole.kube.one("namespaces", "", "demo")
        assert space is not None
        notes = space["metadata"].get("annotations", {})
        for enabled, code in (("false", 401), ("true", 200)):
            metadata = {**space["metadata"], "annotations": {**notes, ENABLED: enabled}}
            self.whole.kube.put({**space, "metadata": metadata})
            self.assertEqual(self.shown(), code)

    def test_a_project_whose_record_goes(self) -> None:
        records = self.whole.stores[NAMESPACE_RECORD]
        [record] = [row for row in records.rows() if records.read(row).spec.namespace == "demo"]
        self.whole.kube.remove("namespacerecords", SYSTEM_NAMESPACE, record.name)
        self.assertEqual(self.shown(), 401)
