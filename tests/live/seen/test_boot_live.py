"""The words that a machine shows from its creation to its end."""

from __future__ import annotations

from collections.abc import Sequence

from dicot.sandbox.marks import FAULT
from tests.cluster.history import Event

from .objects import (
    SUBRESOURCES,
    URL,
    conditions,
    disk_of,
    from_source,
    machine,
    printable,
    requests,
    rooted,
    says,
    volume,
    without_repeats,
)
from .stage import SeenTestCase

IMPORT = from_source({"http": {"url": URL}})


def words(events: Sequence[Event]) -> str:
    """The printableStatus of each event, in a row; "-" where there is none yet."""
    return " ".join(without_repeats([printable(each.object) or "-" for each in events]))


class CreateTests(SeenTestCase):
    CAST = (
        machine("plain"),
        rooted("tpl", IMPORT),
        rooted("rests", IMPORT, runStrategy="Halted"),
        machine("manual", runStrategy="Manual"),
        machine("late", disk_of("late")),
        volume("unfilled", IMPORT, {FAULT: "import"}),
        machine("unfilled", disk_of("unfilled")),
    )

    async def test_a_machine_whose_disk_is_there(self) -> None:
        """4.4: no status at all, then Stopped, Starting unless virt-controller looks late, Running."""
        await self.shows("plain", "Running")
        told = words(await self.story(self.machines, "plain"))
        self.assertRegex(told, r"\A- Stopped (Starting )?Running\Z")

    async def test_a_machine_with_a_template_for_its_disk(self) -> None:
        """4.4, 10.3: Provisioning, maybe Stopped once more, Starting, Running; never an error."""
        await self.shows("tpl", "Running")
        told = words(await self.story(self.machines, "tpl"))
        self.assertRegex(told, r"\A- Stopped Provisioning (Stopped )?(Starting )?Running\Z")

    async def test_the_instance_comes_once_the_template_is_filled(self) -> None:
        """4.4: with a dataVolumeTemplate there is an instance only after its DataVolume has succeeded."""
        await self.shows("tpl", "Running")
        filled = [
            each.version
            for each in await self.story(self.volumes, "tpl-root")
            if each.object.get("status", {}).get("phase") == "Succeeded"
        ]
        first, *_ = await self.story(self.guests, "tpl")
        self.assertLess(filled[0], first.version)

    async def test_created_and_ready_are_absent_not_false(self) -> None:
        """4.4: neither is in the status before it is true."""
        await self.shows("tpl", "Running")
        events = await self.story(self.machines, "tpl")
        for each in ("created", "ready"):
            shown = [event.object.get("status", {}).get(each, "absent") for event in events]
            self.assertEqual(without_repeats(shown), ["absent", True])

    async def test_a_separate_disk_that_comes_late(self) -> None:
        """4.4, 10.3: ErrorPvcNotFound and ErrorUnschedulable are part of a healthy boot, if the disk is separate."""
        lost = await self.shows("late", "ErrorPvcNotFound")
        self.assertEqual(says(lost, "Synchronized"), ("False", "FailedPvcNotFound"))
        await self.make(volume("late", IMPORT))
        await self.shows("late", "Running")
        events = await self.story(self.machines, "late")
        self.assertRegex(
            words(events), r"\A- Stopped( Starting)? ErrorPvcNotFound ErrorUnschedulable( \w+)* Running\Z"
        )
        self.assertFalse([each for each in events if "Failure" in conditions(each.object)])

    async def test_an_instance_waits_beside_a_separate_disk(self) -> None:
        """4.4: unlike with a template there is an instance before the DataVolume has succeeded."""
        await self.shows("unfilled", "DataVolumeError")
        guest = await self.becomes(
            f"{self.guests}/unfilled", "Pending", lambda vmi: vmi["status"]["phase"] == "Pending"
        )
        self.assertEqual(says(guest, "Ready")[0], "False")
        found = await self.control.get(f"{self.volumes}/unfilled")
        self.assertEqual(found["status"]["phase"], "ImportInProgress")

    async def test_machines_that_rest_fill_their_disks(self) -> None:
        """4.4, row 21: a Halted one shows Provisioning meanwhile, then Stopped; it has no request and no instance."""
        await self.becomes(f"{self.volumes}/rests-root", "Succeeded", lambda dv: dv["status"]["phase"] == "Succeeded")
        rests = await self.shows("rests", "Stopped")
        self.assertEqual(words(await self.story(self.machines, "rests")), "- Stopped Provisioning Stopped")
        manual = await self.shows("manual", "Stopped")
        for each in (rests, manual):
            self.assertEqual(requests(each), [])
            self.assertNotIn("created", each["status"])


class PowerTests(SeenTestCase):
    CAST = (machine("m"), machine("paused"), machine("ends"))

    async def test_a_restart(self) -> None:
        """4.4, row 2: requests Stop and Start, Stopping, Stopped, with Start alone, Starting, Running."""
        await self.shows("m", "Running")
        old = await self.control.get(f"{self.guests}/m")
        await self.told("m", "restart")
        await self.becomes(self.guests, "another", lambda all: _uids(all) not in ([], [old["metadata"]["uid"]]))
        await self.holds("m", "done", lambda vm: printable(vm) == "Running" and not requests(vm))
        events = await self.story(self.machines, "m")
        self.assertRegex(words(events), r"Running Stopping (Stopped )?Starting Running\Z")
        asked = without_repeats([" ".join(requests(each.object)) for each in events])
        self.assertEqual(asked, ["", "Stop Start", "Start", ""])

    async def test_conditions_outlive_their_instance(self) -> None:
        """4.4: after a stop the machine keeps Paused and LiveMigratable of an instance that is gone."""
        await self.shows("paused", "Running")
        path = f"{SUBRESOURCES}/namespaces/{self.namespace}/virtualmachineinstances/paused/pause"
        self.assertEqual((await self.control.ask("PUT", path, {})).status, 200)
        await self.shows("paused", "Paused")
        await self.told("paused", "stop")
        left = await self.holds("paused", "at rest", lambda vm: printable(vm) == "Stopped" and not requests(vm))
        await self.vanishes(f"{self.guests}/paused")
        self.assertEqual(says(left, "Paused")[0], "True")
        self.assertEqual(says(left, "LiveMigratable")[0], "True")
        self.assertEqual(says(left, "Ready"), ("False", "VMINotExists"))

    async def test_every_step_is_an_event(self) -> None:
        """12: a life of create, stop, start and delete is told by events of machine, instance and Pod."""
        await self.shows("ends", "Running")
        await self.told("ends", "stop")
        await self.shows("ends", "Stopped")
        await self.told("ends", "start")
        await self.shows("ends", "Running")
        await self.control.change("DELETE", f"{self.machines}/ends")
        await self.vanishes(f"{self.machines}/ends")
        machines = await self.story(self.machines, "ends")
        self.assertEqual((machines[0].type, machines[-1].type), ("ADDED", "DELETED"))
        for collection in (self.guests, f"{self.core}/pods"):
            types = [each.type for each in await self.story(collection) if "ends" in each.object["metadata"]["name"]]
            self.assertEqual((types.count("ADDED"), types.count("DELETED")), (2, 2), collection)
            self.assertGreater(types.count("MODIFIED"), 2)


def _uids(found: dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    return [each["metadata"]["uid"] for each in found["items"] if each["metadata"]["name"] == "m"]
