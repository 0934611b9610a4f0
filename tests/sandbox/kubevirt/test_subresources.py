"""What the sandbox's virt-api says to subresources, of machines as the real programs showed them."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.address import Place
from dicot.kube.errors import Missing, Refused
from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.asked import Attributes, User
from dicot.sandbox.apiserver.refusal import Refusal
from dicot.sandbox.apiserver.registry import Served
from dicot.sandbox.apiserver.seams import Answer, Call, Verdict
from dicot.sandbox.kubevirt.subresources.api import Subresources
from dicot.sandbox.nodes.handler import Handler
from tests.cluster.control import Answer as Heard
from tests.cluster.objects import Document

from . import offers, records, requests, states
from .test_admission import FLAVOR, KUBEVIRT, Stored

SPACE = "NAMESPACE"
PERSON = User("somebody")
PREFIX = "/apis/subresources.kubevirt.io/v1"
NODES = tuple({"metadata": {"name": f"node-{index}"}} for index in (1, 2))


@dataclass
class Written:
    """A Kube that takes everything down and refuses what it is told to."""

    refusal: Exception | None = None
    patches: list[tuple[Place, Any, bool]] = field(default_factory=list)
    made: list[tuple[Place, Manifest, bool]] = field(default_factory=list)
    dropped: list[tuple[Place, int | None]] = field(default_factory=list)

    async def patch(self, at: Place, body: Any, *, media: str, dry: bool) -> bytes:
        if self.refusal is not None:
            raise self.refusal
        self.patches.append((at, body, dry))
        return b"{}"

    async def create(self, at: Place, body: Manifest, *, dry: bool) -> bytes:
        if self.refusal is not None:
            raise self.refusal
        self.made.append((at, body, dry))
        return b"{}"

    async def delete(self, at: Place, *, grace: int) -> bytes:
        self.dropped.append((at, grace))
        raise Missing(404, "NotFound", "gone already")

    async def fetch(self, path: str) -> bytes:
        return b'{"major":"1"}'

    async def read(self, at: Place) -> bytes:
        return json.dumps({"metadata": {"name": at.name}, "status": {}}).encode()

    async def replace(self, at: Place, body: Manifest) -> bytes:
        if self.refusal is not None:
            raise self.refusal
        return b"{}"


class Everything:
    """Lets everybody do everything but what is named."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused

    def authorize(self, user: User, asked: Attributes) -> Verdict:
        return Verdict(asked.subresource not in self.refused, "not you")


def state(name: str) -> Sequence[tuple[str, str, Document]]:
    """The objects of a state, and the nodes."""
    found = records.read("states").get(name, {})
    kinds = {"vm": "virtualmachines", "vmi": "virtualmachineinstances"}
    return [("kubevirt.io", kinds[key], document) for key, document in found.items()]


def matching(name: str, called: str) -> Sequence[tuple[str, str, Document]]:
    """The objects of a state under the name that requests have for it."""
    return [(group, kind, offers.changed(each, {"metadata.name": called})) for group, kind, each in state(name)]


class SubresourceTestCase(SynchronousTestCase):
    """What all tests here share."""

    def setUp(self) -> None:
        self.kube = Written()
        self.authorizer = Everything()
        self.kubevirt = KUBEVIRT

    def ask(
        self,
        path: str,
        body: object = None,
        *stored: tuple[str, str, Document],
        method: str = "PUT",
        accept: str = "*/*",
    ) -> Answer:
        """An answer, or a refusal as the API server would write it."""
        flavors = ("instancetype.kubevirt.io", "virtualmachineclusterinstancetypes", FLAVOR)
        nodes = (("", "nodes", each) for each in NODES)
        reader = Stored(("kubevirt.io", "kubevirts", self.kubevirt), flavors, *nodes, *stored)
        kube: Any = self.kube
        api = Subresources(reader, Served({}), self.authorizer, kube, Handler(kube, lambda: 0.0))
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        asked = api.answer("v1", Call(PERSON, method, path, {}, content, accept))
        done = Deferred.fromCoroutine(asked)
        failure = self.failureResultOf(done) if _failed(done) else None
        if failure is None:
            return self.successResultOf(done)
        failure.trap(Refusal)
        refusal: Any = failure.value
        return Answer(refusal.code, json.dumps(refusal.status()).encode())

    def tell(self, name: str, action: str, body: object = None) -> tuple[int, str]:
        """Code and message of what is answered to a machine of a state."""
        answer = self.ask(f"/namespaces/{SPACE}/virtualmachines/{name}/{action}", body, *state(name))
        return answer.code, json.loads(answer.body)["message"] if answer.body else ""


