"""Interfaces that come and go while a machine runs."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.errors import Invalid
from dicot.kube.kind import Manifest
from dicot.kube.quantity import amount
from dicot.sandbox.kubevirt.machines import interfaces, networks, storage
from dicot.sandbox.kubevirt.machines.guest import decide as decide_guest
from dicot.sandbox.kubevirt.machines.launcher import launcher_pod
from dicot.sandbox.kubevirt.machines.launcher_disks import FUNCTIONS
from dicot.sandbox.kubevirt.machines.machine import decide
from dicot.sandbox.nodes.kinds import ATTACHED, WANTED
from dicot.sandbox.steps import Decision, Look, Patch

from .test_machine import GOING, last_status, verbs
from .things import NOW, STAMP, guest, launcher, machine, scene, stage

OWN: Manifest = {"name": "private", "pod": {}}
PRIVATE: Manifest = {"name": "private", "masquerade": {}}
LAN: Manifest = {"name": "lan", "bridge": {}}
NAD: Manifest = {"name": "lan", "multus": {"networkName": "nets/lan"}}
IN_POD = networks._hashed([NAD])["lan"]
HERE: Manifest = {"name": "lan", "infoSource": "domain, multus-status", "podInterfaceName": IN_POD}


def spec(*ports: Manifest, nets: Any = None) -> Manifest:
    """A guest's spec with these interfaces."""
    shown = [OWN, *([NAD] if len(ports) > 1 else [])] if nets is None else nets
    domain = {"devices": {"interfaces": list(ports), "disks": [{"name": "root", "disk": {}}]}}
    return {"domain": domain, "networks": shown}


def running(*ports: Manifest, shows: Any = (), conditions: Any = (), **more: Any) -> Manifest:
    """An instance that has these, and shows those."""
    status = {"nodeName": "node-1", "interfaces": list(shows), "conditions": list(conditions)}
    found = guest(status=status | more)
    found["spec"] |= spec(PRIVATE, *ports)
    found["spec"]["domain"] |= {"firmware": {"uuid": "f"}}
    return found


def absent(port: Manifest) -> Manifest:
    """It, on its way out."""
    return {**port, "state": "absent"}


def names(changes: Any) -> Any:
    """What is there in the end."""
    return {path.rpartition("/")[2]: [each["name"] for each in found] for path, found in changes.items()}


def pod(wanted: str = "", attached: Any = None) -> Manifest:
    """A launcher with these annotations."""
    notes = {WANTED: wanted} if wanted else {}
    told = attached if isinstance(attached, str) else json.dumps(attached or [])
    return launcher(meta={"annotations": notes | {ATTACHED: told}})


