"""Servers in every state, at every microversion: what Nova's own schemas and Tempest's clients say of the answers.

Nothing here needs a cluster; its first use installs Nova, which is too slow for the unit tests.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import msgspec

from dicot.caller import Caller
from dicot.cloud.kinds.kubevirt import VM
from dicot.kube.kind import Manifest
from dicot.web.dialect import Version
from dicot.web.dialects.compute import Compute
from tests.oracle.nova import oracle

from .objects import IMAGE, RECORDED, recorded
from .served import Served, id_of, renamed
from .test_status import launched, plain, told
from .world import ADMIN, MEMBER, payload

ONLY_ON = "sandbox"
FEW = 4
MOMENTS = sorted(path.stem for path in RECORDED.glob("*.json"))
DRESSES: dict[str, dict[str, str]] = {
    "plain": {},
    "whole": {
        "dicot.io/name": "Köln ☃",
        "dicot.io/description": "what it is for",
        "dicot.io/key-name": "k",
        "dicot.io/user-id": "6f70656e737461636b20342065766572",
        "dicot.io/tags": '["a", "b"]',
        "dicot.io/metadata": '{"one": "1", "two": ""}',
        "dicot.io/image": json.dumps({"id": IMAGE, "properties": {"hw_disk_bus": "virtio"}}),
        "dicot.io/lock": '{"by": "admin", "reason": "maintenance"}',
        "dicot.io/launched-at": "2026-11-21T10:00:00Z",
        "dicot.io/reservation-id": "r-12345678",
        "dicot.io/server": json.dumps(
            {
                "accessIPv4": "192.0.2.1",
                "accessIPv6": "2001:db8::1",
                "diskConfig": "AUTO",
                "zone": "north",
                "hostname": "koeln",
                "hints": {"group": "0b8d7d39-bd6a-4a80-8a9d-bd54c5c2c2a7"},
                "launchIndex": 1,
            }
        ),
        "dicot.io/flavor": json.dumps(
            {
                "id": "9",
                "name": "big",
                "vcpus": 4,
                "ram": 8192,
                "disk": 20,
                "ephemeral": 1,
                "swap": 512,
                "extraSpecs": {"hw:cpu_policy": "dedicated"},
            }
        ),
    },
    "spoilt": {
        "dicot.io/tags": "not JSON",
        "dicot.io/metadata": '{"a": 1}',
        "dicot.io/image": '{"id": "no id"}',
        "dicot.io/lock": "",
        "dicot.io/server": '{"hints": 3}',
        "dicot.io/flavor": "[]",
        "dicot.io/launched-at": "yesterday",
    },
}
"""Annotations that a server may wear, in any state."""


def cast() -> Iterator[tuple[str, str]]:
    """A moment of each state that there is, and the dress in which it plays; one moment wears all of them."""
    seen = set()
    for moment in MOMENTS:
        for dress in ("whole", "plain"):
            state = (dress, *plain(told(moment, launched if dress == "whole" else unchanged)))
            if state not in seen:
                seen.add(state)
                yield moment, dress
    yield "running", "spoilt"


def unchanged(objects: Manifest) -> None:
    """Leaves a moment as it was recorded."""


class DocumentTests(Served):
    """Servers in every state."""

    def setUp(self) -> None:
        super().setUp()
        self.ids = []
        for number, (moment, dress) in enumerate(cast()):
            name = f"{dress[0]}{number}"
            self.place(moment, name, **DRESSES[dress])
            self.ids.append(id_of(name))
        lost = renamed(recorded("running"), "lost")["vm"]
        lost["metadata"] |= {"namespace": "demo", "uid": "uid-lost", "labels": {"dicot.io/id": id_of("lost")}}
        lost["status"]["printableStatus"] = "Unknown"
        self.world.add(VM, lost)
        self.ids.append(id_of("lost"))

    def check(
        self, path: str, call: str, who: Caller, version: Version, content: Any, *arguments: Any, **named: Any
    ) -> None:
        """Fails unless Nova and Tempest take an answer of this operation."""
        note = f"{path} at {version} for {'an admin' if who.admin else 'a member'}"
        said = oracle().answers("PUT" if "update" in call else "GET", path, version, content)
        self.assertTrue(said["served"] and said["declared"], note)
        self.assertIsNone(said["wrong"], note)
        headers = {"Content-Type": "application/json", **Compute("http://cloud").stamp(version)}
        answer = msgspec.json.encode(content)
        said = oracle().tempest(call, version, 200, headers, answer, *arguments, **named)
        self.assertIsNone(said["wrong"], note)

    def everywhere(self) -> Iterator[tuple[Version, Caller]]:
        for version in oracle().versions():
            for who in (MEMBER, ADMIN):
                yield version, who

    def each(self) -> Iterator[tuple[Version, Caller, str]]:
        """Servers in their turn."""
        ids = itertools.cycle(self.ids)
        for version, who in self.everywhere():
            yield version, who, next(ids)

    def test_statuses(self) -> None:
        """The cast plays most of what a server may be."""
        listed = payload(self.ask("GET", "/servers/detail"))["servers"]
        self.assertEqual(len(listed), len(self.ids))
        seen = {each["status"] for each in listed}
        self.assertGreaterEqual(seen, {"ACTIVE", "BUILD", "SHUTOFF", "ERROR", "PAUSED", "HARD_REBOOT", "UNKNOWN"})

    def test_lists(self) -> None:
        self.listed("/servers")

    def test_details(self) -> None:
        self.listed("/servers/detail", detail=True)

    def listed(self, path: str, **detail: bool) -> None:
        """A few at each version, and all in their turn."""
        ids = [each["id"] for each in payload(self.ask("GET", "/servers"))["servers"]]
        for version, who in self.everywhere():
            query = {"limit": [str(FEW)], "marker": [ids[version[1] % (len(ids) - FEW)]]}
            content = payload(self.ask("GET", path, who=who, version=version, query=query))
            self.assertEqual(len(content["servers"]), FEW)
            self.check(path, "ServersClient.list_servers", who, version, content, **detail)

    def test_one(self) -> None:
        for version, who, id in self.each():
            content = payload(self.ask("GET", "/servers/<id>", id=id, who=who, version=version))
            self.check(f"/servers/{id}", "ServersClient.show_server", who, version, content, id)

    def test_what_an_update_answers(self) -> None:
        for version, who, id in self.each():
            body = {"server": {"name": "new"}}
            content = payload(self.ask("PUT", "/servers/<id>", body, id=id, who=who, version=version))
            self.check(f"/servers/{id}", "ServersClient.update_server", who, version, content, id)

    def test_addresses(self) -> None:
        seen = set()
        for version, who, id in self.each():
            content = payload(self.ask("GET", "/servers/<id>/ips", id=id, who=who, version=version))
            self.check(f"/servers/{id}/ips", "ServersClient.list_addresses", who, version, content, id)
            for label in content["addresses"]:
                seen.add(label)
                names = {"id": id, "label": label}
                one = payload(self.ask("GET", "/servers/<id>/ips/<label>", who=who, version=version, **names))
                call = "ServersClient.list_addresses_by_network"
                self.check(f"/servers/{id}/ips/{label}", call, who, version, one, id, label)
        self.assertEqual(seen, {"private"})
