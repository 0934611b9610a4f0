"""Claims that name what they shall be filled from, step by step."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.cdi import names
from dicot.sandbox.cdi.kinds.claims import CLAIMS
from dicot.sandbox.cdi.kinds.populators import IMPORT, IMPORT_SOURCES, UPLOAD, UPLOAD_SOURCES
from dicot.sandbox.cdi.kinds.transfers import DISKS
from dicot.sandbox.steps import REST, Create, Patch, Remove, Rewrite, Step, Tell

from .things import Stage, manifest

NAME = "prime-uid-c"


def claim(kind: str, phase: str = "Pending", **more: Any) -> Manifest:
    """A claim that names a source ``s``."""
    reference = {"apiGroup": names.GROUP, "kind": kind, "name": "s", **more.pop("reference", {})}
    size = {"resources": {"requests": {"storage": "8Mi"}}, "storageClassName": more.pop("storage_class", "standard")}
    spec = {"accessModes": ["ReadWriteOnce"], "dataSourceRef": reference, **size, **more.pop("spec", {})}
    return manifest("c", spec=spec, status={"phase": phase}, **more)


def prime(notes: dict[str, str], phase: str = "Bound") -> Manifest:
    """The claim that is filled for it."""
    owner = {"kind": "PersistentVolumeClaim", "name": "c", "uid": "uid-c", "controller": True}
    spec = {"volumeName": "pv"}
    return manifest(NAME, spec=spec, status={"phase": phase}, notes=notes, meta={"ownerReferences": [owner]})


def disk(owner: str) -> Manifest:
    return manifest("pv", "", spec={"claimRef": {"namespace": "n", "name": owner}})


class PopulatorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stage = Stage()

    def steps(self) -> tuple[Step, ...]:
        return self.stage.decide(CLAIMS, "c").steps

    def said(self) -> dict[str, str | None]:
        """What is written on the claim."""
        (step,) = self.steps()
        assert isinstance(step, Patch)
        notes: dict[str, str | None] = step.body["metadata"]["annotations"]
        return notes

    def test_another_is_filled_beside(self) -> None:
        """As the source says it, or with nothing."""
        http, registry = {"http": {"url": "http://x/y"}}, {"registry": {"url": "docker://x"}}
        for source, notes in (
            (http, {names.SOURCE: "http", names.ENDPOINT: "http://x/y"}),
            (registry, {names.SOURCE: "registry", names.ENDPOINT: "docker://x"}),
            ({"blank": {}}, {names.SOURCE: "none"}),
        ):
            self.stage.put(IMPORT_SOURCES, manifest("s", spec={"source": source}))
            self.stage.put(CLAIMS, claim(IMPORT, labels={"own": "x"}))
            made, told = self.steps()
            assert isinstance(made, Create) and isinstance(told, Tell)
            meta = made.body["metadata"]
            self.assertEqual((meta["name"], meta["labels"]["own"]), (NAME, "x"))
            self.assertLessEqual(notes.items(), meta["annotations"].items())
            self.assertEqual(meta["annotations"][names.POPULATOR], IMPORT)
            self.assertNotIn("dataSourceRef", made.body["spec"])
            self.assertEqual(told.body["reason"], "CreatedPVCPrimeSuccessfully")

    def test_what_is_left_alone(self) -> None:
        """Without its source or class, across namespaces, for another claim, with a volume, of somebody else's."""
        self.stage.put(CLAIMS, claim(IMPORT))
        self.assertEqual(self.stage.decide(CLAIMS, "c"), REST)
        self.stage.concerned.clear()
        self.stage.put(IMPORT_SOURCES, manifest("s", spec={"targetClaim": "d"}))
        self.assertIn(("persistentvolumeclaims", "c"), self.stage.concerned)
        self.assertEqual(self.stage.decide(CLAIMS, "c"), REST)
        self.stage.put(IMPORT_SOURCES, manifest("s", spec={"targetClaim": "c"}))
        self.assertEqual(len(self.steps()), 2)
        for more in (
            {"storage_class": "missing"},
            {"reference": {"namespace": "m"}},
            {"reference": {"apiGroup": "x"}},
            {"reference": {"kind": "VolumeCloneSource"}},
            {"spec": {"volumeName": "pv"}},
            {"meta": {"deletionTimestamp": "2027-01-15T08:00:00Z"}},
        ):
            self.stage.put(CLAIMS, claim(IMPORT, **more))
            self.assertEqual(self.stage.decide(CLAIMS, "c"), REST, more)

    def test_it_gets_the_volume_that_was_filled(self) -> None:
        """It says how that goes, and the other goes once it has lost its volume."""
        self.stage.put(CLAIMS, claim(IMPORT))
        self.stage.put(CLAIMS, prime({names.POD_PHASE: "Running"}))
        self.assertEqual(self.said(), {names.PRIME: NAME})
        notes = {names.PRIME: NAME}
        self.stage.put(CLAIMS, claim(IMPORT, notes=notes))
        self.assertEqual(self.said(), {names.POD_PHASE: "Running"})
        self.stage.put(CLAIMS, prime({names.POD_PHASE: "Succeeded"}))
        self.stage.put(DISKS, disk(NAME))
        done = self.said()
        self.assertEqual(done, {names.POD_PHASE: "Succeeded", names.PROGRESS: "100.0%"})
        self.stage.put(CLAIMS, claim(IMPORT, notes={**notes, **done}))
        (given,) = self.steps()
        assert isinstance(given, Rewrite)
        changed = given.change({"metadata": {"uid": "uid-pv"}, "spec": {}})
        assert changed is not None
        self.assertEqual((changed["spec"]["claimRef"]["name"], changed["spec"]["claimRef"]["uid"]), ("c", "uid-c"))
        self.stage.put(DISKS, disk("c"))
        self.assertEqual(self.steps(), ())
        bound = claim(IMPORT, "Bound", notes={**notes, **done}, spec={"volumeName": "pv"})
        self.stage.put(CLAIMS, bound)
        self.assertEqual(self.steps(), ())
        self.stage.concerned.clear()
        self.stage.put(CLAIMS, prime({names.POD_PHASE: "Succeeded"}, "Lost"))
        self.assertIn(("persistentvolumeclaims", "c"), self.stage.concerned)
        told, gone = self.steps()
        assert isinstance(told, Tell)
        self.assertEqual((told.body["reason"], type(gone), gone.at.name), ("importSucceeded", Remove, NAME))

    def test_an_upload_is_no_longer_led_elsewhere_once_it_is_done(self) -> None:
        self.stage.put(UPLOAD_SOURCES, manifest("s"))
        self.stage.put(CLAIMS, claim(UPLOAD))
        made, _ = self.steps()
        assert isinstance(made, Create)
        self.assertEqual(made.body["metadata"]["annotations"][names.UPLOAD_REQUEST], "")
        self.stage.put(CLAIMS, prime({names.POD_PHASE: "Succeeded"}))
        self.stage.put(DISKS, disk(NAME))
        self.stage.put(CLAIMS, claim(UPLOAD, notes={names.PRIME: NAME}))
        self.assertEqual(self.said(), {names.PRIME: None, names.POD_PHASE: "Succeeded"})
        self.stage.put(CLAIMS, claim(UPLOAD, notes={names.POD_PHASE: "Succeeded"}))
        self.assertEqual([type(each) for each in self.steps()], [Rewrite])
