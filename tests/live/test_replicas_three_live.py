"""Three replicas on one cluster: what one has made the others show, and where the steward dies another goes on.

Sixty servers, on the real programs ten thousand with ``DICOT_LONG``, or as many as ``DICOT_SERVERS`` says.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from uuid import uuid4

from twisted.internet import reactor

from dicot.names import LAUNCHED_AT
from tests.cluster.control import SOON
from tests.cluster.shared import is_sandbox
from tests.length import IS_LONG, TIMEOUT
from tests.live.case import image_id, new_server
from tests.live.estate import MACHINES, survey
from tests.live.several import REPLICAS, SeveralCase
from tests.live.wire import side_by_side

SERVERS = "/compute/v2.1/servers"
WANTED = int(os.environ.get("DICOT_SERVERS", 10_000 if IS_LONG and not is_sandbox() else 60))
AT_ONCE = 8
TOLD = 1_000
"""Servers after which a long run says how far it is."""


class ReplicasTests(SeveralCase):
    timeout = TIMEOUT

    async def test_each_shows_at_once_what_another_has_made(self) -> None:
        """One makes a server, the next shows it, the last deletes it, all of them in turn."""
        people = [self.demo.at(daemon.url) for daemon in self.daemons]
        image, mark = await image_id(self.demo, "cirros-live"), f"each{uuid4().hex[:6]}"
        answers: Counter[tuple[str, int]] = Counter()
        numbers = itertools.count()
        began = reactor.seconds()

        async def work() -> None:
            while (number := next(numbers)) < WANTED:
                maker, shower, deleter = (people[(number + place) % REPLICAS] for place in range(REPLICAS))
                made = await maker.ask("POST", SERVERS, new_server(f"{mark}-{number}", image))
                answers["POST", made.code] += 1
                path = f"{SERVERS}/{made.document['server']['id']}"
                answers["GET", (await shower.ask("GET", path)).code] += 1
                answers["DELETE", (await deleter.ask("DELETE", path)).code] += 1
                if number % TOLD == TOLD - 1:
                    print(f"\n{number + 1} in {reactor.seconds() - began:.0f} s: {dict(answers)}", flush=True)

        await side_by_side(*(work() for _ in range(AT_ONCE)))
        print(f"\n{WANTED} in {reactor.seconds() - began:.0f} s: {dict(answers)}", flush=True)
        self.assertEqual(answers, {("POST", 202): WANTED, ("GET", 200): WANTED, ("DELETE", 204): WANTED})

        await self.gone(mark)

    async def test_where_the_steward_dies_another_goes_on(self) -> None:
        """That a server was launched is noted by the steward alone."""
        image, mark = await image_id(self.demo, "cirros-live"), f"chosen{uuid4().hex[:6]}"
        alive = list(self.daemons)
        for number in range(REPLICAS - 1):
            dead = await self.steward(alive)
            await dead.kill()
            alive.remove(dead)
            self.demo = self.demo.at(alive[0].url)
            made = await self.demo.ask("POST", SERVERS, new_server(f"{mark}-{number}", image))
            self.assertEqual(made.code, 202, str(made))
            began = reactor.seconds()
            await self.noted(f"{mark}-{number}")
            print(f"\nthe next goes on after {reactor.seconds() - began:.1f} s", flush=True)
            self.assertIn(await self.steward(alive), alive)
            deleted = await self.demo.ask("DELETE", f"{SERVERS}/{made.document['server']['id']}")
            self.assertEqual(deleted.code, 204, str(deleted))
        await self.gone(mark)

    async def gone(self, mark: str) -> None:
        """Wait until nothing is left whose name begins so."""

        async def seen() -> bool:
            return not (await survey(self.cluster, "demo")).named(mark, whole=False)

        await self.cluster.until(SOON, "nothing to be left", seen)

    async def noted(self, name: str) -> None:
        """Wait until the VirtualMachine says since when it runs."""

        async def launched() -> bool:
            machines = (await self.cluster.get(MACHINES.format("demo")))["items"]
            notes = [
                each["metadata"].get("annotations", {})
                for each in machines
                if each["metadata"]["name"].startswith(f"{name}-")
            ]
            return len(notes) == 1 and LAUNCHED_AT in notes[0]

        await self.cluster.until(SOON, "the launch to be noted", launched)
