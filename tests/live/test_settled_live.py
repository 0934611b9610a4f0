"""A sandbox that begins with servers: they are seen like those that were made, and can be used like them."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from dicot.cloud.kinds.kubevirt import VM, VMI
from dicot.cloud.kinds.network import PORT
from dicot.kube.kind import Kind
from tests.cluster.control import Control
from tests.cluster.furniture import furnish
from tests.cluster.run import settled
from tests.cluster.sandbox import SandboxCluster
from tests.cluster.shared import DEFINITIONS
from tests.length import TIMEOUT
from tests.live.case import ROOMY, image_id, kubernetes, new_server
from tests.live.daemon import Daemon, prepared, show
from tests.live.wire import Person, logged_in

ONLY_ON = "sandbox"
LOADED = 300
STOPPED = LOADED // 10
SERVERS = "/compute/v2.1/servers"
WITHIN = 30.0
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")
KINDS: Mapping[str, Kind[Any]] = {
    "/apis/kubevirt.io/v1/namespaces/demo/virtualmachines": VM,
    "/apis/kubevirt.io/v1/namespaces/demo/virtualmachineinstances": VMI,
    "/apis/network.dicot.io/v1/namespaces/demo/ports": PORT,
}
MACHINES, INSTANCES, PORTS = KINDS
SETTLED = "sandbox.dicot.io/settled"


class Place:
    """One sandbox with its servers and its Dicot for all tests here."""

    def __init__(self) -> None:
        self._daemon: Daemon | None = None

    async def daemon(self) -> Daemon:
        if self._daemon is None:
            self._daemon = await self._start()
        return self._daemon

    async def _start(self) -> Daemon:
        folder = Path(tempfile.mkdtemp(prefix="dicot-settled-"))
        options = ("--listen", "0", "--servers", str(LOADED))
        cluster = await SandboxCluster.start(reactor, folder / "cluster", (DEFINITIONS,), options)
        running: list[SandboxCluster | Daemon] = [cluster]

        async def end() -> None:
            for each in reversed(running):
                await (each.stop() if isinstance(each, SandboxCluster) else each.kill())
            shutil.rmtree(folder)

        reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(end()))
        await furnish(cluster)
        daemon = Daemon(reactor, await prepared(reactor, cluster.access, folder), folder, stays=True)
        running.append(daemon)
        await settled(cluster.control, LOADED)
        with (folder / "dicot.toml").open("a") as settings:
            settings.write(ROOMY)
        await daemon.start()
        return daemon


PLACE = Place()


class SettledTests(TestCase):
    timeout = TIMEOUT
    maxDiff = None

    async def setUp(self) -> None:  # type: ignore[override]
        self.daemon = await PLACE.daemon()
        self.addCleanup(show, self, self.daemon)
        passwords = self.daemon.ground.passwords
        self.demo = await logged_in(reactor, self.daemon.url, "demo", passwords["demo"])
        self.cluster = kubernetes(self, self.daemon.ground.access)

    async def servers(self, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.demo.ask("GET", f"{SERVERS}/detail?{query}")).document["servers"]
        return found

    async def some(self, **wanted: str) -> dict[str, Any]:
        """A loaded server that nobody has touched."""
        asleep = await self.cluster.get(f"{MACHINES}?labelSelector={SETTLED}")
        ids = {each["metadata"]["labels"]["dicot.io/id"] for each in asleep["items"]}
        return next(
            each
            for each in await self.servers("limit=1000")
            if each["id"] in ids and all(each[name] == value for name, value in wanted.items())
        )

    async def becomes(self, server: str, status: str) -> dict[str, Any]:
        """Wait until a server shows a status."""
        shown: dict[str, Any] = {}

        async def does() -> bool:
            shown.update((await self.demo.ask("GET", f"{SERVERS}/{server}")).document["server"])
            return bool(shown["status"] == status)

        await self.cluster.until(WITHIN, f"{server} to be {status}", does)
        return shown

    async def act(self, server: str, action: str) -> None:
        answer = await self.demo.ask("POST", f"{SERVERS}/{server}/action", {action: None})
        self.assertEqual(answer.code, 202, str(answer))

    async def test_all_are_listed(self) -> None:
        found = [each for each in await self.servers("limit=1000") if re.search(r"-\d{6}\Z", each["name"])]
        states = [each["status"] for each in found]
        self.assertGreaterEqual(len(found), LOADED - 1)
        self.assertIn(states.count("SHUTOFF"), (STOPPED, STOPPED - 1, STOPPED + 1))
        self.assertEqual({*states}, {"ACTIVE", "SHUTOFF"})
        self.assertEqual(len({each["id"] for each in found}), len(found))

    async def test_one_is_as_one_that_was_made(self) -> None:
        body = new_server("made", await image_id(self.demo, "cirros-live"))
        made = (await self.demo.ask("POST", SERVERS, body)).document["server"]["id"]
        shown = await self.becomes(made, "ACTIVE")
        same = {name: shown[name] for name in ("status", "flavor", "OS-EXT-AZ:availability_zone")}
        loaded = await self.some(**same)
        both = [await Found.of(self.demo, self.cluster, id) for id in (made, loaded["id"])]
        self.assertEqual(both[1].shown(), both[0].shown())
        for kind in KINDS:
            self.assertEqual(both[1].read(kind), both[0].read(kind), kind)

    async def test_one_is_stopped_and_started(self) -> None:
        server = (await self.some(status="ACTIVE"))["id"]
        await self.act(server, "os-stop")
        await self.becomes(server, "SHUTOFF")
        await self.act(server, "os-start")
        shown = await self.becomes(server, "ACTIVE")
        self.assertTrue(shown["addresses"])

    async def test_one_that_was_stopped_is_started(self) -> None:
        server = (await self.some(status="SHUTOFF"))["id"]
        await self.act(server, "os-start")
        await self.becomes(server, "ACTIVE")

    async def test_one_is_deleted(self) -> None:
        server = (await self.some(status="ACTIVE"))["id"]
        found = await Found.of(self.demo, self.cluster, server)
        answer = await self.demo.ask("DELETE", f"{SERVERS}/{server}")
        self.assertEqual(answer.code, 204, str(answer))

        async def gone() -> bool:
            codes = [(await self.cluster.ask("GET", path)).status for path in found.paths]
            return codes == [404, 404, 404]

        await self.cluster.until(WITHIN, "its objects to go", gone)
        self.assertEqual((await self.demo.ask("GET", f"{SERVERS}/{server}")).code, 404)

    async def test_one_that_is_touched_stays_as_it_is(self) -> None:
        server = (await self.some(status="ACTIVE"))["id"]
        before = await Found.of(self.demo, self.cluster, server)
        note = {"metadata": {"annotations": {"somebody.example/note": "seen"}}}
        await self.cluster.change("PATCH", before.paths[1], note, "application/merge-patch+json")
        pods = f"/api/v1/namespaces/demo/pods?labelSelector=dicot.io/id={server}"

        async def woken() -> bool:
            [pod] = (await self.cluster.get(pods))["items"]
            return bool(pod["status"]["phase"] == "Running")

        await self.cluster.until(WITHIN, "its launcher", woken)
        # Its controllers leave it alone for two seconds; what they did after that would be seen.
        calm = Deferred[None]()
        reactor.callLater(4, calm.callback, None)
        await calm
        after = await Found.of(self.demo, self.cluster, server)
        self.assertEqual(after.shown(), before.shown())
        for kind in KINDS:
            self.assertEqual(after.read(kind), before.read(kind), kind)


class Found:
    """A server as Dicot shows it, and its objects as Dicot reads them, without what tells it from others."""

    def __init__(self, document: dict[str, Any], objects: Mapping[str, dict[str, Any]]) -> None:
        self._document = document
        self._objects = objects
        self.paths = [f"{kind}/{each['metadata']['name']}" for kind, each in objects.items()]
        machine, port = objects[MACHINES], objects[PORTS]
        notes = machine["metadata"]["annotations"]
        words = {
            "nic": port["metadata"]["name"],
            "id": document["id"],
            "object": machine["metadata"]["name"],
            "name": document["name"],
            "port": port["metadata"]["labels"]["dicot.io/id"],
            "mac": port["spec"]["macAddress"],
            "request": notes["dicot.io/request-id"],
            "reservation": notes["dicot.io/reservation-id"],
            **{kind: each["metadata"]["uid"] for kind, each in objects.items()},
        }
        for each in objects[INSTANCES]["status"]["interfaces"]:
            words["address"] = each["ipAddress"]
        self._words = words

    @classmethod
    async def of(cls, person: Person, cluster: Control, id: str) -> Found:
        document = (await person.ask("GET", f"{SERVERS}/{id}")).document["server"]
        objects = {}
        for kind in KINDS:
            label = "dicot.io/server-id" if kind == PORTS else "dicot.io/id"
            [objects[kind]] = (await cluster.get(f"{kind}?labelSelector={label}={id}"))["items"]
        return cls(document, objects)

    def shown(self) -> object:
        return self._nameless(self._document)

    def read(self, kind: str) -> object:
        """What Dicot keeps of an object."""
        raw = msgspec.json.encode(self._objects[kind])
        kept = msgspec.to_builtins(KINDS[kind].read(KINDS[kind].decode(raw)))
        kept["metadata"]["labels"].pop(SETTLED, None)
        kept["metadata"].pop("resourceVersion")
        return self._nameless(kept)

    def _nameless(self, found: object) -> object:
        text = msgspec.json.encode(found).decode()
        for what, word in self._words.items():
            text = text.replace(word, f"<{what}>")
        return msgspec.json.decode(MOMENT.sub("<moment>", text))
