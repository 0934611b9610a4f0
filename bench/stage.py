"""What is measured: sandboxes with so many settled servers, each with a Dicot of its own."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater

from tests.cluster.commands import run
from tests.cluster.control import Answer, Control
from tests.cluster.furniture import furnish
from tests.cluster.run import UNLIMITED, patience, settled
from tests.cluster.sandbox import SandboxCluster
from tests.cluster.shared import DEFINITIONS
from tests.live import daemon
from tests.live.wire import Person, logged_in

from .load import Seen, Task, decoded, request
from .processes import Processors, favour, pinned

ROOT = Path(__file__).parent.parent
VERSION = "compute 2.96"
QUOTA = f"[quota]\ninstances = {UNLIMITED}\ncores = {UNLIMITED}\nram = {UNLIMITED}\n"
SERVERS = "/compute/v2.1/servers"
WARMUP = 0.5
AWAY = 5
"""By how much the sandbox gives way to the load generator, which runs on the same processor and mostly waits."""
FEW = 1_000
"""Servers of the small stage, as many as fill a page."""


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured: settled servers of the large rows, rounds, seconds of a round; and by which priority."""

    servers: int
    rounds: int
    seconds: float
    nice: int = 0


class Stage:
    """One sandbox with one Dicot, both ready, and user demo logged in."""

    def __init__(self, reactor: Any, cluster: SandboxCluster, dicot: daemon.Daemon, servers: int, nice: int) -> None:
        self.reactor = reactor
        self._nice = nice
        self.cluster = cluster
        self.dicot = dicot
        self.servers = servers
        self.person: Person
        self.since = 0.0
        """When Dicot was ready, by the monotonic clock."""

    @classmethod
    async def start(
        cls, reactor: Any, folder: Path, servers: int, processors: Processors, nice: int, renames: int = 0
    ) -> Stage:
        """Start a sandbox with so many servers, some renamed at a rate, and Dicot alone on the server's processor."""
        began = time.monotonic()
        tell(f"a sandbox with {servers} servers ...")
        options = ("--listen", "0", "--servers", str(servers), "--renames", str(renames))
        cluster = await SandboxCluster.start(reactor, folder / "cluster", (DEFINITIONS,), options)
        try:
            await favoured(reactor, cluster.pid, nice + AWAY)
            await furnish(cluster)
            ground = await daemon.prepared(reactor, cluster.access, folder)
            await settled(cluster.control, servers)
            stage = cls(reactor, cluster, daemon_in(reactor, ground, folder), servers, nice)
            await stage.spawn(processors)
        except BaseException:
            await cluster.stop()
            raise
        tell(f"... and Dicot on it, after {time.monotonic() - began:.0f} s")
        return stage

    async def spawn(self, processors: Processors) -> None:
        """Start Dicot, wait until it is ready, and log in."""
        with pinned(processors.server):
            await self.dicot.spawn(COLLECTABLE)
        await favoured(self.reactor, self.pid, self._nice)
        await self.dicot.until_ready(patience(self.servers))
        self.since = time.monotonic()
        password = self.dicot.ground.passwords["demo"]
        self.person = await logged_in(self.reactor, self.dicot.url, "demo", password)

    async def stop(self) -> None:
        """End both."""
        await self.dicot.kill()
        await self.cluster.stop()

    @property
    def pid(self) -> int:
        """Dicot's process."""
        assert self.dicot.pid is not None, self.dicot.tail()
        return self.dicot.pid

    @property
    def port(self) -> int:
        """Where Dicot listens."""
        return int(self.dicot.url.rpartition(":")[2])

    def request(self, method: str, path: str, body: object = None) -> str:
        """The text of a request of user demo."""
        return request(method, path, {"X-Auth-Token": self.person.token, "OpenStack-API-Version": VERSION}, body)

    async def get(self, path: str) -> Answer:
        """One answer to user demo."""
        heard = await self.person.ask("GET", path, headers={"OpenStack-API-Version": VERSION})
        if heard.code != 200:
            raise RuntimeError(f"GET {path}: {heard}")
        return Answer(heard.code, heard.body)

    async def monitored(self, path: str) -> Answer:
        """A page of Dicot's monitoring."""
        control = Control(self.reactor, self.dicot.probes)
        try:
            return await control.ask("GET", path, accept="application/json")
        finally:
            await control.close()


class Stages:
    """Stages by their number of servers, each started when it is asked for and ended with the bench."""

    def __init__(self, reactor: Any, folder: Path, options: Options, processors: Processors) -> None:
        self.reactor = reactor
        self.folder = folder
        self.options = options
        self.processors = processors
        self._stages: dict[tuple[int, int], Stage] = {}

    async def at(self, servers: int, renames: int = 0) -> Stage:
        """The one with so many, and so many renames a second."""
        key = servers, renames
        if key not in self._stages:
            self.folder.mkdir(parents=True, exist_ok=True)
            # One that failed to start may be tried again.
            folder = Path(tempfile.mkdtemp(prefix=f"{servers}-", dir=self.folder))
            self._stages[key] = await Stage.start(
                self.reactor, folder, servers, self.processors, self.options.nice, renames
            )
        return self._stages[key]

    async def few(self) -> Stage:
        """The small one."""
        return await self.at(min(FEW, self.options.servers))

    async def many(self) -> Stage:
        """The large one."""
        return await self.at(self.options.servers)

    async def end(self, servers: int, renames: int = 0) -> None:
        """End the one with so many, where there is one."""
        stage = self._stages.pop((servers, renames), None)
        if stage is not None:
            await stage.stop()

    async def stop(self) -> None:
        """End all."""
        for key in tuple(self._stages):
            await self.end(*key)

    async def load(self, task: Task) -> Seen:
        """Run a load generator to its end."""
        text = json.dumps(asdict(task))
        output = await run(self.reactor, PROGRAM, ENVIRONMENT, text=text, seconds=task.seconds + LONGEST)
        return decoded(output.checked())


def daemon_in(reactor: Any, ground: daemon.Ground, folder: Path) -> daemon.Daemon:
    """A Dicot in a folder of its own that makes as many servers as anybody wants."""
    made = daemon.Daemon(reactor, ground, folder, stays=True)
    with (folder / "dicot.toml").open("a") as settings:
        settings.write(QUOTA)
    return made


async def favoured(reactor: Any, pid: int, nice: int) -> None:
    """Give a program that has just been started its priority, once it has a session of its own."""
    while nice and os.getsid(pid) != pid:
        await deferLater(reactor, SOON)
    while nice:
        try:
            favour(pid, nice)
            return
        except BlockingIOError:
            # A session's priority is changed ten times a second at most, unless by root.
            await deferLater(reactor, SOON)


PROGRAM: Sequence[str] = (sys.executable, "-m", "bench.load")
ENVIRONMENT: Mapping[str, str] = {"PYTHONPATH": str(ROOT)}
COLLECTABLE: Mapping[str, str] = {"PYTHONPATH": f"{ROOT / 'bench' / 'collectable'}:{ROOT}"}
"""For processes that shall collect their garbage when they are asked to."""
LONGEST = 300.0
"""Seconds that a generator may take beyond those that it measures."""


SOON = 0.01


def tell(text: str) -> None:
    """What goes on, for whoever waits."""
    print(text, file=sys.stderr, flush=True)
