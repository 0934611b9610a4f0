"""What a write costs, and how a thousand of them are borne."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.live.case import image_id, new_server
from tests.live.wire import logged_in

from ..figures import Spread
from ..load import Seen, Task
from ..processes import pinned
from ..results import Line, Result, at_most
from ..rounds import Wrong
from ..stage import SERVERS, Stage, Stages, daemon_in, tell
from .mixed import one_by_one
from .reads import given

CREATES = 10
"""Servers made one after the other, in each round."""
REST = 1.0
"""Seconds in which the sandbox's controllers have made most of a server: they are a part of it and take its time."""
COUNTED = 5
"""Servers whose calls to Kubernetes are counted."""
STORM, CLIENTS = 1_000, 16
SETTLE = 3.0
"""Seconds in which what a create began comes to an end."""
STEPS = 5
"""A Ledger entry, and what the Plan has: a rehearsal, the Port, the VirtualMachine, which then adopts the Port."""
EVENT = "create events"
"""What is told behind the answer is counted apart."""
_POINT = re.compile(r"checkpoint: before (?!\w+ leases)(\w+ \w+)(?: \d+)?$", re.MULTILINE)


async def create(stages: Stages) -> list[Line]:
    """Servers made one after the other: milliseconds, and calls to Kubernetes."""
    stage = await stages.few()
    body = await wanted(stage)
    busy = Task(stage.port, [stage.request("POST", SERVERS, body)] * CREATES, pids=[stage.pid])
    calm = replace(busy, pause=REST)
    rested, pressed = [], []
    for number in range(stages.options.rounds):
        tell(f"round {number + 1} of {stages.options.rounds}: {CREATES} creates with rests, {CREATES} without")
        await deferLater(stage.reactor, SETTLE)
        rested.append(checked(await stages.load(calm)))
        pressed.append(checked(await stages.load(busy)))
    steps = await counted(stages, stage, body)
    beside = {
        "p99 (ms)": Spread.of(each.p99 * 1e3 for each in rested).median,
        "processor (ms)": Spread.of(each.cost * 1e3 for each in rested).median,
        "median without rests (ms)": Spread.of(each.p50 * 1e3 for each in pressed).median,
    }
    took = Spread.of(each.p50 * 1e3 for each in rested)
    told = steps.pop(EVENT, 0)
    number_of_calls = Spread.of([float(steps.total())])
    behind = dict(+steps) | {"behind the answer: Events": told}
    return [
        Result("create", "server create, median", took, "ms", at_most(30), beside),
        Result("create", "server create, calls to Kubernetes", number_of_calls, "", at_most(STEPS), behind),
    ]


async def counted(stages: Stages, stage: Stage, body: object) -> Counter[str]:
    """The calls of one create: what most of them have in common, by a second Dicot that tells of each call."""
    folder = stages.folder / "told"
    folder.mkdir()
    dicot = daemon_in(stage.reactor, stage.dicot.ground, folder)
    with pinned(stages.processors.server):
        await dicot.spawn({"DICOT_CRASH_AT": "never"})
    try:
        await dicot.until_ready()
        person = await logged_in(stage.reactor, dicot.url, "demo", stage.dicot.ground.passwords["demo"])
        found = []
        for _ in range(COUNTED):
            since = dicot.log.stat().st_size
            answer = await person.ask("POST", SERVERS, body)
            if answer.code != 202:
                raise Wrong(f"Dicot answered {answer}")
            until_answered = Counter(calls(dicot.log.read_bytes()[since:].decode()))
            await deferLater(stage.reactor, SETTLE)
            until_answered[EVENT] = calls(dicot.log.read_bytes()[since:].decode()).count(EVENT)
            found.append(until_answered)
        return Counter({name: sorted(each[name] for each in found)[COUNTED // 2] for each in found for name in each})
    finally:
        await dicot.kill()


def calls(log: str) -> list[str]:
    """The calls to Kubernetes that a log tells of, without those about leases. The note that makes a Ledger counts as
    any other."""
    return [found.replace("create ledgers", "patch ledgers") for found in _POINT.findall(log)]


async def storm(stages: Stages) -> list[Line]:
    """A thousand creates at once, and small reads meanwhile."""
    stage = await stages.few()
    body = await wanted(stage)
    task = Task(stage.port, [stage.request("POST", SERVERS, body)] * STORM, CLIENTS, pids=[stage.pid])
    small = one_by_one(stages, stage, await given(stages, stage))
    tell(f"{STORM} creates by {CLIENTS} clients, small reads meanwhile")
    creating: Deferred[Seen] = Deferred.fromCoroutine(stages.load(task))
    reads = []
    while not creating.called:
        reads.append(await stages.load(small))
    seen = await creating
    # The last reads may have outlived the creates.
    p99 = Spread.of(each.p99 * 1e3 for each in reads[:-1] or reads)
    beside = {
        "answers": dict(seen.codes),
        "creates/s": seen.rate,
        "p50 (ms)": seen.p50 * 1e3,
        "p99 (ms)": seen.p99 * 1e3,
    }
    errors = Spread.of([float(seen.errors)])
    return [
        Result("storm", f"{STORM:,} creates by {CLIENTS} clients, errors", errors, "", at_most(0), beside),
        Result("storm", "small reads meanwhile, p99", p99, "ms", at_most(20)),
    ]


async def wanted(stage: Stage) -> object:
    """The body of a create, with a root disk that is cloned from an image."""
    return new_server("bench", await image_id(stage.person))


def checked(seen: Seen) -> Seen:
    """Raises Wrong unless every server was made."""
    if seen.codes != {"202": seen.requests}:
        raise Wrong(f"Dicot answered {dict(seen.codes)}")
    return seen
