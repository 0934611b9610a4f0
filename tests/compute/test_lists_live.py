"""Lists of flavors and keypairs beside Nova's own lists of the same.

Nothing here needs a cluster; its first use installs Nova, which is too slow for the unit tests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from twisted.trial.unittest import SynchronousTestCase

from dicot.caller import Caller
from dicot.cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, INSTANCETYPE
from dicot.compute.flavor import FLAVORS
from dicot.compute.keypair import KEYPAIRS
from dicot.compute.kinds import KEYPAIR
from dicot.faults import Fault
from dicot.web.dialect import Version
from tests.bench import ADMIN, MEMBER, PROJECT, USER, Workbench
from tests.oracle.nova import lists

ONLY_ON = "sandbox"
Asked = Mapping[str, Sequence[str]]
OTHER = "9" * 32
CREATED = "2026-11-21T10:00:00Z"
ROLES = {False: ["member", "reader"], True: ["admin", "manager", "member", "reader"]}
# Id, name, MiB, processors, GiB of disk, of ephemeral, MiB of swap, namespace ("" for a public one), project.
SIZES: tuple[tuple[str, str, int, int, int, int, int, str], ...] = (
    ("1", "m1.tiny", 512, 1, 1, 0, 0, ""),
    ("2", "m1.small", 2048, 1, 20, 0, 64, ""),
    ("3", "m1.medium", 4096, 2, 40, 10, 0, ""),
    ("10", "m2.large", 8192, 4, 40, 0, 0, ""),
    ("own", "own", 1024, 2, 0, 0, 0, "demo"),
    ("theirs", "their own", 1024, 8, 5, 0, 0, "other"),
)
PROJECTS = {"demo": PROJECT, "other": OTHER}


def instancetype(id: str, name: str, ram: int, cpus: int, disk: int, ephemeral: int, swap: int, place: str) -> Any:
    """A flavor as KubeVirt has it."""
    spec = {"id": id, "disk": disk, "ephemeral": ephemeral, "swap": swap, "description": name}
    notes = {"dicot.io/flavor-spec": json.dumps(spec), "dicot.io/name": name}
    metadata = {
        "name": f"f-{id}",
        "uid": f"uid-{id}",
        "creationTimestamp": "2026-11-21T10:00:00Z",
        "annotations": notes,
    }
    place_of = {"namespace": place} if place else {}
    return {"metadata": metadata | place_of, "spec": {"cpu": {"guest": cpus}, "memory": {"guest": f"{ram}Mi"}}}


def nova_flavor(id: str, name: str, ram: int, cpus: int, disk: int, ephemeral: int, swap: int, place: str) -> Any:
    """The same as Nova has it."""
    sizes = {"memory_mb": ram, "vcpus": cpus, "root_gb": disk, "ephemeral_gb": ephemeral, "swap": swap}
    names = {"flavorid": id, "name": name, "description": name, "rxtx_factor": 1.0, "disabled": False}
    return {**sizes, **names, "is_public": not place, "projects": [PROJECTS[place]] if place else []}


class Compared(SynchronousTestCase):
    """Dicot's lists beside Nova's."""

    bench: Workbench

    def setUp(self) -> None:
        self.nova = lists()
        self.nova.empty()
        self.wrong: list[str] = []
        self.addCleanup(lambda: self.assertEqual(self.wrong, [], "\n".join(self.wrong)))

    def dicots(self, path: str, version: Version, who: Caller, query: Asked) -> dict[str, Any]:
        """An answer as ``NovaLists`` tells Nova's."""
        asked = self.bench.ask("GET", path, caller=who, version=version, query=query)
        found: Any = None
        failed: list[Any] = []
        asked.addErrback(failed.append)
        if failed:
            fault = failed[0].value
            assert isinstance(fault, Fault)
            return {"code": fault.code, "message": fault.message}
        found = self.successResultOf(asked).body
        links = [each for key in found if key.endswith("_links") for each in found[key]]
        pages = [sorted(parse_qsl(urlsplit(each["href"]).query, keep_blank_values=True)) for each in links]
        [listed] = [found[key] for key in found if not key.endswith("_links")]
        ids = [each["keypair"]["name"] if "keypair" in each else each["id"] for each in listed]
        return {"code": 200, "ids": ids, "next": [[list(pair) for pair in each] for each in pages]}

    def compare(self, path: str, version: Version, who: Caller, query: Asked) -> None:
        person = {"user": who.user, "project": who.project, "roles": ROLES[who.admin]}
        expected = self.nova.listed(path, version, person, query)
        found = self.dicots(path, version, who, query)
        if found != expected:
            self.wrong.append(f"{path} {version} {who.admin} {query}: {found} is not {expected}")


