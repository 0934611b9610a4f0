"""Clients that write while everything is killed around them, and what must be there in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, ConnectionLost
from twisted.internet.task import deferLater

from dicot.names import SYSTEM_NAMESPACE
from tests.cluster.control import Control, Document, Overdue
from tests.live.case import image_id, new_server
from tests.live.daemon import Daemon
from tests.live.estate import survey
from tests.live.wire import Heard, NoAnswer, Person, logged_in, side_by_side

from .arena import Arena

SERVERS = "/compute/v2.1/servers"
KEYPAIRS = "/compute/v2.1/os-keypairs"
GROUPS = "/compute/v2.1/os-server-groups"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJ6Jz0kBfD4sFv7Wf5h0l4v6n0c2bq3m1x9y8z7w6v5 a@b"
PLAIN, WITH_VOLUME = "cirros-live", "cirros"
USER_DATA = "I2Nsb3VkLWNvbmZpZwo="
CLIENTS = 6
MOST = 4
"""Servers that a client has at a time."""
PAUSE = 1.2
"""Seconds that a client rests at most between two writes."""
PATIENCE = 20.0
"""Seconds that a replica has to get ready before it is killed again."""
AGAIN = 0.1
"""Seconds until a client that found nobody asks the next."""
CLAIMS = f"/apis/identity.dicot.io/v1/namespaces/{SYSTEM_NAMESPACE}/nameclaims"
KEYS = f"/apis/compute.dicot.io/v1/namespaces/{SYSTEM_NAMESPACE}/keypairs"


@dataclass
class Thing:
    """A server, a key pair or a server group that somebody asked for.

    ``exists`` is None where nobody knows: a write of it was not answered. ``names`` are those that it may have by
    now, ``states`` the statuses. ``id`` is "" where the answer to its create never came. ``count`` are those that one
    request wanted, of which fewer are none; ``shown`` are fields of a server as they must be.
    """

    kind: str
    first: str
    id: str = ""
    exists: bool | None = None
    names: set[str] = field(default_factory=set)
    states: set[str] = field(default_factory=set)
    count: int = 1
    shown: Mapping[str, object] = field(default_factory=dict)


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


@dataclass(frozen=True)
class Verdict:
    """What is wrong in the end."""

    lost: list[str]
    doubled: list[str]
    left: list[str]


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

    def _new(self, kind: str) -> Thing:
        self._count += 1
        name = f"{self._mark}{kind[0]}{self._count}"
        thing = Thing(kind, name, names={name})
        self._history.things.append(thing)
        return thing

    async def _create_server(self) -> None:
        thing = self._new("server")
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
    """Two replicas, their clients, and kill -9 of everything at moments that ``seed`` decides."""

    def __init__(self, reactor: Any, arena: Arena, seed: int) -> None:
        self._reactor = reactor
        self._arena = arena
        self._chance = Random(seed)
        self._raging = True
        self.history = History()

    async def rage(self, writes: int) -> None:
        """Until so many writes were acknowledged; then everything runs again."""
        clients = await self._clients()
        killing = [Deferred.fromCoroutine(self._kill_replicas(daemon)) for daemon in self._arena.daemons]
        killing.append(Deferred.fromCoroutine(self._kill_sandbox()))
        try:
            await side_by_side(*(self._keep_writing(client, writes) for client in clients))
        finally:
            self._raging = False
            for each in killing:
                await each
            await side_by_side(*(daemon.until_ready() for daemon in self._arena.daemons))

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
        while await self._rest(3, 9):
            await self._arena.cluster.kill_apiserver()
            self.history.kills["sandbox"] += 1
            await self._rest(0, 1)
            await self._arena.cluster.start_apiserver()

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
        return await judged(self._arena.control, demo, self.history.things)


async def judged(control: Control, demo: Person, things: list[Thing]) -> Verdict:
    """What is wrong with what there is, after all that was answered."""
    verdict = Verdict([], [], [])
    servers = (await demo.ask("GET", f"{SERVERS}/detail")).document["servers"]
    keys = [each["keypair"]["name"] for each in (await demo.ask("GET", KEYPAIRS)).document["keypairs"]]
    groups = [each["name"] for each in (await demo.ask("GET", GROUPS)).document["server_groups"]]
    estate = await survey(control, "demo")
    verdict.left.extend(estate.halves())
    verdict.left.extend(f"the Ledger has {id}, which is gone" for id in estate.entries if id not in estate.machines)
    verdict.left.extend(await _orphans(control))
    for thing in things:
        if thing.kind == "server":
            _judge_server(thing, servers, verdict)
        else:
            _judge_named(thing, groups if thing.kind == "group" else keys, verdict)
    shown = {server["id"] for server in servers}
    verdict.lost.extend(f"{id} is not listed" for id in estate.machines.keys() - shown)
    verdict.left.extend(f"{id} is listed" for id in shown - estate.machines.keys())
    return verdict


def _judge_server(thing: Thing, servers: list[Document], verdict: Verdict) -> None:
    found = [server for server in servers if server["id"] == thing.id or server["name"] in thing.names]
    names = {server["name"] for server in found}
    if len(found) > thing.count or len(names) < len(found):
        verdict.doubled.append(f"{thing} is {found}")
    elif found and len(found) < thing.count:
        verdict.left.append(f"{thing} is only {found}")
    elif thing.exists and not (found and thing.id in ("", found[0]["id"]) and names <= thing.names):
        verdict.lost.append(f"{thing} is {found}")
    elif thing.exists and not (states := {server["status"] for server in found}) <= thing.states:
        verdict.lost.append(f"{thing} is {states}")
    elif thing.exists and not all(thing.shown.items() <= server.items() for server in found):
        verdict.lost.append(f"{thing} is {found}")
    elif thing.exists is False and found:
        verdict.lost.append(f"{thing}, deleted, is {found}")


def _judge_named(thing: Thing, names: list[str], verdict: Verdict) -> None:
    found = names.count(thing.first)
    if found > 1:
        verdict.doubled.append(f"{thing} is there {found} times")
    elif thing.exists is not None and thing.exists != bool(found):
        verdict.lost.append(f"{thing} is there {found} times")


async def _orphans(control: Control) -> list[str]:
    """Claims without their key pairs and key pairs without their claims; volumes that no server uses."""
    keys = {item["metadata"]["name"] for item in (await control.get(KEYS))["items"]}
    claims = [item["spec"] for item in (await control.get(CLAIMS))["items"] if item["spec"]["kind"] == "keypair"]
    claimed = [spec["place"].rpartition("/")[2] for spec in claims]
    found = [f"the name of key pair {name} is claimed" for name in claimed if name not in keys]
    found += [f"key pair {name} has no claim" for name in keys if name not in claimed]
    found += [f"key pair {name} has two claims" for name, count in Counter(claimed).items() if count > 1]
    return found
