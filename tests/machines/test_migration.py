"""What virt-controller does about a migration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.errors import Denied
from dicot.kube.kind import Manifest
from dicot.sandbox.kubevirt.machines.migration import TARGET_NODE, decide, has_target
from dicot.sandbox.kubevirt.machines.scene import Passage
from dicot.sandbox.kubevirt.machines.target import JOB, Unknown, target_pod
from dicot.sandbox.kubevirt.settings import MIGRATIONS
from dicot.sandbox.steps import Create, Decision, Patch, Tell

from .test_machine import GOING, last_status, verbs
from .things import NOTED, NOW, STAMP, guest, launcher, meta

HELD = {"finalizers": ["kubevirt.io/migrationJobFinalize"]}
DISKS = {"volumes": [{"name": "root", "containerDisk": {"image": "registry:5000/cirros:1"}}]}
SHA = f"sha256:{'0' * 64}"


def migration(phase: str = "", *, name: str = "mig", more: Manifest | None = None, **status: Any) -> Manifest:
    """One that virt-controller has seen before."""
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstanceMigration",
        "metadata": meta(name, f"uid-{name}", annotations=NOTED, **HELD) | (more or {}),
        "spec": {"vmiName": "m", "addedNodeSelector": {"zone": "a"}},
        "status": ({"phase": phase} if phase else {}) | status,
    }


def moving(**state: Any) -> Manifest:
    """The guest, of which nodes know where it goes."""
    begun = {"migrationUid": "uid-mig", "targetNode": "node-2", "targetPod": "t"} | state
    return guest("Running", status={"nodeName": "node-1", "migrationState": begun}, spec=DISKS)


def source() -> Manifest:
    """The launcher that has the guest."""
    pod = launcher()
    pod["status"]["containerStatuses"].append({"name": "volumeroot", "ready": True, "imageID": f"cirros@{SHA}"})
    return pod


def target(phase: str = "Running", state: str = "running", **more: Any) -> Manifest:
    """The launcher that waits for it."""
    pod = launcher(phase, state, "node-2")
    pod["metadata"] |= {"name": "t", "uid": "uid-t", "labels": {JOB: "uid-mig"}} | more
    return pod


IDLE = guest("Running", status={"nodeName": "node-1"}, spec=DISKS)


def passage(found: Manifest, vmi: Manifest | None = IDLE, *pods: Manifest, **more: Any) -> Passage:
    """All that is looked at."""
    plain = Passage(
        migration=found,
        guest=vmi,
        pods=(source(), *pods),
        source=source(),
        plug=None,
        others=(),
        under_way=(),
        limits=MIGRATIONS,
        now=NOW,
    )
    return replace(plain, **more)


def outcome(decision: Decision) -> tuple[list[str], str]:
    """What is done, and the phase that is written."""
    return verbs(decision), last_status(decision).get("phase", "")


STATUS = "Replace virtualmachineinstancemigrations/status"


class PhaseTests(SynchronousTestCase):
    def test_it_goes_step_by_step(self) -> None:
        made = ["Create pods", "Tell SuccessfulCreate", STATUS]
        over = ["Patch virtualmachineinstances", "Tell SuccessfulHandOver", STATUS]
        arrived: Manifest = {"completed": True, "startTimestamp": STAMP, "targetNodeDomainReadyTimestamp": STAMP}
        up, waiting = target(), target("Pending", "")
        for found, vmi, pods, does, then in (
            (migration(), IDLE, (), [STATUS], "Pending"),
            (migration("Pending"), IDLE, (), made, "Pending"),
            (migration("Pending"), IDLE, (waiting,), [STATUS], "Scheduling"),
            (migration("Scheduling"), IDLE, (up,), [STATUS], "Scheduled"),
            (migration("Scheduled", migrationState={}), IDLE, (up,), over[:2], ""),
            (migration("Scheduled"), moving(), (up,), [STATUS], "PreparingTarget"),
            (migration("PreparingTarget"), moving(), (up,), [], ""),
            (migration("PreparingTarget"), moving(targetNodeAddress="a"), (up,), [STATUS], "TargetReady"),
            (migration("TargetReady"), moving(startTimestamp=STAMP), (up,), [STATUS], "Running"),
            (migration("Running"), moving(startTimestamp=STAMP), (up,), [], ""),
            (
                migration("Running"),
                moving(**arrived),
                (up,),
                ["Patch pods", "Tell SuccessfulMigration", STATUS],
                "Succeeded",
            ),
        ):
            decision = decide(passage(found, vmi, *pods))
            self.assertEqual(verbs(decision), does, found["status"])
            if STATUS in does:
                self.assertEqual(last_status(decision)["phase"], then)

    def test_what_it_says_at_first(self) -> None:
        self.assertEqual(
            last_status(decide(passage(migration()))),
            {
                "phase": "Pending",
                "migrationState": {"sourcePod": "p"},
                "phaseTransitionTimestamps": [{"phase": "Pending", "phaseTransitionTimestamp": STAMP}],
            },
        )

    def test_a_new_one_is_noted_and_found_by_its_guest(self) -> None:
        found = migration(more={"annotations": {}})
        (step,) = decide(passage(found)).steps
        self.assertEqual(step.body["metadata"]["labels"], {"kubevirt.io/vmi-name": "m"})  # type: ignore[union-attr]

    def test_one_that_is_over_says_all_and_lets_go(self) -> None:
        state = {"migrationUid": "uid-mig", "targetNode": "node-2", "targetPod": "t", "completed": True}
        decision = decide(passage(migration("Succeeded"), moving(completed=True)))
        self.assertEqual(last_status(decision)["migrationState"], state)
        decision = decide(passage(migration("Succeeded", migrationState=state), moving(completed=True)))
        self.assertEqual(verbs(decision), ["Replace virtualmachineinstancemigrations"])

    def test_a_guest_that_is_gone_takes_it_along(self) -> None:
        self.assertEqual(verbs(decide(passage(migration(), None))), ["Remove virtualmachineinstancemigrations"])
        self.assertEqual(verbs(decide(passage(migration(more=GOING), None))), [])

    def test_it_is_not_over_while_the_guest_is_to_change(self) -> None:
        vmi = moving(completed=True, startTimestamp=STAMP)
        vmi["status"]["conditions"] = [{"type": "HotVCPUChange", "status": "False"}]
        self.assertEqual(verbs(decide(passage(migration("Running"), vmi, target()))), [])


class FailureTests(SynchronousTestCase):
    def failed(self, *seen: Any, **more: Any) -> tuple[list[str], list[str]]:
        """What is done when it fails, and why it says that it does."""
        decision = decide(passage(*seen, **more))
        self.assertEqual(last_status(decision)["phase"], "Failed")
        told = [each.body["message"] for each in decision.steps if isinstance(each, Tell)]
        return verbs(decision), told

    def test_why_it_fails(self) -> None:
        cases = (
            ((migration("Scheduling"), guest("Succeeded")), "Migration failed vmi shutdown during migration."),
            (
                (migration("Scheduling"), IDLE, target("Failed")),
                "Migration failed because target pod shutdown during migration",
            ),
            ((migration("Scheduling"),), "Migration target pod was removed during active migration."),
            (
                (migration("TargetReady"), IDLE, target()),
                "VMI's migration state was cleared during the active migration.",
            ),
            ((migration("Running"), moving(failed=True), target()), "source node reported migration failed"),
            (
                (migration("Running"), moving(migrationUid="other"), target()),
                "VMI's migration state was taken over by another migration job during active migration.",
            ),
        )
        for seen, why in cases:
            self.assertEqual(self.failed(*seen)[1], [why])

    def test_another_is_under_way(self) -> None:
        other = migration("Running", name="other")
        vmi = moving(migrationUid="uid-other")
        why = "VMI is not eligible for migration because another migration job is in progress."
        self.assertEqual(self.failed(migration(), vmi, others=(other,))[1], [why])

    def test_it_is_called_off(self) -> None:
        does, told = self.failed(migration("Scheduling", more=GOING), IDLE, target("Pending", ""))
        self.assertEqual(does, ["Remove pods", "Tell SuccessfulDelete", "Tell FailedMigration", STATUS])
        self.assertEqual(told[1], "Migration failed due to being canceled")
        decision = decide(passage(migration("Running", more=GOING), moving(startTimestamp=STAMP), target()))
        first, _, last = decision.steps
        assert isinstance(first, Patch)
        self.assertEqual(first.body[1]["path"], "/status/migrationState/abortRequested")
        self.assertEqual(last.body["status"]["conditions"][0]["type"], "migrationAbortRequested")  # type: ignore[union-attr]

    def test_a_guest_learns_that_its_target_is_gone(self) -> None:
        for phase in ("PreparingTarget", "Failed"):
            first = decide(passage(migration(phase), moving())).steps[0]
            assert isinstance(first, Patch)
            state = first.body[1]["value"]
            self.assertEqual((state["failed"], state["completed"], state["endTimestamp"]), (True, True, STAMP))

    def test_a_target_is_pending_for_too_long(self) -> None:
        pod = target("Pending", "")
        pod["status"]["conditions"] = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]
        decision = decide(passage(migration("Scheduling"), IDLE, pod))
        self.assertEqual((verbs(decision)[0], decision.again), ("Tell migrationTargetPodUnschedulable", 300.0))
        decision = decide(passage(migration("Scheduling"), IDLE, pod, now=NOW + 300))
        self.assertEqual(verbs(decision)[1], "Remove pods")
        soon = {"annotations": {**NOTED, "kubevirt.io/migrationPendingPodTimeoutSeconds": "7"}}
        bare = target("Pending", "")
        self.assertEqual(decide(passage(migration("Scheduling", more=soon), IDLE, bare)).again, 7.0)
        decision = decide(passage(migration("Scheduling", more=soon), IDLE, bare, now=NOW + 7))
        self.assertEqual(verbs(decision), ["Remove pods", "Tell SuccessfulDelete"])


class TargetTests(SynchronousTestCase):
    def test_it_runs_elsewhere_what_the_source_runs(self) -> None:
        made = target_pod(migration(), IDLE, source())
        self.assertEqual(made["metadata"]["labels"][JOB], "uid-mig")
        self.assertEqual(made["spec"]["nodeSelector"]["zone"], "a")
        (apart,) = made["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        self.assertEqual(apart["labelSelector"], {"matchLabels": {"kubevirt.io/created-by": "uid-g"}})
        disk = next(each for each in made["spec"]["containers"] if each["name"] == "volumeroot")
        self.assertEqual(disk["image"], f"registry:5000/cirros@{SHA}")
        self.assertNotEqual(
            made["metadata"]["name"], target_pod(migration(name="n"), IDLE, source())["metadata"]["name"]
        )

    def test_what_runs_must_be_known(self) -> None:
        pod = source()
        pod["status"]["containerStatuses"][-1]["imageID"] = "cirros:1"
        self.assertRaises(Unknown, target_pod, migration(), IDLE, pod)
        self.assertEqual(decide(passage(migration("Pending"), source=pod)).again, 5.0)

    def test_it_waits_for_others(self) -> None:
        here, far = moving(), guest("Running", status={"nodeName": "node-9"})
        for under_way, waits in (((here,), None), ((here, here), 5.0), ((far,) * 4, None), ((far,) * 5, 5.0)):
            self.assertEqual(decide(passage(migration("Pending"), under_way=under_way)).again, waits)
        self.assertTrue(has_target(migration("Scheduling"), ()))
        self.assertTrue(has_target(migration("Pending"), (target(),)))
        self.assertFalse(has_target(migration("Pending"), (source(),)))

    def test_it_waits_until_an_earlier_one_has_left(self) -> None:
        leaving = launcher()
        leaving["metadata"] = leaving["metadata"] | {"name": "old", "uid": "uid-old"}
        self.assertEqual(decide(passage(migration("Pending"), IDLE, leaving)).again, 1.0)

    def test_there_is_no_room_for_it(self) -> None:
        step = decide(passage(migration("Pending"))).steps[0]
        assert isinstance(step, Create) and step.refused is not None
        told, written = step.refused(Denied(403, "Forbidden", "exceeded quota: q"))
        self.assertEqual(told.body["message"], "Error creating pod: exceeded quota: q")  # type: ignore[union-attr]
        shown = written.body["status"]["conditions"]  # type: ignore[union-attr]
        self.assertEqual(shown[0]["type"], "migrationRejectedByResourceQuota")
        known = migration("Scheduling", conditions=shown)
        self.assertEqual(last_status(decide(passage(known, IDLE, target())))["conditions"], [])

    def test_nodes_are_told_where_it_goes(self) -> None:
        found = migration("Scheduled", migrationState={"sourcePod": "p"})
        first = decide(passage(found, IDLE, target())).steps[0]
        assert isinstance(first, Patch)
        changes = {each["path"]: each.get("value") for each in first.body}
        self.assertEqual(changes["/metadata/labels"][TARGET_NODE], "node-2")
        self.assertEqual(
            changes["/status/migrationState"],
            {
                "migrationUid": "uid-mig",
                "sourceNode": "node-1",
                "sourcePod": "p",
                "targetNode": "node-2",
                "targetPod": "t",
                "migrationConfiguration": MIGRATIONS,
            },
        )

    def test_the_oldest_are_forgotten(self) -> None:
        others = [migration("Failed", name=f"old{index}") for index in range(5)]
        state = {"migrationUid": "x"}
        decision = decide(passage(migration("Failed", migrationState=state), others=others))
        self.assertEqual(verbs(decision).count("Remove virtualmachineinstancemigrations"), 1)