class FlavorTests(Compared):
    def setUp(self) -> None:
        super().setUp()
        public = [instancetype(*size) for size in SIZES if not size[-1]]
        private = [instancetype(*size) for size in SIZES if size[-1]]
        objects = {CLUSTER_INSTANCETYPE: public, INSTANCETYPE: private}
        self.bench = Workbench(FLAVORS, objects, others={"other": OTHER})
        self.nova.furnish("flavors", [nova_flavor(*size) for size in sorted(SIZES)])

    def test_lists(self) -> None:
        keys = (
            "flavorid",
            "name",
            "memory_mb",
            "vcpus",
            "root_gb",
            "ephemeral_gb",
            "swap",
            "is_public",
            "created_at",
        )
        queries: list[Asked] = [
            {},
            *({"is_public": [each]} for each in ("true", "False", "none", "None", "0", "maybe", "")),
            *({"minRam": [each]} for each in ("0", "1024", "-1", "x", "", "1.5")),
            *({"minDisk": [each]} for each in ("0", "20", "x")),
            *({"name": [each]} for each in ("m1", "^m.*l", "zzz", "own")),
            *({"limit": [each]} for each in ("0", "2", "2000", "-1", "x")),
            *({"marker": [each]} for each in ("2", "theirs", "own", "nothing")),
            {"marker": ["own"], "minRam": ["4000"], "sort_key": ["memory_mb"]},
            {"marker": ["3"], "limit": ["1"], "sort_dir": ["desc"]},
            {"sort_dir": ["up"]},
            {"sort_key": ["colour"]},
            {"sort_key": ["rxtx_factor"]},
            {"x": ["1"]},
            {"x": ["1"], "limit": ["2"]},
            *({"sort_key": [key], "sort_dir": [way], "limit": ["3"]} for key in keys for way in ("asc", "desc")),
        ]
        for path in ("/flavors", "/flavors/detail"):
            for version in ((2, 1), (2, 75), (2, 102)):
                for who in (MEMBER, ADMIN):
                    for query in queries:
                        self.compare(path, version, who, query)


class KeypairTests(Compared):
    NAMES = ("b", "a", "key 10", "key 2")

    def setUp(self) -> None:
        super().setUp()
        owners = dict.fromkeys(self.NAMES, USER) | {"theirs": ADMIN.user}
        pairs = [keypair(name, owner) for name, owner in owners.items()]
        self.bench = Workbench(KEYPAIRS, {KEYPAIR: pairs})
        rows = [
            {"name": name, "user_id": owner, "fingerprint": "f", "public_key": "p", "type": "ssh"}
            for name, owner in owners.items()
        ]
        self.nova.furnish("keypairs", rows)

    def test_lists(self) -> None:
        queries: tuple[Asked, ...] = (
            {},
            {"user_id": [USER]},
            {"user_id": [ADMIN.user]},
            {"user_id": [USER, ADMIN.user]},
            {"user_id": ["nobody"]},
            {"limit": ["2"]},
            {"limit": ["2"], "user_id": [USER]},
            {"limit": ["0"]},
            {"limit": ["x"]},
            {"marker": ["key 10"]},
            {"marker": ["nothing"]},
            {"x": ["1"]},
            {"x": ["1"], "limit": ["1"]},
        )
        for version in ((2, 1), (2, 10), (2, 35), (2, 75), (2, 104)):
            for who in (MEMBER, ADMIN):
                for query in queries:
                    self.compare("/os-keypairs", version, who, query)


def keypair(name: str, owner: str) -> dict[str, Any]:
    """A keypair as Kubernetes has it."""
    metadata = {"name": f"k-{name}".replace(" ", "-"), "namespace": "dicot-system", "uid": f"uid-{name}"}
    spec = {"name": name, "userId": owner, "type": "ssh", "publicKey": "p", "fingerprint": "f"}
    return {"metadata": {**metadata, "creationTimestamp": CREATED}, "spec": spec}
