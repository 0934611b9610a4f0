"""What a cluster's start has taken."""

import os
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.expense import Steps, memory, told


class StepsTests(SynchronousTestCase):
    def test_each_step_begins_where_the_last_has_ended(self) -> None:
        clock = Clock()
        steps = Steps(clock)
        clock.advance(100)
        steps.begin()
        for name, seconds in (("one", 2), ("two", 3), ("one", 4)):
            clock.advance(seconds)
            steps.done(name)
        self.assertEqual(steps.seconds, {"one": 6, "two": 3})


class MemoryTests(SynchronousTestCase):
    def test_what_is_shared_is_counted_in_part(self) -> None:
        process = Path(self.mktemp()) / "7"
        process.mkdir(parents=True)
        (process / "smaps_rollup").write_text("Rss:     900 kB\nPss:     512 kB\nPss_Dirty:    100 kB\n")
        self.assertEqual(memory({"a": 7, "gone": 8}, process.parent), {"a": 512 * 1024, "gone": 0})

    def test_of_this_process(self) -> None:
        [found] = memory({"this": os.getpid()}).values()
        self.assertGreater(found, 1e7)


class ToldTests(SynchronousTestCase):
    def test_sums_and_parts(self) -> None:
        self.assertEqual(
            told({"kube-apiserver": 2.04, "programs": 3}, {"controlplane": 600_400_000, "virt-api": 100_000_000}),
            "the cluster was ready after 5.0 s (kube-apiserver 2.0, programs 3.0), "
            "700 MB (controlplane 600, virt-api 100)",
        )
