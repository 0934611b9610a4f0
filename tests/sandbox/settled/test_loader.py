"""Servers are loaded once their project is there, and once only."""

from collections.abc import Callable, Iterable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.sandbox.apiserver.history import Event
from dicot.sandbox.settled.ground import ground
from dicot.sandbox.settled.loader import BATCH, LOADED, PAUSE, Loader, Placed
from dicot.sandbox.settled.manifests import GUESTS, MACHINES, PORTS

from .stage import GROUND, Stage, seeds

NEEDED = [name for name in seeds() if not name.startswith("node-")]


class GroundTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stage = Stage()

    def test_it_is_read_from_objects(self) -> None:
        self.stage.plant()
        self.assertEqual(ground(self.stage.objects), GROUND)

    def test_nothing_may_be_missing(self) -> None:
        for name in NEEDED:
            stage = Stage()
            stage.plant(name)
            self.assertIsNone(ground(stage.objects), name)

    def test_a_project_that_goes_gets_nothing(self) -> None:
        self.stage.plant()
        project = self.stage.found(("", "namespaces"), "demo", "")
        project["metadata"]["deletionTimestamp"] = "2027-01-15T08:00:00Z"
        self.stage.put(("", "namespaces"), project)
        self.assertIsNone(ground(self.stage.objects))

    def test_flavors_without_a_disk_and_images_of_volumes_are_left_out(self) -> None:
        self.stage.plant()
        where, flavor = seeds()["flavor"]
        flavor["metadata"] |= {"name": "bare", "annotations": {}}
        self.stage.put(where, flavor)
        where, image = seeds()["image"]
        image["metadata"] |= {"name": "volume", "annotations": {}}
        self.stage.put(where, image)
        self.assertEqual(ground(self.stage.objects), GROUND)


class LoaderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stage = Stage()

    def loader(self, servers: int) -> Loader:
        stage = self.stage
        loader = Loader(stage.storage, stage.objects, stage.watches, stage.clock, servers)
        loader.startService()
        self.addCleanup(loader.stopService)
        return loader

    def run_turns(self, count: int = 20) -> None:
        for _ in range(count):
            self.stage.clock.advance(0)

    def batches(self, then: Callable[[], object] = lambda: None) -> list[int]:
        """How many servers there are after each batch; ``then`` is done after it."""
        counts: list[int] = []
        fill = self.stage.storage.fill

        def counted(objects: Iterable[Placed]) -> None:
            fill(objects)
            counts.append(self.count())
            self.stage.clock.callLater(0, then)

        self.patch(self.stage.storage, "fill", counted)
        self.run_turns()
        return counts

    def count(self) -> int:
        return len(self.stage.names(MACHINES))

    def test_it_waits_for_the_project(self) -> None:
        self.loader(30)
        self.run_turns()
        self.assertEqual(self.count(), 0)
        self.stage.plant()
        self.stage.clock.advance(PAUSE)
        self.assertEqual(self.count(), 30)
        self.assertEqual((len(self.stage.names(GUESTS)), len(self.stage.names(PORTS))), (27, 30))

    def test_a_batch_a_turn(self) -> None:
        self.stage.plant()
        self.loader(2 * BATCH + 1)
        self.assertEqual(self.batches(), [BATCH, 2 * BATCH, 2 * BATCH + 1])

    def test_a_second_start_loads_only_what_is_more(self) -> None:
        self.stage.plant()
        self.loader(20)
        self.run_turns()
        gone = self.stage.names(MACHINES)[0]
        self.stage.storage.remove(MACHINES, "demo", gone)
        self.loader(20)
        self.run_turns()
        self.assertEqual(self.count(), 19)
        self.loader(25)
        self.run_turns()
        self.assertEqual(self.count(), 24)
        self.assertNotIn(gone, self.stage.names(MACHINES))

    def test_what_a_run_that_was_cut_off_had_loaded_is_not_loaded_twice(self) -> None:
        self.stage.plant()
        self.assertEqual(self.batches(self.loader(BATCH + 50).stopService), [BATCH])
        before = self.stage.storage.shelf(MACHINES).bodies.copy()
        self.loader(BATCH + 50)
        self.run_turns()
        after = self.stage.storage.shelf(MACHINES)
        self.assertEqual((len(after.keys), len(set(after.keys))), (BATCH + 50, BATCH + 50))
        self.assertEqual({key: after.bodies[key] for key in before}, before)

    def test_the_project_says_how_many_there_are(self) -> None:
        self.stage.plant()
        self.loader(20)
        self.run_turns()
        project = self.stage.found(("", "namespaces"), "demo", "")
        self.assertEqual(project["metadata"]["annotations"][LOADED], "20")

    def test_nobody_is_told_of_each_object_but_who_watches_begins_anew(self) -> None:
        self.stage.plant()
        told: list[Event] = []
        self.stage.storage.listen(told.append)
        stopped: list[Any] = []
        self.patch(self.stage.watches, "stop", stopped.append)
        version = self.stage.storage.version
        self.loader(20)
        self.run_turns()
        self.assertEqual([event.where for event in told], [("", "namespaces")])
        self.assertEqual(stopped, [MACHINES, GUESTS, PORTS])
        self.assertFalse(self.stage.storage.history.knows(version))

    def test_versions_are_those_of_the_server_and_keys_in_order(self) -> None:
        self.stage.plant()
        self.loader(20)
        self.run_turns()
        names = self.stage.names(MACHINES)
        versions = [int(self.stage.found(MACHINES, name)["metadata"]["resourceVersion"]) for name in names]
        self.assertEqual((names, len(set(versions))), (sorted(names), 20))
        self.assertLessEqual(max(versions), self.stage.storage.version)
