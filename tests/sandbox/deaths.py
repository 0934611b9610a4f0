"""Every write there is, the steps that it takes, and replicas that die with -9 before and after each of them."""

from __future__ import annotations

import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from dicot.cloud.resource import Bench
from dicot.config import Config
from dicot.served import services
from dicot.tap import CRASH_AT
from tests.bench import Operations
from tests.chance import SEED
from tests.cluster.control import Document
from tests.length import IS_LONG
from tests.live.case import Spoken, image_id, new_server
from tests.live.daemon import Daemon
from tests.live.estate import survey
from tests.live.wire import Heard, NoAnswer, Person, logged_in, side_by_side

from .arena import Arena
from .storms import PLAIN, PUBLIC_KEY, USER_DATA
from .verdicts import GROUPS, KEYPAIRS, SERVERS, Thing

DRAWN = 24
"""Deaths of one day, by chance; a long run has all of them."""
TOKENS = "/identity/v3/auth/tokens"
STEPS = re.compile(
    r"checkpoint: ((?:before|after) (?!read |find |all |fetch )\S+ (?!leases\b|events\b)\S+(?: \d+)?)$", re.MULTILINE
)
"""The points of writes; a replica's own Lease is none of theirs, and on an Event nothing depends."""
KEPT, NEW = {"kept": "yes"}, {"new": "1"}
BORN: Mapping[str, object] = {"metadata": KEPT, "tags": ["kept"]}
"""What a server has from the start."""
AT_ONCE = 4
SETTLED = 60.0
"""Seconds in which all that a crash leaves must be judged."""
FORGOTTEN = 90.0
"""Seconds after which no Ledger has an entry of a server that is seen."""
FOLLOWS = 0.5
"""Seconds in which all is done that may follow an answer, but for the Ledger's."""


class _Tools(dict[str, Any]):
    """No tool is used before an operation is called."""

    def __missing__(self, key: str) -> None:
        return None


def registered() -> set[tuple[str, ...]]:
    """All writes: the service, the method or the action, the path."""
    nothing: Any = None
    found: set[tuple[str, ...]] = set()
    for service in services(Config()):
        for resource in service.resources:
            routes = Operations()
            resource.register(
                Bench(routes, nothing, nothing, nothing, nothing, nothing, nothing, Config(), tools=_Tools())
            )
            found |= {(service.name, *key) for key in routes.operations if key[0] not in ("GET", "HEAD")}
    return found


@dataclass
class Subject:
    """What a write is about. ``token`` is one of its own, for writes about tokens."""

    name: str
    thing: Thing
    token: str = ""


@dataclass(frozen=True)
class Write:
    """``commit`` is the step after which it is done; "" where nothing is written at all. ``ask`` is sent to a replica
    that dies, ``done`` says of a thing what it is afterwards, ``needs`` what there must be before. ``count`` is how
    many commits it takes, of which fewer are none."""

    commit: str
    ask: Callable[[Person, Subject, str], Awaitable[Heard]]
    done: Callable[[Thing], None]
    needs: str = ""
    count: int = 1


def _exists(thing: Thing) -> None:
    thing.exists = True


def _gone(thing: Thing) -> None:
    thing.exists = False


def _renamed(thing: Thing) -> None:
    thing.names = {f"{thing.first}-renamed"}


def _in(state: str) -> Callable[[Thing], None]:
    def become(thing: Thing) -> None:
        thing.states = {state}

    return become


def _action(key: str, content: object) -> Callable[[Person, Subject, str], Awaitable[Heard]]:
    return lambda person, subject, image: person.ask("POST", f"{SERVERS}/{subject.thing.id}/action", {key: content})


def _shows(**fields: object) -> Callable[[Thing], None]:
    def become(thing: Thing) -> None:
        thing.shown = {**thing.shown, **fields}

    return become


def _below(method: str, rest: str, content: object = None) -> Callable[[Person, Subject, str], Awaitable[Heard]]:
    return lambda person, subject, image: person.ask(method, f"{SERVERS}/{subject.thing.id}/{rest}", content)


def _create(person: Person, subject: Subject, image: str) -> Awaitable[Heard]:
    return person.ask("POST", SERVERS, new_server(subject.name, image, user_data=USER_DATA, **BORN))


