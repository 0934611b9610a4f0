"""The API server is killed and comes back: reads go on, writes say when to try again, and all recovers by itself."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.cluster.control import SOON, Refused
from tests.cluster.furniture import furnish
from tests.cluster.launch import RealCluster
from tests.cluster.shared import SHARED, VARIABLE
from tests.length import TIMEOUT
from tests.live.case import Spoken, image_id, kubernetes, message_of, new_server
from tests.live.daemon import DAEMON, Daemon, Ground, prepared, show
from tests.live.estate import MACHINES, survey
from tests.live.wire import Heard, NoAnswer, Person, logged_in, nameless, side_by_side

SERVERS = "/compute/v2.1/servers"
KEYPAIRS = "/compute/v2.1/os-keypairs"
TOKENS = "/identity/v3/auth/tokens"
LIVE = "cirros-live"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJ6Jz0kBfD4sFv7Wf5h0l4v6n0c2bq3m1x9y8z7w6v5 a@b"
BACK = 90.0
"""Seconds in which watches that rested for long are open again: a rest is at most a minute."""
_GROUNDS: list[Ground] = []


class OutageTests(TestCase):
    """One server, one daemon, and a cluster of which the API server may be killed."""

    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        self.cluster = await SHARED.cluster(reactor)
        ground = await endangered(self.cluster)
        self.daemon = await started(self, ground)
        self.spoken = Spoken(self.daemon.log)
        self.addCleanup(lambda: self.assertEqual(self.spoken.tracebacks(), []))
        self.demo = await logged_in(reactor, self.daemon.url, "demo", ground.passwords["demo"])
        self.control = kubernetes(self, ground.access)
        self.image = await image_id(self.demo, LIVE)
        self.mark = uuid4().hex[:6]

    async def test_reads_go_on_and_writes_say_when_to_try_again(self) -> None:
        server = await self.active(f"steady{self.mark}")
        pid, reads = self.daemon.pid, self.reads(server)
        before = {path: nameless(await self.demo.ask("GET", path)) for path in reads}
        await self.cluster.kill_apiserver()
        began = reactor.seconds()
        answers = Deferred.fromCoroutine(self.written(server))
        await self.the_same(before)
        await self.tokens_go_on()
        for what, answer in (await answers).items():
            self.unavailable(what, answer)
        self.assertLess(reactor.seconds() - began, 40)
        await self.the_same(before)
        await self.cluster.start_apiserver()
        await self.recovers(server)
        self.assertEqual(self.daemon.pid, pid)

    async def test_a_write_in_the_midst_of_it(self) -> None:
        """It is answered when the API server is back, or refused; then it is whole or gone."""
        names = {f"midst{self.mark}x{place}": rest for place, rest in enumerate((0.0, 0.03, 0.1))}
        writing = [Deferred.fromCoroutine(self.create(name)) for name in names]
        for rest in names.values():
            await deferLater(reactor, rest)
        await self.cluster.kill_apiserver()
        writing.append(Deferred.fromCoroutine(self.create(f"midst{self.mark}late")))
        await self.cluster.start_apiserver()
        answers = dict(zip([*names, f"midst{self.mark}late"], [await each for each in writing], strict=True))

        async def whole() -> bool:
            estate = await survey(self.control, "demo")
            estate.check_whole()
            return True

        await self.control.until(BACK, "everything to be whole or gone", whole)
        estate = await survey(self.control, "demo")
        for name, answer in answers.items():
            self.assertIn(answer.code, (202, 503), str(answer))
            if answer.code == 503:
                self.unavailable(name, answer)
            self.assertLessEqual(len(estate.named(name)), 1)
            self.assertGreaterEqual(len(estate.named(name)), answer.code == 202)
        await self.removed([id for name in answers for id in estate.named(name)])

    def reads(self, server: str) -> list[str]:
        return [
            SERVERS,
            f"{SERVERS}/detail",
            f"{SERVERS}/{server}",
            f"{SERVERS}/{server}/ips",
            f"{SERVERS}/00000000-0000-4000-8000-000000000001",
            "/compute/v2.1/flavors/detail",
            "/compute/v2.1/limits",
            KEYPAIRS,
            "/image/v2/images",
            f"/image/v2/images/{self.image}",
            "/network/v2.0/networks",
            "/network/v2.0/ports",
            "/network/v2.0/security-groups",
            "/identity/v3/auth/projects",
            "/identity/v3/auth/catalog",
            f"/identity/v3/users/{self.demo.user}/projects",
        ]

    async def the_same(self, before: Mapping[str, object]) -> None:
        """Every read is answered at once, as it was before."""
        for path, answer in before.items():
            began = reactor.seconds()
            self.assertEqual(nameless(await self.demo.ask("GET", path)), answer, path)
            self.assertLess(reactor.seconds() - began, 4, path)

    async def tokens_go_on(self) -> None:
        """A token counts and brings another; a password cannot be checked, since its hash is never kept."""
        subject = {"X-Subject-Token": self.demo.token}
        self.assertEqual((await self.demo.ask("GET", TOKENS, headers=subject)).code, 200)
        scope = {"project": {"id": self.demo.project}}
        auth = {"identity": {"methods": ["token"], "token": {"id": self.demo.token}}, "scope": scope}
        answer = await self.demo.ask("POST", TOKENS, {"auth": auth})
        self.assertEqual(answer.code, 201, str(answer))
        other = Person(reactor, self.daemon.url, answer.headers["x-subject-token"], self.demo.project, self.demo.user)
        self.assertEqual((await other.ask("GET", SERVERS)).code, 200)

    async def written(self, server: str) -> dict[str, Heard]:
        """The answers to writes of all kinds, sent side by side."""
        never = {"keypair": {"name": f"never{self.mark}", "public_key": PUBLIC_KEY}}
        subject = {"X-Subject-Token": self.demo.token}
        proof = {"user": {"id": self.demo.user, "password": "any"}}
        login = {"auth": {"identity": {"methods": ["password"], "password": proof}}}
        works = {
            "compute create": self.create(f"never{self.mark}"),
            "compute update": self.demo.ask("PUT", f"{SERVERS}/{server}", {"server": {"name": "never"}}),
            "compute stop": self.demo.ask("POST", f"{SERVERS}/{server}/action", {"os-stop": None}),
            "compute delete": self.demo.ask("DELETE", f"{SERVERS}/{server}"),
            "compute key": self.demo.ask("POST", KEYPAIRS, never),
            "identity revoke": self.demo.ask("DELETE", TOKENS, headers=subject),
            "identity login": self.demo.ask("POST", TOKENS, login),
        }
        return dict(zip(works, await side_by_side(*works.values()), strict=True))

    def unavailable(self, what: str, answer: Heard) -> None:
        self.assertEqual(answer.code, 503, f"{what}: {answer}")
        self.assertRegex(answer.headers.get("retry-after", ""), r"\A[1-9][0-9]*\Z", what)
        self.assertTrue(message_of(what.split()[0] if " " in what else "compute", answer), f"{what}: {answer}")

    async def recovers(self, server: str) -> None:
        """Writes at once, watches after their rest; nothing has come of what was refused."""
        answer = await self.create(f"after{self.mark}")
        self.assertEqual(answer.code, 202, str(answer))
        made = answer.document["server"]["id"]
        machine = {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachine",
            "metadata": {"name": f"kubectl{self.mark}"},
            "spec": {"runStrategy": "Halted", "template": {"spec": {"domain": {"devices": {}}}}},
        }
        uid = (await self.control.change("POST", MACHINES.format("demo"), machine))["metadata"]["uid"]
        await self.become({uid: "SHUTOFF", made: "ACTIVE", server: "ACTIVE"})
        estate = await survey(self.control, "demo")
        self.assertEqual(estate.named(f"never{self.mark}"), [])
        self.assertEqual(estate.halves(), [])
        self.assertEqual((await self.demo.ask("GET", f"{KEYPAIRS}/never{self.mark}")).code, 404)
        again = await logged_in(reactor, self.daemon.url, "demo", self.daemon.ground.passwords["demo"])
        self.assertEqual((await again.ask("GET", f"{SERVERS}/{uid}")).code, 200)
        await self.removed([server, made, uid])

    async def become(self, wanted: Mapping[str, str]) -> None:
        """Servers are seen after the rest of watches, and then are in these states."""

        async def states() -> dict[str, str]:
            listed = (await self.demo.ask("GET", f"{SERVERS}/detail")).document["servers"]
            return {each["id"]: each["status"] for each in listed if each["id"] in wanted}

        async def seen() -> bool:
            return len(await states()) == len(wanted)

        async def settled() -> bool:
            found = await states()
            if found != wanted:
                machines = (await self.control.get(MACHINES.format("demo")))["items"]
                said = [each.get("status", {}).get("printableStatus") for each in machines]
                raise Refused(f"Dicot shows {found} for {wanted}, Kubernetes {said}")
            return True

        await self.control.until(BACK, "all servers to be seen", seen)
        # KubeVirt and CDI have rested as well, and only then do they begin with what was asked for.
        await self.control.until(SOON, "all servers to be as they should", settled)

    async def create(self, name: str) -> Heard:
        body = new_server(name, self.image, user_data="I2Nsb3VkLWNvbmZpZwo=")
        try:
            return await self.demo.ask("POST", SERVERS, body)
        except NoAnswer as error:
            raise AssertionError(f"no answer to {name}: {error}\n{self.daemon.tail()}") from error

    async def active(self, name: str) -> str:
        answer = await self.create(name)
        self.assertEqual(answer.code, 202, str(answer))
        id = str(answer.document["server"]["id"])

        async def runs() -> bool:
            shown = (await self.demo.ask("GET", f"{SERVERS}/{id}")).document["server"]
            estate = await survey(self.control, "demo")
            return bool(
                shown["status"] == "ACTIVE" and shown["OS-SRV-USG:launched_at"] and not estate.unsettled([id])
            )

        await self.control.until(SOON, "a server to run", runs)
        return id

    async def removed(self, servers: list[str]) -> None:
        for id in servers:
            answer = await self.demo.ask("DELETE", f"{SERVERS}/{id}")
            self.assertEqual(answer.code, 204, str(answer))

        async def gone() -> bool:
            estate = await survey(self.control, "demo")
            return not any(id in estate.machines or estate.of(id) for id in servers)

        await self.control.until(SOON, "nothing to be left", gone)


async def endangered(cluster: RealCluster) -> Ground:
    """The ground of daemons on the cluster that tests may hurt; it is the shared one where that was started here."""
    if not os.environ.get(VARIABLE):
        return await DAEMON.ground(reactor)
    if not _GROUNDS:
        await furnish(cluster)
        _GROUNDS.append(await prepared(reactor, cluster.access, Path(tempfile.mkdtemp(prefix="dicot-live-"))))
    return _GROUNDS[0]


async def started(test: TestCase, ground: Ground) -> Daemon:
    """A daemon of this test alone."""
    daemon = Daemon(reactor, ground, Path(tempfile.mkdtemp(prefix="daemon-", dir=ground.folder)))
    test.addCleanup(lambda: Deferred.fromCoroutine(daemon.kill()))
    test.addCleanup(show, test, daemon)
    await daemon.start()
    return daemon
