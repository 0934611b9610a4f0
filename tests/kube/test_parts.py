"""Rule 38: the watch of one namespace does all that the watch of the whole does. The same tests, on a part."""

from typing import Any

from dicot.kube.kind import Kind
from dicot.kube.source import Origin
from dicot.kube.store import Store
from dicot.kube.watch import Means, Watch

from . import (
    scripted,
    stored,
    test_cuts,
    test_reflector_audit,
    test_reflector_initial,
    test_reflector_rest,
    test_reflector_state,
    test_reflector_watch,
    test_store,
    test_store_lists,
)
from .things import THINGS, Thing


def part_of(kind: Kind[Any]) -> Store[Any]:
    """A store of which nothing but the namespace red is watched: what tests ask of the whole is asked of that."""
    store: Store[Any] = Store(kind)
    store.whole = store.divide(["red"])["red"]
    return store


class Stored(stored.StoreTestCase):
    """A part of a store."""

    def new_store(self) -> Store[Thing]:
        return part_of(THINGS)


class Scripted(scripted.ReflectorTestCase):
    """The watch of a part."""

    path = "/apis/example.io/v1/namespaces/red/things"

    def new_store(self) -> Store[Any]:
        return part_of(self.kind)

    def reflect(self, store: Store[Any]) -> Watch:
        means = Means(Origin(self.agent, self.token, self.turns), self.clock, lambda: self.chance)
        return Watch(store, store.whole, means, lambda: None)


class ApplyOfPartTests(Stored, test_store.ApplyTests):
    """test_store.ApplyTests."""


class WriteOfPartTests(Stored, test_store.WriteTests):
    """test_store.WriteTests."""


class EmptyOfPartTests(Stored, test_store.EmptyTests):
    """test_store.EmptyTests."""


class BarrierOfPartTests(Stored, test_store_lists.BarrierTests):
    """test_store_lists.BarrierTests."""


class ReplaceOfPartTests(Stored, test_store_lists.ReplaceTests):
    """test_store_lists.ReplaceTests."""


class StreamedOfPartTests(Scripted, test_reflector_initial.StreamedTests):
    """test_reflector_initial.StreamedTests."""


class ListedOfPartTests(Scripted, test_reflector_initial.ListedTests):
    """test_reflector_initial.ListedTests."""


class FailureOfPartTests(Scripted, test_reflector_rest.FailureTests):
    """test_reflector_rest.FailureTests."""


class RefusalOfPartTests(Scripted, test_reflector_rest.RefusalTests):
    """test_reflector_rest.RefusalTests."""


class OptionalOfPartTests(Scripted, test_reflector_rest.OptionalTests):
    """test_reflector_rest.OptionalTests."""


class NeededOfPartTests(Scripted, test_reflector_rest.NeededTests):
    """test_reflector_rest.NeededTests."""


class SliceOfPartTests(Scripted, test_reflector_state.SliceTests):
    """test_reflector_state.SliceTests."""


class StateOfPartTests(Scripted, test_reflector_state.StateTests):
    """test_reflector_state.StateTests."""


class HealthOfPartTests(Scripted, test_reflector_state.HealthTests):
    """test_reflector_state.HealthTests."""


class StopOfPartTests(Scripted, test_reflector_state.StopTests):
    """test_reflector_state.StopTests."""


class TransformOfPartTests(Scripted, test_reflector_state.TransformTests):
    """test_reflector_state.TransformTests."""


class EventOfPartTests(Scripted, test_reflector_watch.EventTests):
    """test_reflector_watch.EventTests."""


class EndOfPartTests(Scripted, test_reflector_watch.EndTests):
    """test_reflector_watch.EndTests."""


class SilenceOfPartTests(Scripted, test_reflector_watch.SilenceTests):
    """test_reflector_watch.SilenceTests."""


class BurstOfPartTests(Scripted, test_reflector_watch.BurstTests):
    """test_reflector_watch.BurstTests."""


class AuditOfPartTests(Scripted, test_reflector_audit.AuditTests):
    """test_reflector_audit.AuditTests."""


class CutOfPartTests(Scripted, test_cuts.CutTests):
    """test_cuts.CutTests."""
