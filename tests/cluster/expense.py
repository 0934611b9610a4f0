"""What a cluster's start has taken: the seconds of each step, and the memory of each program."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from twisted.internet.interfaces import IReactorTime

PROCESSES = Path("/proc")
_SHARE = re.compile(rb"^Pss: +([0-9]+) kB$", re.MULTILINE)


class Steps:
    """The steps of a start, each from the end of the one before. ``seconds`` is what each took, by its name."""

    def __init__(self, clock: IReactorTime) -> None:
        self.seconds: dict[str, float] = {}
        self._clock = clock
        self._since = clock.seconds()

    def begin(self) -> None:
        """The first step begins now."""
        self._since = self._clock.seconds()

    def done(self, name: str) -> None:
        """So much of a step is done, which may have been begun before."""
        since, self._since = self._since, self._clock.seconds()
        self.seconds[name] = self.seconds.get(name, 0.0) + self._since - since


def memory(pids: Mapping[str, int], processes: Path = PROCESSES) -> dict[str, int]:
    """Bytes of each program: what it has alone and its part of what it shares (Pss of proc(5)); 0 once it is gone."""
    return {name: _share(processes / str(pid)) for name, pid in pids.items()}


def _share(process: Path) -> int:
    try:
        found = _SHARE.search((process / "smaps_rollup").read_bytes())
    except OSError:
        return 0
    return 1024 * int(found[1]) if found else 0


def told(seconds: Mapping[str, float], taken: Mapping[str, int]) -> str:
    """Both in one line, with their sums."""
    steps = ", ".join(f"{name} {each:.1f}" for name, each in seconds.items())
    programs = ", ".join(f"{name} {each / 1e6:.0f}" for name, each in taken.items())
    whole = f"{sum(seconds.values()):.1f} s ({steps}), {sum(taken.values()) / 1e6:.0f} MB ({programs})"
    return f"the cluster was ready after {whole}"
