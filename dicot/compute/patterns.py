"""Regular expressions of filters, matched in bounded time.

RE2 takes time linear to the text, but also to the pattern: up to 20 ns for each instruction of its program and each
byte, where its automaton does not fit into memory. So programs are bounded, and so is what is searched at a time.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import re2

LONGEST_TEXT = 1000
"""Characters that are looked at: Nova's columns hold fewer, whatever annotations say."""
LONGEST_PATTERN = 2048
LARGEST = 800
"""Instructions of a program: one text is searched in some 16 ms then, in the worst case."""
MOST_WORK = 1_000_000
"""Instructions times bytes of one search: some 20 ms in the worst case, microseconds in the usual one."""
LARGEST_AUTOMATON, MOST_PATTERNS = 1 << 18, 64
"""Bytes that what is compiled of a pattern may grow to while it is searched, and patterns that are held; each is
compiled twice."""
# What means something else in the middle of a text, or may switch off that lines have ends.
_OF_ONE = re.compile(r"\\[AzC]|\(\?[a-zA-Z]*-")


class Lines:
    """Up to 256 texts as lines of one. What is empty has no line: it is found by no pattern, as SQL's NULL."""

    __slots__ = ("_owners", "text")

    def __init__(self, texts: Sequence[str]) -> None:
        lines = [text[:LONGEST_TEXT] for text in texts]
        whole = "\n".join(lines)
        self._owners: bytes | None = None
        if "" in lines or whole.count("\n") >= len(lines):
            owned = [(place, line) for place, text in enumerate(lines) if text for line in text.split("\n")]
            whole, self._owners = "\n".join([line for _, line in owned]), bytes([place for place, _ in owned])
        self.text = whole.encode()

    def __bool__(self) -> bool:
        return self._owners != b""

    def owners(self, lines: Sequence[int]) -> bytes:
        """The places of the texts that some lines are of."""
        return bytes(lines if self._owners is None else dict.fromkeys(map(self._owners.__getitem__, lines)))


class Pattern:
    """A filter's expression: found anywhere in a text. Case does not count, as in MySQL's REGEXP.

    Many texts are searched as lines of one: each search costs a microsecond before it looks at anything.
    """

    def __init__(self, pattern: str) -> None:
        """Raises ValueError for what RE2 does not know (back references, look-around), which Python's own engine
        would accept and a hostile text could keep busy for ever; and for what is too large."""
        if len(pattern) > LONGEST_PATTERN:
            raise ValueError(pattern)
        self._single = _compiled(pattern)
        self._many: Any = None if _OF_ONE.search(pattern) else _compiled(f"(?m){pattern}")
        self._size = max(self._single.programsize, self._single.reverseprogramsize)
        if self._size > LARGEST:
            raise ValueError(pattern)

    def found(self, text: str) -> bool:
        """Whether it is found in a text, or in one of its lines where it has several."""
        lines = text[:LONGEST_TEXT].split("\n")
        return any(self._single.search(line.encode()) for line in lines)

    def places(self, lines: Lines) -> Iterable[bytes]:
        """The places of the texts in which it is found, in order; in pieces, of which each takes 20 ms at most."""
        if not lines:
            return ()
        if self._many is None:
            return _once(self._one_by_one(lines))
        if len(lines.text) * self._size <= MOST_WORK:
            return (lines.owners(self._numbers(lines.text, 0, len(lines.text), 0)),)
        return _once(self._part_by_part(lines))

    def _one_by_one(self, lines: Lines) -> Iterator[bytes]:
        for number, line in enumerate(lines.text.split(b"\n")):
            yield lines.owners([number] if self._single.search(line) else [])

    def _part_by_part(self, lines: Lines) -> Iterator[bytes]:
        first = start = 0
        while start <= len(lines.text):
            end = self._end(lines.text, start)
            yield lines.owners(self._numbers(lines.text, start, end, first))
            first += lines.text.count(b"\n", start, end) + 1
            start = end + 1

    def _end(self, text: bytes, start: int) -> int:
        """The end of a line that is reached by the most work at most; of the next line, where that takes more."""
        room = start + MOST_WORK // self._size
        if room >= len(text):
            return len(text)
        end = text.rfind(b"\n", start, room)
        if end < 0:
            end = text.find(b"\n", room)
        return end if end >= 0 else len(text)

    def _numbers(self, text: bytes, start: int, end: int, number: int) -> list[int]:
        """The numbers of the lines in which it is found, from the first one's on. A line break is never matched."""
        found: list[int] = []
        while start <= end and (match := self._many.search(text, start, end)):
            place = match.start()
            number += text.count(b"\n", start, place)
            found.append(number)
            after = text.find(b"\n", place, end)
            if after < 0:
                break
            number, start = number + 1, after + 1
        return found


def _once(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Without the place at which a piece begins where that before it has ended there: in another line of one text."""
    last = b""
    for piece in pieces:
        piece = piece.removeprefix(last) if last else piece
        last = piece[-1:] or last
        yield piece


@lru_cache(MOST_PATTERNS)
def regex(pattern: str) -> Pattern:
    """The pattern of a text, compiled once. Raises ValueError."""
    return Pattern(pattern)


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.never_capture = True
    options.never_nl = True
    options.max_mem = LARGEST_AUTOMATON
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise ValueError(pattern) from None
