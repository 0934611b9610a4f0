"""Entries in blocks: the same as in one sorted list, whatever comes and goes, and whoever reads meanwhile."""

import random
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.reading.block import MOST, Block, column, grouped
from dicot.cloud.reading.order import Ordered, rank, strides
from dicot.cloud.reading.shelf import Entry


def entry(number: int, name: str = "", order: str = "", *columns: str) -> Entry:
    key = f"{number:06}"
    return Entry(place=key, scope="red", id=key, order=order or key, name=name or key, columns=columns)


def flat(blocks: Sequence[Block]) -> list[Entry]:
    return [entry for block in blocks for entry in block.entries]


class OrderedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ordered = Ordered()

    def check(self, wanted: list[Entry]) -> None:
        self.assertEqual(list(self.ordered), wanted)
        self.assertEqual(bool(self.ordered), bool(wanted))
        self.assertTrue(all(0 < len(block) <= MOST for block in self.ordered.blocks(None)))

    def test_whatever_comes_and_goes(self) -> None:
        dice = random.Random(7)
        held: dict[int, Entry] = {}
        for turn in range(6000):
            number = dice.randrange(1500)
            if number not in held:
                # Three of them have the same order each.
                held[number] = entry(number, order=f"{number // 3:06}")
                self.ordered.add(held[number])
            elif turn % 3:
                self.ordered.remove(held.pop(number))
            else:
                held[number] = entry(number, f"n{turn}", held[number].order)
                self.ordered.change(held[number])
            if turn % 500 == 0:
                self.ordered.blocks(None)
                self.check(sorted(held.values(), key=rank))
        wanted = sorted(held.values(), key=rank)
        for after in (*wanted[::50], entry(-1), entry(700, order="000233"), entry(9_999)):
            behind = [each for each in wanted if rank(each) > rank(after)]
            self.assertEqual(self.ordered.stretch(after), behind)
            self.assertEqual(self.ordered.stretch(after, 300), behind[:300])
            self.assertEqual(flat(self.ordered.blocks(after)), behind)
        gone = {each.place for each in wanted[::2]}
        self.ordered.remove_all(gone)
        self.check(wanted[1::2])
        for each in wanted[1::2]:
            self.ordered.remove(each)
        self.check([])

    def test_walks_in_order_fill_the_blocks(self) -> None:
        for numbers in (range(5000, 6000), range(4999, 4000, -1)):
            for number in numbers:
                self.ordered.add(entry(number))
        blocks = self.ordered.blocks(None)
        self.assertEqual(len(flat(blocks)), 1999)
        self.assertEqual(len(blocks), 8)

    def test_small_neighbours_become_one(self) -> None:
        entries = [entry(number) for number in range(4 * MOST)]
        for each in entries:
            self.ordered.add(each)
        for each in entries[::-1]:
            if int(each.place) % 32:
                self.ordered.remove(each)
        self.check(entries[::32])
        self.assertEqual(len(self.ordered.blocks(None)), 1)

    def test_who_reads_sees_what_was_there(self) -> None:
        entries = [entry(number) for number in range(1000)]
        for each in entries:
            self.ordered.add(each)
        seen = self.ordered.blocks(None)
        self.ordered.change(entry(500, "other"))
        self.ordered.remove(entries[3])
        self.ordered.add(entry(700, order="0006995"))
        self.ordered.add(entry(5_000))
        self.assertEqual(flat(seen), entries)
        self.assertEqual(len(list(self.ordered)), 1001)

    def test_strides_of_several(self) -> None:
        other = Ordered()
        entries = [entry(number) for number in range(1000)]
        for number, each in enumerate(entries):
            (other if number % 3 else self.ordered).add(each)
        found = list(strides([self.ordered, other], entries[10]))
        self.assertEqual(flat(found), entries[11:])
        self.assertTrue(all(len(block) <= MOST for block in found))


class BlockTests(SynchronousTestCase):
    """What is known of a column is worked out once, and again only after a value of it has changed."""

    def setUp(self) -> None:
        self.asked: list[list[str]] = []
        self.block = Block([entry(1, "a", "", "x"), entry(2, "b", "", "y"), entry(3, "a")])

    def make(self, values: Sequence[str]) -> int:
        self.asked.append(list(values))
        return len(self.asked)

    def known(self, name: str) -> int:
        return self.block.known(name, self.make)

    def test_once(self) -> None:
        self.assertEqual([self.known("name"), self.known("name"), self.known("0"), self.known("0")], [1, 1, 2, 2])
        self.assertEqual(self.asked, [["a", "b", "a"], ["x", "y", ""]])

    def test_a_change_of_another_column_keeps_it(self) -> None:
        self.known("name"), self.known("0")
        self.block.change(1, entry(2, "c", "", "y"))
        self.assertEqual((self.known("0"), self.known("name")), (2, 3))
        self.assertEqual(self.asked[2], ["a", "c", "a"])

    def test_what_comes_or_goes_changes_all(self) -> None:
        self.known("name")
        self.block.insert(0, entry(0, "z"))
        self.assertEqual(self.known("name"), 2)
        self.block.remove(2)
        self.assertEqual(self.known("name"), 3)
        self.assertEqual(self.asked[-1], ["z", "a", "a"])

    def test_a_copy_knows_the_same_and_changes_alone(self) -> None:
        self.known("name")
        copied = self.block.copy()
        self.assertEqual(copied.known("name", self.make), 1)
        copied.change(0, entry(1, "q"))
        self.assertEqual((copied.known("name", self.make), self.known("name")), (2, 1))
        self.assertEqual([each.name for each in self.block.entries], ["a", "b", "a"])

    def test_groups(self) -> None:
        self.assertEqual(self.block.known("name", grouped), {"a": b"\0\2", "b": b"\1"})
        self.assertEqual([each.id for each in self.block.at(b"\0\2")], ["000001", "000003"])
        self.assertEqual(self.block.places, b"\0\1\2")

    def test_columns(self) -> None:
        self.assertEqual([column(name)(self.block.entries[0]) for name in ("name", "0", "9")], ["a", "x", ""])
