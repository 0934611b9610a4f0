"""Writes down what Nova says of the bodies of ``test_recorded``: ``python -m tests.compute.bodies.record``."""

import hashlib
import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from .asked import actions, by_chance
from .compared import difference, shorter, theirs
from .meant import meant
from .ours import THINGS, told
from .theirs import Asked, ask

RECORD = Path(__file__).with_name("recorded.txt")
SEED = "recorded"
MEANT = "-" * 8
"""Stands for an answer from which Dicot's differs on purpose."""


def questions() -> Iterator[Asked]:
    """The bodies, always the same."""
    return chain(by_chance(SEED, 1), actions(1), actions(104))


def mark(answer: Any) -> str:
    """What an answer is known by."""
    return hashlib.sha256(json.dumps(answer, sort_keys=True).encode()).hexdigest()[:8]


def main() -> None:
    """Asks Nova. Raises ValueError where Dicot differs and should not."""
    asked, marks = list(questions()), []
    for question, nova in zip(asked, ask(THINGS, asked), strict=True):
        dicot = told(*question)
        found = difference(question, nova, dicot)
        if found and not meant(question, nova, dicot):
            raise ValueError(f"{shorter(question)}: {found}")
        marks.append(MEANT if found else mark(theirs(question, nova)))
    RECORD.write_text("\n".join(marks) + "\n")


if __name__ == "__main__":
    main()
