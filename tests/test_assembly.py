"""Tests for L{dicot.assembly}."""

from typing import Any, cast

from dicot.assembly import Watches
from dicot.kube.reflector import Reflector
from dicot.kube.store import Store
from tests.kube.scripted import ReflectorTestCase
from tests.kube.things import THINGS, added


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
