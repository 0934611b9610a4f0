"""A small GET beside those who list without end, and what of it is the check of its token."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from twisted.internet.defer import Deferred, gatherResults

from ..figures import Spread, ratios
from ..load import Seen, Task
from ..profile import profiled, profiler, share
from ..results import Line, Result, at_most
from ..rounds import Wrong
from ..servers import answers
from ..stage import SERVERS, WARMUP, Stage, Stages, tell
from .reads import READERS, given

LISTERS = 2
WAY = 10
"""By how much those who list give way to the small GET, whose clock would else tell of their work too."""
GATE = "identify (dicot/cloud/callers/gate.py"
SLOW = 2.0
"""Seconds that the profiler may need to begin."""


async def mixed(stages: Stages) -> list[Line]:
    """p99 of a small GET while two clients list 1,000 without end, to the same while nobody does."""
    stage = await stages.few()
    folder = await given(stages, stage)
    small = one_by_one(stages, stage, folder)
    longer = small.seconds + 2 * WARMUP
    listing = Task(stage.port, [stage.request("GET", f"{SERVERS}/detail")], LISTERS, longer, WARMUP, way=WAY)
    idle: list[Seen] = []
    busy: list[Seen] = []
    for number in range(stages.options.rounds):
        tell(f"round {number + 1} of {stages.options.rounds}: idle, beside two that list")
        idle.append(checked(await stages.load(small)))
        pair = [Deferred.fromCoroutine(stages.load(task)) for task in (small, listing)]
        seen, listed = await gatherResults(pair)
        busy.append(checked(seen))
        checked(listed)
    p99 = ratios([each.p99 for each in busy], [each.p99 for each in idle])
    beside = {
        "idle p99 (ms)": Spread.of(each.p99 * 1e3 for each in idle).median,
        "busy p99 (ms)": Spread.of(each.p99 * 1e3 for each in busy).median,
        "busy p50 (ms)": Spread.of(each.p50 * 1e3 for each in busy).median,
    }
    return [Result("mixed", "p99 of a small GET beside two that list, to idle", p99, "", at_most(5), beside)]


async def token(stages: Stages) -> list[Line]:
    """The check of a token that was seen before, to all that a small GET costs: by samples of Dicot's stack."""
    await profiler()
    stage = await stages.few()
    small = one_by_one(stages, stage, await given(stages, stage))
    longer = replace(small, seconds=small.seconds + SLOW, connections=READERS)
    shares, costs = [], []
    for number in range(stages.options.rounds):
        tell(f"round {number + 1} of {stages.options.rounds}: small GETs, looked into")
        loading = Deferred.fromCoroutine(stages.load(longer))
        stacks = await profiled(stages, stage.pid, small.seconds)
        costs.append(checked(await loading).cost * 1e6)
        shares.append(100 * share(stacks, GATE))
    beside = {"small GET (us of processor)": Spread.of(costs).median}
    return [Result("token", "cached check of a token, of a small GET", Spread.of(shares), "%", at_most(2), beside)]


def one_by_one(stages: Stages, stage: Stage, folder: Path) -> Task:
    """Small GETs on one connection."""
    requests = [stage.request("GET", answers.ONE + id) for id in answers.read_each(folder)]
    return Task(stage.port, requests, 1, stages.options.seconds, WARMUP, [stage.pid])


def checked(seen: Seen) -> Seen:
    """Raises Wrong for an answer that is no success."""
    if seen.errors:
        raise Wrong(f"Dicot answered {dict(seen.codes)}")
    return seen