class TemplateTests(SynchronousTestCase):
    def test_what_comes_and_what_goes(self) -> None:
        both, one = ["private", "lan"], ["private"]
        for template, instance, then in (
            (spec(PRIVATE, LAN), running(), both),
            (spec(PRIVATE, {"name": "lan", "sriov": {}}), running(), both),
            (spec(PRIVATE, {"name": "lan", "binding": {"name": "x"}}), running(), None),
            (spec(PRIVATE, absent(LAN)), running(), None),
            (spec(PRIVATE, absent(LAN)), running(LAN, shows=[HERE]), both),
            (spec(PRIVATE, absent(LAN)), running(absent(LAN), shows=[HERE]), None),
            (spec(PRIVATE, absent(LAN)), running(absent(LAN)), one),
            (spec(PRIVATE, LAN), running(absent(LAN), shows=[HERE]), None),
            (spec(PRIVATE), running(LAN, shows=[HERE]), None),
        ):
            found = names(interfaces.to_instance(template, instance))
            self.assertEqual(found, {"networks": then, "interfaces": then} if then else {})

    def test_what_goes_by_a_name_of_old_stays(self) -> None:
        """So does what is not shown at all; a cable can be pulled all the same."""
        ordinal = {**HERE, "podInterfaceName": "net1"}
        for shows in ([ordinal], []):
            had = running(LAN, shows=shows)
            self.assertEqual(interfaces.to_instance(spec(PRIVATE, absent(LAN)), had), {})
            found = interfaces.to_instance(spec(PRIVATE, {**LAN, "state": "down"}), had)
            self.assertEqual(found["/spec/domain/devices/interfaces"][1]["state"], "down")

    def test_networks_stand_as_their_interfaces_do(self) -> None:
        turned = running(LAN, shows=[HERE])
        turned["spec"]["networks"] = [NAD, OWN]
        found = interfaces.to_instance(spec(PRIVATE, LAN), turned)
        self.assertEqual(names(found)["networks"], ["private", "lan"])

    def test_what_is_gone_leaves_the_machine(self) -> None:
        template = spec(PRIVATE, absent(LAN))
        one = {"networks": ["private"], "interfaces": ["private"]}
        for instance, then in (
            (None, one),
            (running(), one),
            (running(absent(LAN)), {}),
            (running(shows=[HERE]), {}),
            ({**running(), "metadata": running()["metadata"] | GOING}, {}),
        ):
            self.assertEqual(names(interfaces.to_machine(template, instance)), then)
        self.assertEqual(interfaces.to_machine({"domain": {}}, None), {})

    def test_a_running_instance_is_given_it(self) -> None:
        plain = machine()["spec"]["template"]["spec"]
        template = {"spec": {**plain, **spec(PRIVATE, LAN)}}
        template["spec"]["domain"] = {**template["spec"]["domain"], "firmware": {"uuid": "f"}}
        vm = machine(template=template)
        vm["status"]["volumeSnapshotStatuses"] = storage.snapshottable(scene(vm))
        steps = decide(scene(vm, running())).steps
        step = next(each for each in steps if isinstance(each, Patch))
        assert step.refused is not None
        self.assertEqual(
            [each["path"] for each in step.body][1:], ["/spec/networks", "/spec/domain/devices/interfaces"]
        )
        told = last_status(Decision(step.refused(Invalid(422, "Invalid", "no"))))["conditions"]
        (failure,) = [each for each in told if each["type"] == "Failure"]
        self.assertEqual(failure["reason"], "HotPlugNetworkInterfaceError")
        self.assertEqual(failure["message"], "error encountered when trying to patch vmi: no")

    def test_a_machine_without_an_instance_lets_it_go(self) -> None:
        plain = machine()["spec"]["template"]["spec"]
        inner = {**plain, **spec(PRIVATE, absent(LAN))}
        inner["domain"] = {**inner["domain"], "firmware": {"uuid": "f"}}
        vm = machine(template={"spec": inner}, runStrategy="Halted")
        vm["status"]["volumeSnapshotStatuses"] = storage.snapshottable(scene(vm))
        self.assertEqual(verbs(decide(scene(vm))), ["Patch virtualmachines"])


