"""What the kernel tells of processes, and on which processors they run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Processors:
    """One for the server that is measured, one for all else. Both are the same where there is only one."""

    server: int
    load: int

    @classmethod
    def found(cls) -> Processors:
        allowed = sorted(os.sched_getaffinity(0))
        return cls(allowed[0], allowed[-1])


@contextmanager
def pinned(processor: int) -> Iterator[None]:
    """Processes that are started meanwhile run on that processor, as ``taskset -c`` does it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {processor})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def favour(pid: int, nice: int) -> None:
    """Give a process, and what it starts from now on, a priority. Where the kernel weighs sessions against each other
    (autogroup), its session gets the same."""
    os.setpriority(os.PRIO_PROCESS, pid, nice)
    group = Path(f"/proc/{pid}/autogroup")
    if group.exists():
        group.write_text(str(nice))


@contextmanager
def favoured_session(nice: int) -> Iterator[None]:
    """This process, and what it starts meanwhile, by that priority; 0 leaves all as it is. Raises PermissionError.

    The session is somebody's shell, which gets its own back.
    """
    if not nice:
        yield
        return
    group = Path("/proc/self/autogroup")
    before = group.read_text().split()[-1] if group.exists() else ""
    favour(os.getpid(), nice)
    try:
        yield
    finally:
        if before:
            group.write_text(before)


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time of processes so far, all threads: to the nanosecond where the kernel counts so."""
    return sum(_cpu_seconds(Path(f"/proc/{pid}")) for pid in pids)


def _cpu_seconds(process: Path) -> float:
    threads = list((process / "task").iterdir())
    try:
        return sum(int((each / "schedstat").read_text().split()[0]) for each in threads) / 1e9
    except FileNotFoundError:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_bytes(pid: int) -> int:
    """Memory that a process has in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def children(pid: int) -> tuple[int, ...]:
    """Processes that a process has started and that still run."""
    return tuple(int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
