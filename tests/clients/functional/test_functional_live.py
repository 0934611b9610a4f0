"""Functional tests that openstackclient and openstacksdk bring along, against a daemon, in the long run only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from tests.clients.forked import Forked
from tests.clients.venv import client
from tests.length import IS_LONG
from tests.live.case import LiveCase
from tests.live.clients import Kubectl, until
from tests.live.wire import side_by_side

from ..tempest.table import dealt
from .table import LEFT_OUT, MODULES, PACKAGES, PASSING, reason

ONLY_ON = "sandbox"
PROGRAM = Path(__file__).parents[1] / "programs" / "commands.py"
IMPORTED = ("console_scripts:openstack", "openstack.", "cliff.", "keystoneauth1.", "module=tempest.lib.exceptions")
PATIENCE = 2400.0
LANES = 3
IMAGE = "cirros-live-disk"
"""openstackclient's tests take an image by such a name."""
DISK = {
    "apiVersion": "cdi.kubevirt.io/v1beta1",
    "kind": "DataSource",
    "metadata": {
        "name": IMAGE,
        "namespace": "dicot-images",
        "annotations": {
            "dicot.io/container-disk": "quay.io/kubevirt/cirros-container-disk-demo:v1.8.4",
            "dicot.io/image-spec": json.dumps({"minRam": 128, "diskFormat": "raw", "containerFormat": "bare"}),
        },
    },
    "spec": {"source": {}},
}
WHO = {
    **dict.fromkeys(("OS_CLOUD", "OS_ADMIN_CLOUD"), "dicot-admin"),
    **{f"OPENSTACKSDK_{name}_CLOUD": "dicot-admin" for name in ("OPERATOR", "SYSTEM_ADMIN")},
    **{f"OPENSTACKSDK_DEMO_CLOUD{which}": "dicot" for which in ("", "_ALT")},
    "OPENSTACKSDK_FLAVOR": "m1.tiny",
    "OPENSTACKSDK_IMAGE": "cirros-live",
    "OS_TEST_TIMEOUT": "300",
}


@cache
def forked(programs: Path) -> Forked:
    """The one of this process that forks programs with both clients and their tests."""
    return Forked(programs / "openstack", IMPORTED)


class FunctionalTests(LiveCase):
    async def setUp(self) -> None:  # type: ignore[override]
        if not IS_LONG:
            raise SkipTest("it takes long: DICOT_LONG=1")
        await super().setUp()

    async def run_program(self, *words: str) -> str:
        programs = await deferToThread(client, "functional")
        environment: Mapping[str, str] = {**WHO, "OS_CLIENT_CONFIG_FILE": str(self.daemon.cloud_file)}
        finished = await forked(programs).run(reactor, [str(PROGRAM), *words], environment, seconds=PATIENCE)
        return finished.checked()

    async def test_those_that_pass(self) -> None:
        kubectl = Kubectl(reactor, self.daemon)
        self.addCleanup(
            lambda: Deferred.fromCoroutine(kubectl.delete("-n", "dicot-images", "datasources.cdi.kubevirt.io", IMAGE))
        )
        await kubectl.apply(DISK)

        async def seen() -> bool:
            return IMAGE in (await self.demo.ask("GET", "/image/v2/images")).body.decode()

        await until(reactor, f"image {IMAGE}", seen)
        said = await side_by_side(*(self.run_program(*lane) for lane in dealt(PASSING, LANES)))
        found: dict[str, dict[str, Any]] = {}
        for line in (line for text in said for line in text.splitlines()):
            each = json.loads(line)
            found[each["test"]] = each
        wrong = [
            f"{name} {each['outcome']}: {each['why']}" for name, each in found.items() if each["outcome"] != "passed"
        ]
        self.assertEqual(wrong, [], "\n".join(wrong))
        self.assertEqual(set(found), set(PASSING))

    async def test_all_others_have_a_reason(self) -> None:
        """Whatever they bring along is in the table, and the table has nothing else."""
        known = json.loads(await self.run_program("--list", *PACKAGES, "openstack.tests.functional.cloud"))
        known = [name for name in known if ".cloud." not in name or name.startswith(MODULES)]
        self.assertEqual([name for name in known if name not in PASSING and not reason(name)], [])
        self.assertEqual(sorted(set(PASSING) - set(known)), [])
        others = [name for name in known if name not in PASSING]
        starts = [start for found in LEFT_OUT.values() for start in found]
        self.assertEqual([start for start in starts if not any(name.startswith(start) for name in others)], [])
