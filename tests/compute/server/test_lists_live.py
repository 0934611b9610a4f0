"""Lists of servers beside Nova's own lists of the same, by every parameter that Nova knows.

Nothing here needs a cluster; its first use installs Nova, which is too slow for the unit tests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from dicot.caller import Caller
from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.reading.fragments import Allowance
from dicot.cloud.reading.shelf import Page, Query, Shape, Shelf
from dicot.compute.server.reading import reading
from dicot.faults import Fault
from dicot.web.dialect import Version
from tests.oracle.nova import lists, oracle

from .objects import IMAGE, OTHER_NAMESPACE, OTHER_PROJECT
from .served import LATEST, Served
from .world import ADMIN, MEMBER, Pages, World, bench_of, payload

ONLY_ON = "sandbox"
Asked = Mapping[str, Sequence[str]]
PATH = "/servers"
ROLES = {False: ["member", "reader"], True: ["admin", "manager", "member", "reader"]}
VERSIONS: tuple[Version, ...] = ((2, 1), (2, 74), LATEST)
MOMENTS = ("running", "halted", "no_image", "paused", "dv_pending", "restart_asked", "running", "stopped", "running")
UNLIKE = frozenset({"ip", "ip6", "instance_type_id", "sort_key", "sort_dir", "limit", "marker"})
"""Parameters that have tests of their own, or mean numbers of Nova's database."""
COLUMNS = {
    "uuid": "id",
    "display_name": "name",
    "project_id": "tenant_id",
    "user_id": "user_id",
    "vm_state": "OS-EXT-STS:vm_state",
    "task_state": "OS-EXT-STS:task_state",
    "power_state": "OS-EXT-STS:power_state",
    "host": "OS-EXT-SRV-ATTR:host",
    "node": "OS-EXT-SRV-ATTR:hypervisor_hostname",
    "hostname": "OS-EXT-SRV-ATTR:hostname",
    "kernel_id": "OS-EXT-SRV-ATTR:kernel_id",
    "ramdisk_id": "OS-EXT-SRV-ATTR:ramdisk_id",
    "launch_index": "OS-EXT-SRV-ATTR:launch_index",
    "reservation_id": "OS-EXT-SRV-ATTR:reservation_id",
    "root_device_name": "OS-EXT-SRV-ATTR:root_device_name",
    "key_name": "key_name",
    "availability_zone": "OS-EXT-AZ:availability_zone",
    "config_drive": "config_drive",
    "display_description": "description",
    "locked": "locked",
    "tags": "tags",
}
"""Nova's columns as its documents show them."""


class Shelved(Pages):
    """Pages of a real shelf, which holds ids for documents."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        entries = [self._entry(row) for row in world.rows(VM)]
        ids = {entry.place: entry.id for entry in entries}
        self._shelf = Shelf(lambda place, shape: json.dumps({"id": ids[place]}).encode(), Allowance())
        for entry in entries:
            self._shelf.put(entry)

    def page(self, scopes: Sequence[str], query: Query, shape: Shape) -> Page:
        steps = self._shelf.page(scopes, query, shape)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                found: Page = end.value
                return found


def nova_row(number: int, shown: Any, flavor: int, image: str | None) -> dict[str, Any]:
    """A document as a row of Nova's."""
    values = {column: shown[key] for column, key in COLUMNS.items()}
    times = {"created_at": shown["created"], "updated_at": shown["updated"]}
    launched = shown["OS-SRV-USG:launched_at"]
    return {
        **values,
        **{key: value.rstrip("Z") for key, value in times.items()},
        "id": number,
        "launched_at": launched,
        "access_ip_v4": shown["accessIPv4"] or None,
        "access_ip_v6": shown["accessIPv6"] or None,
        "availability_zone": values["availability_zone"] or None,
        "auto_disk_config": shown["OS-DCF:diskConfig"] == "AUTO",
        "locked_by": "owner" if shown["locked"] else None,
        "instance_type_id": flavor,
        "image_ref": image,
        "progress": 0,
    }


