"""Entries in order, pages of fragments, and what they weigh."""

from collections.abc import Generator
from typing import Any, TypeVar

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.reading.block import MOST, Block
from dicot.cloud.reading.fragments import Allowance
from dicot.cloud.reading.order import Span
from dicot.cloud.reading.shelf import Entry, Page, Query, Shape, Shelf, Text, UnknownMarker, each, newest_first
from dicot.cloud.reading.texts import Texts

T = TypeVar("T")
BRIEF: Shape = ("brief", 0, False)
DETAIL: Shape = ("detail", 0, False)
EVERY = 1 << 62


def ran(steps: Generator[None, None, T]) -> tuple[T, int]:
    """The value of a generator, and after how many steps."""
    count = 0
    try:
        while True:
            next(steps)
            count += 1
    except StopIteration as end:
        value: T = end.value
        return value, count


class ShelfTests(SynchronousTestCase):
    """A shelf whose fragments are the key, the shape's view and a number that grows with each one made."""

    def setUp(self) -> None:
        self.made: list[str] = []
        self.absent: set[str] = set()
        self.allowance = Allowance()
        self.shelf = Shelf(self.build, self.allowance)

    def build(self, key: str, shape: Shape) -> bytes | None:
        self.made.append(key)
        return None if key in self.absent else f"{key}/{shape[0]}".encode()

    def put(self, key: str, scope: str = "red", **fields: Any) -> None:
        """An entry whose id and order are its key where nothing else is said."""
        said = {"place": key, "scope": scope, "id": key, "order": key} | fields
        self.shelf.put(Entry(**said))

    def page(self, *scopes: str, limit: int = EVERY, shape: Shape = BRIEF, **asked: Any) -> Page:
        """A page with its steps run to the end."""
        query = Query(limit, **asked)
        return ran(self.shelf.page(scopes, query, shape))[0]

    def keys(self, *scopes: str, limit: int = EVERY, **asked: Any) -> list[str]:
        """The keys on a page."""
        return [part.decode().partition("/")[0] for part in self.page(*scopes, limit=limit, **asked).parts]


class OrderTests(ShelfTests):
    """Where entries stand."""

    def test_entries_are_in_order(self) -> None:
        for key in ("c", "a", "b"):
            self.put(key)
        self.assertEqual(self.keys("red"), ["a", "b", "c"])

    def test_newest_come_first_as_nova_sorts(self) -> None:
        for id, created in (("1", "2026-01-01"), ("2", "2026-01-02"), ("3", "2026-01-01")):
            self.put(id, order=newest_first(created, id))
        self.assertEqual(self.keys("red"), ["2", "3", "1"])

    def test_newest_first_turns_every_order_round(self) -> None:
        pairs = [
            (f"{year}-0{month}", id) for year in (1, 2026) for month in (1, 9) for id in ("", "a", "a-", "aa", "b")
        ]
        self.assertEqual(
            sorted(pairs, key=lambda pair: newest_first(*pair)),
            sorted(pairs, key=lambda pair: "".join(chr(0xFFFF - ord(letter)) for letter in "\0".join(pair))),
        )

    def test_entry_that_changes_its_order_moves(self) -> None:
        self.put("a")
        self.put("b")
        self.put("a", order="z")
        self.assertEqual(self.keys("red"), ["b", "a"])

    def test_entry_that_changes_its_scope_leaves_the_old_one(self) -> None:
        self.put("a")
        self.put("a", scope="blue")
        self.assertEqual((self.keys("red"), self.keys("blue")), ([], ["a"]))
        self.assertIsNone(self.shelf.one(["red"], "a", BRIEF))

    def test_dropped_entry_is_nowhere(self) -> None:
        self.put("a", name="n", status="ACTIVE")
        self.shelf.drop("a")
        self.shelf.drop("a")
        self.assertEqual(self.keys("red"), [])
        self.assertEqual((self.keys("red", name="n"), self.keys("red", status="ACTIVE")), ([], []))
        self.assertEqual((len(self.shelf), self.shelf.scopes()), (0, ()))

    def test_purged_scope_is_gone_and_others_stay(self) -> None:
        self.put("a")
        self.put("b", scope="blue")
        self.put("c")
        self.shelf.purge("red")
        self.shelf.purge("unheard-of")
        self.assertEqual((self.keys("red", "blue"), self.shelf.scopes()), (["b"], ("blue",)))
        self.assertIsNone(self.shelf.only("a", BRIEF))

    def test_foreign_scope_is_not_seen(self) -> None:
        self.put("a")
        self.put("b", scope="blue")
        self.assertEqual(self.keys("blue"), ["b"])
        self.assertEqual(self.keys("green"), [])
        self.assertIsNone(self.shelf.one(["blue"], "a", BRIEF))

    def test_scopes_are_merged_in_one_order(self) -> None:
        for number, key in enumerate("abcdef"):
            self.put(key, scope=("red", "blue", "green")[number % 3])
        self.assertEqual(self.keys("red", "blue"), ["a", "b", "d", "e"])
        self.assertEqual(self.keys("red", "green", "red"), ["a", "c", "d", "f"])
        self.assertEqual(self.keys(*self.shelf.scopes()), list("abcdef"))

    def test_same_order_is_settled_by_the_key(self) -> None:
        for key in ("b", "a", "c"):
            self.put(key, order="same")
        self.assertEqual(self.keys("red"), ["a", "b", "c"])
        self.shelf.drop("b")
        self.assertEqual(self.keys("red"), ["a", "c"])


