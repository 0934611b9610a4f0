"""What many servers cost: the first synchronisation, memory, the garbage collector, filters."""

from __future__ import annotations

import json
import os
import signal
import time

from twisted.internet.task import deferLater

from ..figures import Spread
from ..load import Task
from ..monitoring import LAG, PAUSE, Histogram, histogram
from ..processes import cpu_seconds, resident_bytes
from ..results import Line, Result, at_most
from ..rounds import Wrong, rounds
from ..stage import FEW, SERVERS, WARMUP, Stage, Stages, tell

SYNCS = 3
"""Cold starts that are measured, at most."""
TEN_THOUSAND = 10_000
MINUTE = 60.0
"""As long as Dicot remembers its longest pause."""
SOON = 2.0
"""Seconds in which a full collection is surely over."""
AFTER = 30.0
"""Seconds beyond, in which what comes after the synchronisation is looked at."""
FILTERS = {
    "status, a page of those that match": "status=SHUTOFF",
    "status that none has": "status=ERROR",
    "name by a regular expression": "name=^web-0.*42$",
    "ip by a regular expression": r"ip=\.255\.42$",
    "tag that none has": "tags=bench",
}


async def sync(stages: Stages) -> list[Line]:
    """Dicot started anew on a cluster with many servers."""
    stage = await stages.many()
    cpu, ready, lags, pauses = [], [], [], []
    for number in range(min(SYNCS, stages.options.rounds)):
        await stage.dicot.kill()
        tell(f"start {number + 1}")
        began = time.monotonic()
        await stage.spawn(stages.processors)
        ready.append(time.monotonic() - began)
        cpu.append(cpu_seconds([stage.pid]))
        lags.append((await scraped(stage, LAG)).quantile(0.99) * 1e3)
        pauses.append((await scraped(stage, PAUSE, "2")).quantile(1.0) * 1e3)
    name = f"cold sync of {stage.servers:,} servers over TLS"
    return [
        Result("sync", f"{name}, processor", Spread.of(cpu), "s", at_most(10)),
        Result("sync", f"{name}, until ready", Spread.of(ready), "s", at_most(30)),
        Result(
            "sync",
            "meanwhile, reactor lag p99 up to",
            Spread.of(lags),
            "ms",
            at_most(20),
            {"longest full collection up to (ms)": max(pauses)},
        ),
    ]


async def memory(stages: Stages) -> list[Line]:
    """What a server costs in memory once it has been listed, and what the whole process has at 10,000."""
    few, many = await stages.few(), await stages.many()
    empty, full = await listed(few), await listed(many)
    lines: list[Line] = []
    if many.servers > few.servers:
        each = (full - empty) / (many.servers - few.servers)
        beside = {f"process at {stage.servers:,} (MB)": rss / 1e6 for stage, rss in ((few, empty), (many, full))}
        spread = Spread.of([each / 1e3])
        lines.append(Result("memory", "for each server, listed once", spread, "kB", at_most(8), beside))
    some = await stages.at(min(TEN_THOUSAND, stages.options.servers))
    process = Spread.of([await listed(some) / 1e6])
    lines.append(Result("memory", f"process at {some.servers:,}, listed once", process, "MB", at_most(150)))
    if some not in (few, many):
        await stages.end(some.servers)
    return lines


async def listed(stage: Stage) -> float:
    """The bytes of Dicot's process after all servers were asked for with details."""
    path = f"{SERVERS}/detail?limit={FEW}"
    marker = ""
    while True:
        found = json.loads((await stage.get(path + (f"&marker={marker}" if marker else ""))).content)["servers"]
        if not found:
            return float(resident_bytes(stage.pid))
        marker = found[-1]["id"]


async def collector(stages: Stages) -> list[Line]:
    """The longest pause a minute after Dicot was ready: while two clients list, and of full collections."""
    stage = await stages.many()
    ready = time.monotonic() - stage.since
    lists = Task(stage.port, [stage.request("GET", f"{SERVERS}/detail")], 2, max(MINUTE - ready, 0.0) + AFTER)
    tell(f"two clients list for {lists.seconds:.0f} s")
    await stages.load(lists)
    usual = (await stage.monitored("/status")).document["garbage_collection"]["worst"] * 1e3
    pauses = []
    for _ in range(stages.options.rounds):
        before = await scraped(stage, PAUSE, "2")
        os.kill(stage.pid, signal.SIGUSR2)
        await deferLater(stages.reactor, SOON)
        full = (await scraped(stage, PAUSE, "2")).since(before)
        if not full.count:
            raise Wrong(f"no full collection within {SOON} s")
        pauses.append(full.total * 1e3 / full.count)
    longest = Spread.of(max(usual, pause) for pause in pauses)
    name = f"longest pause after the sync of {stage.servers:,}"
    return [Result("collector", name, longest, "ms", at_most(10), {"without full collections (ms)": usual})]


async def filters(stages: Stages) -> list[Line]:
    """Filters over all servers of one project."""
    stage = await stages.many()
    before = await scraped(stage, LAG)
    tasks = {
        name: Task(
            stage.port,
            [stage.request("GET", f"{SERVERS}/detail?{query}")],
            1,
            stages.options.seconds,
            WARMUP,
            [stage.pid],
        )
        for name, query in FILTERS.items()
    }
    seen = await rounds(stages, tasks)
    lag = (await scraped(stage, LAG)).since(before)
    found = {
        name: len(json.loads((await stage.get(f"{SERVERS}/detail?{query}")).content)["servers"])
        for name, query in FILTERS.items()
    }
    lines: list[Line] = [
        Result(
            "filters",
            f"{name}, of {stage.servers:,}",
            Spread.of(each.cost * 1e3 for each in seen.seen[name]),
            "ms",
            at_most(10),
            {"servers found": found[name], "answer p50 (ms)": Spread.of(s.p50 * 1e3 for s in seen.seen[name]).median},
        )
        for name in FILTERS
    ]
    p99 = Spread.of([lag.quantile(0.99) * 1e3])
    return [*lines, Result("filters", "meanwhile, reactor lag p99 up to", p99, "ms", at_most(20))]


async def scraped(stage: Stage, name: str, generation: str = "") -> Histogram:
    """A histogram of Dicot's, now."""
    text = (await stage.monitored("/metrics")).content.decode()
    return histogram(text, name, {"generation": generation} if generation else {})
