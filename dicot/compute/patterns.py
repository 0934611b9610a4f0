"""Regular expressions of filters, matched in bounded time.

RE2 takes time linear to the text, but also to the pattern: up to 20 ns for each instruction of its program and each
byte, where its automaton does not fit into memory. So programs are bounded, and so is what is searched at a time.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import re2

LONGEST_TEXT = 1000
"""Characters that are looked at: Nova's columns hold fewer, whatever annotations say."""
LONGEST_PATTERN = 2048
LARGEST = 800
"""Instructions of a program: one text is searched in some 16 ms then, in the worst case."""
MOST_WORK = 1_000_000
"""Instructions times characters of one search: some 20 ms in the worst case, microseconds in the usual one."""
_FEW = 16
# What means something else in the middle of a text, or switches modes.
_ANCHORS = ("\\A", "\\z", "(?")


class Pattern:
    """A filter's expression: found anywhere in a text. Case does not count, as in MySQL's REGEXP.

    Many texts are searched as lines of one: each search costs some microseconds before it looks at anything.
    """

    def __init__(self, pattern: str) -> None:
        """Raises ValueError for what RE2 does not know (back references, look-around), which Python's own engine
        would accept and a hostile text could keep busy for ever; and for what is too large."""
        if len(pattern) > LONGEST_PATTERN:
            raise ValueError(pattern)
        self._single = _compiled(pattern)
        self._many = None if any(anchor in pattern for anchor in _ANCHORS) else _compiled(f"(?m){pattern}")
        self._size = max(self._single.programsize, self._single.reverseprogramsize)
        if self._size > LARGEST:
            raise ValueError(pattern)

    def found(self, text: str) -> bool:
        """Whether it is found in a text, or in one of its lines where it has several."""
        if "\n" in text:
            return any(self._single.search(line) for line in text[:LONGEST_TEXT].split("\n"))
        return self._single.search(text[:LONGEST_TEXT]) is not None

    def places(self, texts: Sequence[str]) -> Iterator[list[int]]:
        """The places of the texts in which it is found, in order; in pieces, of which each takes 20 ms at most."""
        return self._places(texts, 0)

    def _places(self, texts: Sequence[str], first: int) -> Iterator[list[int]]:
        lines = "\n".join(texts)
        is_quick = len(lines) * self._size <= MOST_WORK
        if len(texts) <= 1 or (is_quick and len(texts) <= _FEW):
            yield [first + place for place, text in enumerate(texts) if self.found(text)]
        # What is found here may be in none of them (a line break can match), but never the other way round.
        elif is_quick and self._many is not None and not self._many.search(lines):
            yield []
        else:
            half = len(texts) // 2
            yield from self._places(texts[:half], first)
            yield from self._places(texts[half:], first + half)


@lru_cache(256)
def regex(pattern: str) -> Pattern:
    """The pattern of a text, compiled once. Raises ValueError."""
    return Pattern(pattern)


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.never_capture = True
    options.max_mem = 1 << 20
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise ValueError(pattern) from None