class PageTests(ShelfTests):
    """Markers, limits, filters and sorting."""

    def setUp(self) -> None:
        super().setUp()
        for number in range(10):
            self.put(f"k{number}", name=f"n{number % 2}", status="ERROR" if number == 7 else "ACTIVE")

    def test_page_ends_at_its_limit_and_says_so(self) -> None:
        page = self.page("red", limit=4)
        self.assertEqual((len(page.parts), page.more, page.last), (4, True, "k3"))
        page = self.page("red", limit=10)
        self.assertEqual((len(page.parts), page.more, page.last), (10, False, "k9"))

    def test_no_entries_are_wanted_or_there(self) -> None:
        for page in (self.page("red", limit=0), self.page("none")):
            self.assertEqual((list(page.parts), page.more, page.last), ([], False, ""))

    def test_pages_follow_one_another(self) -> None:
        self.put("b1", scope="blue", order="k35")
        for scopes in (("red",), ("red", "blue")):
            seen: list[str] = []
            marker, more = "", True
            while more:
                page = self.page(*scopes, limit=3, marker=marker)
                seen += [part.decode().partition("/")[0] for part in page.parts]
                marker, more = page.last, page.more
            self.assertEqual(seen, self.keys(*scopes))

    def test_marker_in_another_scope_is_behind_what_it_precedes(self) -> None:
        self.put("b1", scope="blue", order="k35")
        self.assertEqual(self.keys("red", "blue", limit=2, marker="b1"), ["k4", "k5"])

    def test_unknown_marker_is_refused(self) -> None:
        self.put("b1", scope="blue")
        for scopes, marker in ((("red",), "b1"), (("none",), "k1"), (("red",), "nothing")):
            error = self.assertRaises(UnknownMarker, self.page, *scopes, marker=marker)
            self.assertEqual(error.marker, marker)

    def test_marker_that_two_answer_to_never_leads_back(self) -> None:
        self.put("z", scope="blue", id="k1")
        self.assertEqual(self.keys("red", "blue", marker="k1"), [])

    def test_name_and_status(self) -> None:
        self.assertEqual(self.keys("red", name="n1"), ["k1", "k3", "k5", "k7", "k9"])
        self.assertEqual(self.keys("red", name="n1", status="ERROR"), ["k7"])
        self.assertEqual(self.keys("red", status="ERROR"), ["k7"])
        self.assertEqual(self.keys("red", name="n1", limit=2, marker="k3"), ["k5", "k7"])
        self.assertEqual(self.keys("red", name="none"), [])

    def test_indexes_follow_a_change_in_place(self) -> None:
        self.put("k7", name="renamed", status="ACTIVE")
        self.assertEqual((self.keys("red", status="ERROR"), self.keys("red", name="renamed")), ([], ["k7"]))
        self.assertNotIn("k7", self.keys("red", name="n1"))

    def test_match_sees_what_the_indexes_left(self) -> None:
        page = self.page("red", name="n0", match=each(lambda entry: entry.id > "k3"), limit=2)
        self.assertEqual((list(page.parts), page.more), ([b"k4/brief", b"k6/brief"], True))

    def test_sorted_by_a_column_then_in_order(self) -> None:
        self.assertEqual(self.keys("red", sort=(("name", False),), limit=6), ["k1", "k3", "k5", "k7", "k9", "k0"])
        self.assertEqual(self.keys("red", sort=(("status", False), ("id", False)), limit=2), ["k7", "k9"])

    def test_sorted_by_a_value_of_columns(self) -> None:
        self.put("x", columns=("9", "a"))
        self.put("y", columns=("8", "b"))
        self.put("z", columns=("7",))
        only = each(lambda entry: entry.id in ("x", "y", "z"))
        self.assertEqual(self.keys("red", sort=(("1", True),), match=only), ["z", "x", "y"])
        self.assertEqual(self.keys("red", sort=(("0", True),), match=only), ["z", "y", "x"])

    def test_sorted_pages_follow_one_another(self) -> None:
        sort = (("name", False), ("status", True), ("id", False))
        whole = self.keys("red", sort=sort)
        self.assertEqual(whole[:3], ["k9", "k5", "k3"])
        for place, key in enumerate(whole):
            self.assertEqual(self.keys("red", sort=sort, marker=key, limit=3), whole[place + 1 : place + 4])

    def test_marker_need_not_match_the_filters(self) -> None:
        self.assertEqual(self.keys("red", name="n1", marker="k4"), ["k5", "k7", "k9"])
        self.assertEqual(self.keys("red", name="n1", sort=(("id", False),), marker="k4"), ["k3", "k1"])


