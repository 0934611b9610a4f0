"""Interfaces that are plugged into a running machine and out of it, on networks that Multus brings.

It runs on the real programs and on the sandbox; on both the nodes play Multus and its dynamic networks controller.
"""

from __future__ import annotations

import json
from decimal import Decimal
from hashlib import sha256
from typing import Any

from dicot.kube.quantity import amount
from dicot.sandbox.marks import FAULT
from tests.cluster.control import MERGE, SOON, Answer
from tests.cluster.objects import Document, named
from tests.live.seen.gates import let_move
from tests.live.seen.objects import KUBEVIRT, machine, says, without_repeats
from tests.live.seen.stage import SeenTestCase

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP, PLURAL = "k8s.cni.cncf.io", "network-attachment-definitions"
WANTED, ATTACHED = "k8s.v1.cni.cncf.io/networks", "k8s.v1.cni.cncf.io/network-status"
FUNCTIONS = "kubevirt.io/network-info"
MOVED = "vm-moved"
PLUGGED, FIXED, STATIC, WAITING, BORN, IDLE = (
    "vm-plugged",
    "vm-fixed",
    "vm-static",
    "vm-waiting",
    "vm-born",
    "vm-idle",
)
PRIVATE: Document = {"name": "private", "masquerade": {}}
OWN: Document = {"name": "private", "pod": {}}
LAN: Document = {"name": "lan", "bridge": {}}
MAC = "02:00:00:00:0a:01"
CHANGED = "a non-live-updatable field was changed in the template spec"


def definition() -> Document:
    """The kind of network, as network-attachment-definition-client has it (artifacts/networks-crd.yaml)."""
    text = {"type": "string"}
    spec = {"type": "object", "required": ["config"], "properties": {"config": text}}
    state = {"type": "object", "properties": {"state": text, "observation": text}}
    schema = {"type": "object", "required": ["spec"], "properties": {"spec": spec, "status": state}}
    names: Document = {"plural": PLURAL, "singular": PLURAL[:-1], "shortNames": ["net-attach-def"]}
    names["kind"] = "NetworkAttachmentDefinition"
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return named(
        "CustomResourceDefinition",
        f"{PLURAL}.{GROUP}",
        None,
        "apiextensions.k8s.io/v1",
        spec={
            "group": GROUP,
            "scope": "Namespaced",
            "names": names,
            "versions": [version],
        },
    )


def network(name: str, definition: str = "lan") -> Document:
    """A network of a guest that Multus brings."""
    return {"name": name, "multus": {"networkName": definition}}


def template(*ports: Document, networks: tuple[Document, ...] = ()) -> Document:
    """A patch of a machine: these are all its interfaces, beside the Pod's own."""
    inner = {"domain": {"devices": {"interfaces": list(ports)}}, "networks": [OWN, *networks]}
    return {"spec": {"template": {"spec": inner}}}


def in_pod(name: str) -> str:
    """What the interface of a network is called in a launcher (pkg/network/namescheme)."""
    return f"pod{sha256(name.encode()).hexdigest()[:11]}"


def port_of(vmi: Document, name: str) -> Document:
    """What an instance shows of an interface, nothing where it shows nothing."""
    shown = vmi.get("status", {}).get("interfaces") or ()
    return next((each for each in shown if each.get("name") == name), {})


def ports(spec: Document) -> list[Document]:
    """The interfaces of a guest's spec."""
    return list(spec["domain"]["devices"].get("interfaces") or ())


def memory(pod: Document) -> Decimal:
    """The bytes that a launcher asks for."""
    return amount(pod["spec"]["containers"][0]["resources"]["requests"]["memory"])


def is_plugged(vmi: Document, name: str) -> bool:
    """Whether a guest has an interface, and its launcher is attached to that network."""
    return bool(port_of(vmi, name).get("infoSource") == "domain, multus-status")


