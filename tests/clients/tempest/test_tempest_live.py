"""Tempest's own tests of compute and identity, against a daemon: those of the table that pass."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from tests.clients.forked import Forked
from tests.clients.venv import client
from tests.cluster.shared import is_sandbox
from tests.live.case import LiveCase, image_id
from tests.live.wire import side_by_side

from .cloud import described
from .table import LEFT_OUT, PASSING, dealt, reason

PROGRAM = Path(__file__).parents[1] / "programs" / "outcomes.py"
PREFIX = "tempest.api."
IMPORTED = ("module=tempest.clients", "module=tempest.test")
PACKAGES = (f"{PREFIX}compute", f"{PREFIX}identity")
PATIENCE = 1500.0
"""Seconds for all tests of a lane."""
LANES = 4
"""Classes that run at a time."""
REAL = (
    "compute.servers.test_create_server.ServersTestJSON.",
    "compute.servers.test_server_actions.ServerActionsTestJSON.",
    "compute.servers.test_server_addresses.",
    "compute.servers.test_server_metadata.ServerMetadataTestJSON.",
    "compute.servers.test_delete_server.DeleteServersTestJSON.test_delete_active_server",
    "compute.keypairs.test_keypairs.",
    "compute.limits.",
)
"""What begins so runs on the real programs too."""


@cache
def forked(programs: Path) -> Forked:
    """The one of this process that forks programs with Tempest."""
    return Forked(programs / "tempest", IMPORTED)


class TempestTests(LiveCase):
    async def run_program(self, *words: str, **environment: str) -> str:
        programs = await deferToThread(client, "nova")
        command = [str(PROGRAM), *words]
        finished = await forked(programs).run(reactor, command, environment, seconds=PATIENCE)
        return finished.checked()

    async def things(self) -> Mapping[str, str]:
        """Ids of what Tempest takes as given."""
        found = (await self.demo.ask("GET", "/compute/v2.1/flavors")).document["flavors"]
        flavors = {each["name"]: each["id"] for each in found}
        return {
            "image_ref": await image_id(self.demo, "cirros-live"),
            "image_ref_alt": await image_id(self.demo, "cirros"),
            "flavor_ref": flavors["m1.tiny"],
            "flavor_ref_alt": flavors["m1.small"],
        }

    async def outcomes(self, names: Sequence[str], lanes: int) -> dict[str, dict[str, Any]]:
        """What became of tests, by name."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        await described(reactor, self.daemon, folder, lanes, await self.things())
        said = await side_by_side(
            *(
                self.run_program(*(PREFIX + name for name in lane), TEMPEST_CONFIG_DIR=str(folder))
                for lane in dealt(names, lanes)
            )
        )
        told = [json.loads(line) for text in said for line in text.splitlines()]
        return {each["test"].replace(PREFIX, ""): each for each in told}

    async def test_those_that_pass(self) -> None:
        names = PASSING if is_sandbox() else [name for name in PASSING if name.startswith(REAL)]
        found = await self.outcomes(names, LANES if is_sandbox() else 2)
        wrong = [
            f"{name} {each['outcome']}: {each['why']}" for name, each in found.items() if each["outcome"] != "passed"
        ]
        self.assertEqual(wrong, [], "\n".join(wrong))
        self.assertEqual(set(found), set(names))

    async def test_all_others_have_a_reason(self) -> None:
        """Whatever Tempest has is in the table, and the table has nothing else."""
        known = [name.removeprefix(PREFIX) for name in json.loads(await self.run_program("--list", *PACKAGES))]
        self.assertEqual([name for name in known if name not in PASSING and not reason(name)], [])
        self.assertEqual(sorted(set(PASSING) - set(known)), [])
        others = [name for name in known if name not in PASSING]
        starts = [start for found in LEFT_OUT.values() for start in found]
        self.assertEqual([start for start in starts if not any(name.startswith(start) for name in others)], [])