def _create_many(person: Person, subject: Subject, image: str) -> Awaitable[Heard]:
    count = subject.thing.count
    body = new_server(subject.name, image, user_data=USER_DATA, **BORN, min_count=count, max_count=count)
    return person.ask("POST", SERVERS, body)


def _rename(person: Person, subject: Subject, image: str) -> Awaitable[Heard]:
    body = {"server": {"name": f"{subject.name}-renamed"}}
    return person.ask("PUT", f"{SERVERS}/{subject.thing.id}", body)


def _create_key(person: Person, subject: Subject, image: str) -> Awaitable[Heard]:
    return person.ask("POST", KEYPAIRS, {"keypair": {"name": subject.name, "public_key": PUBLIC_KEY}})


def _create_group(person: Person, subject: Subject, image: str) -> Awaitable[Heard]:
    body = {"server_group": {"name": subject.name, "policy": "anti-affinity"}}
    return person.ask("POST", GROUPS, body)


def _log_in(person: Person, subject: Subject, image: str) -> Awaitable[Heard]:
    scope = {"project": {"id": person.project}}
    auth = {"identity": {"methods": ["token"], "token": {"id": subject.token}}, "scope": scope}
    return person.ask("POST", TOKENS, {"auth": auth})


Key = tuple[str, ...]
"""The service, the method or the action, the path; and what sets a case apart from others of the same."""
WRITES: Mapping[Key, Write] = {
    ("compute", "POST", "/servers"): Write("create virtualmachines", _create, _exists),
    ("compute", "POST", "/servers", "min_count"): Write("create virtualmachines", _create_many, _exists, count=2),
    ("compute", "PUT", "/servers/<id>"): Write("patch virtualmachines", _rename, _renamed, "ACTIVE"),
    ("compute", "DELETE", "/servers/<id>"): Write(
        "delete virtualmachines",
        lambda person, subject, image: person.ask("DELETE", f"{SERVERS}/{subject.thing.id}"),
        _gone,
        "ACTIVE",
    ),
    ("compute", "os-start", "/servers/<id>/action"): Write(
        "start virtualmachines", _action("os-start", None), _in("ACTIVE"), "SHUTOFF"
    ),
    ("compute", "os-stop", "/servers/<id>/action"): Write(
        "stop virtualmachines", _action("os-stop", None), _in("SHUTOFF"), "ACTIVE"
    ),
    ("compute", "reboot", "/servers/<id>/action"): Write(
        "restart virtualmachines", _action("reboot", {"type": "HARD"}), _in("ACTIVE"), "ACTIVE"
    ),
    ("compute", "POST", "/servers/<id>/metadata"): Write(
        "patch virtualmachines",
        _below("POST", "metadata", {"metadata": NEW}),
        _shows(metadata={**KEPT, **NEW}),
        "ACTIVE",
    ),
    ("compute", "PUT", "/servers/<id>/metadata"): Write(
        "patch virtualmachines", _below("PUT", "metadata", {"metadata": NEW}), _shows(metadata=NEW), "ACTIVE"
    ),
    ("compute", "PUT", "/servers/<id>/metadata/<key>"): Write(
        "patch virtualmachines",
        _below("PUT", "metadata/new", {"meta": NEW}),
        _shows(metadata={**KEPT, **NEW}),
        "ACTIVE",
    ),
    ("compute", "DELETE", "/servers/<id>/metadata/<key>"): Write(
        "patch virtualmachines", _below("DELETE", "metadata/kept"), _shows(metadata={}), "ACTIVE"
    ),
    ("compute", "PUT", "/servers/<id>/tags"): Write(
        "patch virtualmachines", _below("PUT", "tags", {"tags": ["new"]}), _shows(tags=["new"]), "ACTIVE"
    ),
    ("compute", "PUT", "/servers/<id>/tags/<tag>"): Write(
        "patch virtualmachines", _below("PUT", "tags/new"), _shows(tags=["kept", "new"]), "ACTIVE"
    ),
    ("compute", "DELETE", "/servers/<id>/tags"): Write(
        "patch virtualmachines", _below("DELETE", "tags"), _shows(tags=[]), "ACTIVE"
    ),
    ("compute", "DELETE", "/servers/<id>/tags/<tag>"): Write(
        "patch virtualmachines", _below("DELETE", "tags/kept"), _shows(tags=[]), "ACTIVE"
    ),
    ("compute", "lock", "/servers/<id>/action"): Write(
        "patch virtualmachines", _action("lock", None), _shows(locked=True), "ACTIVE"
    ),
    ("compute", "unlock", "/servers/<id>/action"): Write(
        "patch virtualmachines", _action("unlock", None), _shows(locked=False), "locked"
    ),
    ("compute", "POST", "/os-server-groups"): Write("create servergroups", _create_group, _exists),
    ("compute", "DELETE", "/os-server-groups/<id>"): Write(
        "delete servergroups",
        lambda person, subject, image: person.ask("DELETE", f"{GROUPS}/{subject.thing.id}"),
        _gone,
        "group",
    ),
    ("compute", "POST", "/os-keypairs"): Write("create keypairs", _create_key, _exists),
    ("compute", "DELETE", "/os-keypairs/<name>"): Write(
        "delete keypairs",
        lambda person, subject, image: person.ask("DELETE", f"{KEYPAIRS}/{subject.name}"),
        _gone,
        "key",
    ),
    ("identity", "POST", "/auth/tokens"): Write("", _log_in, lambda thing: None, "token"),
    ("identity", "DELETE", "/auth/tokens"): Write(
        "create revocations",
        lambda person, subject, image: person.ask("DELETE", TOKENS, headers={"X-Subject-Token": subject.token}),
        _gone,
        "token",
    ),
}


