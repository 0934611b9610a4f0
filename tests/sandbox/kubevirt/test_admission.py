"""What the sandbox's admission says of objects that the real one was offered."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.asked import User
from dicot.sandbox.apiserver.refusal import Refusal
from dicot.sandbox.apiserver.resource import Resource
from dicot.sandbox.apiserver.seams import Operation, Review
from dicot.sandbox.kubevirt.admission import schema
from dicot.sandbox.kubevirt.admission.plug import KubeVirtAdmission
from dicot.sandbox.kubevirt.settings import NAMESPACE
from tests.cluster.objects import Document

from . import admissions, offers, records
from .offers import Changes

SPACE = "NAMESPACE"
PERSON = User("somebody", ("system:authenticated",))
CONTROLLER = User("system:serviceaccount:kubevirt:kubevirt-controller")
KUBEVIRT: Document = {
    "metadata": {"name": "kubevirt", "namespace": NAMESPACE},
    "spec": {"configuration": {}},
    "status": {"defaultArchitecture": "amd64", "observedKubeVirtVersion": "v1.8.4"},
}
FLAVOR: Document = {
    "metadata": {"name": offers.FLAVOR},
    "spec": {"cpu": {"guest": 1}, "memory": {"guest": "512Mi"}},
}


class Stored:
    """A Reader of a few objects."""

    def __init__(self, *objects: tuple[str, str, Document]) -> None:
        self._objects = objects

    def get(self, group: str, plural: str, namespace: str, name: str) -> Manifest | None:
        wanted = (namespace, name)
        for each in self.list(group, plural, namespace):
            if (each["metadata"].get("namespace", ""), each["metadata"]["name"]) == wanted:
                return each
        return None

    def list(self, group: str, plural: str, namespace: str = "") -> Iterable[Manifest]:
        for theirs, kind, found in self._objects:
            if (theirs, kind) == (group, plural) and found["metadata"].get("namespace", "") == namespace:
                yield copy.deepcopy(found)


def resource(document: Document) -> Resource:
    """The resource that an object is of."""
    group, version = document["apiVersion"].split("/")
    singular = document["kind"].lower()
    return Resource(group, version, f"{singular}s", singular, document["kind"], custom=True)


def review(new: Document, old: Document | None = None, user: User = PERSON) -> Review:
    """A write on its way."""
    operation: Operation = "UPDATE" if old else "CREATE"
    new["metadata"].setdefault("namespace", SPACE)
    return Review(operation, user, resource(new), "", SPACE, new["metadata"]["name"], new, old, False)


class AdmissionTestCase(SynchronousTestCase):
    """What all tests of admission share."""

    def admission(self, *stored: tuple[str, str, Document]) -> KubeVirtAdmission:
        known = (
            ("kubevirt.io", "kubevirts", KUBEVIRT),
            ("instancetype.kubevirt.io", "virtualmachineclusterinstancetypes", FLAVOR),
        )
        return KubeVirtAdmission(Stored(*known, *stored), lambda: "i" * 36, lambda: "now")

    def ask(self, given: Review, *stored: tuple[str, str, Document]) -> Document:
        """What a record would hold of the answer."""
        admission = self.admission(*stored)
        try:
            changed = admission.mutate(given) or given.new
            admission.validate(replace(given, new=changed))
        except Refusal as refusal:
            return admissions.refusal(refusal.code, refusal.status())
        assert changed is not None
        return admissions.shape(changed)


class RecordedTests(AdmissionTestCase):
    def test_offers_are_answered_as_the_real_programs_did(self) -> None:
        recorded, wrong, count = records.read("admissions"), {}, 0
        for name, document in admissions.every():
            expected = recorded[name]
            if is_of_the_form(name, expected):
                continue
            count += 1
            found = self.ask(review(document))
            if found != expected:
                wrong[name] = (found, expected)
        self.assertEqual(wrong, {})
        self.assertGreater(count, 450)


def is_of_the_form(name: str, answer: Document) -> bool:
    """Whether the schemas decide, which are not at hand here."""
    told = answer.get("message", "")
    ours = name.endswith("populated twice")
    return not ours and ("is invalid: " in told or " in body " in told or name.endswith("unknown field"))


FORM: Document = {
    "properties": {
        "spec": {
            "type": "object",
            "required": ["template"],
            "properties": {
                "runStrategy": {"type": "string"},
                "template": {
                    "type": "object",
                    "required": ["name", "terms"],
                    "properties": {
                        "name": {"type": "string"},
                        "terms": {"type": "array"},
                        "spec": {"type": "object"},
                    },
                },
            },
        }
    }
}


class FormTests(SynchronousTestCase):
    """``spec`` as virt-api checks it before anything else, by the schema of the definition."""

    def told(self, document: Document) -> list[str]:
        return [cause.message for cause in schema.check(document, FORM)]

    def test_what_is_missing_and_of_the_wrong_type_is_told(self) -> None:
        self.assertEqual(
            self.told({"spec": {"runStrategy": 5}}),
            ["spec.template in body is required", 'spec.runStrategy in body must be of type string: "number"'],
        )
        self.assertEqual(self.told({}), ["spec in body is required", 'spec in body must be of type object: "null"'])

    def test_a_scalar_is_required_only_in_name(self) -> None:
        self.assertEqual(self.told({"spec": {"template": {}}}), ["spec.template.terms in body is required"])

    def test_values_of_kubernetes_own_types_are_known(self) -> None:
        form = {"properties": {"spec": {"type": "object", "properties": {"dnsPolicy": {"type": "string"}}}}}
        told = [cause.message for cause in schema.check({"spec": {"dnsPolicy": "Guess"}}, form)]
        known = "[ClusterFirst ClusterFirstWithHostNet Default None]"
        self.assertEqual(told, [f"spec.dnsPolicy in body should be one of {known}"])

    def test_it_is_written_as_go_does(self) -> None:
        spec = {"template": {"terms": [], "other": [], "spec": None}, "runStrategy": "Always"}
        self.assertEqual(
            schema.written(spec, schema.of_spec(FORM)),
            {"template": {"name": "", "terms": []}, "runStrategy": "Always"},
        )


class ChangeTests(AdmissionTestCase):
    """Updates, which the contract makes of objects that are there."""

    def changed(self, changes: Changes, user: User = PERSON) -> Document:
        old = offers.instance({"status": {"phase": "Running"}})
        return self.ask(review(offers.changed(old, changes), old, user))

    def test_nobody_changes_the_spec_of_an_instance(self) -> None:
        answer = self.changed({"spec.domain.memory.guest": "1Gi"})
        self.assertEqual(answer["causes"], [["FieldValueNotSupported", "update of VMI object is restricted", ""]])

    def test_kubevirt_plugs_in_but_not_beyond_the_maximum(self) -> None:
        self.assertNotIn("code", self.changed({"spec.domain.memory.guest": "1Gi"}, CONTROLLER))
        answer = self.changed({"spec.domain.cpu": {"maxSockets": 9}}, CONTROLLER)
        self.assertEqual(answer["causes"], [["FieldValueInvalid", "CPU topology maxSockets changed", ""]])

    def test_reserved_labels_are_kubevirts(self) -> None:
        labels = {"metadata.labels": {"kubevirt.io/nodeName": "node-1"}}
        self.assertIn("reserved kubevirt.io/ labels", self.changed(labels)["message"])
        self.assertNotIn("code", self.changed(labels, CONTROLLER))

    def test_a_status_by_anybody_else_is_undone(self) -> None:
        self.assertEqual(self.changed({"status.phase": "Failed"})["status"]["phase"], "Running")
        self.assertEqual(self.changed({"status.phase": "Failed"}, CONTROLLER)["status"]["phase"], "Failed")

    def test_a_machine_names_no_other_instancetype_with_the_old_copy(self) -> None:
        old = offers.machine({"~domain.memory": ..., "spec.instancetype": {"name": "a", "revisionName": "a-1"}})
        stale = self.ask(review(offers.changed(old, {"spec.instancetype.name": "b"}), old))
        self.assertIn("without updating the RevisionName", stale["message"])
        fresh = offers.changed(old, {"spec.instancetype": {"name": "b"}})
        self.assertNotIn("code", self.ask(review(fresh, old)))

    def test_an_update_makes_no_firmware(self) -> None:
        old = offers.machine({})
        self.assertNotIn("firmware", self.ask(review(old, old))["spec"]["template"]["spec"]["domain"])


class PlugTests(AdmissionTestCase):
    """What KubeVirt plugs into an instance, and out of it."""

    DATA: Document = {"name": "data", "persistentVolumeClaim": {"claimName": "c", "hotpluggable": True}}
    DISK: Document = {"name": "data", "disk": {"bus": "scsi"}}

    def change(self, *changes: Changes, had: bool = False) -> str:
        """What is said of an instance that had its root disk (and that volume), and is to have something else."""
        old = self.instance(plugged=had)
        new = copy.deepcopy(old)
        for each in changes:
            new = offers.changed(new, each)
        answer = self.ask(review(new, old, CONTROLLER))
        return str(answer.get("message", "")).partition("request: ")[2]

    def instance(self, *, plugged: bool) -> Document:
        spec: Document = {
            "domain": {"devices": {"disks": [{"name": "root", "disk": {"bus": "virtio"}}]}},
            "volumes": [{"name": "root", "containerDisk": {"image": "i"}}],
        }
        told: list[Document] = [{"name": "root", "target": "vda"}]
        if plugged:
            spec["domain"]["devices"]["disks"].append(self.DISK)
            spec["volumes"].append(self.DATA)
            told.append({"name": "data", "target": "", "hotplugVolume": {}})
        metadata = {"name": "i", "namespace": SPACE}
        kind = {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance"}
        return {**kind, "metadata": metadata, "spec": spec, "status": {"volumeStatus": told}}

    def plug(self, volume: Document | None = None, disk: Document | None = None) -> Changes:
        """What brings it."""
        base = self.instance(plugged=False)["spec"]
        disks = [*base["domain"]["devices"]["disks"], disk or self.DISK]
        return {"spec.volumes": [*base["volumes"], volume or self.DATA], "spec.domain.devices.disks": disks}

    def test_it_comes_and_goes(self) -> None:
        self.assertEqual(self.change(self.plug()), "")
        bare = self.instance(plugged=False)["spec"]
        gone: Changes = {
            "spec.volumes": bare["volumes"],
            "spec.domain.devices.disks": bare["domain"]["devices"]["disks"],
        }
        self.assertEqual(self.change(gone, had=True), "")

    def test_what_may_not_come(self) -> None:
        bus = "Hotplug configuration for {} [data] requires bus to be {}. [{}] is not permitted."
        sata, both = {"name": "data", "disk": {"bus": "sata"}}, "'scsi' or 'virtio'"
        for changes, told in (
            (self.plug(disk=sata), bus.format("disk", both, "sata")),
            (self.plug(disk={"name": "data", "lun": {"bus": "virtio"}}), bus.format("LUN", "'scsi'", "virtio")),
            (
                self.plug(disk={"name": "data", "cdrom": {"bus": "sata"}}),
                "Hotplug configuration for [data] requires diskDevice of type 'disk' or 'lun' to be used.",
            ),
            (
                self.plug(disk=self.DISK | {"dedicatedIOThread": True}),
                "Hotplug configuration for [data] requires virtio bus for IOThreads.",
            ),
            (
                self.plug(disk=self.DISK | {"bootOrder": 0}),
                "spec.domain.devices.disks[1] must have a boot order > 0, if supplied",
            ),
            (self.plug(disk=self.DISK | {"name": "other"}), "disk data does not exist"),
            (self.plug({"name": "data", "emptyDisk": {"capacity": "1"}}), "volume data is not a PVC or DataVolume"),
            (
                {"spec.volumes": self.plug()["spec.volumes"]},
                "mismatch between volumes declared (2) and required (1)",
            ),
        ):
            self.assertEqual(self.change(changes), told)

    def test_what_is_there_does_not_change(self) -> None:
        for changes, told in (
            ({"spec.volumes.1.persistentVolumeClaim.claimName": "d"}, "hotplug volume data, changed"),
            ({"spec.domain.devices.disks.1.disk.bus": "virtio"}, "hotplug disk data, changed"),
            ({"spec.domain.devices.disks.1.name": "x"}, "volume data doesn't have a matching disk"),
            ({"spec.volumes.0.containerDisk.image": "j"}, "permanent volume root, changed"),
            ({"spec.domain.devices.disks.0.disk.bus": "sata"}, "permanent disk root, changed"),
            (
                {"spec.volumes": [self.DATA], "spec.domain.devices.disks": [self.DISK]},
                "Number of permanent volumes has changed",
            ),
        ):
            self.assertEqual(self.change(changes, had=True), told)


class MigrationTests(AdmissionTestCase):
    def move(self, vmi: Document, *others: Document) -> Document:
        vmi["metadata"] |= {"name": "absent", "namespace": SPACE}
        stored = [("kubevirt.io", "virtualmachineinstances", vmi)]
        stored += [("kubevirt.io", "virtualmachineinstancemigrations", each) for each in others]
        return self.ask(review(offers.migration({})), *stored)

    def test_it_is_marked_with_whom_it_moves(self) -> None:
        made = self.move(offers.instance({"status": {"phase": "Running"}}))
        self.assertEqual(made["metadata"]["labels"], {"kubevirt.io/vmi-name": "absent"})
        self.assertEqual(made["metadata"]["finalizers"], ["kubevirt.io/migrationJobFinalize"])

    def test_what_has_ended_or_is_bound_stays(self) -> None:
        told = self.move(offers.instance({"status": {"phase": "Failed"}}))["message"]
        self.assertTrue(told.endswith("Cannot migrate VMI in finalized state."))
        bound = {"type": "LiveMigratable", "status": "False", "reason": "Why", "message": "so"}
        told = self.move(offers.instance({"status": {"phase": "Running", "conditions": [bound]}}))["message"]
        self.assertTrue(told.endswith("Cannot migrate VMI, Reason: Why, Message: so"))

    def test_two_at_a_time_are_one_too_many(self) -> None:
        labels = {"kubevirt.io/vmi-name": "absent"}
        first = offers.migration({"metadata": {"name": "first", "namespace": SPACE, "uid": "u", "labels": labels}})
        answer = self.move(offers.instance({"status": {"phase": "Running"}}), first)
        self.assertEqual(answer["code"], 400)
        self.assertIn("Active migration job (u) is currently already in progress", answer["message"])
        done = offers.changed(first, {"status": {"phase": "Succeeded"}})
        self.assertNotIn("code", self.move(offers.instance({"status": {"phase": "Running"}}), done))

    def test_nothing_is_changed_under_way(self) -> None:
        old = offers.migration({"metadata.labels": {"kubevirt.io/vmi-name": "absent"}})
        other: Changes = {"spec.vmiName": "other"}
        unmarked: Changes = {"metadata.labels": {}}
        for changes in (other, unmarked, {"metadata.labels": {"a": "b"}}):
            self.assertEqual(self.ask(review(offers.changed(old, changes), old))["code"], 422, changes)


class KeepingTests(AdmissionTestCase):
    """Snapshots of machines, restores and clones, where the gate is open."""

    TARGET: Document = {"apiGroup": "kubevirt.io", "kind": "VirtualMachine", "name": "m"}

    def told(
        self, kind: str, spec: Document, *stored: Document, old: Document | None = None, shut: bool = False
    ) -> str:
        """What is said against one; "" where nothing is."""
        gates = {"developerConfiguration": {"featureGates": [] if shut else ["Snapshot"]}}
        kubevirt = {**KUBEVIRT, "spec": {"configuration": gates}}
        known = [("snapshot.kubevirt.io", f"{each['kind'].lower()}s", each) for each in stored]
        reader = Stored(("kubevirt.io", "kubevirts", kubevirt), *known)
        admission = KubeVirtAdmission(reader, lambda: "i" * 36, lambda: "now")
        try:
            admission.validate(review(self.one(kind, spec), self.one(kind, old) if old is not None else None))
        except Refusal as refusal:
            return refusal.message.partition("request: ")[2] or refusal.message
        return ""

    def one(self, kind: str, spec: Document) -> Document:
        group = "clone" if kind == "VirtualMachineClone" else "snapshot"
        version, named = f"{group}.kubevirt.io/v1beta1", {"name": "s", "namespace": SPACE}
        return {"apiVersion": version, "kind": kind, "metadata": named, "spec": spec}

    def test_what_is_taken(self) -> None:
        for source, told in (
            (self.TARGET, ""),
            ({"kind": "VirtualMachine"}, "missing apiGroup"),
            (self.TARGET | {"apiGroup": "apps"}, "invalid apiGroup"),
            (self.TARGET | {"kind": "Node"}, "invalid kind"),
        ):
            self.assertEqual(self.told("VirtualMachineSnapshot", {"source": source}), told)
        fixed = self.told("VirtualMachineSnapshot", {"source": {}}, old={"source": self.TARGET})
        self.assertEqual(fixed, "spec in immutable after creation")

    def test_what_is_restored(self) -> None:
        spec = {"target": self.TARGET, "virtualMachineSnapshotName": "s"}
        for more, told in (
            ({}, ""),
            ({"target": {}}, "missing apiGroup"),
            ({"volumeRestorePolicy": "PrefixTargetName", "volumeOwnershipPolicy": "None"}, ""),
            ({"volumeRestorePolicy": "Never"}, 'volume restore policy "Never" doesn\'t exist'),
            ({"volumeOwnershipPolicy": "Never"}, 'volume ownership policy "Never" doesn\'t exist'),
            ({"volumeRestoreOverrides": [{"restoreName": "x"}]}, "must provide a volume name"),
            ({"volumeRestoreOverrides": [{"volumeName": "x"}]}, "must provide at least one overriden field"),
        ):
            self.assertEqual(self.told("VirtualMachineRestore", spec | more), told)
        other = self.one("VirtualMachineRestore", spec)
        other["metadata"]["name"] = "other"
        busy = self.told("VirtualMachineRestore", spec, other)
        self.assertEqual(busy, 'VirtualMachineRestore "other" in progress')
        self.assertEqual(self.told("VirtualMachineRestore", spec, {**other, "status": {"complete": True}}), "")
        fixed = self.told("VirtualMachineRestore", spec | {"virtualMachineSnapshotName": "t"}, old=spec)
        self.assertEqual(fixed, "spec in immutable after creation")
        in_place = self.told("VirtualMachineRestore", spec | {"volumeRestorePolicy": "InPlace"})
        self.assertIn("not part of the sandbox", in_place)

    def test_patches_of_a_restore(self) -> None:
        taken = self.one("VirtualMachineSnapshot", {})
        for path, value, told in (
            ("/spec/x", "y", ""),
            ("/metadata/labels/x", "y", ""),
            ("/metadata/name", "y", 'patching is valid only for elements under /spec/ only: "path":"/metadata/name"'),
            ("/spec/x", "a:b", 'patch format is not valid - one ":" expected in a single key-value json patch: '),
        ):
            patch = f'{{"op":"add","path":"{path}","value":"{value}"}}'
            spec = {"target": self.TARGET, "virtualMachineSnapshotName": "s", "patches": [patch]}
            self.assertTrue(self.told("VirtualMachineRestore", spec, taken).startswith(told))
            self.assertEqual(bool(told), bool(self.told("VirtualMachineRestore", spec, taken)))
            self.assertEqual(self.told("VirtualMachineRestore", spec), "")

    def test_what_is_cloned(self) -> None:
        spec = {"source": self.TARGET, "target": self.TARGET | {"name": "t"}}
        filters = "NegationChar can be only used at the beginning of the filter"
        wildcards = "WildcardChar can be only at the end of the filter"
        labels = "spec.labels filter a!b is invalid: cannot contain a negation character (!); FilterRules"
        inner = "spec.template.labels filter a*b is invalid: cannot contain a wildcard character (*); FilterRules"
        for more, told in (
            ({}, ""),
            ({"labelFilters": ["*", "!a*", "a"]}, ""),
            ({"labelFilters": ["!"]}, "a negation character is not a valid filter"),
            ({"labelFilters": ["a!b"]}, f"{labels}: {filters}"),
            ({"template": {"labelFilters": ["a*b"]}}, f"{inner}: {wildcards}"),
            ({"source": self.TARGET | {"kind": "Node"}}, "Source kind is not supported"),
            ({"target": self.TARGET | {"kind": "Node"}}, "Target kind is not supported"),
            ({"source": {"kind": "VirtualMachine", "name": "m"}}, "Source's APIGroup cannot be empty"),
            ({"target": self.TARGET}, "Target name cannot be equal to source name when both are VirtualMachines"),
        ):
            self.assertEqual(self.told("VirtualMachineClone", spec | more), told)

    def test_a_clone_without_a_name_for_its_machine(self) -> None:
        admission = KubeVirtAdmission(Stored(), lambda: "i" * 36, lambda: "now")
        made = admission.mutate(review(self.one("VirtualMachineClone", {"source": self.TARGET})))
        assert made is not None
        self.assertEqual(made["spec"]["target"], self.TARGET | {"name": "clone-m-iiiii"})
        self.assertIsNone(admission.mutate(review(made)))

    def test_a_gate_that_is_shut(self) -> None:
        for kind, told in (
            ("VirtualMachineSnapshot", "snapshot feature gate not enabled"),
            ("VirtualMachineRestore", "Snapshot/Restore feature gate not enabled"),
            ("VirtualMachineClone", "snapshot feature gate is not enabled"),
        ):
            self.assertEqual(self.told(kind, {"source": self.TARGET, "target": self.TARGET}, shut=True), told)


class ExportTests(AdmissionTestCase):
    """Exports of volumes, where the gate is open."""

    CLAIM: Document = {"kind": "PersistentVolumeClaim", "name": "c"}

    def told(self, spec: Document, old: Document | None = None, gates: tuple[str, ...] = ("VMExport",)) -> str:
        """What is said against one; "" where nothing is."""
        opened = {"developerConfiguration": {"featureGates": list(gates)}}
        kubevirt = {**KUBEVIRT, "spec": {"configuration": opened}}
        admission = KubeVirtAdmission(Stored(("kubevirt.io", "kubevirts", kubevirt)), lambda: "i" * 36, lambda: "now")
        try:
            admission.validate(review(self.one(spec), self.one(old) if old is not None else None))
        except Refusal as refusal:
            return refusal.message.partition("request: ")[2] or refusal.message
        return ""

    def one(self, spec: Document) -> Document:
        named = {"name": "e", "namespace": SPACE}
        return {
            "apiVersion": "export.kubevirt.io/v1beta1",
            "kind": "VirtualMachineExport",
            "metadata": named,
            "spec": spec,
        }

    def test_what_is_given_back(self) -> None:
        for changes, told in (
            ({}, ""),
            ({"apiGroup": ""}, ""),
            ({"kind": "VirtualMachine", "apiGroup": "kubevirt.io"}, ""),
            ({"kind": "VirtualMachineSnapshot", "apiGroup": "snapshot.kubevirt.io"}, ""),
            ({"kind": "VirtualMachineBackup"}, "VirtualMachineBackup API group must be backup.kubevirt.io"),
            ({"name": ""}, "PVC name must not be empty"),
            ({"apiGroup": "v1"}, "PVC API group must be missing or blank"),
            ({"kind": "VirtualMachine"}, "VM API group must be kubevirt.io"),
            ({"kind": "Pod"}, "invalid kind"),
        ):
            self.assertEqual(self.told({"source": self.CLAIM | changes}), told, changes)
        backup = self.CLAIM | {"kind": "VirtualMachineBackup", "apiGroup": "backup.kubevirt.io"}
        self.assertIn("not part of the sandbox", self.told({"source": backup}))

    def test_for_how_long(self) -> None:
        for text, told in (
            ("1h30m", ""),
            ("1.5h", ""),
            ("0", ""),
            ("soon", 'time: invalid duration "soon"'),
            ("", 'time: invalid duration ""'),
            ("9999999h", 'time: invalid duration "9999999h"'),
            ("7", 'time: missing unit in duration "7"'),
            ("7d", 'time: unknown unit "d" in duration "7d"'),
        ):
            self.assertEqual(self.told({"source": self.CLAIM, "ttlDuration": text}), told, text)

    def test_nothing_is_changed_afterwards(self) -> None:
        spec = {"source": self.CLAIM}
        self.assertEqual(self.told(spec | {"tokenSecretRef": "t"}, spec), "spec in immutable after creation")
        self.assertEqual(self.told(spec, spec, gates=()), "")

    def test_a_gate_that_is_shut(self) -> None:
        self.assertEqual(self.told({"source": {}}, gates=("Snapshot",)), "vm export feature gate not enabled")


class UnservedTests(AdmissionTestCase):
    """What nobody uses yet is said to be so."""

    def test_parts_that_nobody_has_tried(self) -> None:
        liked = {"metadata": {"name": "liked"}, "spec": {}}
        likes = ("instancetype.kubevirt.io", "virtualmachineclusterpreferences", liked)
        for document in (
            offers.machine({"spec.preference": {"name": "liked"}}),
            offers.machine({"spec.instancetype": {"inferFromVolume": "root"}}),
            offers.instance({"~architecture": "arm64"}),
        ):
            answer = self.ask(review(document), likes)
            self.assertEqual((answer["code"], answer["reason"]), (501, "NotImplemented"))

    def test_instancetypes_that_no_flavor_is_like(self) -> None:
        gpu = {**FLAVOR, "metadata": {"name": "gpu"}, "spec": {**FLAVOR["spec"], "gpus": [{"name": "one"}]}}
        kind = ("instancetype.kubevirt.io", "virtualmachineclusterinstancetypes", gpu)
        asked = offers.machine({"~domain.memory": ..., "spec.instancetype": {"name": "gpu"}})
        self.assertEqual(self.ask(review(asked), kind)["code"], 501)
