"""When the garbage collector works."""

import gc
import os
import subprocess
import sys

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.collector import PATIENCE, THRESHOLDS, Collector


class CollectorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.usual = gc.get_threshold()
        self.clock = Clock()
        self.collector = Collector(self.clock)
        self.collector.startService()
        self.addCleanup(self.stop)

    def stop(self) -> None:
        if self.collector.running:
            self.collector.stopService()

    def test_it_rests_until_the_first_lists_are_whole(self) -> None:
        self.assertFalse(gc.isenabled())
        frozen = gc.get_freeze_count()
        kept = [[number] for number in range(1000)]
        self.collector.settle()
        self.assertTrue(gc.isenabled())
        self.assertEqual(gc.get_threshold(), THRESHOLDS)
        self.assertTrue(gc.get_freeze_count() >= frozen + len(kept))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_does_not_rest_for_ever(self) -> None:
        self.clock.advance(PATIENCE)
        self.assertTrue(gc.isenabled())
        self.collector.settle()
        self.assertTrue(gc.isenabled())

    def test_a_daemon_that_stops_leaves_it_as_it_was(self) -> None:
        self.collector.stopService()
        self.assertEqual((gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()), (True, self.usual, 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])


class MemoryTests(SynchronousTestCase):
    """What is kept of memory that is free."""

    def test_hashes_of_passwords_leave_nothing_behind(self) -> None:
        code = (
            "from concurrent.futures import ThreadPoolExecutor\n"
            "from pathlib import Path\n"
            "from dicot.collector import keep_little\n"
            "from dicot.identity.password import HASHER\n"
            "kept = lambda: int(Path('/proc/self/statm').read_text().split()[1]) * 4096\n"
            "keep_little()\n"
            "before = kept()\n"
            "with ThreadPoolExecutor(1) as pool:\n"
            "    for _ in range(3):\n"
            "        pool.submit(HASHER.hash, 'secret').result()\n"
            "    print(kept() - before)\n"
        )
        environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, check=True)
        self.assertLess(int(done.stdout), 8_000_000)
