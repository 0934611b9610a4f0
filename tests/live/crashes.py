"""Servers made by daemons that die with -9 while they make them: each at another point, and then one look at all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from dicot.names import ID, network_id
from dicot.tap import CRASH_AT
from tests.cluster.control import SOON, Control, Overdue
from tests.live.case import ROOMY, Spoken, image_id, kubernetes, new_server, put_forward
from tests.live.daemon import DAEMON, Daemon
from tests.live.estate import LEDGERS, survey
from tests.live.wire import NoAnswer, Person, logged_in, side_by_side

SERVERS = "/compute/v2.1/servers"
KEYPAIRS = "/compute/v2.1/os-keypairs"
KEY = "crash"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJ6Jz0kBfD4sFv7Wf5h0l4v6n0c2bq3m1x9y8z7w6v5 a@b"
IMAGE = "cirros-live"
FIRST = ("before create ledgers", "after create ledgers")
COMMITTED = "after create virtualmachines"
STEPS = re.compile(
    r"checkpoint: ((?:before|after) (?:rehearse|create|replace|patch) (?!events\b)\S+(?: \d+)?)$", re.MULTILINE
)
"""The points of a create; an Event is told behind it, and nothing depends on it."""
NO_SERVER: Mapping[str, object] = {"keypair": True}
PORTS = "/apis/network.dicot.io/v1/namespaces/demo/ports"
NOWHERE = {CRASH_AT: "nowhere"}
MOMENTS = (0.01, 0.05, 0.1, 0.2)
"""Seconds after a request at which a daemon is killed from outside."""
AT_ONCE = 3
"""Daemons that run side by side."""
FORGOTTEN = 60.0
"""Seconds after a crash in which all of it must be judged."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request, and when its server dies: at a point, or seconds after the request. ``name`` is what it makes."""

    name: str
    point: str = ""
    moment: float = 0.0
    more: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What there is of a case a minute after its crash. ``code`` is 0 where nobody was answered."""

    case: Case
    code: int
    servers: tuple[str, ...]
    statuses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Aftermath:
    """``points`` in the order in which a whole create meets them, and what became of each case.

    ``twice`` are the servers of the client that asked again, ``reused`` the answers to those who want a port and a
    name that a crash had taken; ``left`` is what remained of it all in the end.
    """

    points: Sequence[str]
    outcomes: Sequence[Outcome]
    halves: Sequence[str]
    twice: Sequence[str]
    reused: Mapping[str, int]
    left: Sequence[str]

    def at(self, points: Sequence[str]) -> list[Outcome]:
        """The outcomes of the deaths at these points of an ordinary create."""
        return [outcome for outcome in self.outcomes if outcome.case.point in points and not outcome.case.more]


class Crashes:
    """Makes the crashes of a test run, one after the other, on the cluster that tests share."""

    def __init__(self, reactor: Any, test: TestCase) -> None:
        self._reactor = reactor
        self._test = test
        self._prefix = f"crash{uuid4().hex[:6]}"
        self._image = ""
        self._port = str(uuid4())
        self._codes: dict[str, int] = {}
        self._died: dict[str, float] = {}

    async def happen(self) -> Aftermath:
        """All of them; then the steward dies too, and a replica that was never part of it cleans up."""
        steward = await DAEMON.shared(self._reactor, self._test)
        demo = await logged_in(self._reactor, steward.url, "demo", steward.ground.passwords["demo"])
        cluster = kubernetes(self._test, steward.ground.access)
        await self.prepare(demo, cluster)
        first = [Case(f"{self._prefix}f{place}", point) for place, point in enumerate(FIRST)]
        await self.died(demo, first)
        points = await self.recorded(demo, cluster)
        cases = self.cases(points)
        for place in range(0, len(cases), AT_ONCE):
            await self.died(demo, cases[place : place + AT_ONCE])
        survivor = await self.daemon({})
        await steward.kill()
        await self.forgotten(cluster)
        return await self.aftermath(demo.at(survivor.url), cluster, points, [*first, *cases])

    async def prepare(self, demo: Person, cluster: Control) -> None:
        """A key, a port, and a project that has no Ledger yet."""
        self._image = await image_id(demo, IMAGE)
        await demo.ask("POST", KEYPAIRS, {"keypair": {"name": KEY, "public_key": PUBLIC_KEY}})
        port = {
            "apiVersion": "network.dicot.io/v1",
            "kind": "Port",
            "metadata": {"name": self._prefix, "labels": {ID: self._port}},
            "spec": {"formatVersion": 1, "networkId": network_id("private")},
        }
        await cluster.change("POST", PORTS, port)
        await cluster.change("DELETE", f"{LEDGERS}/ledger-{demo.project}", also=(404,))

    def cases(self, points: Sequence[str]) -> list[Case]:
        """One for each point, some that die at any moment, and some that want more than an ordinary create."""
        prefix = self._prefix
        return [
            # Nobody may have these for a while, so they come first.
            Case(f"{prefix}port", "after patch ports", more={"networks": [{"port": self._port}]}),
            Case(f"{prefix}key", "after create nameclaims", more=NO_SERVER),
            *(Case(f"{prefix}p{place:02}", point) for place, point in enumerate(points)),
            *(Case(f"{prefix}m{place}", moment=moment) for place, moment in enumerate(MOMENTS)),
            Case(f"{prefix}two", COMMITTED, more={"min_count": 2, "max_count": 2}),
        ]

    async def recorded(self, demo: Person, cluster: Control) -> Sequence[str]:
        """The points of a create that goes well, until the Ledger is done with it."""
        daemon = await self.daemon(NOWHERE)
        spoken = Spoken(daemon.log)
        name = f"{self._prefix}whole"
        code = await self.create(demo.at(daemon.url), Case(name))
        self._test.assertEqual(code, 202)

        async def settled() -> bool:
            estate = await survey(cluster, "demo")
            ids = estate.named(name)
            estate.check_whole(ids)
            return len(ids) == 1 and not estate.unsettled(ids)

        await cluster.until(SOON, "a whole server", settled)
        await daemon.kill()
        return STEPS.findall(spoken.text())

    async def daemon(self, environment: Mapping[str, str]) -> Daemon:
        """A daemon that has room for many servers."""
        daemon = await DAEMON.own(self._reactor, self._test, start=False)
        with (daemon.log.parent / "dicot.toml").open("a") as settings:
            settings.write(ROOMY)
        await daemon.start(environment)
        return daemon

    async def died(self, demo: Person, cases: Sequence[Case]) -> None:
        """Daemons side by side, but one create after the other: they share a Ledger."""
        daemons = await side_by_side(*(self.daemon({CRASH_AT: case.point or "nowhere"}) for case in cases))
        for daemon, case in zip(daemons, cases, strict=True):
            if case.moment:
                self._reactor.callLater(case.moment, end, daemon, "KILL")
            self._codes[case.name] = await self.create(demo.at(daemon.url), case)
        for daemon, case in zip(daemons, cases, strict=True):
            limit = self._reactor.callLater(30, end, daemon, "TERM")
            self._test.assertEqual(await daemon.ended(), -9)
            limit.cancel()
            self._died[case.name] = self._reactor.seconds()

    async def create(self, person: Person, case: Case) -> int:
        """The status code of a create, 0 where none came."""
        body = new_server(case.name, self._image, user_data="I2Nsb3VkLWNvbmZpZwo=", key_name=KEY, **case.more)
        path = SERVERS
        if case.more is NO_SERVER:
            path, body = KEYPAIRS, {"keypair": {"name": case.name, "public_key": PUBLIC_KEY}}
        try:
            return (await person.ask("POST", path, body)).code
        except NoAnswer:
            return 0

    async def forgotten(self, cluster: Control) -> None:
        """A minute by the API server's clock, and not a moment more, until everything is whole or gone."""
        until = self._reactor.seconds() + FORGOTTEN

        async def whole() -> bool:
            (await survey(cluster, "demo")).check_whole()
            return True

        is_over = await put_forward(cluster, FORGOTTEN)
        await cluster.until(FORGOTTEN, "everything to be whole or gone", whole)
        if not is_over:
            await deferLater(self._reactor, max(0.0, until - self._reactor.seconds()))

    async def aftermath(
        self, demo: Person, cluster: Control, points: Sequence[str], cases: Sequence[Case]
    ) -> Aftermath:
        """What Kubernetes has of each case, and what the survivor makes of it."""
        estate = await survey(cluster, "demo")
        listed = (await demo.ask("GET", f"{SERVERS}/detail?name={self._prefix}")).document["servers"]
        statuses = {server["id"]: str(server["status"]) for server in listed}
        outcomes = []
        for case in cases:
            ids = tuple(estate.named(case.name))
            outcomes.append(Outcome(case, self._codes[case.name], ids, tuple(statuses.get(id, "") for id in ids)))
        lost = next(case for case in cases if case.point == COMMITTED)
        taken = [case for case in cases if case.name in (f"{self._prefix}port", f"{self._prefix}key")]
        reused = {case.name.removeprefix(self._prefix): await self.reused(demo, case) for case in taken}
        await self.create(demo, lost)
        twice = (await survey(cluster, "demo")).named(lost.name)
        left = await self.removed(demo, cluster)
        return Aftermath(points, outcomes, estate.halves(), twice, reused, left)

    async def reused(self, demo: Person, case: Case) -> int:
        """The answer to a case that comes again, a minute by Dicot's clock after its daemon has died."""
        await deferLater(self._reactor, max(0.0, self._died[case.name] + FORGOTTEN - self._reactor.seconds()))
        return await self.create(demo, case)

    async def removed(self, demo: Person, cluster: Control) -> list[str]:
        """What is left of all servers after they were deleted."""
        for id in (await survey(cluster, "demo")).named(self._prefix, whole=False):
            await demo.ask("DELETE", f"{SERVERS}/{id}")
        await cluster.change("DELETE", f"{PORTS}/{self._prefix}")

        async def gone() -> bool:
            estate = await survey(cluster, "demo")
            return not (estate.named(self._prefix, whole=False) or estate.halves() or estate.unsettled())

        try:
            await cluster.until(SOON, "nothing to be left", gone)
        except Overdue:
            estate = await survey(cluster, "demo")
            return [*estate.machines, *map(str, estate.parts), *estate.unsettled()]
        return []


def end(daemon: Daemon, signal: str) -> None:
    """Send it a signal, and do not wait."""
    Deferred.fromCoroutine(daemon.kill(signal))
