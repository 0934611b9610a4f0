"""Hostile objects of every kind that is read: nothing breaks, and nobody else is answered a byte differently.

A few thousand by default, a hundred thousand with ``DICOT_LONG``; ``DICOT_SEED`` repeats others than usual.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import VM, VMI
from dicot.kube.kind import Kind, Manifest
from tests.compute.server.objects import IMAGE, recorded
from tests.hostile import Malice
from tests.length import IS_LONG
from tests.whole import Whole

OBJECTS = 100_000 if IS_LONG else 3_000
BATCH = 1_000 if IS_LONG else 250
SEED = int(os.environ.get("DICOT_SEED") or 20261126)
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJ6Jz0kBfD4sFv7Wf5h0l4v6n0c2bq3m1x9y8z7w6v5 a@b"
COMPUTE = "/compute/v2.1"
PREFIXES = {"identity": "/identity/v3", "compute": COMPUTE, "image": "/image/v2", "network": "/network/v2.0"}
VERSIONS = {"compute": ("2.1", "2.67", "2.96")}
"""Microversions at which everything is asked."""
MOVES_BY_ITSELF = ("/os-simple-tenant-usage", "/auth/tokens")
"""What tells how late it is."""
EVERYBODYS = ("/flavors", "/images", "/os-availability-zone", "/networks", "/subnets", "/auth", "/users", "/projects")
"""What shows objects that belong to no tenant."""


class Asked:
    """What a user reads, everything there is: paths with their versions."""

    def __init__(self, whole: Whole, user: str, names: dict[str, str]) -> None:
        self._whole = whole
        self._token = whole.token(user)
        self._names = names

    def answers(self, leave_out: tuple[str, ...] = ()) -> dict[tuple[str, str], tuple[int, bytes]]:
        """Codes and bodies."""
        return {
            (path, version): self.answer(path, version)
            for path, version in self._paths()
            if not any(each in path for each in leave_out)
        }

    def answer(self, path: str, version: str) -> tuple[int, bytes]:
        headers = {"OpenStack_API_Version": f"compute {version}"} if version else {}
        found = self._whole.ask("GET", path, token=self._token, **headers)
        return found.code, found.body

    def _paths(self) -> Iterator[tuple[str, str]]:
        for api in self._whole.apis:
            service = api.dialect.service
            for endpoint in api._routes:
                method, url = endpoint.split(" ")
                if method != "GET" or url.startswith(MOVES_BY_ITSELF):
                    continue
                for version in VERSIONS.get(service, ("",)):
                    yield PREFIXES[service] + self._filled(url), version

    def _filled(self, url: str) -> str:
        parts = url.split("/")
        for place, part in enumerate(parts):
            if part.startswith("<"):
                parts[place] = self._names.get(part, self._names.get(f"{parts[1]} {part}", "nothing"))
        return "/".join(parts)


class HostileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.whole = Whole(["demo", "other"])
        self.whole.furnish()
        self.dice = random.Random(SEED)
        names = self.cloud()
        victims = [*names.values(), *(row.uid for store in self.whole.stores.values() for row in store.rows())]
        self.malice = Malice(self.dice, sorted(victims))
        self.demo, self.other, self.admin = (Asked(self.whole, user, names) for user in ("demo", "other", "admin"))

    def cloud(self) -> dict[str, str]:
        """What demo has: by the name that it has in a route."""
        token = self.whole.token("demo")

        def made(path: str, body: object) -> Any:
            answer = self.whole.ask("POST", COMPUTE + path, body, token=token, X_OpenStack_Nova_API_Version="2.96")
            self.assertIn(answer.code, (200, 201, 202), answer)
            return answer.json

        made("/os-keypairs", {"keypair": {"name": "key", "public_key": PUBLIC_KEY, "type": "ssh"}})
        group = made("/os-server-groups", {"server_group": {"name": "group", "policy": "affinity"}})
        server: Manifest = {"name": "web", "flavorRef": "1", "imageRef": IMAGE, "networks": "auto", "key_name": "key"}
        server |= {"metadata": {"a": "b"}, "tags": ["t"], "user_data": "I2Nsb3VkLWNvbmZpZwo="}
        id = str(made("/servers", {"server": server})["server"]["id"])
        self.runs("demo")
        listed = {
            each: self.whole.ask("GET", f"/network/v2.0/{each}", token=token).json[each.replace("-", "_")][0]["id"]
            for each in ("ports", "networks", "subnets", "security-groups")
        }
        return {
            "servers <id>": id,
            "os-server-groups <id>": str(group["server_group"]["id"]),
            "images <id>": IMAGE,
            "flavors <id>": "1",
            "<label>": "private",
            "<key>": "a",
            "<tag>": "t",
            "<name>": "key",
            "<alias>": "os-keypairs",
            **{f"{name} <id>": found for name, found in listed.items()},
        }

    def runs(self, namespace: str) -> None:
        """The servers of a namespace run, as far as virt-controller tells."""
        instance, status = recorded("running")["vmi"], recorded("running")["vm"]["status"]
        for row in list(self.whole.stores[VM].rows(namespace)):
            machine = self.whole.kube.one("virtualmachines", namespace, row.name)
            assert machine is not None
            self.whole.put(VM, {**machine, "status": status})
            owner = {**instance["metadata"]["ownerReferences"][0], "name": row.name, "uid": row.uid}
            metadata = {"name": row.name, "namespace": namespace, "ownerReferences": [owner]}
            self.whole.put(VMI, {**instance, "metadata": metadata})

    def tell(self, kind: Kind[Any], namespace: str) -> None:
        """A watch tells of an object."""
        type = self.dice.choice(("ADDED", "MODIFIED", "MODIFIED", "MODIFIED", "DELETED"))
        line = msgspec.json.encode({"type": type, "object": self.malice.manifest(kind, namespace)})
        self.whole.stores[kind].apply([line])

    def test_what_a_tenant_writes_touches_nobody_else(self) -> None:
        kinds = [kind for kind in self.whole.stores if kind.namespaced and kind.namespace is None]
        before = self.demo.answers()
        self.assertGreater([code for code, _ in before.values()].count(200), 60)
        shown = 0
        for _ in range(OBJECTS // BATCH):
            for _ in range(BATCH):
                self.tell(self.dice.choice(kinds), self.dice.choice(("other", "other", "other", "wild")))
            self.whole.clock.advance(1)
            self.assertEqual(self.demo.answers(), before)
            for who in (self.other, self.admin):
                for asked, (code, _) in who.answers().items():
                    self.assertLess(code, 500, asked)
            code, body = self.admin.answer(f"{COMPUTE}/servers/detail?all_tenants=1&sort_key=display_name", "2.96")
            self.assertEqual(code, 200)
            shown = max(shown, len(msgspec.json.decode(body)["servers"]))
        self.assertGreater(shown, 5)

    def test_what_belongs_to_nobody_breaks_no_project(self) -> None:
        """Cluster-wide objects, and those of Dicot's own namespace, however they are."""
        malice = self.malice
        self.malice = Malice(self.dice)
        kinds = [kind for kind in self.whole.stores if not kind.namespaced or kind.namespace]
        before = self.demo.answers(EVERYBODYS)
        for _ in range(OBJECTS // BATCH // 4):
            for _ in range(BATCH):
                kind = self.dice.choice(kinds)
                self.tell(kind, kind.namespace or "")
            self.whole.clock.advance(1)
            self.assertEqual(self.demo.answers(EVERYBODYS), before)
            for asked, (code, _) in self.admin.answers().items():
                self.assertLess(code, 500, asked)
        self.malice = malice

    def test_what_is_no_object_is_refused_as_such(self) -> None:
        for _ in range(OBJECTS // len(self.whole.stores)):
            for kind in self.whole.stores:
                try:
                    row = kind.decode(self.malice.junk(kind))
                    kind.links(row, kind.read(row))
                except msgspec.DecodeError:
                    pass
