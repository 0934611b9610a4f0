"""A list and one server, beside other servers with the same bytes; pages of many servers beside pages of few."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ..load import Task, request
from ..results import Line, Skipped, at_least
from ..rounds import rounds
from ..servers import answers, rivals
from ..servers.rivals import Rival
from ..stage import FEW, SERVERS, WARMUP, Stage, Stages

LISTERS, READERS = 8, 32
"""Connections that ask for a page, and for one server."""
SAMPLE = 200
"""Servers that are asked for one by one."""
DICOT = "Dicot"


async def detail(stages: Stages) -> list[Line]:
    """A page of 1,000 servers, to the same page by others."""
    stage = await stages.few()
    folder = await given(stages, stage)
    found: dict[str, Rival] = {}
    try:
        found["nginx, static file"] = await rivals.nginx_server(stages, folder)
        found["aiohttp, fragments joined"] = await rivals.aiohttp_server(stages, folder)
        found["FastAPI, fragments joined"] = fastapi = await rivals.fastapi_server(stages, folder)
        paths = dict.fromkeys(found, answers.LIST) | {"FastAPI, fragments joined": answers.JOINED}
        everybody = {**found, "FastAPI, dicts": fastapi}
        paths["FastAPI, dicts"] = answers.DICTS
        there = {name: rival for name, rival in everybody.items() if rival.program is not None}
        tasks = {name: asked(stages, rival, paths[name]) for name, rival in there.items()}
        seen = await rounds(stages, {DICOT: pages(stages, stage, stage.request("GET", answers.LIST)), **tasks})
        targets = dict(zip(everybody, map(at_least, (0.9, 1.2, 3, 100)), strict=True))
        return [
            seen.ratio("detail", DICOT, name, targets[name])
            if name in there
            else Skipped("detail", f"{name}: {everybody[name].why}")
            for name in everybody
        ]
    finally:
        for rival in found.values():
            await rival.stop()


async def show(stages: Stages) -> list[Line]:
    """One server, to aiohttp without token and policy."""
    stage = await stages.few()
    folder = await given(stages, stage)
    rival = await rivals.aiohttp_server(stages, folder)
    if rival.program is None:
        return [Skipped("show", rival.why)]
    try:
        ids = list(answers.read_each(folder))
        ours = [stage.request("GET", answers.ONE + id) for id in ids]
        theirs = [request("GET", answers.ONE + id, {}) for id in ids]
        contenders = {
            DICOT: Task(stage.port, ours, READERS, stages.options.seconds, WARMUP, [stage.pid]),
            "aiohttp": Task(rival.port, theirs, READERS, stages.options.seconds, WARMUP, rival.pids),
        }
        return [(await rounds(stages, contenders)).ratio("show", DICOT, "aiohttp", at_least(0.5))]
    finally:
        await rival.stop()


async def page(stages: Stages) -> list[Line]:
    """A page of 1,000 out of many servers, to the same out of 1,000; the first page, and one after a marker."""
    few, many = await stages.few(), await stages.many()
    first = f"{SERVERS}/detail?limit={FEW}"
    # The newest of few is a marker in front of all but one; of many it stands in the middle.
    marker = json.loads((await few.get(f"{SERVERS}?limit=1")).content)["servers"][0]["id"]
    middle = await in_the_middle(many)
    names = (f"{FEW:,}", f"{many.servers:,}", f"{FEW:,} after a marker", f"{many.servers:,} after a marker")
    requests = (
        few.request("GET", first),
        many.request("GET", first),
        few.request("GET", f"{first}&marker={marker}"),
        many.request("GET", f"{first}&marker={middle}"),
    )
    contenders = {
        name: pages(stages, stage, text) for name, stage, text in zip(names, (few, many) * 2, requests, strict=True)
    }
    seen = await rounds(stages, contenders)
    return [
        seen.ratio("page", names[1], names[0], at_least(0.9)),
        seen.ratio("page", names[3], names[2], at_least(0.9)),
    ]


async def in_the_middle(stage: Stage) -> str:
    """The id of a server with about as many before it as after it, or a page at least."""
    marker = ""
    for _ in range(max(1, stage.servers // FEW // 2)):
        asked = f"{SERVERS}?limit={FEW}" + (f"&marker={marker}" if marker else "")
        found = json.loads((await stage.get(asked)).content)["servers"]
        marker = found[len(found) // 2 if len(found) < FEW else -1]["id"]
    return marker


async def given(stages: Stages, stage: Stage) -> Path:
    """A folder with the answers that Dicot gives, for the others."""
    folder = stages.folder / "answers"
    if not folder.exists():
        folder.mkdir()
        page = (await stage.get(answers.LIST)).content
        ids = [each["id"] for each in json.loads(page)["servers"]][:SAMPLE]
        each: Mapping[str, bytes] = {id: (await stage.get(answers.ONE + id)).content for id in ids}
        answers.write(folder, page, each)
    return folder


def pages(stages: Stages, stage: Stage, text: str) -> Task:
    """Ask Dicot for a page without end."""
    return Task(stage.port, [text], LISTERS, stages.options.seconds, WARMUP, [stage.pid])


def asked(stages: Stages, rival: Rival, path: str) -> Task:
    """Ask another server for a page without end."""
    return Task(rival.port, [request("GET", path, {})], LISTERS, stages.options.seconds, WARMUP, rival.pids)