class ListTests(Served):
    """Servers of two projects, some of them alike."""

    def setUp(self) -> None:
        super().setUp()
        for number, moment in enumerate(MOMENTS):
            notes = {
                "dicot.io/name": f"web{number // 2}",
                "dicot.io/description": f"number {number}",
                "dicot.io/tags": json.dumps([["a", "b"], ["a"], []][number % 3]),
                "dicot.io/flavor": json.dumps({"id": str(number % 3), "name": "f", "vcpus": 1, "ram": 1, "disk": 1}),
                "dicot.io/server": json.dumps({"accessIPv4": f"192.0.2.{number}", "launchIndex": number + 5}),
                "dicot.io/reservation-id": f"r-{number // 4}",
            }
            notes |= (
                {"dicot.io/key-name": f"key{number}", "dicot.io/lock": '{"by": "owner"}'} if number % 4 == 1 else {}
            )
            notes |= {"dicot.io/image": json.dumps({"id": IMAGE})} if number % 3 == 1 else {}
            created = f"2026-11-21T0{number // 2}:00:00Z"
            self.place(moment, f"s{number}", OTHER_NAMESPACE if number > 6 else "demo", created, **notes)
        wide, old = ({"all_tenants": ["1"]}, LATEST), ({"all_tenants": ["1"]}, (2, 1))
        shown, olden = (
            payload(self.ask("GET", "/servers/detail", who=ADMIN, version=version, query=query))["servers"]
            for query, version in (wide, old)
        )
        # Where Nova falls back on the numbers of its database, they say what ids say otherwise.
        pairs = sorted(zip(shown, olden, strict=True), key=lambda pair: pair[0]["id"], reverse=True)
        self.rows = [
            nova_row(number, each, 1 + int(early["flavor"]["id"]), each["image"]["id"] if each["image"] else None)
            for number, (each, early) in enumerate(pairs, 1)
        ]
        self.wrong: list[str] = []
        self.addCleanup(lambda: self.assertEqual(self.wrong, [], "\n".join(self.wrong)))
        self.nova = lists()
        self.nova.empty()
        flavors = [flavor(number) for number in range(3)]
        self.nova.furnish("flavors", flavors)
        self.nova.furnish("servers", self.rows)
        reading(bench_of(self.world, self.table, Shelved(self.world), self.plans))

    def dicots(self, path: str, version: Version, who: Caller, query: Asked) -> dict[str, Any]:
        """An answer as ``NovaLists`` tells Nova's."""
        try:
            found = payload(self.ask("GET", path, who=who, version=version, query=query))
        except Fault as fault:
            return {"code": fault.code, "message": fault.message}
        further = [sorted(parse_qsl(urlsplit(each["href"]).query)) for each in found.get("servers_links", ())]
        pages = [[list(pair) for pair in each] for each in further]
        return {"code": 200, "ids": [each["id"] for each in found["servers"]], "next": pages}

    def compare(self, version: Version, who: Caller, query: Asked, path: str = PATH) -> dict[str, Any]:
        """Both answers, which must be one."""
        person = {"user": who.user, "project": who.project, "roles": ROLES[who.admin]}
        expected = self.nova.listed(path, version, person, query)
        found = self.dicots(path, version, who, query)
        if sorted_words(found) != sorted_words(expected):
            self.wrong.append(f"{version} {who.admin} {query}: {found} is not {expected}")
        return expected

    def everywhere(
        self, versions: Sequence[Version] = VERSIONS
    ) -> Iterator[tuple[Version, Caller, dict[str, list[str]]]]:
        for version in versions:
            yield version, MEMBER, {}
            yield version, ADMIN, {"all_tenants": ["1"]}

    def values(self, parameter: str) -> list[str]:
        """What to ask for: what is there, and what is not."""
        column = {"name": "display_name", "image": "image_ref", "tenant_id": "project_id"}.get(parameter, parameter)
        held = [row.get(column) for row in self.rows if row.get(column) not in (None, "", [])]
        found = sorted({str(int(value) if isinstance(value, bool) else value) for value in held})
        if column.endswith("_at"):
            found = sorted({value[:10] for value in found})
        return [*found[:1], *found[2:3], "zzz"]

    def test_every_parameter(self) -> None:
        for version, who, query in self.everywhere():
            known = oracle().schema("request_query", "GET", PATH, version)["properties"]
            for parameter in sorted(known.keys() - UNLIKE):
                for value in self.values(parameter):
                    self.compare(version, who, {**query, parameter: [value]})

    def test_many_at_once(self) -> None:
        """What one parameter means beside others, or given more than once."""
        queries: tuple[Asked, ...] = (
            {"status": ["ACTIVE", "SHUTOFF"]},
            {"status": ["active"], "vm_state": ["stopped"]},
            {"status": ["REBOOT"]},
            {"status": ["HARD_REBOOT"], "task_state": ["x"]},
            {"status": ["DELETED"]},
            {"status": ["DELETED", "ACTIVE"]},
            {"status": ["nonsense"]},
            {"status": [""]},
            {"name": ["web0", "web1"]},
            {"tags": ["a,b"]},
            {"tags": ["b,a"], "tags-any": ["a"]},
            {"tags-any": ["b,c"]},
            {"not-tags": ["a,b"]},
            {"not-tags-any": ["a,b"]},
            {"not-tags": ["b"], "tags": ["a"]},
            {"changes-since": ["2026-11-21T00:00:00Z"]},
            {"changes-since": ["2099-01-01"]},
            {"changes-before": ["2026-11-01T00:00:00+01:00"]},
            {"changes-since": ["2026-11-22T00:00:00Z"], "changes-before": ["2026-11-21T00:00:00Z"]},
            {"changes-since": ["yesterday"]},
            {"deleted": ["false"]},
            {"deleted": ["nonsense"]},
            {"deleted": ["True"]},
            {"soft_deleted": ["1"]},
            {"locked": ["true"]},
            {"locked": ["no"]},
            {"locked": ["maybe"]},
            {"all_tenants": ["0"]},
            {"all_tenants": [""]},
            {"all_tenants": ["maybe"]},
            {"all_tenants": ["false"], "project_id": [OTHER_PROJECT]},
            {"project_id": [OTHER_PROJECT]},
            {"tenant_id": [OTHER_PROJECT]},
            {"tenant_id": [OTHER_PROJECT], "all_tenants": ["1"]},
            {"flavor": ["nothing"]},
            {"flavor": ["1"], "image": [IMAGE]},
            {"metadata": ["x"]},
            {"_x": ["x"]},
            {"x": ["x"]},
            {"x": ["x"], "limit": ["2"]},
            {"limit": ["0"]},
            {"limit": ["2000"]},
            {"limit": ["-1"]},
            {"limit": ["2", "3"]},
            {"marker": ["nothing"]},
            {"sort_key": ["colour"]},
            {"sort_key": ["uuid"], "sort_dir": ["up"]},
            {"sort_key": ["uuid"], "sort_dir": ["asc", "desc"]},
            {"sort_key": ["vcpus"], "sort_dir": ["asc", "desc"]},
            {"sort_key": ["vcpus", "display_name"], "sort_dir": ["asc", "desc"]},
            {"sort_key": ["display_name", "uuid"], "sort_dir": ["asc"]},
            {"sort_key": ["display_name", "created_at"], "sort_dir": ["asc", "desc"]},
            {"sort_dir": ["asc"]},
            {"sort_dir": ["asc", "desc"]},
            {"name": [""]},
            {"name": ["("]},
        )
        for version in VERSIONS:
            for who in (MEMBER, ADMIN):
                for query in queries:
                    self.compare(version, who, query)

    def test_every_order(self) -> None:
        """A page each way by every key, and the page behind it."""
        for version, who, query in self.everywhere(VERSIONS[1:]):
            schema = oracle().schema("request_query", "GET", PATH, version)
            keys = schema["properties"]["sort_key"]["items"]["enum"]
            for key in sorted(set(keys) - UNLIKE):
                nullable = any(row.get(key) is None for row in self.rows)
                for way in ("asc", "desc"):
                    asked = {**query, "sort_key": [key], "sort_dir": [way], "limit": ["3"]}
                    first = self.compare(version, who, asked)
                    if not nullable and first["code"] == 200:
                        self.compare(version, who, {**asked, "marker": [first["ids"][-1]]})


def sorted_words(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer in which what a value may be is told in order: Nova makes some of these lists of sets."""
    said = re.sub(r"\[.*\]", lambda found: str(sorted(found[0].strip("[]").split(", "))), answer.get("message", ""))
    return {**answer, "message": said}


def flavor(number: int) -> dict[str, Any]:
    """A flavor of Nova's, whose id tells its number."""
    sizes = {"memory_mb": 1, "vcpus": 1, "root_gb": 1, "ephemeral_gb": 0, "swap": 0, "rxtx_factor": 1.0}
    names = {"id": 1 + number, "name": f"f{number}", "flavorid": str(number), "projects": []}
    return {**sizes, **names, "is_public": True, "disabled": False}
