"""Two replicas that are asked for the same thing at the same moment."""

from __future__ import annotations

from uuid import uuid4

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from tests.cluster.control import SOON
from tests.length import TIMEOUT
from tests.live.case import Spoken, image_id, kubernetes, new_server
from tests.live.daemon import DAEMON, Daemon
from tests.live.estate import survey
from tests.live.wire import Person, logged_in, side_by_side

SERVERS = "/compute/v2.1/servers"
KEYPAIRS = "/compute/v2.1/os-keypairs"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJ6Jz0kBfD4sFv7Wf5h0l4v6n0c2bq3m1x9y8z7w6v5 a@b"
ROUNDS = 10
ROOM, ASKED = 3, 4
"""Servers that the quota has room for, and that each replica is asked for."""


class RaceTests(TestCase):
    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        ground = await DAEMON.ground(reactor)
        self.cluster = kubernetes(self, ground.access)
        self.mark = uuid4().hex[:6]
        self.passwords = ground.passwords

    async def people(self, instances: int = 10) -> list[Person]:
        """User demo at two replicas that grant so many servers."""
        daemons = [await self.replica(instances) for _ in range(2)]
        demo = await logged_in(reactor, daemons[0].url, "demo", self.passwords["demo"])
        return [demo.at(daemon.url) for daemon in daemons]

    async def replica(self, instances: int) -> Daemon:
        daemon = await DAEMON.own(reactor, self, start=False)
        with (daemon.log.parent / "dicot.toml").open("a") as settings:
            settings.write(f"[quota]\ninstances = {instances}\ncores = -1\nram = -1\n")
        await daemon.start()
        spoken = Spoken(daemon.log)
        self.addCleanup(lambda: self.assertEqual(spoken.tracebacks(), []))
        return daemon

    async def taken(self) -> int:
        """What demo's servers take of the quota, once the Ledger has forgotten those that are gone."""

        async def forgotten() -> bool:
            estate = await survey(self.cluster, "demo")
            return estate.entries.keys() <= estate.machines.keys()

        await DAEMON.shared(reactor, self)
        await self.cluster.until(90, "the Ledger to forget", forgotten)
        return len((await survey(self.cluster, "demo")).machines)

    async def test_one_name_has_one_key_pair(self) -> None:
        """The one who has it made it: its key is the one that is shown."""
        people = await self.people()
        for round in range(ROUNDS):
            name = f"race{self.mark}x{round}"
            keys = [f"{PUBLIC_KEY}{place}" for place in range(2)]
            answers = await side_by_side(
                *(
                    person.ask("POST", KEYPAIRS, {"keypair": {"name": name, "public_key": key}})
                    for person, key in zip(people, keys, strict=True)
                )
            )
            self.assertEqual(sorted(answer.code for answer in answers), [201, 409], str(answers))
            [winner] = [key for key, answer in zip(keys, answers, strict=True) if answer.code == 201]
            for person in people:
                shown = await person.ask("GET", f"{KEYPAIRS}/{name}")
                self.assertEqual(shown.document["keypair"]["public_key"], winner)

    async def test_a_name_that_goes_is_taken_once(self) -> None:
        """A delete here and a create there: either order is right, and both may be done."""
        people = await self.people()
        for round in range(ROUNDS):
            name = f"gone{self.mark}x{round}"
            one, other = people if round % 2 else reversed(people)
            body = {"keypair": {"name": name, "public_key": PUBLIC_KEY}}
            self.assertEqual((await one.ask("POST", KEYPAIRS, body)).code, 201)
            gone, made = await side_by_side(
                one.ask("DELETE", f"{KEYPAIRS}/{name}"), other.ask("POST", KEYPAIRS, body)
            )
            self.assertEqual(gone.code, 204, str(gone))
            self.assertIn(made.code, (201, 409), str(made))
            shown = await one.ask("GET", f"{KEYPAIRS}/{name}")
            self.assertEqual(shown.code, 200 if made.code == 201 else 404, str(made))
            if made.code == 409:
                self.assertEqual((await one.ask("POST", KEYPAIRS, body)).code, 201)

    async def test_a_quota_holds_for_both(self) -> None:
        people = await self.people(await self.taken() + ROOM)
        image = await image_id(people[0], "cirros-live")
        answers = await side_by_side(
            *(
                person.ask("POST", SERVERS, new_server(f"race{self.mark}y{place}", image))
                for person in people
                for place in range(ASKED)
            )
        )
        codes = sorted(answer.code for answer in answers)
        self.assertEqual(codes, [202] * ROOM + [403] * (2 * ASKED - ROOM), str(answers))
        made = [answer.document["server"]["id"] for answer in answers if answer.code == 202]
        refused = next(answer.document["forbidden"]["message"] for answer in answers if answer.code == 403)
        self.assertIn("Quota exceeded for instances", refused)
        for id in made:
            self.assertEqual((await people[0].ask("DELETE", f"{SERVERS}/{id}")).code, 204)

        async def gone() -> bool:
            estate = await survey(self.cluster, "demo")
            return not any(id in estate.machines or estate.of(id) for id in made)

        await self.cluster.until(SOON, "nothing to be left", gone)
