"""What virt-controller does about clones of machines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from msgspec import json
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.kubevirt.keeping import copying
from dicot.sandbox.kubevirt.keeping.copying import Copying
from dicot.sandbox.kubevirt.keeping.differing import patches
from dicot.sandbox.steps import Create, Decision

from .test_keeping import noted, taken, vm
from .test_machine import GOING, last_status, verbs
from .things import NOW, STAMP, meta

STATUS = "Replace virtualmachineclones/status"
READY: Manifest = {"phase": "Succeeded", "readyToUse": True}
KEEPS = {"volumeSnapshotStatuses": [{"name": "root", "enabled": True}]}
TAKEN, BROUGHT = "tmp-snapshot-uid-k", "tmp-restore-uid-k"


def clone(phase: str = "", *, kind: str = "VirtualMachine", **more: Any) -> Manifest:
    """A clone of a machine, or of a snapshot of it."""
    source = {"kind": kind, "name": "m" if kind == "VirtualMachine" else "s"}
    return {
        "apiVersion": "clone.kubevirt.io/v1beta1",
        "kind": "VirtualMachineClone",
        "metadata": meta("k", "uid-k"),
        "spec": {"source": source, "target": {"kind": "VirtualMachine", "name": "t"}} | more.get("spec", {}),
        "status": ({"phase": phase} if phase else {}) | more.get("status", {}),
    }


def brought(**status: Any) -> Manifest:
    """The restore that makes the copy."""
    return {
        "apiVersion": "snapshot.kubevirt.io/v1beta1",
        "kind": "VirtualMachineRestore",
        "metadata": meta(BROUGHT, "uid-r"),
        "status": status,
    }


def seen(found: Manifest, **more: Any) -> Copying:
    """All that is looked at for a clone."""
    plain = Copying(found, vm(KEEPS), None, None, None, None, {}, NOW)
    return replace(plain, **more)


def decide(found: Manifest, **more: Any) -> Decision:
    return copying.decide(seen(found, **more))


def said(decision: Decision) -> dict[str, tuple[str, str]]:
    """Status and reason of the conditions that are written."""
    return {each["type"]: (each["status"], each["reason"]) for each in last_status(decision)["conditions"]}


def made(decision: Decision) -> Manifest:
    """What is made."""
    (step,) = (each for each in decision.steps if isinstance(each, Create))
    return step.body


class CloneTests(SynchronousTestCase):
    def test_a_snapshot_is_taken(self) -> None:
        decision = decide(clone())
        self.assertEqual(verbs(decision), ["Create virtualmachinesnapshots", "Tell SnapshotCreated", STATUS])
        found = made(decision)
        self.assertEqual((found["metadata"]["name"], found["spec"]["source"]["name"]), (TAKEN, "m"))
        self.assertEqual(found["metadata"]["ownerReferences"][0]["uid"], "uid-k")
        status = last_status(decision)
        self.assertEqual((status["phase"], status["snapshotName"]), ("SnapshotInProgress", TAKEN))
        waiting = clone(status=status)
        self.assertEqual(decide(waiting, snapshot=taken()).steps, ())
        self.assertIsNotNone(decide(waiting).again)

    def test_what_cannot_be_taken_is_waited_for(self) -> None:
        decision = decide(clone(), source=None)
        self.assertEqual(verbs(decision), ["Tell SourceDoesNotExist", STATUS])
        why = "Source doesnt exist: VirtualMachine n/m"
        self.assertEqual(said(decision), {"Progressing": ("False", "Pending"), "Ready": ("False", why)})
        self.assertNotIn("phase", last_status(decision))
        self.assertEqual(decide(clone(status=last_status(decision)), source=None).steps, ())
        for shown, why in (
            ([], "Virtual Machine volume root snapshot support unknown"),
            ([{"name": "root", "enabled": False}], "Virtual Machine volume root does not support snapshots"),
        ):
            decision = decide(clone(), source=vm({"volumeSnapshotStatuses": shown}))
            self.assertEqual(said(decision)["Ready"], ("False", why))

    def test_the_restore_is_asked_for(self) -> None:
        ready = clone("SnapshotInProgress", status={"snapshotName": TAKEN})
        decision = decide(ready, snapshot=taken(READY), content=noted())
        self.assertEqual(verbs(decision), ["Tell SnapshotReady", STATUS])
        decision = decide(clone(status=last_status(decision)), snapshot=taken(READY), content=noted())
        self.assertEqual(verbs(decision), ["Create virtualmachinerestores", "Tell RestoreCreated", STATUS])
        spec = made(decision)["spec"]
        self.assertEqual((spec["virtualMachineSnapshotName"], spec["target"]["name"]), (TAKEN, "t"))
        self.assertNotIn("volumeRestorePolicy", spec)
        self.assertEqual(last_status(decision)["restoreName"], BROUGHT)
        for policy, told in (("PrefixTargetName", "PrefixTargetName"), ("RandomizeNames", "RandomizeNames")):
            named = clone("RestoreInProgress", spec={"volumeNamePolicy": policy})
            decision = decide(named, snapshot=taken(READY), content=noted())
            self.assertEqual(made(decision)["spec"]["volumeRestorePolicy"], told)

    def test_what_the_snapshot_lacks(self) -> None:
        of_snapshot = clone("SnapshotInProgress", kind="VirtualMachineSnapshot")
        lacks = noted()
        lacks["spec"]["volumeBackups"] = []
        for content, why in (
            (lacks, "volume root is not backed up in snapshot s"),
            (None, "snapshot content  in namespace n does not exist"),
        ):
            decision = decide(of_snapshot, snapshot=taken(READY), content=content)
            self.assertEqual(verbs(decision), ["Tell SnapshotContentInvalid", STATUS])
            self.assertEqual(last_status(decision)["phase"], "Failed")
            self.assertEqual(said(decision), {"Progressing": ("False", "Failed"), "Ready": ("False", why)})
        gone = decide(clone("RestoreInProgress", status={"snapshotName": TAKEN}))
        self.assertEqual(said(gone)["Ready"], ("False", f"snapshot {TAKEN} does not exist anymore"))
        self.assertIsNotNone(decide(clone("RestoreInProgress"), snapshot=taken(READY)).again)

    def test_the_machine_is_made(self) -> None:
        found = clone("RestoreInProgress", status={"snapshotName": TAKEN, "restoreName": BROUGHT})
        self.assertEqual(verbs(decide(found, restore=brought())), [STATUS])
        self.assertIsNotNone(decide(found).again)
        decision = decide(found, restore=brought(complete=True), target=vm())
        self.assertEqual(verbs(decision), ["Tell RestoreReady", STATUS])
        status = last_status(decision)
        self.assertEqual((status["phase"], status["targetName"]), ("Succeeded", "t"))
        self.assertEqual(said(decision), {"Progressing": ("False", "Ready"), "Ready": ("True", "Ready")})
        later = decide(found, restore=brought(complete=True))
        self.assertEqual(last_status(later)["phase"], "CreatingTargetVM")
        self.assertIsNotNone(decide(clone(status=last_status(later))).again)

    def test_what_nobody_needs_any_more_goes(self) -> None:
        names = {"snapshotName": TAKEN, "restoreName": BROUGHT, "targetName": "t"}
        over = clone("Succeeded", status=names)
        restored = brought(restores=[{"persistentVolumeClaim": "c"}])
        bound = {"c": {"metadata": meta("c", "uid-c"), "status": {"phase": "Bound"}}}
        for claims in ({}, {"c": {**bound["c"], "status": {"phase": "Pending"}}}):
            self.assertIsNotNone(decide(over, target=vm(), restore=restored, claims=claims).again)
        self.assertIsNotNone(decide(over, target=vm()).again)
        decision = decide(over, target=vm(), restore=restored, claims=bound, snapshot=taken(READY))
        removed = ["Remove virtualmachinerestores", "Remove virtualmachinesnapshots"]
        self.assertEqual(verbs(decision), ["Tell PVCBound", *removed, STATUS])
        status = last_status(decision)
        self.assertTrue(status.keys().isdisjoint(("snapshotName", "restoreName")))
        self.assertEqual(decide(clone(status=status), target=vm()).steps, ())
        kept = clone("Succeeded", kind="VirtualMachineSnapshot", status=names)
        decision = decide(kept, target=vm(), restore=restored, claims=bound, snapshot=taken(READY))
        self.assertNotIn("Remove virtualmachinesnapshots", verbs(decision))

    def test_it_goes_with_its_machine(self) -> None:
        self.assertEqual(verbs(decide(clone("Succeeded"))), ["Remove virtualmachineclones"])
        going = clone("Succeeded")
        going["metadata"] |= GOING
        self.assertEqual(decide(going).steps, ())
        failed = decide(clone("Failed"), source=None)
        self.assertEqual(last_status(failed)["conditions"][0]["lastTransitionTime"], STAMP)


class PatchTests(SynchronousTestCase):
    def test_what_differs(self) -> None:
        found = vm()
        found["spec"]["template"]["spec"]["domain"]["devices"]["interfaces"] = [{"name": "a"}, {"name": "b"}]
        found["spec"]["template"]["metadata"] = {"labels": {"x": ""}, "annotations": {"x": ""}}
        found["metadata"] |= {"labels": {"x/a~b": "", "y": ""}, "annotations": {"z": ""}}
        spec: Manifest = {
            "newMacAddresses": {"b": "mac"},
            "newSMBiosSerial": "serial",
            "labelFilters": ["*", "!y"],
            "annotationFilters": [],
            "template": {"labelFilters": ["y"]},
            "patches": ['{"op": "remove", "path": "/spec/x"}'],
        }
        *mine, asked = patches(found, spec)
        self.assertEqual(asked, spec["patches"][0])
        guest = "/spec/template/spec/domain"
        self.assertEqual(
            {each["path"]: each["value"] for each in map(json.decode, mine)},
            {
                f"{guest}/devices/interfaces/0/macAddress": "",
                f"{guest}/devices/interfaces/1/macAddress": "mac",
                f"{guest}/firmware/serial": "serial",
                f"{guest}/firmware/uuid": "",
                "/metadata/labels/y": None,
                "/metadata/annotations/z": None,
                "/spec/template/metadata/labels/x": None,
            },
        )
        plain = vm()
        del plain["spec"]["template"]["spec"]["domain"]["firmware"]
        self.assertEqual(list(patches(plain, {})), [])
