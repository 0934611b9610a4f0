"""The letters that Nova lets texts be made of, as character classes (nova/api/validation/parameter_types.py)."""

import re
import unicodedata
from collections.abc import Callable
from itertools import groupby


def is_printable(letter: str) -> bool:
    """Neither a control character nor a line break."""
    category = unicodedata.category(letter)
    return category[0] != "C" and (category[0] != "Z" or category == "Zs")


def is_visible(letter: str) -> bool:
    """Printable, and no space."""
    return is_printable(letter) and unicodedata.category(letter) != "Zs"


def ranges(accepts: Callable[[str], bool]) -> str:
    """The inside of a character class. Nova knows nothing beyond the basic plane, and quotes it in its answers."""
    found = [[*run] for is_in, run in groupby(map(chr, range(0xFFFF)), accepts) if is_in]
    return "".join("-".join(map(re.escape, dict.fromkeys((run[0], run[-1])))) for run in found)


PRINTABLE = ranges(is_printable)
VISIBLE = ranges(is_visible)
TEXT = f"^[{PRINTABLE}]*$"
NAME = f"^$|^[{VISIBLE}]([{PRINTABLE}]*[{VISIBLE}])?$"
"""Neither begins nor ends with a space. The empty one is left to its least length."""
