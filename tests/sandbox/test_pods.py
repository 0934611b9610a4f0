"""What a kubelet makes of its Pods."""

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.address import Place
from dicot.kube.media import STRATEGIC
from dicot.sandbox.marks import DELAY, FAULT
from dicot.sandbox.nodes.kinds import COMPONENT
from dicot.sandbox.nodes.pods import Scene, bind, decide, refuse
from dicot.sandbox.nodes.work.programs import EXPORTER, Ended, State
from dicot.sandbox.steps import REST, Decision, Patch, Remove

from .things import NOW, STAMP, pod

SCENE = Scene(
    bound=True, guest="", sent=False, broken=False, address="10.244.0.9", host="192.0.2.1", now=NOW, work=2.0
)
PLACED = {"nodeName": "node-1", "containers": [{"name": "c", "image": "i:1"}]}
LAUNCHER = {"kubevirt.io": "virt-launcher"}
RUNNING = {"phase": "Running", "startTime": STAMP, "conditions": [{"type": "Ready", "status": "True"}]}


class Decisions(SynchronousTestCase):
    """What tests of decisions ask for."""

    def status(self, decision: Decision) -> dict[str, Any]:
        """The status that the only step writes."""
        (step,) = decision.steps
        assert isinstance(step, Patch)
        self.assertEqual((step.at.plural, step.at.subresource, step.media), ("pods", "status", STRATEGIC))
        found: dict[str, Any] = step.body["status"]
        return found

    def conditions(self, decision: Decision) -> dict[str, str]:
        """The conditions that the only step writes."""
        return {each["type"]: each["status"] for each in self.status(decision)["conditions"]}


class Starting(Decisions):
    """Pods that have a node and do not run yet."""

    def test_it_runs_with_all_its_containers(self) -> None:
        init = [{"name": "once", "image": "j"}, {"name": "beside", "image": "k", "restartPolicy": "Always"}]
        status = self.status(decide(pod(spec=PLACED | {"initContainers": init}), SCENE))
        self.assertEqual((status["phase"], status["podIP"], status["startTime"]), ("Running", "10.244.0.9", STAMP))
        shown = [*status["containerStatuses"], *status["initContainerStatuses"]]
        self.assertEqual([each["ready"] for each in shown], [True] * 3)
        self.assertEqual([next(iter(each["state"])) for each in shown], ["running", "terminated", "running"])

    def test_conditions_have_their_moment(self) -> None:
        status = self.status(decide(pod(spec=PLACED), SCENE))
        self.assertEqual({each["lastTransitionTime"] for each in status["conditions"]}, {STAMP})
        self.assertIn("Ready", {each["type"] for each in status["conditions"]})

    def test_a_shut_gate_keeps_it_from_being_ready(self) -> None:
        gated = PLACED | {"readinessGates": [{"conditionType": "kubevirt.io/virtual-machine-unpaused"}]}
        self.assertEqual(self.conditions(decide(pod(spec=gated), SCENE))["Ready"], "False")

    def test_it_waits_for_its_claims(self) -> None:
        self.assertEqual(decide(pod(spec=PLACED), replace(SCENE, bound=False)), REST)

    def test_images_that_take_their_time(self) -> None:
        meta = {"annotations": {DELAY: "3.5"}}
        self.assertEqual(decide(pod(spec=PLACED, meta=meta), SCENE), Decision(again=3.5))
        self.status(decide(pod(spec=PLACED, meta=meta), replace(SCENE, now=NOW + 4)))
        self.status(decide(pod(spec=PLACED, meta={"annotations": {DELAY: "long"}}), SCENE))

    def test_images_that_are_not_there(self) -> None:
        meta = {"annotations": {FAULT: "image-pull"}}
        first = decide(pod(spec=PLACED, meta=meta), SCENE)
        status = self.status(first)
        self.assertEqual(status["phase"], "Pending")
        self.assertEqual(status["containerStatuses"][0]["state"]["waiting"]["reason"], "ErrImagePull")
        self.assertEqual(first.again, 2.0)
        second = self.status(decide(pod(spec=PLACED, meta=meta, status=status), SCENE))
        self.assertEqual(second["containerStatuses"][0]["state"]["waiting"]["reason"], "ImagePullBackOff")
        self.assertEqual(decide(pod(spec=PLACED, meta=meta, status=second), SCENE), REST)


