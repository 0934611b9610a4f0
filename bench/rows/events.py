"""How soon an event of the cluster is seen by a client."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from tests.cluster.commands import run

from ..figures import Spread
from ..load import Task
from ..processes import cpu_seconds
from ..results import Line, Result, at_most
from ..rounds import Wrong
from ..servers import answers
from ..stage import ENVIRONMENT, FEW, SERVERS, Stage, Stages, tell

EVENTS = 500
"""Events a second."""


async def event(stages: Stages) -> list[Line]:
    """From a change in the cluster to the first answer that shows it."""
    stage = await stages.at(min(FEW, stages.options.servers), EVENTS)
    found = (await stage.get(f"{SERVERS}?name=^web-000000")).document["servers"]
    if len(found) != 1:
        raise Wrong(f"{len(found)} servers are renamed")
    request = stage.request("GET", answers.ONE + found[0]["id"])
    before, worked = await events(stage), work(stage)
    seen = []
    for number in range(stages.options.rounds):
        tell(f"round {number + 1} of {stages.options.rounds}: {EVENTS} events a second")
        task = Task(stage.port, [request], seconds=2 * stages.options.seconds)
        command = [sys.executable, "-m", "bench.visible"]
        output = await run(stages.reactor, command, ENVIRONMENT, text=json.dumps(asdict(task)))
        seen.append(json.loads(output.checked()))
    after, more = await events(stage), work(stage)
    await stages.end(stage.servers, EVENTS)
    took = after[1] - before[1]
    beside = {
        "events/s that Dicot counted": (after[0] - before[0]) / took,
        "the sandbox works (%)": 100 * (more[0] - worked[0]) / took,
        "Dicot works (%)": 100 * (more[1] - worked[1]) / took,
    }
    return [
        Result("event", "event to visible, p50", Spread.of(s["p50"] * 1e3 for s in seen), "ms", at_most(5), beside),
        Result(
            "event",
            "event to visible, p99",
            Spread.of(s["p99"] * 1e3 for s in seen),
            "ms",
            at_most(50),
            {"changes seen": sum(s["count"] for s in seen)},
        ),
    ]


async def events(stage: Stage) -> tuple[int, float]:
    """Events of VirtualMachines that Dicot has counted, and when."""
    status: dict[str, Any] = (await stage.monitored("/status")).document
    return sum(each["events"] for each in status["kinds"] if each["kind"].startswith("virtualmachines.")), status[
        "time"
    ]


def work(stage: Stage) -> tuple[float, float]:
    """Processor seconds of the sandbox and of Dicot."""
    return cpu_seconds([stage.cluster.pid]), cpu_seconds([stage.pid])