class InterfaceTests(SeenTestCase):
    CAST = (
        *(machine(name) for name in (PLUGGED, FIXED, WAITING, MOVED)),
        machine(STATIC, notes={FAULT: "static-networks"}),
        machine(IDLE, runStrategy="Halted"),
    )

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        await self.control.change("POST", DEFINITIONS, definition(), also=(409,))
        self.networks = f"/apis/{GROUP}/v1/namespaces/{self.namespace}/{PLURAL}"
        await self.control.until(SOON, "a kind of networks", lambda: self.control.answers(self.networks))
        await self.offer_network("lan")

    async def offer_network(self, name: str) -> None:
        spec = {"config": json.dumps({"cniVersion": "0.4.0", "type": "bridge", "name": name, "bridge": f"br-{name}"})}
        made = named("NetworkAttachmentDefinition", name, None, f"{GROUP}/v1", spec=spec)
        await self.control.change("POST", self.networks, made, also=(409,))

    async def plug(self, name: str, *more: Document, networks: tuple[Document, ...]) -> None:
        """Give a machine these interfaces beside its own."""
        await self.change(f"{self.machines}/{name}", template(PRIVATE, *more, networks=networks))

    async def try_plug(self, *all_ports: Document, networks: tuple[Document, ...]) -> Answer:
        path = f"{self.machines}/{FIXED}?dryRun=All"
        return await self.control.ask("PATCH", path, template(*all_ports, networks=networks), MERGE)

    async def launcher(self, name: str) -> Document:
        """The Pod that runs a machine's guest now."""
        vmi = await self.control.get(f"{self.guests}/{name}")
        label = f"vm.kubevirt.io/name={name}"
        pods = (await self.control.get(f"{self.core}/pods?labelSelector={label}"))["items"]
        here = [each for each in pods if each["spec"].get("nodeName") == vmi["status"]["nodeName"]]
        return max(here, key=lambda each: str(each["metadata"]["creationTimestamp"]))

    async def shows_port(self, machine: str, what: str, seen: Any) -> Document:
        """Wait until an instance shows something."""
        return await self.becomes(f"{self.guests}/{machine}", what, seen)

    async def attachments(self, name: str) -> tuple[list[Document], list[Document]]:
        """What a launcher is to be attached to, and what it is attached to."""
        notes = (await self.launcher(name))["metadata"]["annotations"]
        return json.loads(notes[WANTED] or "[]"), json.loads(notes[ATTACHED])

    async def is_gone(self, name: str, port: str) -> None:
        """Wait until neither a machine nor its instance has an interface any more."""
        vm = await self.holds(
            name, f"no {port}", lambda vm: port not in map(_name, ports(vm["spec"]["template"]["spec"]))
        )
        self.assertEqual(vm["spec"]["template"]["spec"]["networks"], [OWN])
        self.assertEqual(says(vm, "RestartRequired"), ("", ""))
        vmi = await self.shows_port(name, f"no {port}", lambda vmi: not port_of(vmi, port))
        self.assertEqual((list(map(_name, ports(vmi["spec"]))), vmi["spec"]["networks"]), (["private"], [OWN]))

    async def test_an_interface_comes_and_goes(self) -> None:
        await self.shows(PLUGGED, "Running")
        before = await self.launcher(PLUGGED)
        wanted = {**LAN, "macAddress": MAC}
        where = network("lan", f"{self.namespace}/lan")
        await self.plug(PLUGGED, wanted, networks=(where,))
        vmi = await self.shows_port(PLUGGED, "lan", lambda vmi: is_plugged(vmi, "lan"))
        shown = port_of(vmi, "lan")
        self.assertEqual((shown["mac"], shown["linkState"], shown["queueCount"]), (MAC, "up", 1))
        self.assertEqual(shown["podInterfaceName"], in_pod("lan"))
        self.assertEqual((ports(vmi["spec"]), vmi["spec"]["networks"]), ([PRIVATE, wanted], [OWN, where]))
        self.assertEqual([_name(each) for each in vmi["status"]["interfaces"]], ["private", "lan"])
        chosen, attached = await self.attachments(PLUGGED)
        element = {"name": "lan", "namespace": self.namespace, "mac": MAC, "interface": in_pod("lan")}
        self.assertEqual(chosen, [element])
        self.assertEqual([each["interface"] for each in attached], ["eth0", in_pod("lan")])
        self.assertEqual((await self.launcher(PLUGGED))["metadata"]["uid"], before["metadata"]["uid"])
        self.assertEqual(says(await self.machine(PLUGGED), "RestartRequired"), ("", ""))
        await self.shows_port(PLUGGED, "no need to move", lambda vmi: says(vmi, "MigrationRequired") == ("", ""))
        await self.has_link(wanted, where)
        await self.plug(PLUGGED, {**wanted, "state": "absent"}, networks=(where,))
        await self.is_gone(PLUGGED, "lan")
        chosen, attached = await self.attachments(PLUGGED)
        self.assertEqual((chosen, [each["interface"] for each in attached]), ([], ["eth0"]))
        await self.shows_port(PLUGGED, "no need to move", lambda vmi: says(vmi, "MigrationRequired") == ("", ""))

    async def has_link(self, wanted: Document, where: Document) -> None:
        """Its cable is pulled, and put in again."""
        for state in ("down", "up"):
            await self.plug(PLUGGED, {**wanted, "state": state}, networks=(where,))
            vmi = await self.shows_port(
                PLUGGED, state, lambda vmi, state=state: port_of(vmi, "lan").get("linkState") == state
            )
            self.assertEqual(ports(vmi["spec"])[-1]["state"], state)

    async def test_a_machine_starts_with_it(self) -> None:
        """A guest that is bridged has the address of its launcher's interface. It can be taken out all the same."""
        inner = template(PRIVATE, LAN, networks=(network("lan"),))["spec"]["template"]["spec"]
        inner["domain"]["devices"]["disks"] = [{"name": "root", "disk": {"bus": "virtio"}}]
        await self.make(machine(BORN, inner=inner))
        await self.shows(BORN, "Running")
        vmi = await self.shows_port(BORN, "lan", lambda vmi: is_plugged(vmi, "lan"))
        chosen, attached = await self.attachments(BORN)
        self.assertEqual(chosen, [{"name": "lan", "namespace": self.namespace, "interface": in_pod("lan")}])
        (told,) = [each for each in attached if each["interface"] == in_pod("lan")]
        self.assertEqual(told["name"], f"{self.namespace}/lan")
        self.assertEqual(port_of(vmi, "lan")["mac"], told["mac"])
        await self.plug(BORN, {**LAN, "state": "absent"}, networks=(network("lan"),))
        await self.is_gone(BORN, "lan")

    async def test_a_machine_that_is_off(self) -> None:
        """What is to go from it is gone at once."""
        await self.plug(IDLE, LAN, networks=(network("lan"),))
        await self.plug(IDLE, {**LAN, "state": "absent"}, networks=(network("lan"),))
        vm = await self.holds(IDLE, "no lan", lambda vm: len(ports(vm["spec"]["template"]["spec"])) == 1)
        self.assertEqual(vm["spec"]["template"]["spec"]["networks"], [OWN])

    async def test_a_launcher_that_cannot_be_attached_to_more(self) -> None:
        """Without the dynamic networks controller the guest says that it must be moved, and so it comes and goes."""
        await self.shows(STATIC, "Running")
        home = (await self.control.get(f"{self.guests}/{STATIC}"))["status"]["nodeName"]
        await self.plug(STATIC, LAN, networks=(network("lan"),))
        due = ("True", "AutoMigrationDueToLiveUpdate")
        vmi = await self.shows_port(STATIC, "a need to move", lambda vmi: says(vmi, "MigrationRequired") == due)
        self.assertEqual(port_of(vmi, "lan"), {})
        await self.told(STATIC, "migrate")
        vmi = await self.shows_port(STATIC, "lan", lambda vmi: is_plugged(vmi, "lan"))
        self.assertNotEqual(vmi["status"]["nodeName"], home)
        seen = [says(each.object, "MigrationRequired")[1] for each in await self.story(self.guests, STATIC)]
        words = ["", "AutoMigrationPending", "AutoMigrationDueToLiveUpdate", ""]
        self.assertEqual(without_repeats(seen), words)
        chosen, _ = await self.attachments(STATIC)
        self.assertEqual([each["interface"] for each in chosen], [in_pod("lan")])
        mac = port_of(vmi, "lan")["mac"]
        await self.told(STATIC, "migrate")
        there = vmi["status"]["nodeName"]
        await self.shows_port(STATIC, "moved on", lambda vmi: vmi["status"]["nodeName"] != there)
        vmi = await self.shows_port(STATIC, "lan", lambda vmi: is_plugged(vmi, "lan"))
        self.assertEqual(port_of(vmi, "lan")["mac"], mac)
        await self.plug(STATIC, {**LAN, "state": "absent"}, networks=(network("lan"),))
        await self.shows_port(STATIC, "it out", lambda vmi: port_of(vmi, "lan").get("infoSource") == "multus-status")
        await self.told(STATIC, "migrate")
        await self.is_gone(STATIC, "lan")

    async def test_a_guest_is_moved_to_get_it(self) -> None:
        """By KubeVirt itself, where it is set up to do so: a virtual function comes to new launchers alone."""
        await self.shows(MOVED, "Running")
        before = await self.launcher(MOVED)
        await let_move(self)
        await self.plug(MOVED, {"name": "lan", "sriov": {}}, networks=(network("lan"),))
        vmi = await self.shows_port(MOVED, "lan", lambda vmi: is_plugged(vmi, "lan"))
        self.assertNotEqual(vmi["status"]["nodeName"], before["spec"]["nodeName"])
        await self.has_functions(before, await self.launcher(MOVED))
        seen = [says(each.object, "MigrationRequired")[1] for each in await self.story(self.guests, MOVED)]
        self.assertEqual(without_repeats(seen), ["", "AutoMigrationDueToLiveUpdate", ""])
        migrations = f"{KUBEVIRT}/namespaces/{self.namespace}/virtualmachineinstancemigrations"
        found = (await self.control.get(f"{migrations}?labelSelector=kubevirt.io/vmi-name={MOVED}"))["items"]
        (name,) = [each["metadata"]["name"] for each in found]
        self.assertRegex(name, "^kubevirt-workload-update-[a-z0-9]{5}$")
        over = await self.becomes(
            f"{migrations}/{name}", "over", lambda found: found["status"].get("phase") == "Succeeded"
        )
        self.assertEqual(over["metadata"]["annotations"]["kubevirt.io/workloadUpdateMigration"], "")

    async def has_functions(self, before: Document, now: Document) -> None:
        """A launcher is told which ones it has, and gets what its guest needs for them."""
        told = f"{self.core}/pods/{now['metadata']['name']}"
        pod = await self.becomes(told, "told", lambda pod: FUNCTIONS in pod["metadata"]["annotations"])
        (own,) = [each for each in json.loads(pod["metadata"]["annotations"][ATTACHED]) if not each.get("default")]
        described = json.loads(pod["metadata"]["annotations"][FUNCTIONS])
        self.assertEqual(described, {"interfaces": [{"network": "lan", "mac": own["mac"]}]})
        (volume,) = [each for each in pod["spec"]["volumes"] if each["name"] == "network-info-annotation"]
        (item,) = volume["downwardAPI"]["items"]
        self.assertEqual(item["fieldRef"]["fieldPath"], f"metadata.annotations['{FUNCTIONS}']")
        mounts = {each["name"]: each["mountPath"] for each in pod["spec"]["containers"][0]["volumeMounts"]}
        self.assertEqual(mounts["network-info-annotation"], "/etc/podinfo")
        self.assertEqual(memory(pod) - memory(before), 2**30)

    async def test_a_network_that_is_not_there(self) -> None:
        """The guest has to wait, and gets it once it is there and the guest is moved."""
        await self.shows(WAITING, "Running")
        await self.plug(WAITING, LAN, networks=(network("lan", "late"),))
        vmi = await self.shows_port(WAITING, "a wait", lambda vmi: says(vmi, "MigrationRequired") != ("", ""))
        self.assertEqual((ports(vmi["spec"])[-1], port_of(vmi, "lan")), (LAN, {}))
        await self.offer_network("late")
        await self.told(WAITING, "migrate")
        await self.shows_port(WAITING, "lan", lambda vmi: is_plugged(vmi, "lan"))
        await self.shows_port(WAITING, "no wait", lambda vmi: says(vmi, "MigrationRequired") == ("", ""))

    async def test_what_wants_a_restart(self) -> None:
        """Any change of what a guest has, and what goes without a word."""
        await self.shows(FIXED, "Running")
        path = f"{self.machines}/{FIXED}"
        await self.change(path, template({**PRIVATE, "macAddress": MAC}))
        await self.wants_restart()
        await self.change(path, template(PRIVATE))
        await self.wants_no_restart()
        await self.plug(FIXED, LAN, networks=(network("lan"),))
        await self.shows_port(FIXED, "lan", lambda vmi: is_plugged(vmi, "lan"))
        await self.wants_no_restart()
        await self.plug(FIXED, LAN, networks=(network("lan", "other"),))
        await self.wants_restart()
        # Now it is as it was when it started, so that whether a restart is still wanted is a matter of the moment.
        await self.change(path, template(PRIVATE))
        vmi = await self.control.get(f"{self.guests}/{FIXED}")
        self.assertEqual((ports(vmi["spec"]), vmi["spec"]["networks"]), ([PRIVATE, LAN], [OWN, network("lan")]))
        await self.plug(FIXED, {**LAN, "state": "absent"}, networks=(network("lan"),))
        await self.is_gone(FIXED, "lan")

    async def wants_restart(self) -> None:
        vm = await self.holds(FIXED, "a restart", lambda vm: says(vm, "RestartRequired")[0] == "True")
        (told,) = [each for each in vm["status"]["conditions"] if each["type"] == "RestartRequired"]
        self.assertEqual(told["message"], CHANGED)

    async def wants_no_restart(self) -> None:
        await self.holds(FIXED, "no restart", lambda vm: says(vm, "RestartRequired") == ("", ""))

    async def test_what_is_refused(self) -> None:
        at = "spec.template.spec"
        first, second = (f"{at}.domain.devices.interfaces[{index}]" for index in range(2))
        gone, lan = {**PRIVATE, "state": "absent"}, network("lan")
        only = "is supported only for bridge binding"
        for given, networks, field, why in (
            ((gone,), (), f"{first}.state", f'"private" interface\'s state "absent" {only}'),
            ((gone,), (), f"{first}.state", 'state "absent" is not supported on default networks'),
            (
                (PRIVATE, {**LAN, "state": "off"}),
                (lan,),
                f"{second}.state",
                "logical lan interface state value is unsupported: off",
            ),
            (
                (PRIVATE, {"name": "lan", "sriov": {}, "state": "down"}),
                (lan,),
                f"{second}.state",
                '"lan" interface\'s state "down" is not supported for SR-IOV NICs',
            ),
            (
                (PRIVATE, {"name": "lan", "sriov": {}, "state": "absent"}),
                (lan,),
                f"{second}.state",
                f'"lan" interface\'s state "absent" {only}',
            ),
            (
                (PRIVATE, {"name": "lan", "masquerade": {}}),
                (lan,),
                f"{second}.name",
                "Masquerade interface only implemented with pod network",
            ),
            ((PRIVATE, LAN), (), f"{second}.name", f"{second}.name 'lan' not found."),
            ((PRIVATE,), (lan,), f"{at}.networks[1].name", f"{at}.networks[1].name 'lan' not found."),
            (
                (PRIVATE, LAN),
                ({"name": "lan", "pod": {}},),
                f"{at}.interfaces",
                f"more than one interface is connected to a pod network in {at}.interfaces",
            ),
            (
                (PRIVATE, LAN),
                (network("lan", ""),),
                f"{at}.networks[1]",
                "CNI delegating plugin must have a networkName",
            ),
        ):
            answer = await self.try_plug(*given, networks=networks)
            self.refused(answer, 422, why)
            causes = answer.document["details"]["causes"]
            self.assertIn(field, [each["field"] for each in causes], causes)

    async def test_an_instance_is_not_for_others(self) -> None:
        await self.shows(FIXED, "Running")
        body = {"spec": {"domain": {"devices": {"interfaces": [PRIVATE, LAN]}}, "networks": [OWN, network("lan")]}}
        answer = await self.control.ask("PATCH", f"{self.guests}/{FIXED}", body, MERGE)
        self.refused(answer, 422, "update of VMI object is restricted")


def _name(found: Document) -> str:
    return str(found["name"])
