"""A write to any object of a settled server wakes it."""

from collections.abc import Iterable

from twisted.trial.unittest import SynchronousTestCase

from dicot.sandbox.apiserver.controllers.loop import Key, Loop
from dicot.sandbox.apiserver.refusal import Refusal
from dicot.sandbox.apiserver.seams import Change
from dicot.sandbox.apiserver.storage import Where
from dicot.sandbox.settled.loader import batch
from dicot.sandbox.settled.manifests import GUESTS, MACHINES, PORTS
from dicot.sandbox.settled.mark import SETTLED, WOKEN, is_settled
from dicot.sandbox.settled.server import port_name, server

from .stage import GROUND, Stage

RUNNING, STOPPED = server(GROUND, 0), server(GROUND, 9)
PODS, REVISIONS = ("", "pods"), ("apps", "controllerrevisions")


class WakingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stage = Stage()
        self.stage.plant()
        self.stage.storage.fill(batch(GROUND, 0, 10))

    def write(self, where: Where, name: str) -> None:
        def written(found: dict[str, object]) -> dict[str, object]:
            return {**found, "written": True}

        self.stage.change(where, name, written)

    def asleep(self, where: Where, name: str) -> bool:
        return is_settled(self.stage.storage.get(where, "demo", name))

    def test_each_of_its_objects_wakes_all(self) -> None:
        places = (
            (MACHINES, RUNNING.object),
            (GUESTS, RUNNING.object),
            (PORTS, port_name(RUNNING.object, RUNNING.id)),
        )
        for where, name in places:
            self.setUp()
            self.write(where, name)
            self.assertEqual([self.asleep(*place) for place in places], [False, False, False], where)
            self.assertEqual(len(self.stage.names(PODS)), 1)
            self.assertTrue(self.stage.found(where, name)["written"])

    def test_a_delete_wakes_it_too(self) -> None:
        self.stage.objects.delete(*MACHINES, "demo", RUNNING.object)
        found = self.stage.found(MACHINES, RUNNING.object)
        self.assertIn("deletionTimestamp", found["metadata"])
        self.assertNotIn(SETTLED, found["metadata"]["labels"])
        self.assertEqual(len(self.stage.names(PODS)), 1)

    def test_others_sleep_on(self) -> None:
        self.write(MACHINES, RUNNING.object)
        for where, count in ((MACHINES, 10), (GUESTS, 9), (PORTS, 10)):
            self.assertEqual(sum(self.asleep(where, name) for name in self.stage.names(where)), count - 1)

    def test_all_objects_say_when_they_were_woken(self) -> None:
        self.write(MACHINES, RUNNING.object)
        [pod] = self.stage.names(PODS)
        for where, name in ((MACHINES, RUNNING.object), (GUESTS, RUNNING.object), (PODS, pod)):
            annotations = self.stage.found(where, name)["metadata"]["annotations"]
            self.assertEqual(annotations[WOKEN], "2027-01-15T08:00:00Z", where)

    def test_nothing_else_of_them_changes(self) -> None:
        before = self.stage.found(MACHINES, RUNNING.object)
        self.write(PORTS, port_name(RUNNING.object, RUNNING.id))
        after = self.stage.found(MACHINES, RUNNING.object)
        for each in (before, after):
            each["metadata"].pop("resourceVersion")
        before["metadata"]["labels"].pop(SETTLED)
        after["metadata"]["annotations"].pop(WOKEN)
        self.assertEqual(after, before)

    def test_its_launcher_runs_where_the_guest_says(self) -> None:
        self.write(MACHINES, RUNNING.object)
        [name] = self.stage.names(PODS)
        pod, guest = self.stage.found(PODS, name), self.stage.found(GUESTS, RUNNING.object)
        self.assertEqual(guest["status"]["activePods"], {pod["metadata"]["uid"]: "node-1"})
        self.assertEqual((pod["spec"]["nodeName"], pod["status"]["phase"]), ("node-1", "Running"))
        self.assertEqual((pod["status"]["podIP"], pod["status"]["hostIP"]), (RUNNING.address, "127.0.0.11"))
        conditions = {each["type"]: each["status"] for each in pod["status"]["conditions"]}
        self.assertEqual((conditions["Ready"], conditions["PodScheduled"]), ("True", "True"))
        self.assertNotIn(SETTLED, pod["metadata"]["labels"])
        [owner] = pod["metadata"]["ownerReferences"]
        self.assertEqual(owner["uid"], RUNNING.guest_uid)

    def test_what_its_machine_remembers_is_there(self) -> None:
        self.write(MACHINES, RUNNING.object)
        names = self.stage.names(REVISIONS)
        machine, guest = self.stage.found(MACHINES, RUNNING.object), self.stage.found(GUESTS, RUNNING.object)
        self.assertIn(machine["status"]["instancetypeRef"]["controllerRevisionRef"]["name"], names)
        self.assertIn(guest["status"]["virtualMachineRevisionName"], names)

    def test_one_that_is_stopped_gets_no_launcher(self) -> None:
        self.write(MACHINES, STOPPED.object)
        self.assertFalse(self.asleep(MACHINES, STOPPED.object))
        self.assertEqual(self.stage.names(PODS), [])

    def test_it_is_woken_once(self) -> None:
        self.write(MACHINES, RUNNING.object)
        version = self.stage.storage.version
        self.write(GUESTS, RUNNING.object)
        self.assertEqual(self.stage.storage.version, version + 1)

    def test_a_launcher_that_may_not_be_keeps_nobody_from_writing(self) -> None:
        def refuse(*_: object) -> None:
            raise Refusal(403, "Forbidden", "the namespace ends")

        self.patch(self.stage.objects, "create", refuse)
        self.write(MACHINES, RUNNING.object)
        self.assertFalse(self.asleep(GUESTS, RUNNING.object))


class Notes:
    """A controller that only takes notes."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bool]] = []

    def saw(self, change: Change) -> Iterable[Key]:
        self.seen.append((change.resource.plural, change.name, change.old is None))
        return ()

    def settle(self, key: Key) -> float | None:
        return None


class LoopTests(SynchronousTestCase):
    def test_controllers_of_the_api_server_see_no_settled_object_until_it_is_woken(self) -> None:
        stage, notes = Stage(), Notes()
        stage.storage.fill(batch(GROUND, 0, 10))
        Loop(stage.objects, [notes], stage.clock)
        self.assertEqual(notes.seen, [])
        stage.change(MACHINES, STOPPED.object, lambda found: {**found, "written": True})
        port = port_name(STOPPED.object, STOPPED.id)
        seen = [entry for entry in notes.seen if entry[0] != "controllerrevisions"]
        expected = [("ports", port, True), ("virtualmachines", STOPPED.object, True)]
        self.assertEqual(seen, [*expected, ("virtualmachines", STOPPED.object, False)])
