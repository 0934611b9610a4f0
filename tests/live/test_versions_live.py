"""A release and the next one side by side on one cluster, as during an upgrade, and the way back."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from uuid import uuid4

from twisted.internet import reactor

from tests.cluster.control import MERGE, SOON, Document
from tests.live.case import LiveCase, image_id, new_server
from tests.live.daemon import DAEMON
from tests.live.estate import survey
from tests.live.newer import FIELD, GROUPS, VALUE, VERSION
from tests.live.several import PUBLIC_KEY
from tests.live.wire import Person, side_by_side

NEWER = (sys.executable, str(Path(__file__).with_name("newer.py")))
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
COMPUTE = "/compute/v2.1"
SERVERS, KEYPAIRS, GROUPS_OF_SERVERS = f"{COMPUTE}/servers", f"{COMPUTE}/os-keypairs", f"{COMPUTE}/os-server-groups"
STRICT = "?dryRun=All&fieldValidation=Strict"
AT_ONCE = 4
STORED = (
    "/apis/network.dicot.io/v1/namespaces/demo/ports",
    "/apis/compute.dicot.io/v1/namespaces/demo/servergroups",
    "/apis/compute.dicot.io/v1/namespaces/dicot-system/keypairs",
)


class VersionsTests(LiveCase):
    """Ours is the shared daemon. The definitions are the newer release's, which are applied first and stay."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        listed = (await self.cluster.get(DEFINITIONS))["items"]
        ours = [each for each in listed if each["spec"]["group"].endswith(GROUPS)]
        for each in ours:
            path = f"{DEFINITIONS}/{each['metadata']['name']}"
            self.addCleanup(
                self.cluster.change, "PATCH", path, {"spec": {"versions": each["spec"]["versions"]}}, MERGE
            )
            await self.cluster.change("PATCH", path, {"spec": {"versions": widened(each["spec"]["versions"])}}, MERGE)
        for each in ours:
            await self.cluster.until(SOON, f"{each['metadata']['name']} to be newer", partial(self.widens, each))
        other = await DAEMON.own(reactor, self, program=NEWER)
        self.older, self.newer = self.demo, self.demo.at(other.url)
        self.other = other
        self.mark = f"both{uuid4().hex[:6]}"
        self.image = await image_id(self.demo, "cirros-live")

    async def widens(self, definition: Document) -> bool:
        """Whether the API server takes the new field of a kind: it lags behind the definition."""
        spec = definition["spec"]
        place = "namespaces/dicot-system/" if spec["scope"] == "Namespaced" else ""
        body = {
            "apiVersion": f"{spec['group']}/v1",
            "kind": spec["names"]["kind"],
            "metadata": {"name": "widened"},
            "spec": {FIELD: VALUE},
        }
        path = f"/apis/{spec['group']}/v1/{place}{spec['names']['plural']}{STRICT}"
        return b"unknown field" not in (await self.cluster.ask("POST", path, body)).content

    async def made(self, person: Person, name: str) -> str:
        """A server of that name in a group of its own, with a key of its own; its id."""
        key = await person.ask("POST", KEYPAIRS, {"keypair": {"name": name, "public_key": PUBLIC_KEY}})
        self.assertEqual(key.code, 201, str(key))
        group = await person.ask("POST", GROUPS_OF_SERVERS, {"server_group": {"name": name, "policy": "affinity"}})
        self.assertEqual(group.code, 200, str(group))
        hints = {"group": group.document["server_group"]["id"]}
        body = new_server(name, self.image, key_name=name) | {"os:scheduler_hints": hints}
        answer = await person.ask("POST", SERVERS, body)
        self.assertEqual(answer.code, 202, str(answer))
        return str(answer.document["server"]["id"])

    async def stored(self, name: str) -> list[Document]:
        """The port, the group and the key that belong to a server of that name."""
        specs = [each["spec"] for path in STORED for each in (await self.cluster.get(path))["items"]]
        return [each for each in specs if name in (each["name"], each.get("vm", "").rpartition("-")[0])]

    async def same(self, path: str) -> None:
        """Both must say the same of it, each with links to itself."""
        people = (self.older, self.newer)
        answers = await side_by_side(*(each.ask("GET", path) for each in people))
        one, other = (
            answer.body.replace(each.url.encode(), b"") for answer, each in zip(answers, people, strict=True)
        )
        self.assertEqual([answer.code for answer in answers], [200, 200], path)
        self.assertEqual(one, other, path)

    async def active(self, id: str) -> None:
        """Wait until both show a server that runs."""

        async def reached() -> bool:
            shown = await side_by_side(*(each.ask("GET", f"{SERVERS}/{id}") for each in (self.older, self.newer)))
            return {each.document["server"]["status"] for each in shown} == {"ACTIVE"}

        await self.cluster.until(SOON, f"{id} to be active", reached)

    async def heard(self, person: Person, path: str) -> bool:
        """Whether all changes of a server are shown: a replica hears of those of others by its watch."""
        server = (await person.ask("GET", path)).document["server"]
        shown = server["description"], server["tags"], server["metadata"]
        return shown == ("changed", ["changed"], {"changed": "yes"})

    async def test_each_reads_and_changes_what_the_other_has_written(self) -> None:
        for maker, other, version in ((self.newer, self.older, VERSION), (self.older, self.newer, 1)):
            name = f"{self.mark}v{version}"
            id = await self.made(maker, name)
            path = f"{SERVERS}/{id}"
            await self.active(id)
            await self.same(path)
            await self.same(f"{KEYPAIRS}/{name}")
            await self.same(f"{path}/os-instance-actions")
            changes: tuple[tuple[str, str, Document | None, int], ...] = (
                ("PUT", path, {"server": {"description": "changed"}}, 200),
                ("PUT", f"{path}/tags/changed", None, 201),
                ("POST", f"{path}/metadata", {"metadata": {"changed": "yes"}}, 200),
            )
            for method, where, body, code in changes:
                answer = await other.ask(method, where, body)
                self.assertEqual(answer.code, code, f"{method} {where}: {answer}")
            await self.cluster.until(SOON, "who made it to hear of the changes", partial(self.heard, maker, path))
            specs = await self.stored(name)
            self.assertEqual(len(specs), len(STORED))
            # What an older release changes keeps what only a newer one knows.
            self.assertEqual(
                [(each["formatVersion"], each.get(FIELD)) for each in specs],
                [(version, VALUE if version == VERSION else None)] * len(STORED),
            )
            await self.removed(other, name, id)

    async def test_both_write_at_once_and_the_newer_leaves(self) -> None:
        """All that they reserve stands in one Ledger; the way back is the older alone."""
        names = [f"{self.mark}-{number}" for number in range(2 * AT_ONCE)]
        people = [self.newer, self.older] * AT_ONCE
        ids = await side_by_side(*(self.made(*each) for each in zip(people, names, strict=True)))
        await side_by_side(*(self.active(id) for id in ids))
        estate = await survey(self.cluster, "demo")
        self.assertEqual(estate.halves(ids), [])
        self.assertEqual(await self.other.kill("TERM"), -15)
        for name, id in zip(names, ids, strict=True):
            await self.removed(self.older, name, id)

    async def removed(self, person: Person, name: str, id: str) -> None:
        """A server with its group and its key, deleted by somebody, until nothing is left of it."""
        groups = (await person.ask("GET", GROUPS_OF_SERVERS)).document["server_groups"]
        [group] = [each["id"] for each in groups if each["name"] == name]
        for path in (f"{SERVERS}/{id}", f"{GROUPS_OF_SERVERS}/{group}", f"{KEYPAIRS}/{name}"):
            answer = await person.ask("DELETE", path)
            self.assertEqual(answer.code, 204, f"{path}: {answer}")

        async def gone() -> bool:
            estate = await survey(self.cluster, "demo")
            return not (estate.named(name) or estate.of(id) or await self.stored(name))

        await self.cluster.until(SOON, f"the end of {name}", gone)


def widened(versions: list[Document]) -> list[Document]:
    """Versions of a definition whose objects may have one field more."""
    field = {FIELD: {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    found = []
    for version in versions:
        schema = version["schema"]["openAPIV3Schema"]
        spec = schema["properties"]["spec"]
        wider = {**spec, "properties": {**spec["properties"], **field}}
        properties = {**schema["properties"], "spec": wider}
        found.append({**version, "schema": {"openAPIV3Schema": {**schema, "properties": properties}}})
    return found
