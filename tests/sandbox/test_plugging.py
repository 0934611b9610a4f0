"""What virt-handler makes of volumes that are plugged into a guest."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.nodes import plugging
from dicot.sandbox.nodes.instances import GUESTS

from .things import guest_manifest, raw, rewritten

ROOT: Manifest = {"name": "root", "target": "vda"}
BROUGHT = {"attachPodName": "hp", "attachPodUID": "uid"}


def plugged(phase: str, brought: Manifest | None = None, *, wanted: bool = True, bus: str = "scsi") -> Manifest:
    """A guest with a volume in that phase, in its spec or no longer."""
    volumes = [{"name": "root"}, *([{"name": "data"}] if wanted else [])]
    disks = [{"name": "root", "disk": {"bus": "virtio"}}, {"name": "data", "disk": {"bus": bus}}]
    told = {"name": "data", "target": "", "phase": phase, "hotplugVolume": brought or {}}
    found = guest_manifest(phase="Running", status={"volumeStatus": [told, ROOT]})
    found["spec"] |= {"volumes": volumes, "domain": {"devices": {"disks": disks}}}
    return found


class PluggingTests(SynchronousTestCase):
    def after(self, vmi: Manifest) -> Any:
        """What is told of the volume then, None where nothing is done."""
        found = rewritten(plugging.decide(GUESTS.read(GUESTS.decode(raw(vmi)))), vmi)
        if found is None:
            return None
        told = next(each for each in found["status"]["volumeStatus"] if each["name"] == "data")
        return told["phase"], told["target"], told["reason"]

    def test_it_is_mounted_then_attached(self) -> None:
        self.assertEqual(self.after(plugged("AttachedToNode")), None)
        mounted = ("MountedToPod", "", "VolumeMountedToPod")
        self.assertEqual(self.after(plugged("AttachedToNode", BROUGHT)), mounted)
        self.assertEqual(self.after(plugged("MountedToPod", BROUGHT)), ("Ready", "sda", "VolumeReady"))
        self.assertEqual(self.after(plugged("Ready", BROUGHT)), None)

    def test_its_name_is_free(self) -> None:
        found = self.after(plugged("MountedToPod", BROUGHT, bus="virtio"))
        self.assertEqual(found, ("Ready", "vdb", "VolumeReady"))

    def test_it_is_taken_out(self) -> None:
        out = ("UnMountedFromPod", "", "VolumeUnMountedFromPod")
        for phase in ("Ready", "MountedToPod", "AttachedToNode"):
            self.assertEqual(self.after(plugged(phase, BROUGHT, wanted=False)), out)
        for phase in ("UnMountedFromPod", "Detaching"):
            self.assertEqual(self.after(plugged(phase, BROUGHT, wanted=False)), None)

    def test_only_while_it_runs(self) -> None:
        stopped = plugged("MountedToPod", BROUGHT)
        stopped["status"]["phase"] = "Succeeded"
        self.assertEqual(self.after(stopped), None)
        self.assertEqual(plugging.follow(stopped), None)
