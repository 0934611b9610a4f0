"""Guests that are moved because something was changed in them."""

from __future__ import annotations

from typing import Any

from msgspec import json
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.certificates import Authority
from dicot.sandbox.controller import Key
from dicot.sandbox.kubevirt.exports.scene import Signing
from dicot.sandbox.kubevirt.machines import workloads
from dicot.sandbox.kubevirt.machines.guest import decide
from dicot.sandbox.kubevirt.machines.kinds import GUESTS, KUBEVIRTS
from dicot.sandbox.kubevirt.machines.world import MachineWorld
from dicot.sandbox.kubevirt.settings import settings
from dicot.sandbox.steps import Create, Decision

from .test_machine import GOING, verbs
from .things import STAMP, guest, launcher, meta, stage

MOVES = ["Create virtualmachineinstancemigrations", "Tell SuccessfulCreate"]
CALLS_OFF = ["Remove virtualmachineinstancemigrations", "Tell SuccessfulChangeAbortion"]
SIGNING = Signing(Authority.make("exports"), lambda: "token")
UNWANTED = {"kubevirt.io/workloadUpdateMigrationAbortion": ""}
KUBEVIRT: Manifest = {"spec": {"workloadUpdateStrategy": {"workloadUpdateMethods": ["LiveMigrate"]}}}


def changed(kind: str = "MigrationRequired", holds: str = "True", **more: Any) -> Manifest:
    """A guest that may be moved, with that condition."""
    shown = {"type": kind, "status": holds, "reason": "r", "lastTransitionTime": STAMP}
    able = {"type": "LiveMigratable", "status": more.pop("able", "True")}
    own = more.pop("meta", {})
    return guest(status={"conditions": [able, shown], "nodeName": "node-1"} | more, meta=own)


def move(phase: str = "Running", notes: Any = None, **more: Any) -> Manifest:
    """A migration, which nobody asked for if nothing else is said."""
    automated = {workloads.AUTOMATED: ""} if notes is None else notes
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstanceMigration",
        "metadata": meta("w", "uid-w", annotations=automated) | more,
        "status": {"phase": phase},
    }


class WorkloadTests(SynchronousTestCase):
    def does(self, vmi: Manifest, *moves: Manifest, is_open: bool = True) -> list[str]:
        return verbs(Decision(tuple(workloads.tend(stage(vmi, moves=moves, moves_changed=is_open)))))

    def test_what_is_changed_is_moved(self) -> None:
        for vmi, does in (
            (changed(), MOVES),
            (changed("HotVCPUChange", "False"), MOVES),
            (changed("HotMemoryChange"), MOVES),
            (changed("HotMemoryChange", "False"), []),
            (changed(holds="False"), []),
            (changed(able="False"), []),
            (changed(phase="Scheduled"), []),
            (changed(meta=GOING), []),
            (changed(migrationState={"startTimestamp": "2027-01-15T07:59:59Z"}), []),
            (changed(meta={"annotations": UNWANTED}), []),
        ):
            self.assertEqual(self.does(vmi), does)

    def test_only_where_kubevirt_does_so(self) -> None:
        self.assertEqual(self.does(changed(), is_open=False), [])
        self.assertEqual(settings(KUBEVIRT).methods, {"LiveMigrate"})
        self.assertEqual(settings({"spec": {}}).methods, frozenset())

    def test_once_at_a_time(self) -> None:
        self.assertEqual(self.does(changed(), move(notes={})), [])
        self.assertEqual(self.does(changed(), move("Failed")), MOVES)

    def test_what_is_not_needed_is_called_off(self) -> None:
        plain, arrived = changed(holds="False"), {"targetNodeDomainReadyTimestamp": STAMP}
        cases: tuple[tuple[Manifest, tuple[Manifest, ...], list[str]], ...] = (
            (plain, (move(),), CALLS_OFF),
            (plain, (move(**GOING),), []),
            (plain, (move(notes={}),), []),
            (plain, (move("Succeeded"),), []),
            (changed(holds="False", migrationState=arrived), (move(),), []),
            (changed(meta={"annotations": UNWANTED}), (move(),), CALLS_OFF),
        )
        for vmi, moves, does in cases:
            self.assertEqual(self.does(vmi, *moves), does)

    def test_the_migration(self) -> None:
        step = next(iter(workloads.tend(stage(changed(), moves_changed=True))))
        assert isinstance(step, Create)
        self.assertTrue(step.body["metadata"]["name"].startswith("kubevirt-workload-update-"))
        self.assertEqual(step.body["metadata"]["annotations"], {"kubevirt.io/workloadUpdateMigration": ""})
        self.assertEqual(step.body["spec"], {"vmiName": "m"})

    def test_it_is_looked_at_again(self) -> None:
        """As long as it must move."""
        for vmi, is_open, again in ((changed("HotVCPUChange"), True, 30.0), (changed("HotVCPUChange"), False, None)):
            found = decide(stage(vmi, launcher(), moves_changed=is_open))
            self.assertEqual(found.again, again)
            self.assertEqual(MOVES[0] in verbs(found), is_open)

    def test_a_change_of_kubevirts_object_finds_them(self) -> None:
        world, seen = MachineWorld(lambda: 0.0, SIGNING), list[Key]()
        world.store(KUBEVIRTS).listen(lambda changes: seen.extend(key for each in changes for key in world.saw(each)))
        for vmi in (changed(), changed(holds="False", meta={"name": "other", "uid": "uid-o"})):
            world.store(GUESTS).learn(json.encode(vmi))
        own = meta("kubevirt", "uid-k") | {"namespace": "kubevirt"}
        world.store(KUBEVIRTS).learn(json.encode({"metadata": own, **KUBEVIRT}))
        self.assertEqual([(each.kind, each.name) for each in seen], [(GUESTS, "m")])
