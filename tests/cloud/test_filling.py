"""Many entries at once: the same as one by one, whatever changes meanwhile."""

import random
from collections.abc import Iterator
from itertools import chain

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.reading.block import MOST
from dicot.cloud.reading.filling import Filling, in_order
from dicot.cloud.reading.fragments import Allowance
from dicot.cloud.reading.order import rank
from dicot.cloud.reading.shelf import Entry, Page, Query, Shelf, Steps

SHAPE = ("brief", 0, False)
SCOPES = ("red", "blue", "green")
ALL = 1 << 40


def entry(number: int, dice: random.Random) -> Entry:
    """One of a few scopes, orders that many share, ids that two share."""
    return Entry(
        place=f"{number:05}",
        scope=dice.choice(SCOPES),
        id=f"id-{number // 2}",
        order=f"{dice.randrange(2000):05}",
        name=f"name-{dice.randrange(50)}",
        status=dice.choice(("ACTIVE", "SHUTOFF")),
    )


def page(steps: Steps) -> Page:
    """A page with its steps run to the end."""
    try:
        while True:
            next(steps)
    except StopIteration as end:
        found: Page = end.value
        return found


class FillTests(SynchronousTestCase):
    """Two shelves: one is filled while it changes, the other gets the same one by one."""

    def setUp(self) -> None:
        self.dice = random.Random(11)
        self.filled, self.plain = (Shelf(lambda place, shape: place.encode(), Allowance()) for _ in range(2))

    def check(self) -> None:
        """Whatever is asked, both answer the same."""
        self.assertEqual(len(self.filled), len(self.plain))
        self.assertEqual(set(self.filled.scopes()), set(self.plain.scopes()))
        for scopes in (*((scope,) for scope in SCOPES), SCOPES, SCOPES[:2]):
            for query in (Query(ALL), Query(ALL, status="ACTIVE"), Query(ALL, sort=(("name", True),))):
                shown = [page(shelf.page(scopes, query, SHAPE)).parts for shelf in (self.filled, self.plain)]
                self.assertEqual(*shown)
        for number in range(2100):
            shown_one = [shelf.one(SCOPES, f"id-{number}", SHAPE) for shelf in (self.filled, self.plain)]
            self.assertEqual(*shown_one)

    def change(self, number: int) -> None:
        """The same of both: an entry comes, changes or goes; or a scope goes."""
        if number % 97 == 0:
            scope = self.dice.choice(SCOPES)
            for shelf in (self.filled, self.plain):
                shelf.purge(scope)
        elif number % 3:
            made = entry(number, self.dice)
            for shelf in (self.filled, self.plain):
                shelf.put(made)
        else:
            for shelf in (self.filled, self.plain):
                shelf.drop(f"{number:05}")

    def fill(self, count: int, changes: int) -> Iterator[None]:
        for number in self.dice.sample(range(4000), 200):
            self.change(number)
        found = {made.place: made for made in (entry(number, self.dice) for number in range(count))}
        for made in found.values():
            self.plain.put(made)
        steps = self.filled.fill(found)
        for _ in steps:
            for number in self.dice.sample(range(4200), changes):
                self.change(number)
            yield

    def test_nothing_changes_meanwhile(self) -> None:
        for _ in self.fill(4000, 0):
            pass
        self.check()

    def test_much_changes_meanwhile(self) -> None:
        for _ in self.fill(4000, 40):
            pass
        self.check()
        for number in range(4000):
            self.change(number)
        self.check()

    def test_none_and_few(self) -> None:
        for count in (0, 1, 2):
            for _ in self.fill(count, 0):
                pass
            self.check()

    def test_until_the_end_what_was_there_is_shown(self) -> None:
        self.filled.put(Entry("00001", "red", "old", "1"))
        steps = self.filled.fill({"00002": Entry("00002", "red", "new", "0")})
        next(steps)
        self.filled.put(Entry("00003", "red", "late", "2"))
        self.assertEqual(page(self.filled.page(("red",), Query(ALL), SHAPE)).parts, [b"00001", b"00003"])
        for _ in steps:
            pass
        self.assertEqual(page(self.filled.page(("red",), Query(ALL), SHAPE)).parts, [b"00002", b"00001", b"00003"])


class OrderTests(SynchronousTestCase):
    """What filling is made of."""

    def test_all_come_by_rank_a_little_at_a_time(self) -> None:
        dice = random.Random(3)
        entries = [entry(number, dice) for number in range(20_000)]
        dice.shuffle(entries)
        steps = list(in_order(entries))
        self.assertEqual(list(chain.from_iterable(steps)), sorted(entries, key=rank))
        self.assertLess(max(map(len, steps)), 20 * MOST)

    def test_blocks_are_full(self) -> None:
        dice = random.Random(5)
        entries = sorted((entry(number, dice) for number in range(2 * MOST + 1)), key=rank)
        filling = Filling()
        filling.extend(entries)
        ordered = filling.ordered()
        self.assertEqual([len(block) for block in ordered.blocks(None)], [MOST, MOST, 1])
        self.assertEqual(list(ordered), entries)
        self.assertFalse(Filling().ordered())
