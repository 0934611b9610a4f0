"""What virt-controller does about snapshots of machines, and about restores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.errors import Conflict
from dicot.kube.kind import Manifest
from dicot.sandbox.kubevirt.keeping import content, restore, snapshot
from dicot.sandbox.kubevirt.keeping.restored import LAST, Scene, mark
from dicot.sandbox.kubevirt.keeping.scene import SOURCE_FINALIZER, Kept, Shot, Source
from dicot.sandbox.steps import Call, Create, Decision, Replace

from .test_machine import GOING, last_status, verbs
from .things import NOW, STAMP, guest, machine, meta

HELD = {"finalizers": [snapshot.FINALIZER]}
ROOT: Manifest = {"name": "root", "dataVolume": {"name": "d"}}
SEED: Manifest = {"name": "seed", "cloudInitNoCloud": {"userData": "x"}}
TEMPLATE: Manifest = {"metadata": {"name": "d"}, "spec": {"source": {"blank": {}}}}
CLAIM: Manifest = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": meta("d", "uid-d", annotations={"cdi.kubevirt.io/x": "y", "mine": "z"}),
    "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}},
    "status": {"phase": "Bound"},
}
NAME = "vmsnapshot-uid-s-volume-root"
AGENT = {"conditions": [{"type": "AgentConnected", "status": "True"}]}
STATUS = "Replace virtualmachinesnapshots/status"


def vm(status: Manifest | None = None, *finalizers: str, **spec: Any) -> Manifest:
    """A machine with a root disk and a seed."""
    found = machine(status, dataVolumeTemplates=[TEMPLATE], **spec)
    found["spec"]["template"]["spec"]["volumes"] = [ROOT, SEED]
    found["metadata"]["finalizers"] += finalizers
    return found


def locked(**spec: Any) -> Manifest:
    """One that is kept as it is for the snapshot."""
    return vm({"snapshotInProgress": "s"}, SOURCE_FINALIZER, **spec)


def taken(status: Manifest | None = None, *, more: Manifest | None = None, **spec: Any) -> Manifest:
    """A snapshot of it."""
    source = {"apiGroup": "kubevirt.io", "kind": "VirtualMachine", "name": "m"}
    return {
        "apiVersion": "snapshot.kubevirt.io/v1beta1",
        "kind": "VirtualMachineSnapshot",
        "metadata": meta("s", "uid-s", **HELD) | (more or {}),
        "spec": {"source": source} | spec,
        "status": status if status is not None else {"phase": "InProgress", "readyToUse": False},
    }


def noted(status: Manifest | None = None, *, more: Manifest | None = None) -> Manifest:
    """Its content."""
    backup = {"volumeName": "root", "volumeSnapshotName": NAME, "persistentVolumeClaim": {**CLAIM}}
    return {
        "apiVersion": "snapshot.kubevirt.io/v1beta1",
        "kind": "VirtualMachineSnapshotContent",
        "metadata": meta("c", "uid-c", finalizers=[snapshot.CONTENT_FINALIZER]) | (more or {}),
        "spec": {
            "virtualMachineSnapshotName": "s",
            "source": {"virtualMachine": {"metadata": meta("m", "uid-m"), "spec": vm()["spec"], "status": {}}},
            "volumeBackups": [backup],
        },
        "status": status or {},
    }


def volume_snapshot(**status: Any) -> Manifest:
    """What is taken of its claim."""
    return {"metadata": meta(NAME, "uid-v"), "status": status}


def shot(found: Manifest, source: Manifest | None, vmi: Manifest | None = None, **more: Any) -> Shot:
    """All that is looked at for a snapshot."""
    plain = Shot(
        snapshot=found,
        content=None,
        source=Source(source, vmi, "s") if source is not None else None,
        claims={"d": CLAIM},
        volumes={},
        users=0,
        revision=None,
        class_of=lambda name: "classy" if name == "fast" else "",
        now=NOW,
    )
    return replace(plain, **more)


class SnapshotTests(SynchronousTestCase):
    def decide(self, *seen: Any, **more: Any) -> Decision:
        return snapshot.decide(shot(*seen, **more))

    def progress(self, decision: Decision) -> str:
        """What the condition Progressing says."""
        conditions = last_status(decision)["conditions"]
        return next(str(each["reason"]) for each in conditions if each["type"] == "Progressing")

    def test_it_is_held_first(self) -> None:
        bare = taken({}, more={"finalizers": []})
        self.assertEqual(verbs(self.decide(bare, vm())), ["Patch virtualmachinesnapshots"])

    def test_its_machine_is_kept_as_it_is_then_noted(self) -> None:
        for source, does in (
            (vm(), ["Replace virtualmachines/status", STATUS]),
            (vm({"snapshotInProgress": "s"}), ["Patch virtualmachines", STATUS]),
            (
                locked(),
                [
                    "Create virtualmachinesnapshotcontents",
                    "Tell SuccessfulVirtualMachineSnapshotContentCreate",
                    STATUS,
                ],
            ),
        ):
            self.assertEqual(verbs(self.decide(taken(), source)), does)

    def test_what_keeps_it_waiting(self) -> None:
        unbound = {**CLAIM, "status": {"phase": "Pending"}}
        filling = {
            **CLAIM,
            "metadata": meta("d", "u", ownerReferences=[{"kind": "DataVolume", "name": "d", "controller": True}]),
        }
        leaving = {**CLAIM, "metadata": meta("d", "u", **GOING)}
        for more, told in (
            ({"claims": {}}, " source n/m volume doesnt exist: d"),
            ({"claims": {"d": unbound}}, " source n/m volume not bound: d"),
            ({"claims": {"d": filling}}, " source n/m volume not populated: d"),
            ({"claims": {"d": leaving}}, " source n/m volume is being deleted: d"),
            ({"users": 2}, " source is offline but 2 pods using PVCs [d]"),
        ):
            decision = self.decide(taken(), vm(), **more)
            self.assertEqual((self.progress(decision), decision.again), (f"Source not locked{told}", 5.0))
        other = self.decide(taken(), vm({"snapshotInProgress": "t"}))
        self.assertEqual(self.progress(other), 'Source not locked snapshot "t" in progress')
        self.assertEqual(self.progress(self.decide(taken(), None)), "Source does not exist")

    def test_what_is_noted(self) -> None:
        made = self.decide(taken(), locked()).steps[0]
        assert isinstance(made, Create)
        (backup,) = made.body["spec"]["volumeBackups"]
        self.assertEqual((backup["volumeName"], backup["volumeSnapshotName"]), ("root", NAME))
        self.assertEqual(backup["persistentVolumeClaim"], {"metadata": CLAIM["metadata"], "spec": CLAIM["spec"]})
        self.assertEqual(made.body["spec"]["source"]["virtualMachine"]["spec"], locked()["spec"])
        other = {**CLAIM, "spec": {"storageClassName": "slow"}}
        bare = self.decide(taken(), locked(), claims={"d": other}).steps[0]
        assert isinstance(bare, Create)
        self.assertNotIn("volumeBackups", bare.body["spec"])

    def test_one_that_runs_is_noted_as_it_started(self) -> None:
        old = {"data": {"spec": machine(runStrategy="Manual")["spec"]}}
        made = self.decide(taken(), locked(), guest(), revision=old).steps[0]
        assert isinstance(made, Create)
        spec = made.body["spec"]["source"]["virtualMachine"]["spec"]
        self.assertEqual(spec["runStrategy"], "Manual")
        self.assertEqual(spec["template"]["spec"]["volumes"], [ROOT, SEED])
        self.assertEqual(spec["dataVolumeTemplates"], [TEMPLATE])

    def test_how_the_guest_was(self) -> None:
        paused = {"conditions": [{"type": "Paused", "status": "True"}]}
        for vmi, told in (
            (guest(), ["NoGuestAgent", "Online"]),
            (guest(status=AGENT), ["GuestAgent", "Online"]),
            (guest(status=paused), ["Online", "Paused"]),
        ):
            found = last_status(self.decide(taken(), locked(), vmi))
            self.assertEqual(found["indications"], told)

    def test_it_is_over_once_all_is_taken(self) -> None:
        done = noted({"creationTime": STAMP, "readyToUse": True})
        decision = self.decide(taken(), locked(), content=done)
        found = last_status(decision)
        self.assertEqual((found["phase"], found["readyToUse"], found["creationTime"]), ("Succeeded", True, STAMP))
        self.assertEqual(found["snapshotVolumes"], {"includedVolumes": ["root"], "excludedVolumes": ["seed"]})
        succeeded = taken(found)
        let_go = verbs(self.decide(succeeded, locked(), content=done))
        self.assertEqual(let_go, ["Patch virtualmachines"])
        let_go = verbs(self.decide(succeeded, vm({"snapshotInProgress": "s"}), content=done))
        self.assertEqual(let_go, ["Replace virtualmachines/status"])

    def test_an_error_is_shown(self) -> None:
        error = {"time": STAMP, "message": "no"}
        found = last_status(self.decide(taken(), locked(), content=noted({"error": error, "readyToUse": False})))
        self.assertEqual(found["error"], error)
        self.assertEqual(found["conditions"][0]["reason"], "In error state")

    def test_it_fails_after_a_while(self) -> None:
        late = self.decide(taken(failureDeadline="1m30s"), vm(), now=NOW + 91)
        self.assertEqual(last_status(late)["phase"], "Failed")
        never = self.decide(taken(failureDeadline="0s"), vm(), now=NOW + 9999)
        self.assertEqual(last_status(never)["phase"], "InProgress")

    def test_it_goes_with_its_content(self) -> None:
        ready = noted({"readyToUse": True})
        going = taken({"phase": "Succeeded", "readyToUse": True}, more=GOING)
        self.assertIn("Remove virtualmachinesnapshotcontents", verbs(self.decide(going, None, content=ready)))
        kept = taken({"phase": "Succeeded", "readyToUse": True}, more=GOING, deletionPolicy="Retain")
        self.assertNotIn("Remove virtualmachinesnapshotcontents", verbs(self.decide(kept, None, content=ready)))
        settled = last_status(self.decide(going, None))
        self.assertEqual(verbs(self.decide(taken(settled, more=GOING), None)), ["Patch virtualmachinesnapshots"])


class ContentTests(SynchronousTestCase):
    def decide(self, found: Manifest, *, of: Manifest | None, source: Source | None = None, **known: Any) -> Decision:
        plain = Kept(found, of, source, known, lambda name: "classy", NOW)
        return content.decide(plain)

    def source(self, vmi: Manifest | None = None) -> Source:
        return Source(locked(), vmi, "s")

    def test_a_guest_with_an_agent_is_held_still(self) -> None:
        steps = self.decide(noted(), of=taken(), source=self.source(guest(status=AGENT))).steps
        frozen, made, _ = steps
        assert isinstance(frozen, Call) and isinstance(made, Create) and frozen.refused is not None
        self.assertEqual((frozen.at.subresource, frozen.body), ("freeze", {"unfreezeTimeout": "5m0s"}))
        self.assertEqual(made.body["spec"]["source"], {"persistentVolumeClaimName": "d"})
        self.assertEqual(made.body["spec"]["volumeSnapshotClassName"], "classy")
        (told,) = frozen.refused(Conflict(409, "Conflict", "no"))
        self.assertEqual(told.body["status"]["error"]["message"], "no")  # type: ignore[union-attr]

    def test_any_other_is_not(self) -> None:
        frozen = guest(status=AGENT | {"fsFreezeStatus": "frozen"})
        for vmi in (None, guest(), frozen):
            found = self.decide(noted(), of=taken(), source=self.source(vmi))
            self.assertEqual(verbs(found), ["Create volumesnapshots", "Tell SuccessfulVolumeSnapshotCreate"])

    def test_what_is_told_of_what_is_taken(self) -> None:
        done = volume_snapshot(creationTime=STAMP, readyToUse=True)
        decision = self.decide(noted(), of=taken(), source=self.source(guest(status=AGENT)), **{NAME: done})
        thawed, written = decision.steps
        assert isinstance(thawed, Call)
        self.assertEqual(thawed.at.subresource, "unfreeze")
        told = {"volumeSnapshotName": NAME, "creationTime": STAMP, "readyToUse": True}
        expected = {"creationTime": STAMP, "readyToUse": True, "volumeSnapshotStatus": [told]}
        self.assertEqual(written.body["status"], expected)  # type: ignore[union-attr]
        begun = last_status(self.decide(noted(), of=taken(), source=self.source(), **{NAME: volume_snapshot()}))
        self.assertEqual((begun["readyToUse"], "creationTime" in begun), (False, False))

    def test_what_went_wrong(self) -> None:
        broken = volume_snapshot(error={"message": "no"}, readyToUse=False)
        found = last_status(self.decide(noted(), of=taken(), source=self.source(), **{NAME: broken}))
        self.assertEqual(found["error"]["message"], f"VolumeSnapshot {NAME} error: no")
        decision = self.decide(noted({"creationTime": STAMP, "readyToUse": True}), of=taken(), source=self.source())
        self.assertEqual(verbs(decision)[0], "Tell VolumeSnapshotMissing")
        self.assertEqual(last_status(decision)["error"]["message"], f"VolumeSnapshots ({NAME}) missing")

    def test_it_is_let_go_with_its_snapshot(self) -> None:
        for of in (None, taken(more=GOING)):
            found = self.decide(noted(), of=of, source=self.source(guest(status=AGENT)))
            self.assertEqual(verbs(found)[-1], "Patch virtualmachinesnapshotcontents")
        left = noted(more={"finalizers": []})
        self.assertEqual(verbs(self.decide(left, of=taken(more=GOING))), [])
        self.assertEqual(self.decide(noted(more=GOING), of=taken(), source=self.source()).again, 5.0)


def brought(status: Manifest | None = None, *, more: Manifest | None = None, **spec: Any) -> Manifest:
    """A restore of that machine."""
    target = {"apiGroup": "kubevirt.io", "kind": "VirtualMachine", "name": "m"}
    return {
        "apiVersion": "snapshot.kubevirt.io/v1beta1",
        "kind": "VirtualMachineRestore",
        "metadata": meta("r", "uid-r", finalizers=[restore.FINALIZER], ownerReferences=[{"uid": "uid-m"}])
        | (more or {}),
        "spec": {"target": target, "virtualMachineSnapshotName": "s"} | spec,
        "status": status if status is not None else {"complete": False},
    }


READY = taken(
    {"phase": "Succeeded", "readyToUse": True, "sourceUID": "uid-m", "virtualMachineSnapshotContentName": "c"}
)
TO = "restore-uid-r-root"
VOLUME: Manifest = {"volumeName": "root", "persistentVolumeClaim": TO, "volumeSnapshotName": NAME}
FULL = {**VOLUME, "dataVolumeName": TO}
FREE = {"complete": False, "restores": [VOLUME]}
POPULATED = {"cdi.kubevirt.io/storage.populatedFor": TO}


def claim(notes: Manifest | None = None, phase: str = "Bound") -> Manifest:
    """The claim that it is restored to."""
    return {**CLAIM, "metadata": meta(TO, "uid-to", annotations=notes or {}), "status": {"phase": phase}}


def at(found: Manifest, target: Manifest | None, vmi: Manifest | None = None, **more: Any) -> Scene:
    """All that is looked at for a restore."""
    plain = Scene(
        restore=found,
        target=target,
        guest=vmi,
        snapshot=READY,
        content=noted({"readyToUse": True}),
        claims={},
        volumes={},
        taken={NAME: volume_snapshot(restoreSize="2Gi")},
        immediate=frozenset({"fast"}),
        now=NOW,
    )
    return replace(plain, **more)


def held() -> Manifest:
    """The machine while it is restored."""
    return vm({"restoreInProgress": "r"})


class RestoreTests(SynchronousTestCase):
    def decide(self, *seen: Any, **more: Any) -> Decision:
        return restore.decide(at(*seen, **more))

    def reason(self, decision: Decision) -> str:
        conditions = last_status(decision)["conditions"]
        return next(str(each["reason"]) for each in conditions if each["type"] == "Ready")

    def test_it_goes_step_by_step(self) -> None:
        written, made = "Replace virtualmachinerestores/status", "Create datavolumes"
        waits = {"claims": {TO: claim(phase="Pending")}}
        bound = {"claims": {TO: claim()}}
        left = {"claims": {TO: claim(POPULATED)}}
        filled = left | {"volumes": {TO: {"status": {"phase": "Succeeded"}}}}
        named = {"complete": False, "restores": [FULL]}
        gone = named | {"deletedDataVolumes": ["d"]}
        for status, target, more, does in (
            ({}, held(), {}, [written]),
            (None, vm(), {}, ["Replace virtualmachines/status"]),
            (None, held(), {}, [written]),
            (FREE, held(), {}, ["Create persistentvolumeclaims", written]),
            (FREE, held(), waits, [written]),
            (FREE, held(), bound, ["Replace persistentvolumeclaims"]),
            (FREE, held(), left, [written]),
            (named, held(), left, [made, written]),
            (named, held(), filled, [written]),
            (gone, held(), filled, ["Replace virtualmachines", written]),
            (named, None, filled, ["Create virtualmachines", written]),
        ):
            self.assertEqual(verbs(self.decide(brought(status), target, **more)), does, (status, more))

    def test_the_claim(self) -> None:
        step = self.decide(brought(FREE), held()).steps[0]
        assert isinstance(step, Create)
        metadata, spec = step.body["metadata"], step.body["spec"]
        self.assertEqual(spec["resources"], {"requests": {"storage": "2Gi"}})
        self.assertEqual(spec["dataSource"]["name"], NAME)
        notes = {"mine": "z", "restore.kubevirt.io/name": "r", LAST: "r-uid-r"}
        self.assertEqual(metadata["annotations"], notes)
        self.assertEqual(metadata["ownerReferences"][0]["uid"], "uid-m")

    def test_names_may_be_chosen(self) -> None:
        prefixed = brought(volumeRestorePolicy="PrefixTargetName")
        named = brought(volumeRestoreOverrides=[{"volumeName": "root", "restoreName": "mine"}])
        for found, name in ((prefixed, "m-root"), (named, "mine")):
            (volume,) = last_status(self.decide(found, held()))["restores"]
            self.assertEqual(volume["persistentVolumeClaim"], name)

    def test_the_machine(self) -> None:
        filled = {"claims": {TO: claim(POPULATED)}, "volumes": {TO: {"status": {"phase": "Succeeded"}}}}
        status = {"complete": False, "restores": [FULL], "deletedDataVolumes": ["d"]}
        step = self.decide(brought(status), held(), **filled).steps[0]
        assert isinstance(step, Replace)
        spec = step.body["spec"]
        self.assertEqual(spec["template"]["spec"]["volumes"], [{"name": "root", "dataVolume": {"name": TO}}, SEED])
        self.assertEqual([each["metadata"]["name"] for each in spec["dataVolumeTemplates"]], [TO])
        self.assertEqual(step.body["metadata"]["annotations"][LAST], mark(brought()))
        self.assertEqual(spec["runStrategy"], "Always")
        step = self.decide(brought({**status, "deletedDataVolumes": []}), None, **filled).steps[0]
        assert isinstance(step, Create)
        self.assertEqual(step.body["spec"]["runStrategy"], "Halted")
        changed = brought({**status, "deletedDataVolumes": []})
        emptied = '{"op": "replace", "path": "/spec/template/spec/domain/firmware/uuid", "value": ""}'
        changed["spec"]["patches"] = ['{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}', emptied]
        step = self.decide(changed, None, **filled).steps[0]
        assert isinstance(step, Create)
        self.assertEqual(step.body["metadata"]["labels"], {"a": "b"})
        self.assertEqual(step.body["spec"]["template"]["spec"]["domain"]["firmware"], {})
        for patch in ("{", '{"op": "remove", "path": "/spec/none"}'):
            changed["spec"]["patches"] = [patch]
            self.assertIn("error patching VM", self.reason(self.decide(changed, None, **filled)))

    def test_it_is_over(self) -> None:
        target = held()
        target["metadata"]["annotations"][LAST] = mark(brought())
        status = {"complete": False, "restores": [FULL], "deletedDataVolumes": ["d"]}
        old = {"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": meta("d", "uid-d")}
        decision = self.decide(brought(status), target, claims={TO: claim(POPULATED)}, volumes={"d": old})
        self.assertEqual(
            verbs(decision),
            [
                "Remove datavolumes",
                "Replace virtualmachines/status",
                "Tell VirtualMachineRestoreComplete",
                "Replace virtualmachinerestores/status",
            ],
        )
        self.assertEqual((last_status(decision)["complete"], self.reason(decision)), (True, "Operation complete"))
        self.assertEqual(verbs(self.decide(brought(last_status(decision)), target)), [])

    def test_a_machine_that_runs(self) -> None:
        running = guest()
        waits = self.decide(brought(), vm(), running)
        self.assertEqual((waits.again, verbs(waits)[0]), (301.0, "Tell RestoreTargetNotReady"))
        self.assertTrue(self.reason(waits).endswith("or the operation will fail after 5m0s"))
        late = self.decide(brought(), vm(), running, now=NOW + 301)
        self.assertIn("Failure", [each["type"] for each in last_status(late)["conditions"]])
        never = self.decide(brought(targetReadinessPolicy="FailImmediate"), vm(), running)
        self.assertEqual(self.reason(never), "Restore target VMI must be powered off before restore operation")
        self.assertEqual(verbs(self.decide(brought(last_status(never)), vm(), running)), [])
        stops = self.decide(brought(targetReadinessPolicy="StopTarget"), vm(), running)
        call = stops.steps[-1]
        assert isinstance(call, Call)
        self.assertEqual((call.at.plural, call.at.subresource), ("virtualmachines", "stop"))
        ever = self.decide(brought(targetReadinessPolicy="WaitEventually"), vm(), running)
        self.assertEqual(ever.again, None)

    def test_what_cannot_be_restored(self) -> None:
        other = vm()
        other["metadata"]["uid"] = "uid-x"
        different = "restore source and restore target are different but restore target already exists"
        for target, more, why in (
            (vm(), {"snapshot": None}, "VMSnapshot n/s does not exist"),
            (vm(), {"snapshot": taken({"phase": "Failed"})}, "VMSnapshot n/s failed and is invalid to use"),
            (vm(), {"snapshot": taken()}, "VMSnapshot n/s not ready"),
            (vm(), {"content": None}, "VMSnapshotContent n/c does not exist"),
            (vm(), {"content": noted()}, "VMSnapshotContent n/c not ready"),
            (other, {}, different),
            (vm({"restoreInProgress": "q"}), {}, "vm restore q in progress"),
        ):
            decision = self.decide(brought(), target, **more)
            self.assertEqual((self.reason(decision), decision.again), (why, 1.0))
            again = self.decide(brought(last_status(decision)), target, **more)
            self.assertEqual(verbs(again), [])
        lost = self.decide(brought(FREE), held(), taken={})
        self.assertEqual(self.reason(lost), f"missing volumeSnapshot {NAME}")
        broken = self.decide(brought(FREE), held(), claims={TO: claim(phase="Lost")})
        self.assertEqual(self.reason(broken), f'PVC n/{TO} in status "Lost"')

    def test_it_is_held_and_let_go(self) -> None:
        step = self.decide(brought(more={"finalizers": [], "ownerReferences": []}), vm()).steps[0]
        assert isinstance(step, Replace)
        self.assertEqual(step.body["metadata"]["finalizers"], [restore.FINALIZER])
        self.assertEqual(step.body["metadata"]["ownerReferences"][0]["uid"], "uid-m")
        going = self.decide(brought(more=GOING), held())
        self.assertEqual(verbs(going), ["Replace virtualmachines/status", "Replace virtualmachinerestores/status"])
        gone = self.decide(brought(last_status(going), more=GOING), vm())
        self.assertEqual(verbs(gone), ["Patch virtualmachinerestores"])