class Gates(Decisions):
    """Readiness of Pods that run."""

    GATED = PLACED | {"readinessGates": [{"conditionType": "open"}]}

    def test_an_open_gate_makes_it_ready(self) -> None:
        conditions = [{"type": "Ready", "status": "False"}, {"type": "open", "status": "True"}]
        found = decide(pod(spec=self.GATED, status=RUNNING | {"conditions": conditions}), SCENE)
        self.assertEqual(self.conditions(found), {"Ready": "True"})

    def test_a_gate_that_shuts_makes_it_unready(self) -> None:
        conditions = [{"type": "Ready", "status": "True"}, {"type": "open", "status": "False"}]
        found = decide(pod(spec=self.GATED, status=RUNNING | {"conditions": conditions}), SCENE)
        self.assertEqual(self.conditions(found), {"Ready": "False"})

    def test_what_is_ready_rests(self) -> None:
        self.assertEqual(decide(pod(spec=PLACED, status=RUNNING), SCENE), REST)


class Launchers(Decisions):
    """Pods that run guests."""

    def launcher(self, *, going: bool = False) -> Any:
        """One that runs."""
        meta = {"labels": LAUNCHER} | ({"deletionTimestamp": STAMP} if going else {})
        return pod(spec=PLACED, status=RUNNING, meta=meta)

    def test_it_runs_as_long_as_its_guest(self) -> None:
        for phase in ("Scheduling", "Scheduled", "Running"):
            self.assertEqual(decide(self.launcher(), replace(SCENE, guest=phase)), REST)

    def test_it_ends_with_its_guest(self) -> None:
        for phase in ("Succeeded", "Failed", ""):
            self.assertEqual(self.status(decide(self.launcher(), replace(SCENE, guest=phase)))["phase"], "Succeeded")

    def test_deleted_it_lets_its_guest_go_down_first(self) -> None:
        self.assertEqual(decide(self.launcher(going=True), replace(SCENE, guest="Running")), REST)
        gone = Remove(Place("", "v1", "pods", "n", "p"), "uid-p")
        for phase in ("Succeeded", "Failed", "", "Scheduling"):
            self.assertEqual(decide(self.launcher(going=True), replace(SCENE, guest=phase)).steps, (gone,))


