"""Bodies made by chance, of which Nova itself and Dicot are to make the same.

Nothing here needs a cluster; its first use installs Nova, which is too slow for the unit tests. ``DICOT_LONG`` asks
about ten times as many, ``DICOT_SEED`` about the same again.
"""

import random
from collections import Counter
from collections.abc import Iterable
from itertools import chain

from twisted.trial.unittest import SynchronousTestCase

from tests.chance import SEED
from tests.length import IS_LONG

from .asked import MINORS, actions, by_chance, examples, in_turn, likely
from .compared import difference, shorter
from .meant import ALWAYS, MEANT, meant
from .ours import THINGS, told
from .theirs import Asked, ask

ONLY_ON = "sandbox"
STEPS = (1, 18, 19, 32, 33, 37, 42, 52, 57, 63, 67, 74, 90, 94, 104)
"""The versions at which the body of a create is another, or was for the last time."""


class BodyTests(SynchronousTestCase):
    def compare(self, asked: Iterable[Asked]) -> Counter[str]:
        """How many were taken, refused, and meant to differ, by each reason. Fails for any other difference."""
        questions, counts, wrong = list(asked), Counter[str](), list[str]()
        for question, nova in zip(questions, ask(THINGS, questions), strict=True):
            dicot = told(*question)
            found = difference(question, nova, dicot)
            reason = meant(question, nova, dicot) if found else ""
            if found and not reason:
                wrong.append(f"{shorter(question)}: {found}")
            counts[reason or ("taken" if "heard" in nova else "refused")] += 1
        if wrong:
            self.fail("\n".join((f"{len(wrong)} of {len(questions)} differ, DICOT_SEED={SEED}", *wrong[:3])))
        return counts

    def test_bodies_by_chance_at_every_version(self) -> None:
        counts = self.compare(by_chance(SEED, 40 if IS_LONG else 4))
        least = len(MINORS) * 3
        self.assertGreater(counts["taken"], least, counts)
        self.assertGreater(counts["refused"], least, counts)

    def test_every_value_in_every_field(self) -> None:
        for minor in STEPS if IS_LONG else (random.Random(SEED).choice(STEPS),):
            self.compare(in_turn(minor))

    def test_actions(self) -> None:
        for minor in (1, 104):
            self.compare(actions(minor))

    def test_new_servers_that_somebody_might_want(self) -> None:
        each = 100 if IS_LONG else 20
        counts = self.compare(likely(SEED, each, STEPS))
        self.assertGreater(counts["taken"], each * len(STEPS) // 2, counts)

    def test_every_reason_to_differ_is_one(self) -> None:
        """What is in the table comes about, so that nothing in it has outlived its cause."""
        counts = self.compare(chain(examples(), likely("reasons", 100, (36, 63))))
        self.assertEqual([case.why for case in (*ALWAYS, *MEANT) if not counts[case.why]], [])
