"""Where a process spends its time: samples of its stack, taken from outside by py-spy."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.threads import deferToThread

from tests.clients.venv import client
from tests.cluster.commands import run

from .rounds import Wrong
from .stage import Stages

RATE = 250
"""Samples a second."""
LONGER = 30.0
REACTOR = "mainLoop (twisted/internet/base.py"
"""In the stack of everything that the reactor does."""


async def profiler() -> Path:
    """py-spy, installed where it is not yet: minutes after which a load that has begun would be over."""
    programs: Path = await deferToThread(client, "bench")
    return programs / "py-spy"


async def profiled(stages: Stages, pid: int, seconds: float) -> str:
    """The stacks of a process while it works, one a line, with how often each was seen.

    Raises Wrong where this machine does not let one process look into another.
    """
    program = await profiler()
    path = Path(stages.folder) / f"profile-{pid}"
    command = [str(program), "record", "--pid", str(pid), "--duration", str(max(1, round(seconds)))]
    command += ["--rate", str(RATE), "--format", "raw", "--output", str(path)]
    finished = await run(stages.reactor, command, seconds=seconds + LONGER)
    if finished.code != 0:
        raise Wrong(f"py-spy: {(finished.errors or finished.output).strip().splitlines()[-1]}")
    return path.read_text()


def share(stacks: str, part: str, whole: str = REACTOR) -> float:
    """How much of the samples with one function in their stack have another one in it as well.

    Raises Wrong where either was never seen: it may have got another name.
    """
    seen = [(stack, int(count)) for stack, _, count in (line.rpartition(" ") for line in stacks.splitlines())]
    among = [(stack, count) for stack, count in seen if whole in stack]
    found = sum(count for stack, count in among if part in stack)
    if not found:
        raise Wrong(f"no sample has {part!r} in it")
    return found / sum(count for _, count in among)
