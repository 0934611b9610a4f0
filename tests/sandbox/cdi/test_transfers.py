"""ObjectTransfers, step by step, and what is refused of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.cdi import names
from dicot.sandbox.cdi.kinds.claims import CLAIMS, PODS
from dicot.sandbox.cdi.kinds.transfers import DISKS, TRANSFERS
from dicot.sandbox.cdi.kinds.volumes import VOLUMES
from dicot.sandbox.cdi.transfers.admission import wrong
from dicot.sandbox.steps import REST, Create, Decision, Look, Patch, Remove, Rewrite, Step

from .things import Stage, manifest

HELD = {"finalizers": [names.TRANSFER_FINALIZER]}
CLAIM, VOLUME = "PersistentVolumeClaim", "DataVolume"
TAKEN = {names.TRANSFERRED_BY: "t"}


def transfer(kind: str, phase: str = "Pending", data: Manifest | None = None, **more: Any) -> Manifest:
    """From n/s to far/d."""
    spec = {
        "source": {"kind": kind, "namespace": "n", "name": "s", **more.pop("source", {})},
        "target": {"namespace": "far", "name": "d"},
    }
    status = {"phase": phase, **({"data": data} if data else {})} if phase else {}
    return manifest("t", "", **{"spec": spec, "status": status, "meta": HELD, **more})


def disk(policy: str = "Delete", claim: tuple[str, str] | None = ("n", "s")) -> Manifest:
    spec: Manifest = {"persistentVolumeReclaimPolicy": policy}
    if claim is not None:
        spec["claimRef"] = dict(zip(("namespace", "name"), claim, strict=True))
    return manifest("pv", "", spec=spec)


def claim(name: str = "s", namespace: str = "n", phase: str = "Bound", **more: Any) -> Manifest:
    return manifest(name, namespace, spec={"volumeName": "pv"}, status={"phase": phase}, **more)


def said(step: Step) -> tuple[str, str]:
    """The phase and the message of a status that is written."""
    assert isinstance(step, Patch) and step.at.subresource == "status", step
    (condition,) = step.body["status"]["conditions"]
    return step.body["status"]["phase"], condition["message"]


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.stage = Stage()

    def decide(self) -> Decision:
        return self.stage.decide(TRANSFERS, "t", "")

    def says(self, phase: str, message: str) -> Decision:
        """What is decided says that, last of all."""
        decision = self.decide()
        self.assertEqual(said(decision.steps[-1]), (phase, message))
        return decision

    def changed(self, step: Step, **found: Any) -> Manifest:
        """What a step makes of an object."""
        assert isinstance(step, Rewrite)
        made = step.change({"metadata": {"uid": found.pop("uid"), **found.pop("meta", {})}, **found})
        assert made is not None
        return made


class StoryTests(Case):
    def test_it_begins_and_ends(self) -> None:
        """It holds itself from the first step to the last, deleted or not."""
        self.assertEqual(self.decide(), REST)
        self.stage.put(TRANSFERS, transfer(CLAIM, "", meta={}))
        hold, _ = self.says("Pending", "Initializing").steps
        self.assertEqual(self.changed(hold, uid="uid-t")["metadata"]["finalizers"], [names.TRANSFER_FINALIZER])
        self.stage.put(TRANSFERS, transfer(CLAIM, "Complete"))
        (freed,) = self.decide().steps
        kept = self.changed(freed, uid="uid-t", meta={"finalizers": ["x", names.TRANSFER_FINALIZER]})
        self.assertEqual(kept["metadata"]["finalizers"], ["x"])
        gone = {**HELD, "deletionTimestamp": "2027-01-15T08:00:00Z"}
        for phase, ends in (("Pending", True), ("Error", True), ("Running", False)):
            self.stage.put(TRANSFERS, transfer(CLAIM, phase, meta=gone))
            self.assertEqual([type(each) for each in self.decide().steps] == [Rewrite], ends, phase)

    def test_it_says_a_thing_once(self) -> None:
        self.stage.put(TRANSFERS, transfer(CLAIM))
        (step,) = self.says("Pending", "No source").steps
        assert isinstance(step, Patch)
        told = transfer(CLAIM)
        told["status"] |= {"conditions": step.body["status"]["conditions"]}
        self.stage.put(TRANSFERS, told)
        self.assertEqual(self.decide(), REST)

    def test_a_source_is_taken_by_one(self) -> None:
        """With the annotations that are asked for; all of it is remembered but its status."""
        self.stage.put(DISKS, disk())
        self.stage.put(CLAIMS, claim())
        self.stage.put(TRANSFERS, transfer(CLAIM, source={"requiredAnnotations": {"a": "b"}}))
        self.says("Pending", "Required annotation missing")
        self.stage.put(TRANSFERS, transfer(CLAIM))
        self.stage.put(CLAIMS, claim(notes={names.TRANSFERRED_BY: "u"}))
        self.says("Pending", "Source in use by another transfer")
        self.stage.put(CLAIMS, claim())
        mark, _ = self.says("Pending", "Pending").steps
        self.assertEqual(self.changed(mark, uid="uid-s")["metadata"]["annotations"], TAKEN)
        self.stage.put(CLAIMS, claim(notes=TAKEN))
        (look,) = self.decide().steps
        assert isinstance(look, Look)
        (step,) = look.then({"metadata": {"name": "s"}, "spec": {}, "status": {"phase": "Bound"}}).steps
        assert isinstance(step, Patch)
        self.assertEqual(said(step), ("Running", "Running"))
        data = step.body["status"]["data"]
        self.assertEqual(json.loads(data["source"]), {"metadata": {"name": "s"}, "spec": {}})
        self.assertEqual(data["pvName"], "pv")


class ClaimTests(Case):
    def policy(self, step: Step) -> str:
        """What becomes of a volume, as a step has it."""
        found: str = self.changed(step, uid="uid-pv", spec={})["spec"]["persistentVolumeReclaimPolicy"]
        return found

    def test_what_it_waits_for(self) -> None:
        self.stage.put(TRANSFERS, transfer(CLAIM))
        for found, message in (
            (claim(phase="Pending"), "PVC not bound"),
            (
                claim(meta={"finalizers": ["snapshot.storage.kubernetes.io/pvc-as-source-protection"]}),
                "PVC has finalizer: snapshot.storage.kubernetes.io/pvc-as-source-protection",
            ),
            (claim(), "Error"),
        ):
            self.stage.put(CLAIMS, found)
            self.says("Pending", message)
        self.stage.put(DISKS, disk(claim=("n", "other")))
        self.says("Pending", "PV not bound")
        self.stage.put(DISKS, disk())
        volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "s"}}]
        self.stage.put(PODS, manifest("p", spec={"volumes": volumes}, status={"phase": "Running"}))
        self.assertEqual(self.says("Pending", "Pods using PVC").again, 2.0)

    def test_from_the_source_to_the_target(self) -> None:
        """The volume outlives its claim, and is given to another."""
        notes = {"a": "b", names.BIND_COMPLETED: "yes", **TAKEN}
        source = {"metadata": {"name": "s", "namespace": "n", "uid": "x", "annotations": notes}}
        data = {"source": json.dumps(source), "pvName": "pv"}
        self.stage.put(TRANSFERS, transfer(CLAIM, "Running"))
        self.says("Error", "PV name missing")
        self.stage.put(TRANSFERS, transfer(CLAIM, "Running", data))
        self.says("Error", "Error")
        self.stage.put(DISKS, disk())
        self.stage.put(CLAIMS, claim(notes=TAKEN))
        (remembered,) = self.says("Running", "Running").steps
        assert isinstance(remembered, Patch)
        data = remembered.body["status"]["data"]
        self.assertEqual(data["pvReclaim"], "Delete")
        self.stage.put(TRANSFERS, transfer(CLAIM, "Running", data))
        kept, _ = self.says("Running", "Running").steps
        self.assertEqual(self.policy(kept), "Retain")
        self.stage.put(DISKS, disk("Retain"))
        gone, _ = self.says("Running", "Running").steps
        self.assertEqual((type(gone), gone.at.name), (Remove, "s"))
        self.stage.put(CLAIMS, claim() | {"spec": {"volumeName": "another"}})
        (given,) = self.decide().steps
        reference = self.changed(given, uid="uid-pv", spec={})["spec"]["claimRef"]
        self.assertEqual(reference, {"namespace": "far", "name": "d"})
        self.stage.put(DISKS, disk("Retain", ("far", "other")))
        self.says("Error", "PV bound to wrong PVC")
        self.stage.put(DISKS, disk("Retain", ("far", "d")))
        made, _ = self.says("Running", "Running").steps
        assert isinstance(made, Create)
        meta = {"name": "d", "namespace": "far", "annotations": {"a": "b"}}
        self.assertEqual((made.at.namespace, made.body["metadata"]), ("far", meta))
        self.stage.put(CLAIMS, claim("d", "far", "Pending"))
        self.says("Running", "Waiting for target to be bound")
        self.stage.put(CLAIMS, claim("d", "far"))
        again, _ = self.says("Running", "Running").steps
        self.assertEqual(self.policy(again), "Delete")
        self.stage.put(DISKS, disk("Delete", ("far", "d")))
        (done,) = self.says("Complete", "Transfer complete").steps
        assert isinstance(done, Patch)
        self.assertIsNone(done.body["status"]["data"])


class VolumeTests(Case):
    CHILD = "pvc-transfer-uid-t"

    def test_what_it_waits_for(self) -> None:
        self.stage.put(TRANSFERS, transfer(VOLUME))
        self.says("Pending", "No source")
        self.stage.put(VOLUMES, manifest("s", status={"phase": "ImportInProgress"}))
        self.says("Pending", "Source not populated")

    def test_from_the_source_to_the_target(self) -> None:
        """It leaves its claim behind, which is moved, and is made anew over it."""
        source = {"metadata": {"name": "s", "namespace": "n", "ownerReferences": [{}]}, "spec": {"a": 1}}
        self.stage.put(TRANSFERS, transfer(VOLUME, "Running", {"source": json.dumps(source), "pvcName": "s"}))
        self.stage.put(VOLUMES, manifest("s", status={"phase": "Succeeded"}))
        self.says("Running", "Source DV has no PVC")
        owners = [{"uid": "uid-s", "kind": VOLUME, "name": "s", "controller": True}]
        self.stage.put(CLAIMS, claim(meta={"ownerReferences": owners}))
        decision = self.says("Running", "Running")
        self.assertEqual(decision.again, 1.0)
        freed = self.changed(decision.steps[0], uid="uid-s", meta={"ownerReferences": owners})
        self.assertEqual(freed["metadata"]["ownerReferences"], [])
        self.stage.put(CLAIMS, claim())
        gone, _ = self.says("Running", "Running").steps
        self.assertEqual((type(gone), gone.at.plural), (Remove, "datavolumes"))

    def moving(self, phase: str) -> None:
        """The volume is gone, and its claim on its way."""
        source = {"metadata": {"name": "s", "namespace": "n", "ownerReferences": [{}]}, "spec": {"a": 1}}
        self.stage.put(TRANSFERS, transfer(VOLUME, "Running", {"source": json.dumps(source), "pvcName": "s"}))
        spec = transfer(CLAIM)["spec"] | {"parentName": "t"}
        self.stage.put(TRANSFERS, manifest(self.CHILD, "", spec=spec, status={"phase": phase}))

    def test_its_claim_is_moved_first(self) -> None:
        self.stage.put(TRANSFERS, transfer(VOLUME, "Running", {"pvcName": "s"}))
        child, _ = self.says("Running", "PVC transfer in progress").steps
        assert isinstance(child, Create)
        self.assertEqual((child.body["metadata"]["name"], child.body["spec"]["parentName"]), (self.CHILD, "t"))
        self.moving("Running")
        self.assertIn(("objecttransfers", "t"), self.stage.concerned)
        self.says("Running", "PVC transfer in progress")
        self.moving("Complete")
        self.says("Error", "Transferred PVC does not exist")

    def test_it_is_made_over_its_claim(self) -> None:
        self.moving("Complete")
        self.stage.put(CLAIMS, claim("d", "far", notes={names.POPULATED_FOR: "other"}))
        self.says("Error", "Error")
        self.stage.put(CLAIMS, claim("d", "far"))
        (left,) = self.decide().steps
        self.assertEqual(self.changed(left, uid="uid-d")["metadata"]["annotations"], {names.POPULATED_FOR: "d"})
        self.stage.put(CLAIMS, claim("d", "far", notes={names.POPULATED_FOR: "d"}))
        made, _ = self.says("Running", "Waiting for target DataVolume").steps
        assert isinstance(made, Create)
        self.assertEqual(made.body["metadata"], {"name": "d", "namespace": "far", "annotations": {}})
        self.stage.put(VOLUMES, manifest("d", "far", status={"phase": "Pending"}))
        self.says("Running", "Waiting for target DataVolume")
        self.stage.put(VOLUMES, manifest("d", "far", status={"phase": "Succeeded"}))
        gone, _ = self.says("Complete", "Transfer complete").steps
        self.assertEqual((type(gone), gone.at.name), (Remove, self.CHILD))

    def test_a_volume_takes_what_was_left_for_it(self) -> None:
        """It marks itself, makes the claim its own, and has succeeded; without that claim it waits."""
        blank = {"source": {"blank": {}}, "storage": {"resources": {"requests": {"storage": "1Gi"}}}}
        ours = {names.USE_POPULATOR: "false", names.PRE_POPULATED: "d"}
        self.stage.put(VOLUMES, manifest("d", "far", spec=blank, notes=ours))
        status, *_ = self.stage.decide(VOLUMES, "d", "far").steps
        assert isinstance(status, Patch)
        self.assertEqual(status.body["status"]["phase"], "Pending")
        self.stage.put(CLAIMS, claim("d", "far", notes={names.POPULATED_FOR: "d"}))
        self.stage.put(VOLUMES, manifest("d", "far", spec=blank))
        (mark,) = self.stage.decide(VOLUMES, "d", "far").steps
        assert isinstance(mark, Patch)
        self.assertEqual(mark.body["metadata"]["annotations"], ours)
        self.stage.put(VOLUMES, manifest("d", "far", spec=blank, notes=ours))
        (own,) = self.stage.decide(VOLUMES, "d", "far").steps
        (owner,) = self.changed(own, uid="uid-d")["metadata"]["ownerReferences"]
        self.assertEqual((owner["kind"], owner["uid"], owner["controller"]), (VOLUME, "uid-d", True))
        mine = {"ownerReferences": [owner]}
        self.stage.put(CLAIMS, claim("d", "far", notes={names.POPULATED_FOR: "d"}, meta=mine))
        status, *_ = self.stage.decide(VOLUMES, "d", "far").steps
        assert isinstance(status, Patch)
        found = status.body["status"]
        self.assertEqual((found["phase"], found["progress"], found["claimName"]), ("Succeeded", "N/A", "d"))


class Reader:
    """One claim."""

    def get(self, group: str, plural: str, namespace: str, name: str) -> Manifest | None:
        """See Reader."""
        there = (group, plural, namespace, name) == ("", "persistentvolumeclaims", "far", "d")
        return {"metadata": {"name": name}} if there else None

    def list(self, group: str, plural: str, namespace: str = "") -> Iterable[Manifest]:
        """See Reader."""
        return ()


class AdmissionTests(SynchronousTestCase):
    def test_what_is_refused(self) -> None:
        nowhere = transfer(VOLUME)
        nowhere["spec"]["target"] = {}
        for new, old, text in (
            (transfer(VOLUME), None, ""),
            (transfer(CLAIM), None, 'ObjectTransfer target "far/d" already exists'),
            (transfer("persistentvolumeclaim"), None, 'Unsupported kind "persistentvolumeclaim"'),
            (nowhere, None, "Target namespace and/or target name must be supplied"),
            (transfer(CLAIM), transfer(CLAIM), ""),
            (transfer(CLAIM), nowhere, "ObjectTransfer spec is immutable"),
        ):
            self.assertEqual(wrong(Reader(), new, old), text)