def _failed(done: Deferred[Any]) -> bool:
    return hasattr(done.result, "trap")


class MatrixTests(SubresourceTestCase):
    def test_every_subresource_in_every_state(self) -> None:
        wrong = {}
        for question in states.QUESTIONS:
            for name, expected in records.read("subresources")[question.name].items():
                path = question.path(SPACE, name).removeprefix(PREFIX)
                answer = self.ask(path, question.body, *state(name), method=question.method)
                found = states.kept(Heard(answer.code, answer.body), SPACE, name)
                meant = expected.get("stream") and found["code"] == 501
                if found != expected and not meant:
                    wrong[f"{question.name} {name}"] = (found, expected)
        self.assertEqual(wrong, {})


class RequestTests(SubresourceTestCase):
    def test_requests_are_answered_as_the_real_programs_did(self) -> None:
        wrong, count = {}, 0
        for name, request in requests.REQUESTS.items():
            expected = records.read("requests")[name]
            # Rights are the API server's to refuse, and the form of machines is the schemas'.
            if request.headers == requests.NOBODY or name == "expanded out of nothing":
                continue
            count += 1
            stored = (*matching("vm-halted", requests.HALTED), *matching("vm-running", requests.RUNNING))
            accept = request.headers.get("Accept", "*/*")
            answer = self.ask(request.path, request.body, *stored, method=request.method, accept=accept)
            found = requests.kept(Heard(answer.code, answer.body), SPACE)
            if found != expected:
                wrong[name] = (found, expected)
        self.assertEqual(wrong, {})
        self.assertGreater(count, 30)

    def test_virt_api_lets_in_by_itself(self) -> None:
        self.authorizer = Everything("evacuate/cancel", "portforward")
        for action in ("evacuate/cancel", "portforward/22"):
            answer = self.ask(f"/namespaces/{SPACE}/virtualmachines/vm-halted/{action}", {}, *state("vm-halted"))
            self.assertEqual((answer.code, answer.body), (401, b"not you"), action)

    def test_what_it_says_of_itself(self) -> None:
        self.assertEqual(json.loads(self.ask("/version", method="GET").body), {"gitVersion": "v1.8.4"})
        health = json.loads(self.ask("/healthz", method="GET").body)
        self.assertEqual(health["apiserver"], {"connectivity": "ok", "version": {"major": "1"}})
        self.assertEqual(self.ask("/", method="GET").code, 200)

    def test_options_that_are_no_json_are_not_served(self) -> None:
        for body in (b"paused: true", b"{paused}"):
            answer = self.ask(f"/namespaces/{SPACE}/virtualmachines/vm-halted/start", body, *state("vm-halted"))
            self.assertEqual(answer.code, 501, body)


