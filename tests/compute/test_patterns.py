"""Regular expressions of filters: what they find, and that nothing is searched for long."""

import mmap
import random
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from dicot.compute import patterns
from dicot.compute.patterns import (
    LARGEST,
    LARGEST_AUTOMATON,
    LONGEST_PATTERN,
    LONGEST_TEXT,
    MOST_PATTERNS,
    MOST_WORK,
    Lines,
    Pattern,
    regex,
)

NAMES = [f"web-{number:06}" for number in range(250)]

PATTERNS = (
    *("web", "^web-000007$", "7$", "^$", "", "[^x]$", "\\s", "r.*r", "\\Aweb-00000", "0\\z", "\\bb", "(?i)WEB"),
    *("^10.0.0.7$", "a.b", "4\\nweb", "(?-m)^a$", "ä", ".{60}", "(?s:.)", "nowhere", "\\Bb", "[[:space:]]"),
    *(
        "(?m)^b",
        "^(?:a|b)$",
        "(?P<n>7)$",
        "\\n",
        "[\\s]*$",
        "\\W",
        "\\D$",
        "(?s)a.*$",
        "x*",
        "(^|0)w",
        "\\C\\C$",
        "$^",
    ),
    *(
        "\\Q^\\E",
        "[^\\n]",
        "[\\x00-\\x{10FFFF}]",
        "\\x0a",
        "(?i-s:B)",
        "^b|^a",
        "1$|^w",
        "\\r",
        "\\\\",
        "^\\B",
        "\\b$",
    ),
)


def resident() -> int:
    """Bytes that the process has in RAM: RE2 asks for its own."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


def places(pattern: str, texts: list[str]) -> list[int]:
    return [place for piece in Pattern(pattern).places(Lines(texts)) for place in piece]


class Counting:
    """A compiled pattern that notes how long the texts are that it searches."""

    def __init__(self, inner: object) -> None:
        self._inner = inner
        self.searched: list[int] = []

    def search(self, text: bytes, start: int = 0, end: int | None = None) -> object:
        end = len(text) if end is None else end
        self.searched.append(end - start)
        return self._inner.search(text, start, end)  # type: ignore[attr-defined]


class FindingTests(SynchronousTestCase):
    def test_anywhere_and_without_case(self) -> None:
        self.assertTrue(Pattern("eB[12]").found("a web1"))
        self.assertFalse(Pattern("^eb").found("web"))

    def test_many_are_found_as_each_by_itself(self) -> None:
        few = [
            "Ärger",
            "a\nb",
            "10.0.0.7\n10.0.0.71",
            "x" * 2000,
            "a-b c",
            "end",
            "\n",
            "\n\n",
            "\\",
            "\r",
            "é" * 999,
        ]
        for texts in (NAMES + few[:6], few, [*few, "", "z"], ["", *few, *NAMES[:99], ""], [""], ["", ""], few[1:2]):
            for pattern in PATTERNS:
                wanted = [place for place, text in enumerate(texts) if text and Pattern(pattern).found(text)]
                self.assertEqual(places(pattern, texts), wanted, (pattern, texts))

    def test_in_many_pieces_the_same_are_found(self) -> None:
        texts = ["a\nb\nab", *NAMES[:20], "b\n" * 9, "", "a", "10.0.0.7\n10.0.0.71"]
        wanted = {pattern: places(pattern, texts) for pattern in PATTERNS}
        for work in (1, 100, 1000):
            self.patch(patterns, "MOST_WORK", work)
            self.assertEqual({pattern: places(pattern, texts) for pattern in PATTERNS}, wanted)

    def test_lines_are_found_one_by_one(self) -> None:
        self.assertTrue(Pattern("^10.0.0.71$").found("10.0.0.7\n10.0.0.71"))
        self.assertFalse(Pattern("7.10").found("10.0.0.7\n10.0.0.71"))

    def test_nothing_to_search(self) -> None:
        self.assertEqual(places("a", []), [])

    def test_what_is_very_long_is_not_searched_to_its_end(self) -> None:
        self.assertEqual(places("end$", ["x" * LONGEST_TEXT + "end", "end"]), [1])


class BoundTests(SynchronousTestCase):
    """Work is bounded by the size of a pattern's program times the length of the text, and both are."""

    def test_what_needs_backtracking_is_refused(self) -> None:
        for pattern in (r"(a)\1", "(?=a)", "(?<!a)b", "(", "a{2000}"):
            self.assertRaises(ValueError, Pattern, pattern)

    def test_what_is_too_large_is_refused(self) -> None:
        for pattern in (
            "a" * (LONGEST_PATTERN + 1),
            "(a?){500}a{500}",
            "(?:(?:a{1,30}){1,30})b",
            "(.?){300}",
            "x{801}",
        ):
            self.assertRaises(ValueError, Pattern, pattern)
        self.assertEqual(places("|".join(NAMES[:50]), NAMES), list(range(50)))

    def test_catastrophic_patterns_take_no_time(self) -> None:
        for pattern in ("(a+)+$", "(a|aa)+$", "(.*a){20}$", "(x+x+)+y"):
            self.assertEqual(places(pattern, ["a" * 255 + "!"] * 100), [])

    def test_no_search_exceeds_the_work(self) -> None:
        pattern = Pattern("(?:a?b?){60}z")
        size = pattern._size
        self.assertTrue(100 < size <= LARGEST)
        for texts in (["ab" * 500] * 256, ["ab" * 400, "a"] * 128, ["ab"] * 256):
            counting = pattern._many = Counting(pattern._many)
            pieces = list(pattern.places(Lines(texts)))
            self.assertEqual(sum(map(len, pieces)), 0)
            self.assertTrue(all(each * size <= MOST_WORK for each in counting.searched))
            self.assertEqual(len(pieces), len(counting.searched))

    def test_what_is_searched_one_by_one_has_a_piece_for_each(self) -> None:
        self.assertEqual(list(Pattern("\\Aa").places(Lines(["ab", "b", "a"]))), [b"\0", b"", b"\2"])

    def test_the_largest_pattern_on_the_longest_text_is_one_piece_of_work(self) -> None:
        self.assertTrue(LARGEST * LONGEST_TEXT <= MOST_WORK)

    def test_a_few_small_texts_are_one_piece(self) -> None:
        self.assertEqual(list(Pattern("7$").places(Lines(NAMES[:10]))), [b"\7"])

    def test_compiled_once(self) -> None:
        self.assertIs(regex("web"), regex("web"))
        self.assertEqual(patterns.regex.cache_info().maxsize, MOST_PATTERNS)

    def test_what_grows_as_it_is_searched_grows_little(self) -> None:
        dice = random.Random(1)
        lines = Lines(["".join(dice.choices("ab", k=999)) for _ in range(256)])
        before = resident()
        grown = [Pattern(f"a[ab]{{11}}c{number}") for number in range(20)]
        for pattern in grown:
            for _ in pattern.places(lines):
                pass
        self.assertLess(resident() - before, len(grown) * LARGEST_AUTOMATON)
