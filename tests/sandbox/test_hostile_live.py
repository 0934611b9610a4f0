"""Hostile objects that an API server really stores: other projects are answered the same to the byte."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.tenancy.calls import kinds
from dicot.config import Config
from dicot.kube.kind import Kind, Manifest
from dicot.names import ID
from dicot.served import resources
from tests.cluster.control import MERGE, SOON, Control
from tests.hostile import Malice
from tests.length import IS_LONG
from tests.live.case import Spoken, image_id, new_server
from tests.live.wire import Person, logged_in, side_by_side
from tests.sandbox.arena import Arena
from tests.sandbox.test_nodes_live import CONTAINER_DISK, machine

ONLY_ON = "sandbox"
OBJECTS = 20_000 if IS_LONG else 240
SEED = int(os.environ.get("DICOT_SEED") or 20261126)
AT_ONCE = 8
THEIRS = "admin"
"""The namespace of a project that does what it likes."""
COMPUTE = "/compute/v2.1"
READ = (
    *(f"{COMPUTE}/{each}" for each in ("servers", "servers/detail", "os-keypairs", "os-server-groups", "limits")),
    *(f"/network/v2.0/{each}" for each in ("ports", "networks", "subnets", "security-groups")),
    *("/image/v2/images", f"{COMPUTE}/flavors/detail", f"{COMPUTE}/os-availability-zone"),
)


class HostileTests(TestCase):
    timeout = 3600.0 if IS_LONG else 600.0

    async def test_what_one_project_stores_touches_no_other(self) -> None:
        arena = await Arena.of(reactor, self, 1)
        [daemon] = arena.daemons
        spoken = Spoken(daemon.log)
        demo, admin = [
            await logged_in(reactor, daemon.url, user, arena.ground.passwords[user]) for user in ("demo", "admin")
        ]
        id = await self.server(arena.control, demo)
        before = await self.answers(demo, id)
        self.assertEqual({code for code, _ in before.values()}, {200})
        chance = random.Random(SEED)
        malice, codes = Malice(chance, [id, demo.project, demo.user]), Counter[int]()
        watched = [kind for kind in kinds(resources(Config())) if kind.namespaced and kind.namespace is None]
        for _ in range(OBJECTS // AT_ONCE):
            made = [self.store(arena.control, chance.choice([*watched, VM]), malice, chance) for _ in range(AT_ONCE)]
            for answers in await side_by_side(*made):
                codes.update(answers)
        self.assertEqual(await self.answers(demo, id), before)
        listed = await admin.ask("GET", f"{COMPUTE}/servers/detail?all_tenants=1")
        shown = [each["tenant_id"] for each in listed.document["servers"]]
        print(
            f"\n{OBJECTS} objects of seed {SEED}: {dict(codes)}; {len(shown) - 1} servers of them are shown",
            flush=True,
        )
        self.assertGreater(codes[201], OBJECTS // 10)
        self.assertGreater(shown.count(admin.project), 0)
        self.assertEqual(spoken.tracebacks(), [])

    async def server(self, control: Control, demo: Person) -> str:
        """The id of a server of demo's, which runs."""
        answer = await demo.ask(
            "POST", f"{COMPUTE}/servers", new_server("victim", await image_id(demo, "cirros-live"))
        )
        id = str(answer.document["server"]["id"])

        async def runs() -> bool:
            shown = (await demo.ask("GET", f"{COMPUTE}/servers/{id}")).document["server"]
            return bool(shown["status"] == "ACTIVE" and shown["addresses"])

        await control.until(SOON, "a server", runs)
        return id

    async def answers(self, demo: Person, id: str) -> dict[str, tuple[int, bytes]]:
        found = {}
        for path in (*READ, f"{COMPUTE}/servers/{id}"):
            answer = await demo.ask("GET", path)
            found[path] = answer.code, answer.body
        return found

    async def store(self, control: Control, kind: Kind[Any], malice: Malice, chance: random.Random) -> list[int]:
        """Try to make an object, and to give it a status; what the API server says to it."""
        made = malice.manifest(kind, THEIRS)
        path = "/api/v1" if not kind.group else f"/apis/{kind.group}/{kind.version}"
        path += f"/namespaces/{THEIRS}/{kind.plural}"
        body = self.tamed(made, kind, chance)
        answer = await control.ask("POST", path, body)
        codes = [answer.status]
        if answer.status == 201 and "status" in made:
            at = f"{path}/{answer.document['metadata']['name']}/status"
            codes.append((await control.ask("PATCH", at, {"status": made["status"]}, MERGE)).status)
        return codes

    def tamed(self, made: Manifest, kind: Kind[Any], chance: random.Random) -> Manifest:
        """The same without what no API server takes from anybody, so that some of them are taken."""
        metadata = made["metadata"]
        kept = {"generateName": "hostile-", "annotations": metadata["annotations"], "labels": {}}
        if ID in metadata["labels"] and len(metadata["labels"][ID]) < 63:
            kept["labels"] = {ID: metadata["labels"][ID]}
        if kind is VM and chance.random() < 0.7:
            return machine("", {"containerDisk": CONTAINER_DISK}, runStrategy="Halted") | {"metadata": kept}
        spec = made.get("spec") if chance.random() < 0.5 else {}
        return {"apiVersion": made["apiVersion"], "kind": made["kind"], "metadata": kept, "spec": spec}
