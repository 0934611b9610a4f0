"""A small GET beside those who list without end, and what of it is the check of its token."""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.internet.defer import Deferred, gatherResults

from tests.cluster.commands import run

from ..figures import Spread, ratios
from ..load import Seen, Task
from ..processes import pinned
from ..results import Line, Result, at_most
from ..rounds import Wrong
from ..servers import answers
from ..stage import ENVIRONMENT, SERVERS, WARMUP, Stage, Stages, tell
from .reads import given

LISTERS = 2


async def mixed(stages: Stages) -> list[Line]:
    """p99 of a small GET while two clients list 1,000 without end, to the same while nobody does."""
    stage = await stages.few()
    folder = await given(stages, stage)
    small = one_by_one(stages, stage, folder)
    listing = Task(
        stage.port, [stage.request("GET", f"{SERVERS}/detail")], LISTERS, small.seconds + 2 * WARMUP, WARMUP
    )
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
    """The check of a token that was seen before, to all that a small GET costs."""
    stage = await stages.few()
    small = one_by_one(stages, stage, await given(stages, stage))
    checks, costs = [], []
    for number in range(stages.options.rounds):
        tell(f"round {number + 1} of {stages.options.rounds}: token checks, small GETs")
        checks.append(await check(stages))
        costs.append(checked(await stages.load(small)).cost)
    beside = {
        "check (us)": Spread.of(each * 1e6 for each in checks).median,
        "GET (us)": Spread.of(each * 1e6 for each in costs).median,
    }
    share = ratios([each * 100 for each in checks], costs)
    return [Result("token", "cached check of a token, of a small GET", share, "%", at_most(2), beside)]


async def check(stages: Stages) -> float:
    """Seconds that the gate takes for a token, on the server's processor."""
    with pinned(stages.processors.server):
        working = run(stages.reactor, [sys.executable, "-m", "bench.gate"], ENVIRONMENT)
        started = Deferred.fromCoroutine(working)
    return float((await started).checked())


def one_by_one(stages: Stages, stage: Stage, folder: Path) -> Task:
    """Small GETs on one connection."""
    requests = [stage.request("GET", answers.ONE + id) for id in answers.read_each(folder)]
    return Task(stage.port, requests, 1, stages.options.seconds, WARMUP, [stage.pid])


def checked(seen: Seen) -> Seen:
    """Raises Wrong for an answer that is no success."""
    if seen.errors:
        raise Wrong(f"Dicot answered {dict(seen.codes)}")
    return seen