class LauncherTests(SynchronousTestCase):
    def test_a_new_one_is_attached_to_what_stays(self) -> None:
        notes = networks.at_start(running({**LAN, "macAddress": "02:00:00:00:00:01"}))
        element = {"name": "lan", "namespace": "nets", "mac": "02:00:00:00:00:01", "interface": IN_POD}
        self.assertEqual(json.loads(notes[WANTED]), [element])
        self.assertNotIn(WANTED, networks.at_start(running(absent(LAN))))

    def test_a_default_network(self) -> None:
        found = running()
        found["spec"]["networks"] = [{"name": "private", "multus": {"networkName": "other", "default": True}}]
        notes = networks.at_start(found)
        self.assertEqual(notes["v1.multus-cni.io/default-network"], "other")
        self.assertNotIn(WANTED, notes)

    def test_one_that_runs_is_told_of_what_changes(self) -> None:
        chosen = networks.at_start(running(LAN))[WANTED]
        function = {"name": "lan", "sriov": {}}
        for instance, wanted, then in (
            (running(LAN), "", chosen),
            (running(LAN), chosen, None),
            (running(LAN, shows=[{"name": "private"}, HERE]), chosen, None),
            (running(absent(LAN), shows=[HERE]), chosen, ""),
            (running(absent(LAN), shows=[HERE]), "", None),
            (running(function, shows=[{"name": "private"}]), "", None),
        ):
            self.assertEqual(networks.amended(instance, pod(wanted)), then)

    def test_virtual_functions(self) -> None:
        """A launcher that has them says so, in a volume that it can read; its guest needs more memory."""
        vmi, plain = running({"name": "lan", "sriov": {}}), running()
        told = {"interface": IN_POD, "mac": "0a:00:00:00:00:01", "device-info": {"type": "pci"}}
        described = {"network": "lan", "deviceInfo": {"type": "pci"}, "mac": "0a:00:00:00:00:01"}
        self.assertEqual(json.loads(networks.functions(vmi, pod("", [told]))), {"interfaces": [described]})
        bare = networks.functions(vmi, pod("", [{"interface": IN_POD}]))
        self.assertEqual(json.loads(bare), {"interfaces": [{"network": "lan"}]})
        for vmi_, runs in ((vmi, pod()), (plain, pod("", [told]))):
            self.assertEqual(networks.functions(vmi_, runs), "")
        with_, without = (launcher_pod(each)["spec"] for each in (vmi, plain))
        names = [{each["name"] for each in found["volumes"]} for found in (with_, without)]
        self.assertEqual(names[0] - names[1], {"network-info-annotation"})
        asked = [amount(each["containers"][0]["resources"]["requests"]["memory"]) for each in (with_, without)]
        self.assertEqual(asked[0] - asked[1], 2**30)

    def test_names_of_old_are_kept(self) -> None:
        told = networks.amended(running(LAN), pod("", [{"interface": "net1"}]))
        assert told is not None
        self.assertEqual(json.loads(told)[0]["interface"], "net1")

    def test_it_is_patched_while_it_is_up(self) -> None:
        pending, failed = launcher("Pending", ""), running(LAN, phase="Failed")
        function = running({"name": "lan", "sriov": {}}, shows=[{"name": "private"}, HERE])
        has = pod("", [{"interface": IN_POD}])
        described = {FUNCTIONS: networks.functions(function, has)}
        for vmi, runs, then in (
            (running(LAN), launcher(), [WANTED]),
            (running(LAN), pending, []),
            (failed, launcher(), []),
            (function, has, [FUNCTIONS]),
            (function, launcher(meta={"annotations": has["metadata"]["annotations"] | described}), []),
        ):
            patches = [each for each in decide_guest(stage(vmi, runs)).steps if isinstance(each, Patch)]
            notes = [each.body["metadata"].get("annotations", {}) for each in patches if each.at.plural == "pods"]
            self.assertEqual([key for each in notes for key in each], then)

    def test_it_is_made_once_its_networks_are_there(self) -> None:
        pending = running(LAN, phase="Pending", nodeName="")
        (look,) = decide_guest(stage(pending)).steps
        assert isinstance(look, Look) and look.missing is not None
        self.assertEqual((look.at.namespace, look.at.name), ("nets", "lan"))
        self.assertEqual(verbs(look.then({})), ["Create pods", "Tell SuccessfulCreate"])
        self.assertEqual((verbs(look.missing), look.missing.again), (["Replace virtualmachineinstances"], 5.0))