class WriteTests(SubresourceTestCase):
    """What is written for a request that is accepted."""

    def written(self, name: str, action: str, body: object = None) -> list[tuple[str, str, Any]]:
        """Plural, subresource and patch of everything."""
        self.assertEqual(self.tell(name, action, body), (202, ""))
        return [(at.plural, at.subresource, patch) for at, patch, _ in self.kube.patches]

    def test_a_strategy_is_turned(self) -> None:
        for name, action, old, new in (
            ("vm-halted", "start", "Halted", "Always"),
            ("vm-always", "stop", "Always", "Halted"),
        ):
            self.kube.patches.clear()
            path = "/spec/runStrategy"
            patch = [{"op": "test", "path": path, "value": old}, {"op": "replace", "path": path, "value": new}]
            self.assertEqual(self.written(name, action), [("virtualmachines", "", patch)])

    def test_an_old_machine_is_turned_by_running(self) -> None:
        vm = offers.machine({"spec.runStrategy": ..., "spec.running": False, "metadata.namespace": SPACE}, "old")
        path = f"/namespaces/{SPACE}/virtualmachines/old/start"
        self.assertEqual(self.ask(path, {}, ("kubevirt.io", "virtualmachines", vm)).code, 202)
        self.assertEqual(self.kube.patches[0][1][1], {"op": "replace", "path": "/spec/running", "value": True})

    def test_a_paused_start_is_a_request(self) -> None:
        ((plural, subresource, patch),) = self.written("vm-halted", "start", {"paused": True})
        self.assertEqual((plural, subresource), ("virtualmachines", "status"))
        self.assertEqual(patch[1]["value"], [{"action": "Start", "data": {"paused": "true"}}])

    def test_a_stop_names_the_instance(self) -> None:
        ((_, subresource, patch),) = self.written("vm-running", "stop")
        uid = records.read("states")["vm-running"]["vmi"]["metadata"]["uid"]
        path = "/status/stateChangeRequests"
        self.assertEqual(subresource, "status")
        self.assertEqual(
            patch,
            [
                {"op": "test", "path": path, "value": None},
                {"op": "add", "path": path, "value": [{"action": "Stop", "uid": uid}]},
            ],
        )

    def test_a_shorter_grace_is_written_to_the_instance_first(self) -> None:
        first, second = self.written("vm-running", "stop", {"gracePeriod": 3})
        self.assertEqual(first[:2], ("virtualmachineinstances", ""))
        self.assertEqual(first[2][1]["value"], 3)
        self.assertEqual(second[:2], ("virtualmachines", "status"))

    def test_a_stop_takes_the_place_of_other_requests(self) -> None:
        vm, vmi = (copy.deepcopy(each) for _, _, each in state("vm-running"))
        vm["status"] |= {"stateChangeRequests": [{"action": "Start"}], "startFailure": {"retryAfterTimestamp": None}}
        stored = (("kubevirt.io", "virtualmachines", vm), ("kubevirt.io", "virtualmachineinstances", vmi))
        path = f"/namespaces/{SPACE}/virtualmachines/vm-running/stop"
        self.assertEqual(self.ask(path, {}, *stored).code, 202)
        ops = [(each["op"], each["path"]) for each in self.kube.patches[0][1]]
        self.assertEqual(ops[1:], [("replace", "/status/stateChangeRequests"), ("remove", "/status/startFailure")])

    def test_a_machine_without_status_gets_one(self) -> None:
        vm = offers.machine({"spec.runStrategy": "Manual", "metadata.namespace": SPACE}, "new")
        path = f"/namespaces/{SPACE}/virtualmachines/new/start"
        self.assertEqual(self.ask(path, {}, ("kubevirt.io", "virtualmachines", vm)).code, 202)
        value = {"stateChangeRequests": [{"action": "Start"}]}
        self.assertEqual(self.kube.patches[0][1], [{"op": "add", "path": "/status", "value": value}])

    def test_a_restart_without_grace_ends_the_launcher(self) -> None:
        uid = records.read("states")["vm-running"]["vmi"]["metadata"]["uid"]
        labels = {"kubevirt.io": "virt-launcher", "kubevirt.io/created-by": uid}
        pod = {
            "metadata": {"name": "launcher", "namespace": SPACE, "labels": labels},
            "status": {"phase": "Running"},
        }
        path = f"/namespaces/{SPACE}/virtualmachines/vm-running/restart"
        answer = self.ask(path, {"gracePeriodSeconds": 0}, *state("vm-running"), ("", "pods", pod))
        self.assertEqual(answer.code, 202)
        self.assertEqual([each["action"] for each in self.kube.patches[0][1][1]["value"]], ["Stop", "Start"])
        self.assertEqual([(at.name, grace) for at, grace in self.kube.dropped], [("launcher", 1)])

    def test_a_migration_is_an_object(self) -> None:
        selector = {"kubernetes.io/hostname": "node-2"}
        self.assertEqual(self.tell("vm-running", "migrate", {"addedNodeSelector": selector}), (202, ""))
        ((at, body, dry),) = self.kube.made
        self.assertEqual((at.plural, at.namespace, dry), ("virtualmachineinstancemigrations", SPACE, False))
        self.assertEqual(body["spec"], {"vmiName": "vm-running", "addedNodeSelector": selector})

    def test_dry_runs_are_passed_on(self) -> None:
        self.tell("vm-running", "stop", {**states.DRY, "gracePeriod": 3})
        self.assertEqual([dry for *_, dry in self.kube.patches], [True, True])

    def test_a_refusal_of_the_api_server_is_an_internal_error(self) -> None:
        self.kube.refusal = Refused(422, "Invalid", "the server rejected our request due to an error in our request")
        self.assertEqual(
            self.tell("vm-running", "stop"),
            (500, "Internal error occurred: the server rejected our request due to an error in our request"),
        )

    def test_a_handler_that_fails_is_an_internal_error(self) -> None:
        self.kube.refusal = Refused(422, "Invalid", "no")
        answer = self.ask(f"/namespaces/{SPACE}/virtualmachineinstances/vm-running/pause", {}, *state("vm-running"))
        self.assertEqual(answer.code, 500)