class Workers(Decisions):
    """Pods of CDI."""

    def worker(self, component: str, **status: Any) -> Any:
        """One that runs since NOW."""
        return pod(spec=PLACED, status=RUNNING | status, meta={"labels": {COMPONENT: component}})

    def test_they_end_when_their_work_is_done(self) -> None:
        for component in ("importer", "cdi-clone-source", "cdi-populator-prep"):
            self.assertEqual(decide(self.worker(component), SCENE), Decision(again=2.0))
            status = self.status(decide(self.worker(component), replace(SCENE, now=NOW + 2)))
            ended = status["containerStatuses"][0]["state"]["terminated"]
            self.assertEqual((status["phase"], ended["exitCode"], ended["message"]), ("Succeeded", 0, "{}"))

    def test_an_upload_server_waits_for_what_is_sent(self) -> None:
        server = self.worker("cdi-upload-server")
        self.assertEqual(decide(server, replace(SCENE, now=NOW + 9)), REST)
        self.assertEqual(self.status(decide(server, replace(SCENE, sent=True)))["phase"], "Succeeded")

    def test_what_runs_in_them_says_when_they_are_done(self) -> None:
        scene = replace(SCENE, now=NOW + 2, program=State(ready=True))
        for component in ("importer", "cdi-clone-source", "cdi-upload-server"):
            self.assertEqual(decide(self.worker(component), scene), REST)
            done = replace(scene, program=State(ready=True, ended=Ended(0, "done")))
            status = self.status(decide(self.worker(component), done))
            self.assertEqual(status["phase"], "Succeeded")
            self.assertEqual(status["containerStatuses"][0]["state"]["terminated"]["message"], "done")

    def test_a_server_of_exports_ends_at_its_deadline(self) -> None:
        scene = replace(SCENE, now=NOW + 2, program=State(ready=True))
        server = pod(spec=PLACED, meta={"labels": {EXPORTER: "e"}}, status=RUNNING)
        self.assertEqual(decide(server, scene), REST)
        over = replace(scene, program=State(ready=True, ended=Ended(0, "")))
        self.assertEqual(self.status(decide(server, over))["phase"], "Succeeded")

    def test_what_runs_in_them_is_awaited(self) -> None:
        """And found where it listens."""
        fresh = pod(spec=PLACED, meta={"labels": {COMPONENT: "cdi-upload-server"}})
        self.assertEqual(decide(fresh, replace(SCENE, program=State())), REST)
        status = self.status(decide(fresh, replace(SCENE, program=State(ready=True, address="127.77.0.1"))))
        self.assertEqual((status["phase"], status["podIP"]), ("Running", "127.77.0.1"))

    def test_what_fails_in_them_is_told_of_each_time(self) -> None:
        scene = replace(SCENE, program=State(ready=True, ended=Ended(1, "no", 1)))
        first = self.status(decide(self.worker("importer"), scene))
        ended = first["containerStatuses"][0]
        self.assertEqual((ended["restartCount"], ended["state"]["terminated"]["message"]), (0, "no"))
        self.assertEqual(decide(self.worker("importer", **first), scene), REST)
        again = replace(SCENE, program=State(ready=True, ended=Ended(1, "never", 2)))
        second = self.status(decide(self.worker("importer", **first), again))["containerStatuses"][0]
        self.assertEqual((second["restartCount"], second["state"]["terminated"]["message"]), (1, "never"))

    def test_an_importer_that_cannot_fetch_starts_over(self) -> None:
        scene = replace(SCENE, broken=True)
        first = self.status(decide(self.worker("importer"), scene))
        ended = first["containerStatuses"][0]
        self.assertEqual((ended["restartCount"], ended["state"]["terminated"]["exitCode"]), (0, 1))
        again = self.worker("importer", **first)
        self.assertEqual(decide(again, scene), Decision(again=3.0))
        second = self.status(decide(again, replace(scene, now=NOW + 3)))
        self.assertEqual(second["containerStatuses"][0]["restartCount"], 1)


class Others(Decisions):
    """Every other Pod."""

    def test_deleted_it_goes_at_once(self) -> None:
        found = decide(pod(spec=PLACED, status=RUNNING, meta={"deletionTimestamp": STAMP}), SCENE)
        self.assertEqual(found.steps, (Remove(Place("", "v1", "pods", "n", "p"), "uid-p"),))

    def test_what_has_ended_rests(self) -> None:
        for phase in ("Succeeded", "Failed"):
            self.assertEqual(decide(pod(spec=PLACED, status={"phase": phase}), SCENE), REST)


class Scheduling(Decisions):
    """How a scheduler writes."""

    def test_a_binding_names_the_very_pod(self) -> None:
        step = bind(pod(), "node-1")
        self.assertEqual(step.at, Place("", "v1", "pods", "n", "p", "binding"))
        self.assertEqual((step.body["metadata"]["uid"], step.body["target"]["name"]), ("uid-p", "node-1"))

    def test_a_refusal_is_written_once(self) -> None:
        step = refuse(pod(), "0/2 nodes", NOW)
        assert step is not None
        (condition,) = step.body["status"]["conditions"]
        self.assertEqual((condition["status"], condition["reason"]), ("False", "Unschedulable"))
        self.assertIsNone(refuse(pod(status={"conditions": [condition]}), "0/2 nodes", NOW))
        self.assertIsNotNone(refuse(pod(status={"conditions": [condition]}), "other", NOW))
