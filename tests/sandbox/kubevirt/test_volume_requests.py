"""What admission says of requests for volumes in a machine's status, and what comes of a request."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from dicot.sandbox.apiserver.refusal import Refusal
from dicot.sandbox.kubevirt import volume_requests
from dicot.sandbox.kubevirt.admission.plug import KubeVirtAdmission
from tests.cluster.objects import Document

from . import offers
from .offers import Changes
from .test_admission import KUBEVIRT, SPACE, Stored, review

DISK: Document = {"name": "data", "disk": {"bus": "scsi"}}
VOLUME: Document = {"name": "data", "dataVolume": {"name": "d", "hotpluggable": True}}
OTHER: Document = {"name": "data", "dataVolume": {"name": "e", "hotpluggable": True}}
REMOVE: Document = {"removeVolumeOptions": {"name": "data"}}
BRINGS: Changes = {"~volumes.1": VOLUME, "~domain.devices.disks.1": DISK}
CLASH = "AddVolume request for [data] conflicts with an existing volume of the same name"


def add(disk: Document = DISK, **source: Document) -> Document:
    """A request for the volume."""
    given = source or {"dataVolume": {"name": "d", "hotpluggable": True}}
    return {"addVolumeOptions": {"name": "data", "disk": disk, "volumeSource": given}}


class AdmissionTests(SynchronousTestCase):
    def refusal(self, vm: Document, subresource: str, vmi: Document | None) -> Refusal | None:
        known = [("kubevirt.io", "kubevirts", KUBEVIRT)]
        known += [("kubevirt.io", "virtualmachineinstances", vmi)] if vmi is not None else []
        admission = KubeVirtAdmission(Stored(*known), lambda: "i" * 36, lambda: "now")
        try:
            admission.validate(replace(review(vm, vm), subresource=subresource))
        except Refusal as refusal:
            return refusal
        return None

    def told(
        self, *requests: Document, has: Changes | None = None, vmi: Document | None = None, at: str = "status"
    ) -> str:
        """What is said against them; "" where nothing is."""
        vm = offers.machine(has or {})
        vm["status"] = {"volumeRequests": list(requests), "ready": vmi is not None}
        refusal = self.refusal(vm, at, vmi)
        if refusal is None:
            return ""
        webhook = "kubevirt-crd-status-validator" if at == "status" else "virtualmachine-validator"
        self.assertIn(f'"{webhook}.kubevirt.io"', refusal.message)
        return refusal.message.partition("request: ")[2]

    def instance(self, changes: Changes | None = None, **more: Document | str) -> Document:
        vmi = offers.instance(changes or {})
        status = {key: each for key, each in more.items() if key == "migrationState"}
        metadata = {key: each for key, each in more.items() if key != "migrationState"}
        return vmi | {"metadata": {"name": "offered", "namespace": SPACE} | metadata, "status": status}

    def test_what_may_be_asked(self) -> None:
        claim = add(persistentVolumeClaim={"claimName": "c"})
        for requests, has in (
            ((), None),
            ((add(),), None),
            ((claim,), None),
            ((add(),), BRINGS),
            ((REMOVE,), BRINGS),
        ):
            for at in ("status", ""):
                self.assertEqual(self.told(*requests, has=has, at=at), "")
        same: Changes = {**BRINGS, "~volumes.1": {"name": "data", "dataVolume": {"name": "d", "hotpluggable": True}}}
        self.assertEqual(self.told(add(), has=same, vmi=self.instance(same)), "")

    def test_what_may_not(self) -> None:
        either = "either addVolumeOptions or removeVolumeOptions to be set"
        bus = "AddVolume request for disk [data] requires bus to be 'scsi' or 'virtio'. [sata] is not permitted."
        for requests, told in (
            (({},), f"VolumeRequests require one of {either}"),
            ((add() | REMOVE,), f"VolumeRequests require {either}, not both"),
            ((add(), add()), "AddVolume request for [data] aleady exists"),
            ((REMOVE, REMOVE), "RemoveVolume request for [data] aleady exists"),
            ((add({"name": "data", "disk": {"bus": "sata"}}),), bus),
        ):
            for at in ("status", ""):
                self.assertEqual(self.told(*requests, at=at), told)

    def test_what_another_volume_is_in_the_way_of(self) -> None:
        other: Changes = {**BRINGS, "~volumes.1": OTHER}
        self.assertEqual(self.told(add(), has=other), f"{CLASH} on the vmi template.")
        self.assertEqual(self.told(add(), vmi=self.instance(other)), f"{CLASH} on currently running vmi")
        going = self.instance(other, deletionTimestamp="2027-01-15T08:00:00Z")
        self.assertEqual(self.told(add(), vmi=going), "")

    def test_what_comes_of_it_is_judged(self) -> None:
        """Here the template has a disk of that name already, but no volume."""
        lone: Changes = {"~domain.devices.disks.1": DISK}
        self.assertIn("must not have the same Name", self.told(add(), has=lone))
        self.assertIn("must not have the same Name", self.told(add(), vmi=self.instance(lone)))

    def test_not_while_it_moves(self) -> None:
        moving = {"startTimestamp": "2027-01-15T08:00:00Z"}
        told = "Cannot handle volume requests while VMI migration is in progress"
        self.assertEqual(self.told(add(), vmi=self.instance(migrationState=moving)), told)
        arrived = moving | {"endTimestamp": "2027-01-15T08:01:00Z"}
        self.assertEqual(self.told(add(), vmi=self.instance(migrationState=arrived)), "")

    def test_other_statuses_are_nobodys_business(self) -> None:
        self.assertIsNone(self.refusal(offers.instance({}), "status", None))


class RequestTests(SynchronousTestCase):
    def spec(self, changes: Changes | None = None) -> Document:
        found: Document = offers.instance(changes or {})["spec"]
        return found

    def test_it_is_carried_out_once(self) -> None:
        plain, full = self.spec(), self.spec(BRINGS)
        self.assertEqual(volume_requests.applied(plain, add(dataVolume={"name": "d"})), full)
        self.assertEqual(volume_requests.applied(full, add()), full)
        self.assertEqual(volume_requests.applied(full, REMOVE), plain)
        self.assertEqual(volume_requests.applied(plain, REMOVE), plain)

    def test_a_claim_goes_before_a_volume(self) -> None:
        both = add(dataVolume={"name": "d"}, persistentVolumeClaim={"claimName": "c"})
        (*_, brought) = volume_requests.applied(self.spec(), both)["volumes"]
        wanted = {"name": "data", "persistentVolumeClaim": {"claimName": "c", "hotpluggable": True}}
        self.assertEqual(brought, wanted)

    def test_when_it_is_done(self) -> None:
        lone = self.spec({"~domain.devices.disks.1": DISK})
        for spec, added, removed in (
            (self.spec(), False, True),
            (self.spec(BRINGS), True, False),
            (lone, False, False),
        ):
            found = (volume_requests.is_done(spec, add()), volume_requests.is_done(spec, REMOVE))
            self.assertEqual(found, (added, removed))