class LargeTests(ShelfTests):
    """Scans are laid down again and again, and what changes meanwhile does no harm."""

    def setUp(self) -> None:
        super().setUp()
        for number in range(6000):
            self.put(f"{number:05}", name=f"n{number % 7}", status="ACTIVE")

    def test_scan_is_made_in_steps(self) -> None:
        query = Query(10, match=each(lambda entry: entry.id > "05500"))
        page, steps = ran(self.shelf.page(["red"], query, BRIEF))
        self.assertEqual((len(page.parts), page.last), (10, "05510"))
        self.assertEqual(steps, 5500 // MOST + 10)

    def test_common_status_is_walked_until_the_page_is_full(self) -> None:
        page, steps = ran(self.shelf.page(["red"], Query(5, status="ACTIVE"), BRIEF))
        self.assertEqual((page.last, page.more, steps), ("00004", True, 5))

    def test_sorting_finds_the_first_of_all(self) -> None:
        self.assertEqual(self.keys("red", sort=(("id", False),), limit=3), ["05999", "05998", "05997"])
        self.assertEqual(self.keys("red", sort=(("id", False),), limit=2, marker="03000"), ["02999", "02998"])
        self.assertEqual(len(self.keys("red", sort=(("name", True),))), 6000)

    def test_what_goes_between_two_steps_is_left_out(self) -> None:
        for sort in ((), (("id", True),)):
            steps = self.shelf.page(["red"], Query(3, match=each(lambda entry: entry.id < "00003"), sort=sort), BRIEF)
            next(steps)
            self.shelf.drop("00001")
            page, _ = ran(steps)
            self.assertEqual(list(page.parts), [b"00000/brief", b"00002/brief"])
            self.put("00001", name="n1", status="ACTIVE")

    def test_what_changes_hands_between_two_steps_is_left_out(self) -> None:
        steps = self.shelf.page(["red"], Query(2), BRIEF)
        next(steps)
        self.put("00001", scope="blue")
        page, _ = ran(steps)
        self.assertEqual(list(page.parts), [b"00000/brief"])


class FragmentTests(ShelfTests):
    """Fragments are made once for each state of an entry."""

    def test_fragment_is_made_when_it_is_first_asked_for(self) -> None:
        self.put("a")
        self.assertEqual(self.made, [])
        self.assertEqual(self.shelf.one(["red"], "a", BRIEF), b"a/brief")
        self.assertEqual(self.keys("red"), ["a"])
        self.assertEqual(self.made, ["a"])

    def test_page_of_ready_fragments_takes_no_step(self) -> None:
        for key in "abc":
            self.put(key)
        self.assertEqual(ran(self.shelf.page(["red"], Query(9), BRIEF))[1], 3)
        self.assertEqual(ran(self.shelf.page(["red"], Query(9), BRIEF))[1], 0)

    def test_put_forgets_every_shape(self) -> None:
        self.put("a")
        for shape in (BRIEF, DETAIL):
            self.shelf.one(["red"], "a", shape)
        self.put("a")
        for shape in (BRIEF, DETAIL):
            self.shelf.one(["red"], "a", shape)
        self.assertEqual(self.made, ["a"] * 4)

    def test_entry_that_cannot_be_shown_is_left_out(self) -> None:
        for key in "abc":
            self.put(key)
        self.absent.add("b")
        page = self.page("red")
        self.assertEqual((list(page.parts), page.last), ([b"a/brief", b"c/brief"], "c"))
        self.assertIsNone(self.shelf.one(["red"], "b", BRIEF))

    def test_first_scope_that_has_the_id_answers(self) -> None:
        self.put("a", id="same")
        self.put("b", scope="blue", id="same")
        self.assertEqual(self.shelf.one(["red", "blue"], "same", BRIEF), b"a/brief")
        self.assertEqual(self.shelf.one(["blue", "red"], "same", BRIEF), b"b/brief")

    def test_only_one_answers_for_all_scopes(self) -> None:
        self.put("a", id="same")
        self.assertEqual(self.shelf.only("same", BRIEF), b"a/brief")
        self.put("b", scope="blue", id="same")
        self.assertIsNone(self.shelf.only("same", BRIEF))
        self.assertIsNone(self.shelf.only("none", BRIEF))

    def test_four_shapes_are_kept(self) -> None:
        self.put("a")
        shapes: list[Shape] = [("v", number, False) for number in range(5)]
        for shape in (*shapes[:4], shapes[0], shapes[4]):
            self.shelf.one(["red"], "a", shape)
        self.made.clear()
        for shape in (shapes[0], shapes[2], shapes[3], shapes[4]):
            self.shelf.one(["red"], "a", shape)
        self.assertEqual(self.made, [])
        self.shelf.one(["red"], "a", shapes[1])
        self.assertEqual(self.made, ["a"])


class AllowanceTests(SynchronousTestCase):
    """All shelves share one limit of bytes."""

    def setUp(self) -> None:
        self.allowance = Allowance(5000)
        self.made: list[tuple[str, str]] = []
        self.shelves = [Shelf(self.build, self.allowance) for _ in range(2)]
        for shelf in self.shelves:
            for key in "abc":
                shelf.put(Entry(place=key, scope="", id=key, order=key))

    def build(self, key: str, shape: Shape) -> bytes:
        self.made.append((key, shape[0]))
        return b"x" * 880

    def test_shape_that_was_longest_unused_goes_first(self) -> None:
        one, other = self.shelves
        one.one([""], "a", BRIEF)
        one.one([""], "a", DETAIL)
        one.one([""], "a", BRIEF)
        for key in "abc":
            other.one([""], key, BRIEF)
        self.assertEqual(self.allowance.used, 5000)
        other.one([""], "a", DETAIL)
        self.assertEqual(self.allowance.used, 5000)
        self.made.clear()
        one.one([""], "a", BRIEF)
        self.assertEqual(self.made, [])
        one.one([""], "a", DETAIL)
        self.assertEqual(self.made, [("a", "detail")])

    def test_one_shape_beyond_the_limit_is_served_all_the_same(self) -> None:
        shelf = self.shelves[0]
        for key in "defgh":
            shelf.put(Entry(place=key, scope="", id=key, order=key))
        page, _ = ran(shelf.page([""], Query(99), BRIEF))
        self.assertEqual(len(page.parts), 8)
        self.assertTrue(self.allowance.used <= 5000)

    def test_what_is_dropped_is_given_back(self) -> None:
        shelf = self.shelves[0]
        for shape in (BRIEF, DETAIL):
            ran(shelf.page([""], Query(9), shape))
        shelf.put(Entry(place="a", scope="", id="a", order="a"))
        shelf.drop("b")
        shelf.purge("")
        self.assertEqual(self.allowance.used, 0)


class TextTests(ShelfTests):
    """Pages whose blocks are known as a whole."""

    def setUp(self) -> None:
        super().setUp()
        for number in range(3 * MOST + 20):
            self.put(f"{number:05}", name="x")
        self.page("red")

    def text(self, *scopes: str, limit: int = EVERY, shape: Shape = BRIEF, **asked: Any) -> Text:
        """A page as text, which says what its fragments do."""
        said = scopes or ("red",)
        query = Query(limit, **asked)
        found = ran(self.shelf.text(said, query, shape))[0]
        page = self.page(*said, limit=limit, shape=shape, **asked)
        self.assertEqual(b", ".join(b", ".join(run) for run in found.runs if run), b", ".join(page.parts))
        self.assertEqual((found.count, found.more, found.last), (len(page.parts), page.more, page.last))
        return found

    def whole(self, text: Text) -> list[bool]:
        """Which of the runs are in one piece."""
        return [len(run) == 1 and run[0].count(b", ") > 9 for run in text.runs]

    def settle(self) -> Text:
        """What it says from the third time on."""
        return [self.text() for _ in range(3)][-1]

    def test_a_block_is_joined_when_it_is_asked_for_again(self) -> None:
        self.assertEqual(self.whole(self.text()), [False] * 4)
        self.assertEqual(self.whole(self.text()), [False] * 4)
        found = self.text()
        self.assertEqual(self.whole(found), [True] * 4)
        for run, again in zip(found.runs, self.text().runs, strict=True):
            self.assertIs(run[0], again[0])

    def test_a_block_of_which_one_changes_is_joined_anew(self) -> None:
        self.settle()
        for change in (
            lambda: self.put("00300", name="y"),
            lambda: self.shelf.drop("00301"),
            lambda: self.put("00301"),
            lambda: self.put("00302", order="003025"),
        ):
            change()
            self.page("red")
            self.assertEqual(self.whole(self.text()), [True, False, True, True])
            self.assertEqual(self.whole(self.settle()), [True] * 4)

    def test_a_change_is_seen_at_once(self) -> None:
        self.settle()
        for name in "abc":
            self.patch(self.shelf, "_build", lambda key, shape, name=name: name.encode())
            self.put("00300", name=name)
            self.assertEqual(b", ".join(b", ".join(run) for run in self.text().runs).split(b", ")[300], name.encode())
            self.settle()

    def test_a_page_that_ends_within_a_block_is_joined_too(self) -> None:
        for asked in ({"limit": MOST + 20}, {"limit": MOST + 20, "marker": f"{MOST - 31:05}"}):
            self.assertEqual(self.whole([self.text(**asked) for _ in range(3)][-1]), [True] * 2)
        self.put("00260", name="y")
        self.page("red")
        self.assertEqual(self.whole(self.text(limit=MOST + 20)), [True, False])

    def test_pages_begin_and_end_within_blocks(self) -> None:
        for limit in (1, 2, MOST - 1, MOST, MOST + 1, 2 * MOST, 3 * MOST + 19, 3 * MOST + 20, 3 * MOST + 21):
            for marker in ("", "00000", "00001", f"{MOST - 2:05}", f"{MOST - 1:05}", f"{MOST:05}", "00786", "00787"):
                for _ in range(3):
                    self.text(limit=limit, marker=marker)

    def test_shapes_have_their_own(self) -> None:
        self.settle()
        self.page("red", shape=DETAIL)
        self.assertEqual(self.whole(self.text(shape=DETAIL)), [False] * 4)
        self.assertEqual(self.whole(self.text()), [True] * 4)

    def test_other_lists_are_of_fragments(self) -> None:
        self.put("blue", "blue")
        self.put("green", "green")
        for asked in ({"name": "x"}, {"sort": (("name", True),)}, {"limit": 0}):
            for _ in range(3):
                self.assertNotIn(True, self.whole(self.text(**asked)))
                self.assertNotIn(True, self.whole(self.text("red", "blue")))
        self.assertRaises(UnknownMarker, self.text, marker="none")
        self.assertRaises(UnknownMarker, self.text, "nowhere", marker="none")

    def test_what_shows_nothing_is_left_out(self) -> None:
        self.absent.add("00007")
        self.put("00007", name="y")
        for _ in range(3):
            self.assertEqual(self.text().count, 3 * MOST + 19)


class TextsTests(SynchronousTestCase):
    """What is kept of blocks' texts."""

    def setUp(self) -> None:
        self.texts = Texts(3000)

    def keep(self, part: bytes) -> Span:
        span = Span(Block([]), 0, ())
        for _ in range(2):
            self.texts.offer(span, BRIEF, [part] * 10)
        return span

    def test_those_longest_unused_go_first(self) -> None:
        spans = [self.keep(b"x" * 50) for _ in range(3)]
        self.assertTrue(self.texts.of(spans[0], BRIEF))
        self.keep(b"x" * 50)
        self.assertEqual([bool(self.texts.of(span, BRIEF)) for span in spans], [True, False, True])
        self.assertEqual(self.texts.size, 3 * (400 + 518))

    def test_those_seen_once_count_too(self) -> None:
        for _ in range(100):
            self.texts.offer(Span(Block([]), 0, ()), BRIEF, [b"x"])
        self.assertEqual(self.texts.size, 2800)

    def test_too_long_for_all(self) -> None:
        span = self.keep(b"x" * 1000)
        self.assertEqual((self.texts.of(span, BRIEF), self.texts.size), ((), 0))

    def test_long_ones_are_several(self) -> None:
        self.texts = Texts()
        found = self.texts.of(self.keep(b"x" * 100_000), BRIEF)
        self.assertEqual([len(text) for text in found], [200_002] * 5)
        self.assertEqual(b", ".join(found), b", ".join([b"x" * 100_000] * 10))
