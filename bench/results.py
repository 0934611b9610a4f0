"""Results as data, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from .figures import Spread

HEADS = ("row", "figure", "median", "low .. high", "target", "met")


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should be: at least ``value``, or at most."""

    value: float
    at_least: bool

    def is_met(self, figure: float) -> bool:
        return figure >= self.value if self.at_least else figure <= self.value

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {number(self.value)}"


def at_least(value: float) -> Target:
    return Target(value, True)


def at_most(value: float) -> Target:
    return Target(value, False)


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table. ``unit`` is "" for a ratio; ``beside`` are figures that help to judge it."""

    row: str
    what: str
    spread: Spread
    unit: str = ""
    target: Target | None = None
    beside: Mapping[str, object] = field(default_factory=dict)

    @property
    def met(self) -> str:
        if self.target is None:
            return ""
        return "yes" if self.target.is_met(self.spread.median) else "NO"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that could not be measured, and why."""

    row: str
    why: str


Line = Result | Skipped


def number(value: float) -> str:
    """Three digits that count, and no exponent."""
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = 2
    while abs(value) < 10 ** (2 - digits):
        digits += 1
    while digits and abs(value) >= 10 ** (3 - digits):
        digits -= 1
    return f"{value:.{digits}f}"


def table(lines: Iterable[Line]) -> str:
    """Aligned columns. Below each line stand the figures beside it."""
    listed = list(lines)
    rows = [_cells(each) if isinstance(each, Result) else _skipped(each) for each in listed]
    widths = [max(len(row[column]) for row in [HEADS, *rows]) for column in range(len(HEADS))]
    shown = [_aligned(HEADS, widths), "  ".join("-" * width for width in widths)]
    for each, row in zip(listed, rows, strict=True):
        shown.append(_aligned(row, widths))
        if isinstance(each, Result) and each.beside:
            shown.append(f"{' ' * widths[0]}    {'; '.join(_beside(each.beside))}")
        elif isinstance(each, Skipped):
            shown.append(f"{' ' * widths[0]}    {each.why}")
    return "\n".join(shown)


def document(lines: Iterable[Line], about: Mapping[str, object]) -> str:
    """JSON: what it was measured on, and every line."""
    rows = [{**asdict(each), "met": each.met} if isinstance(each, Result) else asdict(each) for each in lines]
    return json.dumps({**about, "rows": rows}, indent=1)


def _cells(line: Result) -> Sequence[str]:
    spread, unit = line.spread, f" {line.unit}" if line.unit else ""
    target = f"{line.target}{unit}" if line.target is not None else ""
    between = f"{number(spread.low)} .. {number(spread.high)}"
    return (line.row, line.what, f"{number(spread.median)}{unit}", between, target, line.met)


def _skipped(line: Skipped) -> Sequence[str]:
    return (line.row, "skipped", "", "", "", "")


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _beside(found: Mapping[str, object]) -> list[str]:
    return [f"{name} {number(value) if isinstance(value, float) else value}" for name, value in found.items()]
