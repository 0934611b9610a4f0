"""Clients that write while everything is killed around them and nodes fail, and what must be there in the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, ConnectionLost
from twisted.internet.task import deferLater

from tests.cluster.control import Overdue
from tests.live.case import image_id, new_server
from tests.live.daemon import Daemon
from tests.live.wire import Heard, NoAnswer, Person, logged_in, side_by_side

from .arena import Arena
from .troubles import CHOSEN, Troubles
from .verdicts import KEYPAIRS, SERVERS, Thing, Verdict, judged, untrue

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJ6Jz0kBfD4sFv7Wf5h0l4v6n0c2bq3m1x9y8z7w6v5 a@b"
PLAIN, WITH_VOLUME = "cirros-live", "cirros"
USER_DATA = "I2Nsb3VkLWNvbmZpZwo="
CLIENTS = 6
MOST = 4
"""Servers that a client has at a time."""
PAUSE = 1.2
"""Seconds that a client rests at most between two writes."""
TROUBLED = 0.4
"""The share of servers whose instances fail."""
PATIENCE = 20.0
"""Seconds that a replica has to get ready before it is killed again."""
AGAIN = 0.1
"""Seconds until a client that found nobody asks the next."""


@dataclass
class History:
    """What all clients asked for, and what they were answered."""

    things: list[Thing] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    doubtful: Counter[str] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)

    @property
    def writes(self) -> int:
        """How many were acknowledged."""
        return sum(self.acknowledged.values())


class Client:
    """One who writes one thing after the other, to whichever replica answers."""

    def __init__(self, reactor: Any, people: list[Person], history: History, mark: str, chance: Random) -> None:
        self._reactor = reactor
        self._people = people
        self._history = history
        self._mark = mark
        self._chance = chance
        self._count = 0
        self.images: dict[str, str] = {}

    async def write(self) -> None:
        """One write that makes sense now."""
        servers, keys = self._mine("server"), self._mine("keypair")
        choices = [self._create_key] if len(keys) < MOST else []
        if len(servers) < MOST:
            choices += [self._create_server] * 2
        if servers:
            choices += [self._rename, self._power, self._delete_server]
        if keys:
            choices.append(self._delete_key)
        await self._chance.choice(choices)()

    def _mine(self, kind: str) -> list[Thing]:
        return [
            thing
            for thing in self._history.things
            if thing.exists and thing.kind == kind and thing.first.startswith(self._mark)
        ]

    def _new(self, kind: str, trouble: str = "") -> Thing:
        self._count += 1
        name = f"{self._mark}{kind[0]}{self._count}{trouble}"
        thing = Thing(kind, name, names={name}, trouble=trouble)
        self._history.things.append(thing)
        return thing

    async def _create_server(self) -> None:
        thing = self._new("server", self._chance.choice(CHOSEN) if self._chance.random() < TROUBLED else "")
        image = self.images[WITH_VOLUME if self._chance.random() < 0.25 else PLAIN]
        answer = await self._ask(
            "create", "POST", SERVERS, new_server(thing.first, image, user_data=USER_DATA), good=202
        )
        if answer is not None:
            thing.id, thing.exists = str(answer.document["server"]["id"]), True
            thing.states = {"ACTIVE"}

    async def _rename(self) -> None:
        thing = self._chance.choice(self._mine("server"))
        self._count += 1
        name = f"{self._mark}r{self._count}"
        thing.names.add(name)
        body = {"server": {"name": name}}
        if await self._ask("rename", "PUT", f"{SERVERS}/{thing.id}", body, good=200):
            thing.names = {name}

    async def _power(self) -> None:
        thing = self._chance.choice(self._mine("server"))
        action, state = self._chance.choice((("os-stop", "SHUTOFF"), ("os-start", "ACTIVE")))
        thing.states.add(state)
        path = f"{SERVERS}/{thing.id}/action"
        # A server that is still on its way to another state refuses.
        if await self._ask(action, "POST", path, {action: None}, good=202, also=(409,)):
            thing.states = {state}

    async def _delete_server(self) -> None:
        thing = self._chance.choice(self._mine("server"))
        thing.exists = None
        if await self._ask("delete", "DELETE", f"{SERVERS}/{thing.id}", good=204):
            thing.exists = False

    async def _create_key(self) -> None:
        thing = self._new("keypair")
        body = {"keypair": {"name": thing.first, "public_key": PUBLIC_KEY}}
        if await self._ask("create key", "POST", KEYPAIRS, body, good=201):
            thing.exists = True

    async def _delete_key(self) -> None:
        thing = self._chance.choice(self._mine("keypair"))
        thing.exists = None
        # A replica that has not seen it yet knows no such name.
        if await self._ask("delete key", "DELETE", f"{KEYPAIRS}/{thing.first}", good=204, also=(404,)):
            thing.exists = False

    async def _ask(
        self, what: str, method: str, path: str, body: object = None, *, good: int, also: tuple[int, ...] = ()
    ) -> Heard | None:
        """The answer, where the write was acknowledged."""
        person = self._chance.choice(self._people)
        try:
            answer = await person.ask(method, path, body)
        except (ConnectError, ConnectionLost, NoAnswer):
            self._history.doubtful[what] += 1
            await deferLater(self._reactor, AGAIN)
            return None
        if answer.code == good:
            self._history.acknowledged[what] += 1
            return answer
        self._history.doubtful[what] += 1
        if answer.code not in (503, *also):
            self._history.odd.append(f"{what} {path}: {answer}")
        return None


class Storm:
    """Two replicas, their clients, troubled nodes, and kill -9 of everything at moments that ``seed`` decides."""

    def __init__(self, reactor: Any, arena: Arena, seed: int) -> None:
        self._reactor = reactor
        self._arena = arena
        self._chance = Random(seed)
        self._raging = True
        self.history = History()
        self.troubles = Troubles(reactor, arena.control, self._chance.random())

    async def rage(self, writes: int) -> None:
        """Until so many writes were acknowledged; then everything runs again."""
        clients = await self._clients()
        for name, uid in (await self.troubles.begin()).items():
            self.history.things.append(Thing("server", name, uid, True, {name}, {"ACTIVE"}, trouble=name))
        killing = [Deferred.fromCoroutine(self._kill_replicas(daemon)) for daemon in self._arena.daemons]
        killing.append(Deferred.fromCoroutine(self._kill_sandbox()))
        try:
            await side_by_side(*(self._keep_writing(client, writes) for client in clients))
        finally:
            self._raging = False
            for each in killing:
                await each
            await self.troubles.end()
            await side_by_side(*(daemon.until_ready() for daemon in self._arena.daemons))

    def met(self) -> Counter[str]:
        """How many servers were to fail in which way, and how often nodes did."""
        return self.troubles.met + Counter(thing.trouble for thing in self.history.things if thing.trouble)

    async def _clients(self) -> list[Client]:
        first = self._arena.daemons[0]
        demo = await logged_in(self._reactor, first.url, "demo", self._arena.ground.passwords["demo"])
        people = [demo.at(daemon.url) for daemon in self._arena.daemons]
        clients = []
        for place in range(CLIENTS):
            chance = Random(self._chance.random())
            clients.append(Client(self._reactor, people, self.history, f"w{place}", chance))
            clients[-1].images = {name: await image_id(demo, name) for name in (PLAIN, WITH_VOLUME)}
        return clients

    async def _keep_writing(self, client: Client, writes: int) -> None:
        while self.history.writes < writes:
            await client.write()
            await deferLater(self._reactor, self._chance.uniform(0, PAUSE))

    async def _kill_replicas(self, daemon: Daemon) -> None:
        while await self._rest(1, 4):
            await daemon.kill()
            self.history.kills["replica"] += 1
            await self._rest(0, 1)
            await daemon.spawn()
            try:
                await daemon.until_ready(PATIENCE)
            except Overdue:
                # Where the API server dies every few seconds it may not come to that, and dies all the same.
                if daemon.pid is None:
                    raise

    async def _kill_sandbox(self) -> None:
        while await self._lived():
            await self._arena.cluster.kill_apiserver()
            self.history.kills["sandbox"] += 1
            await self._rest(0, 1)
            await self._arena.cluster.start_apiserver()
            await self.troubles.mark()

    async def _lived(self) -> bool:
        """Let the sandbox live some seconds, and some more until a write was acknowledged; whether the storm goes on.

        On a busy machine no replica may get ready in those seconds, again and again.
        """
        before = self.history.writes
        await self._rest(3, 9)
        until = self._reactor.seconds() + PATIENCE
        while self._raging and self.history.writes == before and self._reactor.seconds() < until:
            await deferLater(self._reactor, AGAIN)
        return self._raging

    async def _rest(self, least: float, most: float) -> bool:
        """Wait; whether the storm goes on."""
        until = self._reactor.seconds() + self._chance.uniform(least, most)
        while self._raging and self._reactor.seconds() < until:
            await deferLater(self._reactor, 0.05)
        return self._raging

    async def judged(self) -> Verdict:
        """One look at everything, by Kubernetes and by a replica."""
        demo = await logged_in(
            self._reactor, self._arena.daemons[0].url, "demo", self._arena.ground.passwords["demo"]
        )
        verdict = await judged(self._arena.control, demo, self.history.things)
        verdict.untrue.extend(await untrue(self._arena.control, demo, self.history.things))
        return verdict