class ShownTests(SynchronousTestCase):
    def shown(self, attached: Any, *shows: Manifest, port: Manifest = LAN) -> list[tuple[str, str, str]]:
        """Names, sources and names in the launcher."""
        found = networks.shown(running(port, shows=shows), pod(attached=attached))
        return [
            (each.get("name", ""), each.get("infoSource", ""), each.get("podInterfaceName", "")) for each in found
        ]

    def test_what_the_launcher_is_attached_to(self) -> None:
        own, there = ("private", "", "eth0"), [{"interface": IN_POD}]
        bare = {"name": "lan", "infoSource": "domain"}
        for attached, shows, then in (
            ([], (), [own]),
            (there, (), [own, ("lan", "multus-status", IN_POD)]),
            (there, (bare,), [own, ("lan", "domain, multus-status", IN_POD)]),
            (there, (HERE,), [own, ("lan", "domain, multus-status", IN_POD)]),
            ([], (HERE,), [own, ("lan", "domain", IN_POD)]),
            ([], ({"name": "lan", "infoSource": "multus-status"},), [own, ("lan", "", IN_POD)]),
            ([], ({"infoSource": "guest-agent"},), [own, ("", "guest-agent", "")]),
            ("nonsense", (), [own]),
            ('{"a": 1}', (), [own]),
            ([5, {"interface": []}], (), [own]),
            ([{"default": True, "interface": "ovn0"}], (), [("private", "", "ovn0")]),
        ):
            self.assertEqual(self.shown(attached, *shows), then)

    def test_the_order_is_virt_handlers(self) -> None:
        own = {"name": "private", "podInterfaceName": "eth0"}
        turned = running(LAN, shows=[HERE, own])
        steps = decide_guest(stage(turned, pod("", [{"interface": IN_POD}]))).steps
        self.assertFalse(any("/status/interfaces" in str(each) for each in steps))


class MigrationTests(SynchronousTestCase):
    def says(self, port: Manifest, *shows: Manifest, held: Manifest | None = None, **more: Any) -> tuple[str, str]:
        """What the condition says then."""
        conditions = [held] if held is not None else []
        vmi = running(port, shows=shows, conditions=conditions, **more)
        found = networks.with_migration(vmi, conditions, NOW)
        return next(((each["status"], each["reason"]) for each in found), ("", ""))

    def condition(self, status: str, since: str = STAMP) -> Manifest:
        reason = {"True": "AutoMigrationDueToLiveUpdate", "False": "AutoMigrationPending"}[status]
        return {"type": networks.MIGRATION, "status": status, "reason": reason, "lastTransitionTime": since}

    def test_when_a_guest_must_move(self) -> None:
        pending, due = ("False", "AutoMigrationPending"), ("True", "AutoMigrationDueToLiveUpdate")
        only = {**HERE, "infoSource": "multus-status"}
        for port, shows, then in (
            (LAN, (), pending),
            (LAN, (HERE,), ("", "")),
            ({"name": "lan", "sriov": {}}, (), due),
            (absent(LAN), (HERE,), ("", "")),
            (absent(LAN), (only,), pending),
            (absent(LAN), (), ("", "")),
        ):
            self.assertEqual(self.says(port, *shows), then)

    def test_it_waits_a_while(self) -> None:
        """For the dynamic networks controller."""
        early, late = self.condition("False"), self.condition("False", "2027-01-15T07:59:44Z")
        self.assertEqual(self.says(LAN, held=early)[0], "False")
        self.assertEqual(self.says(LAN, held=late)[0], "True")
        self.assertEqual(self.says(LAN, HERE, held=late)[0], "")
        self.assertEqual(self.says(LAN, held=self.condition("True", STAMP))[0], "True")

    def test_a_guest_that_moves_is_left_alone(self) -> None:
        state = {"startTimestamp": "2027-01-15T07:59:59Z"}
        self.assertEqual(self.says(LAN, migrationState=state), ("", ""))
        self.assertEqual(self.says(LAN, HERE, held=self.condition("True"), migrationState=state)[0], "True")

    def test_it_is_looked_at_again(self) -> None:
        found = decide_guest(stage(running(LAN), launcher()))
        self.assertEqual(found.again, networks.AGAIN)
        self.assertIsNone(decide_guest(stage(running(), launcher())).again)
