"""The daemon under test: it is ready with its own rights, comes back on its ports, and a second one sees the same."""

from __future__ import annotations

from signal import SIGKILL, SIGTERM

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.cluster.control import Control, Document
from tests.length import TIMEOUT
from tests.live.daemon import DAEMON, Daemon


def by_password(user: str, password: str) -> Document:
    """Keystone's request for a token of the user's own project."""
    domain = {"id": "default"}
    identity = {"methods": ["password"], "password": {"user": {"name": user, "domain": domain, "password": password}}}
    return {"auth": {"identity": identity, "scope": {"project": {"name": user, "domain": domain}}}}


class DaemonTests(TestCase):
    timeout = TIMEOUT

    async def logs_in(self, daemon: Daemon, user: str) -> bool:
        front = Control(reactor, daemon.url)
        self.addCleanup(lambda: Deferred.fromCoroutine(front.close()))
        body = by_password(user, daemon.ground.passwords[user])
        return (await front.ask("POST", "/identity/v3/auth/tokens", body)).status == 201

    async def test_people_log_in_with_their_passwords(self) -> None:
        daemon = await DAEMON.shared(reactor, self)
        self.assertTrue(await self.logs_in(daemon, "demo"))
        self.assertTrue(await self.logs_in(daemon, "admin"))

    async def test_comes_back_on_its_ports_beside_another(self) -> None:
        shared, own = await DAEMON.shared(reactor, self), await DAEMON.own(reactor, self)
        self.assertEqual(await own.kill(), -SIGKILL)
        self.assertTrue(await self.logs_in(shared, "demo"))
        await own.restart()
        self.assertTrue(await self.logs_in(own, "demo"))

    async def test_lacks_no_right(self) -> None:
        own = await DAEMON.own(reactor, self)
        self.assertNotIn("is not permitted", own.log.read_text())

    async def test_ends_by_a_signal(self) -> None:
        own = await DAEMON.own(reactor, self)
        self.assertEqual(await own.kill("TERM"), -SIGTERM)
