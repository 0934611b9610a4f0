"""Settled servers that are renamed at a rate."""

from twisted.trial.unittest import SynchronousTestCase

from dicot.names import NAME
from dicot.sandbox.apiserver.history import Event
from dicot.sandbox.settled.loader import PAUSE, Loader
from dicot.sandbox.settled.manifests import MACHINES
from dicot.sandbox.settled.mark import SETTLED
from dicot.sandbox.settled.renaming import MOMENT, SOME, TICK, Renamer

from .stage import NOW, Stage


class RenamerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stage = Stage()
        self.told: list[Event] = []
        self.stage.storage.listen(self.told.append)

    def load(self, servers: int = 30) -> None:
        self.stage.plant()
        loader = Loader(self.stage.storage, self.stage.objects, self.stage.watches, self.stage.clock, servers)
        loader.startService()
        for _ in range(5):
            self.stage.clock.advance(0)
        self.told.clear()

    def rename(self, rate: int) -> Renamer:
        stage = self.stage
        renamer = Renamer(stage.storage, stage.objects, stage.clock, stage.clock.seconds, rate)
        renamer.startService()
        self.addCleanup(renamer.stopService)
        return renamer

    def run_for(self, seconds: float) -> None:
        self.stage.clock.pump([TICK] * round(seconds / TICK))

    def test_it_keeps_its_rate(self) -> None:
        self.load()
        self.rename(500)
        self.run_for(2.0)
        self.assertIn(len(self.told), range(990, 1001))
        self.assertEqual({event.where for event in self.told}, {MACHINES})
        self.assertEqual(len({event.name for event in self.told}), SOME)

    def test_it_catches_up_after_a_stall(self) -> None:
        self.load()
        self.rename(100)
        self.stage.clock.advance(0)
        self.stage.clock.advance(1.0)
        self.assertEqual(len(self.told), 100)

    def test_names_tell_their_moment_and_servers_sleep_on(self) -> None:
        self.load(1)
        self.rename(10)
        self.stage.clock.advance(0)
        self.stage.clock.advance(0.25)
        [name] = self.stage.names(MACHINES)
        metadata = self.stage.found(MACHINES, name)["metadata"]
        text, _, moment = metadata["annotations"][NAME].partition(MOMENT)
        self.assertEqual((text, float(moment)), ("web-000000", NOW + 0.25))
        self.assertIn(SETTLED, metadata["labels"])

    def test_it_waits_for_servers(self) -> None:
        self.rename(100)
        self.run_for(1.0)
        self.assertEqual(self.told, [])
        self.load()
        self.run_for(PAUSE + 1.0)
        self.assertGreater(len(self.told), 0)

    def test_one_that_is_gone_or_awake_is_left_alone(self) -> None:
        self.load(2)
        gone, woken = self.stage.names(MACHINES)
        self.rename(100)
        self.run_for(0.1)
        self.stage.storage.remove(MACHINES, "demo", gone)
        self.stage.change(MACHINES, woken, lambda found: found)
        before = self.stage.found(MACHINES, woken)
        self.run_for(1.0)
        self.assertEqual(self.stage.names(MACHINES), [woken])
        self.assertEqual(self.stage.found(MACHINES, woken), before)

    def test_without_a_rate_nothing_is_done(self) -> None:
        self.load()
        before = len(self.stage.clock.getDelayedCalls())
        self.rename(0)
        self.assertEqual(len(self.stage.clock.getDelayedCalls()), before)
        self.run_for(1.0)
        self.assertEqual(self.told, [])