class GuestTests(SubresourceTestCase):
    """Guests that the matrix has not."""

    def instance(self, action: str, changes: offers.Changes, method: str = "PUT") -> tuple[int, str]:
        vmi = offers.changed(state("vm-running")[1][2], changes)
        path = f"/namespaces/{SPACE}/virtualmachineinstances/vm-running/{action}"
        answer = self.ask(path, None, ("kubevirt.io", "virtualmachineinstances", vmi), method=method)
        return answer.code, json.loads(answer.body).get("message", "") if answer.body.startswith(b"{") else ""

    def test_a_guest_that_is_probed_is_not_paused(self) -> None:
        code, message = self.instance("pause", {"spec.livenessProbe": {"tcpSocket": {"port": 22}}})
        self.assertEqual(code, 403)
        self.assertIn("Pausing VMIs with a non-GuestAgentPing LivenessProbe is not supported", message)

    def test_a_guest_that_hears_nothing_is_not_rebooted(self) -> None:
        self.assertEqual(self.instance("softreboot", {"spec.domain.features": {"acpi": {"enabled": False}}})[0], 409)

    def test_no_screen_and_no_console(self) -> None:
        for action, device in (("vnc", "autoattachGraphicsDevice"), ("console", "autoattachSerialConsole")):
            code, message = self.instance(action, {f"spec.domain.devices.{device}": False}, "GET")
            self.assertEqual(code, 400)
            self.assertTrue(message.startswith("No "), message)

    def test_an_evacuation_is_called_off(self) -> None:
        self.assertEqual(self.instance("evacuate/cancel", {"status.evacuationNodeName": "node-2"})[0], 200)
        self.assertEqual(self.kube.patches[0][1][1], {"op": "remove", "path": "/status/evacuationNodeName"})

    def test_an_evacuation_of_nowhere_is_not(self) -> None:
        self.assertEqual(self.instance("evacuate/cancel", {"status.nodeName": "node-9"})[0], 500)

    def test_a_snapshot_keeps_a_guest_paused(self) -> None:
        vm, vmi = (copy.deepcopy(each) for _, _, each in state("vm-suspended"))
        vm["status"]["snapshotInProgress"] = "one"
        stored = (("kubevirt.io", "virtualmachines", vm), ("kubevirt.io", "virtualmachineinstances", vmi))
        path = f"/namespaces/{SPACE}/virtualmachineinstances/vm-suspended/unpause"
        self.assertEqual(self.ask(path, {}, *stored).code, 409)

    def test_what_gates_open_is_not_served(self) -> None:
        gates = {"spec": {"configuration": {"developerConfiguration": {"featureGates": ["HotplugVolumes"]}}}}
        self.kubevirt = {**KUBEVIRT, **gates}
        self.assertEqual(self.tell("vm-running", "memorydump", {})[0], 501)


