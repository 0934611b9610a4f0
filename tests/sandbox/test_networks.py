"""What Multus makes of Pods, and virt-handler of interfaces that are plugged into a guest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.marks import FAULT
from dicot.sandbox.nodes import networks, wiring
from dicot.sandbox.nodes.guests import run
from dicot.sandbox.nodes.instances import GUEST_AGENT
from dicot.sandbox.nodes.kinds import ATTACHED, WANTED, Pod
from dicot.sandbox.nodes.pods import decide
from dicot.sandbox.steps import REST, Decision, Look, Patch

from .test_pods import PLACED, RUNNING, SCENE
from .things import NOW, guest, guest_manifest, pod, rewritten

IN_POD = "pod0123456789a"
ELEMENT = {"name": "lan", "namespace": "nets", "interface": IN_POD}
OWN: Manifest = {"name": "private", "pod": {}}
PRIVATE: Manifest = {"name": "private", "masquerade": {}}
LAN: Manifest = {"name": "lan", "bridge": {}}
NAD: Manifest = {"name": "lan", "multus": {"networkName": "nets/lan"}}
COMES: Manifest = {"name": "lan", "infoSource": "multus-status", "podInterfaceName": IN_POD}
THERE: Manifest = {
    **COMES,
    "infoSource": "domain, multus-status",
    "mac": "0a:00:00:00:00:01",
    "linkState": "up",
    "queueCount": 1,
}


def wanting(
    *elements: Manifest, status: Manifest | None = None, notes: Mapping[str, str] = MappingProxyType({})
) -> Pod:
    """A Pod that is to be attached to these."""
    told = {WANTED: json.dumps(elements)} if elements else {}
    return pod(spec=PLACED, status=status or {}, meta={"annotations": {**told, **notes}})


def outcome(decision: Decision | None) -> tuple[list[str], list[str]]:
    """The networks that are looked for, and the interfaces that are told of in the end."""
    looked = []
    while decision is not None and isinstance(decision.steps[0], Look):
        look = decision.steps[0]
        looked.append(f"{look.at.namespace}/{look.at.name}")
        decision = look.then({})
    if decision is None:
        return looked, []
    (step,) = decision.steps
    assert isinstance(step, Patch)
    told = json.loads(step.body["metadata"]["annotations"][ATTACHED])
    return looked, [each["interface"] for each in told]


class MultusTests(SynchronousTestCase):
    def test_a_pod_is_attached_before_it_runs(self) -> None:
        found = decide(wanting(ELEMENT), SCENE)
        self.assertEqual(outcome(found), (["nets/lan"], ["eth0", IN_POD]))
        (look,) = found.steps
        assert isinstance(look, Look) and look.missing is not None
        self.assertEqual(look.missing, Decision(again=1.0))

    def test_one_that_wants_nothing_is_left_alone(self) -> None:
        for notes in ({}, {WANTED: ""}, {WANTED: "lan"}, {WANTED: "[5]"}, {ATTACHED: "nonsense"}):
            self.assertIsNone(networks.decide(pod(spec=PLACED, meta={"annotations": notes}), "10.244.0.9"))

    def test_one_that_runs_follows(self) -> None:
        """What it has stays as it is, what is new is looked for once."""
        own = {"name": "sandbox", "interface": "eth0", "default": True}
        has = {"name": "nets/lan", "interface": IN_POD, "mac": "1"}
        more = {**ELEMENT, "name": "more", "interface": "pod1"}
        for elements, attached, then in (
            ((ELEMENT,), [own, has], ([], [])),
            ((ELEMENT, more), [own, has], (["nets/more"], ["eth0", IN_POD, "pod1"])),
            ((more,), [own, has], (["nets/more"], ["eth0", "pod1"])),
            ((), [own, has], ([], ["eth0"])),
            ((), [own], ([], [])),
        ):
            found = wanting(*elements, status=RUNNING, notes={ATTACHED: json.dumps(attached)})
            self.assertEqual(outcome(networks.decide(found, "10.244.0.9")), then)
            if then[1]:
                self.assertEqual(outcome(decide(found, SCENE)), then)

    def test_what_is_not_there_is_given_up(self) -> None:
        found = networks.decide(wanting(ELEMENT, status=RUNNING), "10.244.0.9")
        assert found is not None
        (look,) = found.steps
        assert isinstance(look, Look)
        self.assertEqual(look.missing, REST)

    def test_without_the_dynamic_networks_controller(self) -> None:
        static = {FAULT: "static-networks"}
        self.assertIsNone(networks.decide(wanting(ELEMENT, status=RUNNING, notes=static), "10.244.0.9"))
        self.assertIsNotNone(networks.decide(wanting(ELEMENT, notes=static), "10.244.0.9"))

    def test_a_mac_that_is_asked_for(self) -> None:
        found = networks.decide(wanting({**ELEMENT, "mac": "02:00:00:00:00:01"}), "10.244.0.9")
        assert found is not None and isinstance(found.steps[0], Look)
        (step,) = found.steps[0].then({}).steps
        assert isinstance(step, Patch)
        told = json.loads(step.body["metadata"]["annotations"][ATTACHED])
        self.assertEqual(told[1]["mac"], "02:00:00:00:00:01")


def wired(port: Manifest, *shown: Manifest, **more: Any) -> Manifest:
    """A guest that runs, with that interface beside its own."""
    own = {"name": "private", "infoSource": "domain", "linkState": "up"}
    found = guest_manifest(phase="Running", status={"interfaces": [own, *shown]} | more)
    found["spec"] |= {"domain": {"devices": {"interfaces": [PRIVATE, port]}}, "networks": [OWN, NAD]}
    return found


class WiringTests(SynchronousTestCase):
    def after(self, vmi: Manifest, mac: str = "0a:00:00:00:00:01") -> Any:
        """What is told of the interface then, None where nothing is done."""
        attached = json.dumps([{"interface": IN_POD, "mac": mac}])
        launcher = pod("l", meta={"annotations": {ATTACHED: attached}})
        decision = wiring.decide(guest(**{key: vmi[key] for key in ("spec", "status")}, phase="Running"), launcher)
        found = rewritten(decision, vmi)
        if found is None:
            return None
        return next((each for each in found["status"]["interfaces"] if each["name"] == "lan"), "gone")

    def test_it_is_plugged_in_once_the_launcher_has_it(self) -> None:
        self.assertIsNone(self.after(wired(LAN)))
        self.assertEqual(self.after(wired(LAN, COMES)), THERE)
        self.assertIsNone(self.after(wired(LAN, THERE)))

    def test_it_is_taken_out(self) -> None:
        gone = {**LAN, "state": "absent"}
        self.assertEqual(self.after(wired(gone, THERE)), COMES)
        self.assertEqual(self.after(wired(gone, {**THERE, "infoSource": "domain"})), "gone")
        self.assertIsNone(self.after(wired(gone, COMES)))
        self.assertEqual(self.after(wired(gone, {"name": "lan", "podInterfaceName": IN_POD})), "gone")

    def test_its_cable(self) -> None:
        down = {**LAN, "state": "down"}
        self.assertEqual(self.after(wired(down, COMES))["linkState"], "down")
        self.assertEqual(self.after(wired(down, THERE))["linkState"], "down")
        self.assertEqual(self.after(wired(LAN, {**THERE, "linkState": "down"}))["linkState"], "up")

    def test_its_address(self) -> None:
        """What is asked for, the launcher's where it is bridged, or one that follows from the guest."""
        self.assertEqual(self.after(wired({**LAN, "macAddress": "02:00:00:00:00:01"}, COMES))["mac"][-2:], "01")
        found = self.after(wired(LAN, COMES), mac="")
        self.assertRegex(found["mac"], r"^02(:[0-9a-f]{2}){5}$")

    def test_a_virtual_function(self) -> None:
        port = {"name": "lan", "sriov": {}}
        shown = {**COMES, "infoSource": "domain, multus-status"}
        self.assertEqual(self.after(wired(port, COMES)), shown)
        asked = {**port, "macAddress": "02:00:00:00:00:01"}
        self.assertEqual(self.after(wired(asked, COMES)), shown | {"mac": "02:00:00:00:00:01"})
        self.assertIsNone(self.after(wired({**port, "state": "absent"}, shown)))

    def test_an_agent_tells_of_it(self) -> None:
        talks = [{"type": "AgentConnected", "status": "True"}]
        found = self.after(wired(LAN, COMES, conditions=talks))
        self.assertEqual(
            (found["infoSource"], found["interfaceName"]), ("domain, guest-agent, multus-status", "enp2s0")
        )

    def test_what_is_not_in_its_spec_stays(self) -> None:
        beside = {"infoSource": "guest-agent", "interfaceName": "docker0"}
        vmi = wired(LAN, beside, COMES)
        found = wiring.follow(vmi, attached=[])
        assert found is not None
        self.assertIn(beside, found["status"]["interfaces"])
        self.assertIsNone(wiring.follow({**vmi, "status": {**vmi["status"], "phase": "Failed"}}, attached=[]))

    def test_only_while_it_runs(self) -> None:
        self.assertEqual(wiring.decide(guest(phase="Running"), None), REST)
        self.assertEqual(wiring.decide(guest(phase="Scheduled"), pod("l")), REST)

    def test_a_guest_starts_with_it(self) -> None:
        """Its own network comes first; one that is to go does not come at all."""
        vmi = guest_manifest(status={"interfaces": [{"name": "private", "podInterfaceName": "eth0"}, COMES]})
        gone = {"name": "gone", "bridge": {}, "state": "absent"}
        vmi["spec"] |= {"domain": {"devices": {"interfaces": [LAN, PRIVATE, gone]}}, "networks": [NAD, OWN]}
        vmi["metadata"]["annotations"] = {GUEST_AGENT: "true"}
        found = run(vmi, address="10.244.0.5", attached=[{"interface": IN_POD, "mac": THERE["mac"]}], now=NOW)
        assert found is not None
        own, lan = found["status"]["interfaces"]
        self.assertEqual((own["ipAddress"], own["infoSource"]), ("10.244.0.5", "domain, guest-agent"))
        self.assertEqual((own["podInterfaceName"], own["interfaceName"]), ("eth0", "enp1s0"))
        self.assertEqual((lan["mac"], lan["infoSource"]), (THERE["mac"], "domain, guest-agent, multus-status"))
