"""Starts what Dicot is measured against, on the server's processor."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread

from tests.clients.venv import client
from tests.cluster.control import Control
from tests.cluster.ports import free_port
from tests.cluster.programs import Program

from ..processes import children, pinned
from ..stage import ROOT, Stages, favoured
from . import answers, nginx

READY = 60.0


class Rival:
    """One server that runs. ``why`` says instead that there is none."""

    def __init__(self, program: Program | None, port: int = 0, why: str = "") -> None:
        self.program = program
        self.port = port
        self.why = why

    @property
    def pids(self) -> tuple[int, ...]:
        """Its processes."""
        assert self.program is not None and self.program.pid is not None
        return (self.program.pid, *children(self.program.pid))

    async def stop(self) -> None:
        if self.program is not None:
            await self.program.kill()


async def nginx_server(stages: Stages, folder: Path) -> Rival:
    """nginx with the page as a file."""
    port = free_port()
    try:
        command = nginx.command(folder, port, answers.LIST, folder / answers.PAGE)
    except nginx.Missing as error:
        return Rival(None, why=str(error))
    return await _started(stages, "nginx", command, folder, port, answers.LIST)


async def aiohttp_server(stages: Stages, folder: Path) -> Rival:
    """aiohttp with fragments."""
    return await _python(stages, "aiohttp", folder, answers.LIST)


async def fastapi_server(stages: Stages, folder: Path) -> Rival:
    """FastAPI with dicts and with fragments."""
    return await _python(stages, "fastapi", folder, answers.JOINED)


async def _python(stages: Stages, name: str, folder: Path, path: str) -> Rival:
    try:
        programs = await deferToThread(client, "bench")
    except (OSError, subprocess.CalledProcessError) as error:
        return Rival(None, why=f"{name} could not be installed: {error}")
    port = free_port()
    command = [str(programs / "python"), "-m", f"bench.servers.{name}_server", str(folder), str(port)]
    return await _started(stages, name, command, folder, port, path)


async def _started(stages: Stages, name: str, command: Sequence[str], folder: Path, port: int, path: str) -> Rival:
    reactor: Any = stages.reactor
    program = Program(reactor, name, command, folder / f"{name}.log", {"PYTHONPATH": str(ROOT)})
    with pinned(stages.processors.server):
        program.start()
    assert program.pid is not None
    await favoured(reactor, program.pid, stages.options.nice)
    front = Control(reactor, f"http://127.0.0.1:{port}")
    try:
        await front.until(READY, name, lambda: front.answers(path))
    except BaseException:
        await program.kill()
        raise
    finally:
        await front.close()
    return Rival(program, port)