@dataclass
class Death:
    """A write at a replica that dies at a point; ``code`` is 0 where nobody was answered.

    ``done`` is None where a step of another of its commits was under way.
    """

    key: Key
    point: str
    subject: Subject
    done: bool | None
    code: int = 0


@dataclass
class Deaths:
    """All of them, one write after the other."""

    reactor: Any
    test: TestCase
    arena: Arena
    points: dict[Key, Sequence[str]] = field(default_factory=dict)
    happened: list[Death] = field(default_factory=list)
    _ahead: float = 0.0

    async def happen(self) -> None:
        """Record the steps of each write, then die at all of them, or at some."""
        self.demo = await self._person()
        self._image = await image_id(self.demo, PLAIN)
        self.points = await self._recorded()
        every = [
            Death(key, point, Subject("", Thing("", "")), _is_done(WRITES[key], points, point))
            for key, points in self.points.items()
            for point in points
        ]
        planned = every if IS_LONG else random.Random(SEED).sample(every, DRAWN)
        subjects = [self._subject(f"d{place}", WRITES[death.key]) for place, death in enumerate(planned)]
        for place in range(0, len(subjects), 8):
            made = await side_by_side(*subjects[place : place + 8])
            for death, subject in zip(planned[place:], made, strict=False):
                death.subject = subject
        await self._settled([death.subject for death in planned])
        await self._quiet()
        for place in range(0, len(planned), AT_ONCE):
            await self._die(planned[place : place + AT_ONCE])
        self.happened = planned
        await self.arena.put_forward(self._ahead + SETTLED)

    async def _person(self) -> Person:
        passwords = self.arena.ground.passwords
        return await logged_in(self.reactor, self.arena.daemons[0].url, "demo", passwords["demo"])

    async def _subject(self, name: str, write: Write) -> Subject:
        """What a write is about, as it is before."""
        needs = write.needs
        if needs == "token":
            return Subject(name, Thing("token", name, exists=True), (await self._person()).token)
        if needs in ("ACTIVE", "SHUTOFF", "locked"):
            states = {"SHUTOFF" if needs == "SHUTOFF" else "ACTIVE"}
            thing = Thing("server", name, "", True, {name}, states, shown={**BORN, "locked": needs == "locked"})
            subject = Subject(name, thing)
            answer = await _create(self.demo, subject, self._image)
            thing.id = str(answer.document["server"]["id"])
            return subject
        if needs == "group":
            subject = Subject(name, Thing("group", name, exists=True))
            made = await _create_group(self.demo, subject, self._image)
            subject.thing.id = str(made.document["server_group"]["id"])
            return subject
        kind = "keypair" if needs == "key" else ""
        names = {name} if write.count == 1 else {f"{name}-{place + 1}" for place in range(write.count)}
        subject = Subject(name, Thing(kind, name, "", False, names, {"ACTIVE"}, write.count, BORN))
        if needs == "key":
            await _create_key(self.demo, subject, self._image)
            subject.thing.exists = True
        return subject

    async def _settled(self, subjects: Sequence[Subject]) -> None:
        """Servers in the states that they are wanted in."""
        servers = [each.thing for each in subjects if each.thing.kind == "server"]

        async def stopped() -> bool:
            listed = (await self.demo.ask("GET", f"{SERVERS}/detail")).document["servers"]
            found = {server["id"]: server for server in listed}
            for thing in servers:
                server = found.get(thing.id, {})
                for action in _lacking(thing, server):
                    await self.demo.ask("POST", f"{SERVERS}/{thing.id}/action", {action: None})
            return all(found.get(thing.id, {}).get("status") in thing.states for thing in servers)

        await self.arena.control.until(60, "the servers to be as they should", stopped)

    async def _quiet(self) -> None:
        """A Ledger that nobody writes: whoever met a conflict there would take other steps."""
        if await self._is_empty():
            return
        self._ahead += FORGOTTEN
        await self.arena.put_forward(self._ahead)
        await self.arena.control.until(60, "the Ledger to be empty", self._is_empty)

    async def _is_empty(self) -> bool:
        return not (await survey(self.arena.control, "demo")).entries

    async def _recorded(self) -> dict[Key, Sequence[str]]:
        """The points of each write when it goes well."""
        subjects = await side_by_side(
            *(self._subject(f"whole{place}", write) for place, write in enumerate(WRITES.values()))
        )
        await self._settled(subjects)
        points: dict[Key, Sequence[str]] = {}
        cases = list(zip(WRITES.items(), subjects, strict=True))
        for place in range(0, len(cases), AT_ONCE):
            some = cases[place : place + AT_ONCE]
            daemons = await side_by_side(*(self._victim("nowhere") for _ in some))
            await self._quiet()
            for ((key, write), subject), daemon in zip(some, daemons, strict=True):
                points[key] = await self._steps(write, subject, daemon)
            for daemon in daemons:
                await daemon.kill()
        return points

    async def _steps(self, write: Write, subject: Subject, daemon: Daemon) -> Sequence[str]:
        """The points that a write meets."""
        spoken = Spoken(daemon.log)
        answer = await write.ask(self.demo.at(daemon.url), subject, self._image)
        self.test.assertLess(answer.code, 300, str(answer))
        await deferLater(self.reactor, FOLLOWS)
        await self.arena.control.until(30, "the Ledger to be settled", self._is_settled)
        return STEPS.findall(spoken.text())

    async def _is_settled(self) -> bool:
        return not (await survey(self.arena.control, "demo")).unsettled()

    async def _victim(self, point: str) -> Daemon:
        daemon = self.arena.victim(self.reactor, self.test)
        await daemon.start({CRASH_AT: point})
        return daemon

    async def _die(self, deaths: Sequence[Death]) -> None:
        daemons = await side_by_side(*(self._victim(death.point) for death in deaths))
        for death, daemon in zip(deaths, daemons, strict=True):
            try:
                answer = await WRITES[death.key].ask(self.demo.at(daemon.url), death.subject, self._image)
                death.code = answer.code
            except NoAnswer:
                pass
            limit = self.reactor.callLater(30, lambda each=daemon: Deferred.fromCoroutine(each.kill("TERM")))
            self.test.assertEqual(await daemon.ended(), -9, str(death))
            limit.cancel()
            if not death.subject.thing.kind:
                kinds = {"/os-keypairs": "keypair", "/os-server-groups": "group"}
                death.subject.thing.kind = kinds.get(death.key[2], "server")
            if death.done:
                WRITES[death.key].done(death.subject.thing)
            elif death.done is None:
                death.subject.thing.exists = None


def _lacking(thing: Thing, server: Document) -> list[str]:
    """What is to be done with a server that runs before it is as it is wanted."""
    if server.get("status") != "ACTIVE":
        return []
    stop = ["os-stop"] if thing.states == {"SHUTOFF"} else []
    return [*stop, *(["lock"] if thing.shown.get("locked") and not server["locked"] else [])]


def _is_done(write: Write, points: Sequence[str], point: str) -> bool | None:
    """Whether what was asked for has happened at a point; nobody knows where other commits are on their way."""
    after = f"after {write.commit}"
    reached = [each for each in points[: points.index(point) + 1] if each == after or each.startswith(f"{after} ")]
    if point in reached and len(reached) < write.count:
        return None
    return len(reached) >= write.count
