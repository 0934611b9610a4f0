"""Clients that read and write at a pace, and count what was not answered as it should be."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.task import deferLater

from tests.live.case import new_server
from tests.live.several import PUBLIC_KEY
from tests.live.wire import Heard, Person

LogIn = Callable[[], Coroutine[Any, Any, Person]]
SERVERS = "/compute/v2.1/servers"
KEYPAIRS = "/compute/v2.1/os-keypairs"
READS = (f"{SERVERS}/detail", "/compute/v2.1/flavors", "/image/v2/images", "/network/v2.0/ports")
KEYS, MACHINES = 0.08, 0.01
"""What part of the turns makes, shows and deletes a key, or a server; in any other a list is read. So a sixth of all
requests are writes."""
FRESH = 30.0
"""Seconds for which they have a token: one that lasts an hour would end while a long crowd works."""
BEHIND = 1.0
"""Seconds by which the crowd may be late and still catch up."""


class Crowd:
    """``rate`` is what all together ask in a second, where servers answer as fast. ``failed`` is what was not
    answered as it should, ``missed`` what a replica had not heard of though another had made it. The names of all
    that they make begin with ``mark``. All are one ``person``, who logs in again and again by ``log_in``."""

    def __init__(self, reactor: Any, person: Person, log_in: LogIn, image: str, mark: str, rate: float) -> None:
        self.failed: list[str] = []
        self.missed: list[str] = []
        self.done: Counter[str] = Counter()
        self._reactor = reactor
        self._person = person
        self._log_in = log_in
        self._until = reactor.seconds() + FRESH
        self._image = image
        self._mark = mark
        self._pause = 1 / rate
        self._goes_on = True
        self._made = 0
        self._due = 0.0

    async def work(self) -> None:
        """One client, until all is done."""
        while self._goes_on:
            chance = random.random()
            if chance < KEYS:
                await self._key()
            elif chance < KEYS + MACHINES:
                await self._server()
            else:
                await self._ask("GET", random.choice(READS), None, 200)

    def stop(self) -> None:
        """What was begun is still finished."""
        self._goes_on = False

    async def _key(self) -> None:
        self._made += 1
        name = f"{self._mark}k{self._made}"
        await self._ask("POST", KEYPAIRS, {"keypair": {"name": name, "public_key": PUBLIC_KEY}}, 201)
        await self._show(f"{KEYPAIRS}/{name}")
        await self._ask("DELETE", f"{KEYPAIRS}/{name}", None, 204)

    async def _server(self) -> None:
        self._made += 1
        answer = await self._ask("POST", SERVERS, new_server(f"{self._mark}s{self._made}", self._image), 202)
        if answer is not None:
            id = answer.document["server"]["id"]
            await self._show(f"{SERVERS}/{id}")
            await self._ask("DELETE", f"{SERVERS}/{id}", None, 204)

    async def _stay_logged_in(self, now: float) -> None:
        """One of them gets the next token for all."""
        if now >= self._until:
            self._until = now + FRESH
            self._person = await self._log_in()
            self.done["login"] += 1

    async def _show(self, path: str) -> None:
        answer = await self._ask("GET", path, None, 200)
        self.missed += [path] * (answer is None)

    async def _ask(self, method: str, path: str, body: object, code: int) -> Heard | None:
        now = self._reactor.seconds()
        self._due = max(now - BEHIND, self._due + self._pause)
        if self._due > now:
            await deferLater(self._reactor, self._due - now)
        about = f"{method} {path}"
        try:
            await self._stay_logged_in(now)
            answer = await self._person.ask(method, path, body)
        except Exception as error:
            self.failed.append(f"{about}: {error!r}")
            return None
        self.done[method] += 1
        if answer.code == code:
            return answer
        self.failed.append(f"{about}: {answer}")
        return None