class PlugTests(SubresourceTestCase):
    """Volumes are plugged in where the gate is open."""

    ADDED: Document = {
        "name": "data",
        "disk": {"disk": {"bus": "scsi"}},
        "volumeSource": {"persistentVolumeClaim": {"claimName": "c"}},
    }
    DATA: Document = {"name": "data", "persistentVolumeClaim": {"claimName": "c", "hotpluggable": True}}

    def setUp(self) -> None:
        super().setUp()
        self.open("DeclarativeHotplugVolumes")

    def open(self, *gates: str) -> None:
        developer = {"developerConfiguration": {"featureGates": list(gates)}}
        self.kubevirt = {**KUBEVIRT, "spec": {"configuration": developer}}

    def plugged(self) -> Sequence[tuple[str, str, Document]]:
        """A machine that has it, and its instance."""
        vm, vmi = (copy.deepcopy(each) for _, _, each in state("vm-running"))
        for spec in (vm["spec"]["template"]["spec"], vmi["spec"]):
            spec["volumes"].append(self.DATA)
            spec["domain"]["devices"]["disks"].append({"name": "data", "disk": {"bus": "scsi"}})
        return (("kubevirt.io", "virtualmachines", vm), ("kubevirt.io", "virtualmachineinstances", vmi))

    def ask_of(self, kind: str, action: str, body: object, *stored: tuple[str, str, Document]) -> tuple[int, str]:
        answer = self.ask(f"/namespaces/{SPACE}/{kind}/vm-running/{action}", body, *stored)
        return answer.code, json.loads(answer.body)["message"] if answer.body else ""

    def test_a_machine_is_given_a_volume(self) -> None:
        self.assertEqual(self.tell("vm-running", "addvolume", self.ADDED), (202, ""))
        ((at, patch, dry),) = self.kube.patches
        self.assertEqual((at.plural, at.subresource, dry), ("virtualmachines", "", False))
        self.assertEqual([each["op"] for each in patch], ["test", "test", "replace", "replace"])
        self.assertEqual(patch[2]["path"], "/spec/template/spec/volumes")
        self.assertEqual(patch[2]["value"][-1], self.DATA)
        self.assertEqual(patch[3]["value"][-1], {"name": "data", "disk": {"bus": "scsi"}})
        self.tell("vm-running", "addvolume", self.ADDED | {"dryRun": ["All"]})
        self.assertTrue(self.kube.patches[-1][2])

    def test_it_is_taken_again(self) -> None:
        self.assertEqual(self.ask_of("virtualmachines", "removevolume", {"name": "data"}, *self.plugged()), (202, ""))
        ((_, patch, _),) = self.kube.patches
        self.assertNotIn("data", [each["name"] for each in patch[2]["value"]])

    def test_an_instance_of_its_own_is_given_one_too(self) -> None:
        vmi = copy.deepcopy(self.plugged()[1][2])
        vmi["metadata"].pop("ownerReferences")
        stored = ("kubevirt.io", "virtualmachineinstances", vmi)
        other = self.ADDED | {"name": "more", "volumeSource": {"dataVolume": {"name": "d"}}}
        self.assertEqual(self.ask_of("virtualmachineinstances", "addvolume", other, stored), (202, ""))
        self.assertEqual(self.ask_of("virtualmachineinstances", "removevolume", {"name": "data"}, stored), (202, ""))
        self.assertEqual({at.plural for at, _, _ in self.kube.patches}, {"virtualmachineinstances"})
        vmi["status"]["phase"] = "Scheduled"
        code, _ = self.ask_of("virtualmachineinstances", "addvolume", other, stored)
        self.assertEqual(code, 409)

    def test_what_is_refused(self) -> None:
        for kind, action, body, expected in (
            ("virtualmachines", "addvolume", {}, (400, "AddVolumeOptions requires name to be set")),
            ("virtualmachines", "removevolume", {}, (400, "RemoveVolumeOptions requires name to be set")),
            (
                "virtualmachineinstances",
                "addvolume",
                self.ADDED,
                (400, f"VMI {SPACE}/vm-running is owned by a VM"),
            ),
        ):
            self.assertEqual(self.ask_of(kind, action, body, *self.plugged()), expected)
        for name, source, text in (
            ("data", "d", "Unable to add volume [data] because volume with that name already exists"),
            ("more", "c", "Unable to add volume source [c] because it already exists"),
        ):
            given = self.ADDED | {"name": name, "volumeSource": {"persistentVolumeClaim": {"claimName": source}}}
            code, told = self.ask_of("virtualmachines", "addvolume", given, *self.plugged())
            self.assertEqual((code, told.partition(": ")[2]), (409, text))
        for name, why in (("root", "is not hotpluggable"), ("none", "does not exist")):
            code, told = self.ask_of("virtualmachines", "removevolume", {"name": name}, *self.plugged())
            self.assertEqual(
                (code, told.partition(": ")[2]), (409, f"Unable to remove volume [{name}] because it {why}")
            )

    def test_how_a_refusal_of_the_machine_is_passed_on(self) -> None:
        self.kube.refusal = Refused(422, "Invalid", "wrong", (("spec", "wrong"),))
        self.assertEqual(self.tell("vm-running", "addvolume", self.ADDED), (422, "wrong"))
        self.kube.refusal = Refused(403, "Forbidden", "not you")
        told = "Internal error occurred: unable to patch vm: not you"
        self.assertEqual(self.tell("vm-running", "addvolume", self.ADDED), (500, told))

    def test_by_the_older_gate_it_is_asked_for(self) -> None:
        self.open("DeclarativeHotplugVolumes", "HotplugVolumes")
        given = self.ADDED | {"dryRun": ["All"]}
        self.assertEqual(self.tell("vm-running", "addvolume", given), (202, ""))
        ((at, patch, dry),) = self.kube.patches
        self.assertEqual((at.plural, at.subresource, dry), ("virtualmachines", "status", True))
        source = {"persistentVolumeClaim": {"claimName": "c", "hotpluggable": True}}
        disk = {"name": "data", "disk": {"bus": "scsi"}}
        request = {"addVolumeOptions": given | {"disk": disk, "volumeSource": source}}
        path = "/status/volumeRequests"
        test, change = ({"op": "test", "path": path, "value": None}, {"op": "add", "path": path, "value": [request]})
        self.assertEqual(patch, [test, change])
        self.kube.refusal = Refused(403, "Forbidden", "not you")
        told = "Internal error occurred: unable to patch vm status: not you"
        self.assertEqual(self.tell("vm-running", "addvolume", self.ADDED), (500, told))

    def test_requests_that_wait(self) -> None:
        self.open("HotplugVolumes")
        add, remove = {"addVolumeOptions": {"name": "data"}}, {"removeVolumeOptions": {"name": "data"}}
        still = "a remove volume request for volume [data] already exists and is still being processed"
        (_, _, bare) = state("vm-running")[0]
        for waits, told in (
            (add, "add volume request for volume [data] already exists"),
            (remove, f"unable to add volume since {still}"),
        ):
            found = ("kubevirt.io", "virtualmachines", self.asked(bare, waits))
            code, said = self.ask_of("virtualmachines", "addvolume", self.ADDED, found)
            self.assertEqual((code, said.partition(": ")[2]), (409, told))
        (_, _, had), _ = self.plugged()
        found = ("kubevirt.io", "virtualmachines", self.asked(had, remove))
        code, said = self.ask_of("virtualmachines", "removevolume", {"name": "data"}, found)
        self.assertEqual((code, said.partition(": ")[2]), (409, still))

    def test_to_remove_withdraws(self) -> None:
        self.open("HotplugVolumes")
        (_, _, had), _ = self.plugged()
        other = {"addVolumeOptions": {"name": "other"}}
        vm = self.asked(had, {"addVolumeOptions": {"name": "data"}}, other)
        found = ("kubevirt.io", "virtualmachines", vm)
        self.assertEqual(self.ask_of("virtualmachines", "removevolume", {"name": "data"}, found), (202, ""))
        ((_, patch, _),) = self.kube.patches
        self.assertEqual(patch[1]["op"], "replace")
        self.assertEqual(patch[1]["value"], [other, {"removeVolumeOptions": {"name": "data"}}])

    def asked(self, vm: Document, *requests: Document) -> Document:
        """The machine with requests that wait."""
        return {**vm, "status": {**vm["status"], "volumeRequests": list(requests)}}

    def test_by_the_older_gate_an_instance_of_a_machine_is_given_one(self) -> None:
        self.open("HotplugVolumes")
        bare = state("vm-running")
        self.assertEqual(self.ask_of("virtualmachineinstances", "addvolume", self.ADDED, *bare), (202, ""))
        ((at, patch, _),) = self.kube.patches
        self.assertEqual((at.plural, patch[2]["value"][-1]), ("virtualmachineinstances", self.DATA))
