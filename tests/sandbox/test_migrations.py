"""Guests that move from one node to another."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.marks import FAULT
from dicot.sandbox.nodes import migrations
from dicot.sandbox.nodes.instances import GUESTS, Move
from dicot.sandbox.steps import REST, Decision, Rewrite

from .things import NOW, STAMP, guest_manifest, pod, raw

WORK = 2.0
TARGET = pod(
    name="target",
    spec={"nodeName": "node-2"},
    status={"phase": "Running", "podIP": "10.246.0.1", "hostIP": "192.0.2.2"},
)
BEGUN: Manifest = {"targetNodeAddress": "192.0.2.2", "startTimestamp": STAMP}
LABEL = "kubevirt.io/migrationTargetNodeName"


def moving(meta: Manifest | None = None, **state: Any) -> Manifest:
    """A guest that is told to move, from node-1."""
    began = {"migrationUid": "m", "sourcePod": "source", "targetPod": "target", "targetNode": "node-2"}
    status = {"migrationState": began | state, "interfaces": [{"name": "private", "ipAddress": "10.244.0.1"}]}
    return guest_manifest(phase="Running", status=status, meta={"labels": {LABEL: "node-2"}} | (meta or {}))


class MigrationTests(SynchronousTestCase):
    def decide(self, vmi: Manifest, target: Any = TARGET, now: float = NOW) -> Decision:
        """What is done about it."""
        guest = GUESTS.read(GUESTS.decode(raw(vmi)))
        move = guest.status.migrationState
        assert move is not None
        return migrations.decide(guest, move, target, now, WORK)

    def changed(self, vmi: Manifest, now: float = NOW) -> Manifest:
        """What becomes of it."""
        (step,) = self.decide(vmi, now=now).steps
        assert isinstance(step, Rewrite)
        found = step.change(vmi)
        assert found is not None
        return found

    def test_it_goes_step_by_step(self) -> None:
        found = self.changed(moving())
        self.assertEqual(found["status"]["migrationState"]["targetNodeAddress"], "192.0.2.2")
        found = self.changed(found)
        self.assertEqual(found["status"]["migrationState"]["startTimestamp"], STAMP)
        self.assertEqual(self.decide(found), Decision(again=3.0))
        found = self.changed(found, NOW + 3)
        state, status = found["status"]["migrationState"], found["status"]
        self.assertEqual((state["completed"], state.get("failed"), status["nodeName"]), (True, None, "node-2"))
        self.assertEqual(status["interfaces"][0]["ipAddress"], "10.246.0.1")
        self.assertEqual(found["metadata"]["labels"], {"kubevirt.io/nodeName": "node-2"})
        self.assertEqual(self.decide(found), REST)

    def test_nothing_is_done_without_the_target(self) -> None:
        self.assertEqual(self.decide(moving(), None), REST)
        self.assertEqual(self.decide(moving(), pod(name="target")), REST)

    def test_it_is_aborted(self) -> None:
        found = self.changed(moving(**BEGUN, abortRequested=True))["status"]
        state = found["migrationState"]
        self.assertEqual((state["failed"], state["completed"], state["abortStatus"]), (True, True, "Succeeded"))
        self.assertEqual(found["nodeName"], "node-1")

    def test_it_fails_on_purpose(self) -> None:
        spoiled = {"annotations": {FAULT: "migration"}}
        found = self.changed(moving(spoiled, **BEGUN), NOW + 3)["status"]
        self.assertEqual((found["migrationState"]["failed"], found["nodeName"]), (True, "node-1"))

    def test_it_is_on_its_way_until_it_is_called_off(self) -> None:
        slow = {"annotations": {FAULT: "slow-migration"}}
        self.assertEqual(self.decide(moving(slow, **BEGUN), now=NOW + 300), REST)
        self.assertTrue(
            self.changed(moving(slow, **BEGUN, abortRequested=True))["status"]["migrationState"]["failed"]
        )

    def test_who_is_left_behind(self) -> None:
        arrived = Move(sourcePod="source", targetPod="target", completed=True)
        failed = Move(sourcePod="source", targetPod="target", completed=True, failed=True)
        under_way = Move(sourcePod="source", targetPod="target")
        self.assertEqual([each.leaves("source") for each in (arrived, failed, under_way)], [True, False, False])
        self.assertEqual([each.leaves("target") for each in (arrived, failed, under_way)], [False, True, False])
