"""What virt-api says to start, stop and restart, and how a crash loop is ended."""

from __future__ import annotations

from twisted.internet.defer import Deferred, gatherResults

from dicot.sandbox.marks import FAULT
from tests.cluster.objects import Document

from .objects import NOWHERE, SUBRESOURCES, conditions, from_source, machine, printable, requests, rooted, says
from .person import Person
from .stage import SeenTestCase

UNDERWAY = "unable to complete request: stop/start already underway"
OUTRUN = "the server rejected our request due to an error in our request"
HELD = "test.dicot.io/held"
NOT_RUNNING = "VM is not running"


class RequestTests(SeenTestCase):
    CAST = (
        machine("raced"),
        machine("slow"),
        rooted("filling", from_source({"blank": {}}, storageClassName="missing", accessModes=["ReadWriteOnce"])),
        machine("unmade", instancetype={"name": "missing"}),
        machine("resting", runStrategy="Halted"),
    )

    async def test_a_request_beside_another_is_an_internal_error(self) -> None:
        """4.3: what is a conflict is answered 500 "stop/start already underway" while a request is pending."""
        path = f"{self.guests}/slow"
        await self.shows("slow", "Running")
        kept = (await self.control.get(path))["metadata"]["finalizers"]
        await self.change(path, {"metadata": {"finalizers": [*kept, HELD]}})
        self.assertEqual((await self.tell("slow", "stop")).status, 202)
        await self.becomes(path, "Succeeded", lambda vmi: vmi["status"]["phase"] == "Succeeded")
        for action in ("start", "restart"):
            self.refused(await self.tell("slow", action), 500, UNDERWAY)
        self.refused(await self.tell("slow", "stop"), 409, NOT_RUNNING)
        await self.change(path, {"metadata": {"finalizers": None}})
        await self.holds("slow", "at rest", lambda vm: printable(vm) == "Stopped" and not requests(vm))

    async def test_requests_that_race_are_accepted_or_refused_in_known_words(self) -> None:
        """4.3: each of the stops at the same moment is accepted, or a conflict that 409 or 500 stands for."""
        await self.shows("raced", "Running")
        answers = await gatherResults([Deferred.fromCoroutine(self.tell("raced", "stop")) for _ in range(6)])
        refused = [each for each in answers if each.status != 202]
        self.assertLess(len(refused), len(answers))
        for each in refused:
            self.assertIn(each.status, (409, 500))
            self.assertRegex(each.document["message"], f"{UNDERWAY}|{OUTRUN}|{NOT_RUNNING}")

    async def test_stop_before_there_is_an_instance(self) -> None:
        """4.3: stop of a machine that is Provisioning is 409."""
        await self.shows("filling", "Provisioning")
        self.refused(await self.tell("filling", "stop"), 409, NOT_RUNNING)

    async def test_stop_of_what_cannot_be_made(self) -> None:
        """4.3: stop of a machine with Failure=True is 409."""
        await self.holds("unmade", "Failure", lambda vm: says(vm, "Failure")[0] == "True")
        self.refused(await self.tell("unmade", "stop"), 409, NOT_RUNNING)

    async def test_a_start_makes_halted_always(self) -> None:
        """4.3: start of a Halted machine patches its strategy to Always, stop of that one back to Halted."""
        self.refused(await self.tell("resting", "restart"), 409, "Halted does not support manual restart requests")
        await self.told("resting", "start")
        await self.shows("resting", "Running")
        self.assertEqual((await self.machine("resting"))["spec"]["runStrategy"], "Always")
        self.refused(await self.tell("resting", "start"), 409, "VM is already running")
        await self.told("resting", "stop")
        self.assertEqual((await self.machine("resting"))["spec"]["runStrategy"], "Halted")

    async def test_json_alone_is_not_acceptable(self) -> None:
        """4.3: virt-api answers a start or stop 406, in plain text, where only JSON is accepted."""
        path = f"{SUBRESOURCES}/namespaces/{self.namespace}/virtualmachines/resting/stop"
        picky = Person(self.pool, self.access, self.access.admin, {"Accept": "application/json"})
        answer = await picky.ask("PUT", path, {})
        self.assertEqual(answer.status, 406)
        self.assertFalse(answer.content.startswith(b"{"))

    async def test_specs_that_are_refused(self) -> None:
        """4.3: a machine's spec that admission refuses is 422, and names the field."""
        both = machine("both", inner={"domain": {"cpu": {"cores": 2}, "devices": {}}, "volumes": [], "networks": []})
        strange = machine("strange", runStrategy="Sometimes")
        unpaired = machine("unpaired", inner={"volumes": []})
        for made, field in (
            (both, "spec.template.spec.domain.cpu.cores"),
            (strange, "spec.runStrategy"),
            (unpaired, "spec.template.spec.domain.devices.disks[0].name"),
        ):
            answer = await self.offer(made)
            self.assertEqual(answer.status, 422, answer.content)
            self.assertIn(field, [each["field"] for each in answer.document["details"]["causes"]])


class CrashLoopTests(SeenTestCase):
    CAST = (machine("withdrawn", inner=NOWHERE),)

    async def test_it_is_ended_by_the_strategy_manual(self) -> None:
        """4.3: stop is 409 with a Start pending; Manual clears request and startFailure; RerunOnFailure starts."""
        looping = await self._loops("manual")
        self.assertIn("startFailure", looping["status"])
        self.refused(await self.tell("manual", "stop"), 409, NOT_RUNNING)
        path = f"{self.machines}/manual"
        await self.change(path, {"spec": {"runStrategy": "Manual"}})
        ended = await self.holds("manual", "at rest", lambda vm: printable(vm) == "Stopped" and not requests(vm))
        self.assertNotIn("startFailure", ended["status"])
        well = {"template": {"metadata": {"annotations": {FAULT: None}}}}
        await self.change(path, {"spec": {"runStrategy": "RerunOnFailure", **well}})
        await self.shows("manual", "Running")

    async def test_halted_is_turned_into_always(self) -> None:
        """4.3: a machine that is made Halted with a Start pending becomes Always by virt-controller."""
        await self._loops("halted")
        await self.change(f"{self.machines}/halted", {"spec": {"runStrategy": "Halted"}})
        await self.holds("halted", "Always", lambda vm: vm["spec"]["runStrategy"] == "Always")

    async def test_a_machine_stopped_before_it_ever_ran_shows_it(self) -> None:
        """4.4, row 19: CrashLoopBackOff with startFailure and no request; start works at once."""
        await self.shows("withdrawn", "ErrorUnschedulable")
        await self.told("withdrawn", "stop")
        shown = await self.holds(
            "withdrawn", "at rest", lambda vm: printable(vm) == "CrashLoopBackOff" and not requests(vm)
        )
        self.assertIn("startFailure", shown["status"])
        self.assertEqual(shown["spec"]["runStrategy"], "RerunOnFailure")
        self.assertEqual((await self.tell("withdrawn", "start")).status, 202)
        await self.holds("withdrawn", "an instance", lambda vm: "PodScheduled" in conditions(vm))

    async def _loops(self, name: str) -> Document:
        """A machine that is new, has crashed once and awaits its next start."""
        await self.make(machine(name, notes={FAULT: "crash-loop"}))
        return await self.holds(
            name, "a Start pending", lambda vm: printable(vm) == "CrashLoopBackOff" and requests(vm) == ["Start"]
        )
