"""Rounds: each contender is loaded for a moment in turn, over and over, so that all see the same weather."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .figures import Spread, ratios
from .load import Seen, Task
from .results import Result, Target
from .stage import Stages, tell

FULL = 0.9
"""From here on it is the generator that was measured."""


class Wrong(Exception):
    """A contender answered something else than success: nothing was measured."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """What each contender did in each round."""

    seen: Mapping[str, Sequence[Seen]]

    def ratio(self, row: str, ours: str, theirs: str, target: Target | None) -> Result:
        """Requests a second of two contenders, round by round."""
        our, their = self.seen[ours], self.seen[theirs]
        full = [name for name in (ours, theirs) if any(each.busy > FULL for each in self.seen[name])]
        return Result(
            row=row,
            what=f"{ours} to {theirs}",
            spread=ratios([each.rate for each in our], [each.rate for each in their]),
            target=target,
            beside={
                ours: self._told(ours),
                theirs: self._told(theirs),
                "by processor time": ratios([each.cost for each in their], [each.cost for each in our]).median,
                **({"the generator was full with": ", ".join(full)} if full else {}),
            },
        )

    def rate(self, name: str) -> Spread:
        """Requests a second."""
        return Spread.of(each.rate for each in self.seen[name])

    def _told(self, name: str) -> str:
        seen = self.seen[name]
        cost = Spread.of(each.cost * 1e6 for each in seen)
        p99 = Spread.of(each.p99 * 1e3 for each in seen)
        return f"{self.rate(name).median:,.0f}/s, {cost.median:,.0f} us of processor, p99 {p99.median:.1f} ms"


async def rounds(stages: Stages, contenders: Mapping[str, Task]) -> Rounds:
    """Measure all in turn. Raises Wrong."""
    seen: dict[str, list[Seen]] = {name: [] for name in contenders}
    for number in range(stages.options.rounds):
        tell(f"round {number + 1} of {stages.options.rounds}: {', '.join(contenders)}")
        for name, task in contenders.items():
            found = await stages.load(task)
            if found.errors:
                raise Wrong(f"{name} answered {dict(found.codes)}")
            seen[name].append(found)
    return Rounds(seen)
