"""What instancetypes and preferences make of a guest."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.sandbox.kubevirt.machines.flavors import apply, kind_of, note

SIZE = {"cpu": {"guest": 4}, "memory": {"guest": "1Gi"}}


class ApplyTests(SynchronousTestCase):
    def applied(self, instancetype: Any, preference: Any = None, **domain: Any) -> dict[str, Any]:
        """The domain of a guest that is small, or of what it says."""
        spec: dict[str, Any] = {"domain": {"devices": {}, **domain}, "networks": [{"name": "n", "pod": {}}]}
        self.metadata: dict[str, Any] = {"annotations": {"mine": "1"}}
        self.assertEqual(apply(spec, self.metadata, instancetype, preference), [])
        made: dict[str, Any] = spec["domain"]
        return made

    def test_processors_are_sockets(self) -> None:
        domain = self.applied(SIZE)
        self.assertEqual(domain["cpu"], {"sockets": 4, "cores": 1, "threads": 1})
        self.assertEqual(domain["memory"], {"guest": "1Gi"})

    def test_or_what_is_preferred(self) -> None:
        for preferred, shape in (
            ({"preferredCPUTopology": "cores"}, (1, 4, 1)),
            ({"preferredCPUTopology": "threads"}, (1, 1, 4)),
            ({"preferredCPUTopology": "spread"}, (2, 2, 1)),
            ({"preferredCPUTopology": "spread", "spreadOptions": {"across": "CoresThreads"}}, (1, 2, 2)),
        ):
            cpu = self.applied(SIZE, {"cpu": preferred})["cpu"]
            self.assertEqual((cpu["sockets"], cpu["cores"], cpu["threads"]), shape, preferred)

    def test_an_overcommitted_guest_asks_for_less(self) -> None:
        memory = {"guest": "1Gi", "overcommitPercent": 50}
        domain = self.applied({"cpu": {"guest": 1}, "memory": memory})
        self.assertEqual(domain["resources"], {"requests": {"memory": str(2**29)}})

    def test_what_a_guest_says_itself_is_a_conflict(self) -> None:
        for domain, fields in (
            ({"cpu": {"cores": 2}}, ["spec.domain.cpu.cores"]),
            ({"memory": {"guest": "2Gi"}}, ["spec.domain.memory.guest"]),
            ({"resources": {"requests": {"memory": "1Gi"}}}, ["spec.domain.resources.requests.memory"]),
        ):
            spec: dict[str, Any] = {"domain": {"devices": {}, **domain}}
            self.assertEqual(apply(spec, {}, SIZE, None), fields)

    def test_preferences_fill_in_what_is_not_said(self) -> None:
        devices = {
            "disks": [
                {"name": "a", "disk": {}},
                {"name": "b", "disk": {"bus": "virtio"}},
                {"name": "c", "cdrom": {}},
            ],
            "interfaces": [{"name": "n"}, {"name": "m", "bridge": {}}],
        }
        preference = {
            "devices": {
                "preferredDiskBus": "sata",
                "preferredCdromBus": "scsi",
                "preferredInterfaceModel": "e1000",
                "preferredInterfaceMasquerade": {},
            },
            "firmware": {"preferredUseEfi": True, "preferredUseSecureBoot": False},
            "machine": {"preferredMachineType": "q35"},
            "annotations": {"mine": "2", "theirs": "2"},
        }
        domain = self.applied(None, preference, devices=devices)
        disks = domain["devices"]["disks"]
        self.assertEqual([each.get("disk", each.get("cdrom"))["bus"] for each in disks], ["sata", "virtio", "scsi"])
        first, second = domain["devices"]["interfaces"]
        self.assertEqual(first, {"name": "n", "model": "e1000", "masquerade": {}})
        self.assertNotIn("masquerade", second)
        self.assertEqual(domain["firmware"], {"bootloader": {"efi": {"secureBoot": False}}})
        self.assertEqual(domain["machine"], {"type": "q35"})
        self.assertEqual(self.metadata["annotations"], {"mine": "1", "theirs": "2"})

    def test_a_guest_says_where_it_has_its_size_from(self) -> None:
        notes: dict[str, str] = {}
        preference = {"kind": "VirtualMachinePreference", "name": "p"}
        note(notes, {"spec": {"instancetype": {"name": "i"}, "preference": preference}})
        said = {"kubevirt.io/cluster-instancetype-name": "i", "kubevirt.io/preference-name": "p"}
        self.assertEqual(notes, said)
        self.assertEqual(
            kind_of({"kind": "VirtualMachineInstancetypes"}, "instancetype"), "virtualmachineinstancetype"
        )
