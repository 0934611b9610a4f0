"""The real programs answer, hold what they were given through kill -9, and leave nothing behind."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.utils import getProcessOutput
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.cluster.control import Control, Refused
from tests.cluster.launch import PROGRAMS, RealCluster, Wishes
from tests.cluster.modules import KUBERNETES_VERSION
from tests.cluster.objects import Document, named
from tests.cluster.shared import SHARED
from tests.length import TIMEOUT

ONLY_ON = "real"
"""It is about the launcher of the real programs."""
ROOT = Path(__file__).parents[2]
SOON = 60.0
SUBRESOURCES = "/apis/subresources.kubevirt.io/v1/namespaces"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
ROOT_DISK: Document = {"name": "root", "containerDisk": {"image": "cirros"}}


def machine(name: str, strategy: str, volumes: list[Document]) -> Document:
    """A virtual machine with one disk."""
    domain = {
        "devices": {"disks": [{"name": "root", "disk": {"bus": "virtio"}}]},
        "resources": {"requests": {"memory": "128Mi"}},
    }
    template = {"spec": {"domain": domain, "volumes": volumes}}
    return named("VirtualMachine", name, None, "kubevirt.io/v1", spec={"runStrategy": strategy, "template": template})


class SharedClusterTests(TestCase):
    """Each program of the cluster that the tests of this run share."""

    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        self.access = await SHARED.access(reactor)
        self.control = Control(reactor, self.access.server, self.access.authority, self.access.admin)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.close()))
        self.namespace = f"cluster-{uuid4().hex[:8]}"
        self.core = f"/api/v1/namespaces/{self.namespace}"
        self.machines = f"/apis/kubevirt.io/v1/namespaces/{self.namespace}/virtualmachines"
        await self.control.change("POST", "/api/v1/namespaces", named("Namespace", self.namespace))
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.change("DELETE", self.core, also=(404, 409))))
        account = f"{self.core}/serviceaccounts/default"
        await self.control.until(SOON, "the account of new pods", lambda: self.control.answers(account))

    async def test_kubectl_tells_the_version(self) -> None:
        kubectl = self.access.programs.get("kubectl", "kubectl")
        command = ["--kubeconfig", str(self.access.kubeconfig), "version", "-o", "json"]
        versions = json.loads(await getProcessOutput(kubectl, command, dict(os.environ)))
        self.assertEqual(versions["serverVersion"]["gitVersion"], KUBERNETES_VERSION)
        self.assertEqual(versions["clientVersion"]["gitVersion"], KUBERNETES_VERSION)

    async def test_admission_refuses_a_disk_without_a_volume(self) -> None:
        answer = await self.control.ask("POST", f"{self.machines}?dryRun=All", machine("m", "Halted", []))
        self.assertEqual(answer.status, 422)
        [cause] = answer.document["details"]["causes"]
        self.assertEqual(cause["field"], "spec.template.spec.domain.devices.disks[0].name")

    async def test_admission_fills_in_what_is_left_out(self) -> None:
        made = await self.control.change("POST", f"{self.machines}?dryRun=All", machine("m", "Halted", [ROOT_DISK]))
        self.assertEqual(made["spec"]["template"]["spec"]["architecture"], "amd64")

    async def test_the_subresources_are_answered_by_virt_api(self) -> None:
        await self.control.change("POST", self.machines, machine("m", "Halted", [ROOT_DISK]))
        stop = f"{SUBRESOURCES}/{self.namespace}/virtualmachines/m/stop"
        answer = await self.control.ask("PUT", stop, {})
        self.assertEqual(answer.status, 409)
        self.assertIn("VM is not running", answer.document["message"])

    async def test_virt_controller_makes_the_launcher_pod(self) -> None:
        await self.control.change("POST", self.machines, machine("m", "Always", [ROOT_DISK]))

        async def launched() -> bool:
            pods = (await self.control.get(f"{self.core}/pods"))["items"]
            return [pod["metadata"]["labels"]["kubevirt.io"] for pod in pods] == ["virt-launcher"]

        await self.control.until(SOON, "the launcher pod", launched)

    async def test_cdi_makes_the_claim_of_a_volume(self) -> None:
        name = f"{self.namespace}-slow"
        await self.control.change("POST", CLASSES, storage_class(name))
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.change("DELETE", f"{CLASSES}/{name}")))
        volumes = f"/apis/cdi.kubevirt.io/v1beta1/namespaces/{self.namespace}/datavolumes"
        await self.control.change("POST", volumes, blank_volume("v", name))

        async def claimed() -> bool:
            volume = await self.control.get(f"{volumes}/v")
            return bool(volume.get("status", {}).get("phase")) and await self.control.answers(
                f"{self.core}/persistentvolumeclaims/v"
            )

        await self.control.until(SOON, "phase and claim", claimed)

    async def test_a_namespace_goes_with_all_that_is_in_it(self) -> None:
        await self.control.change("POST", self.machines, machine("m", "Halted", [ROOT_DISK]))
        await self.control.change("DELETE", self.core)

        async def gone() -> bool:
            return (await self.control.ask("GET", self.core)).status == 404

        await self.control.until(SOON, "the end of the namespace", gone)

    async def test_a_token_of_a_service_account_is_known(self) -> None:
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        path = f"{self.core}/serviceaccounts/default/token"
        token = (await self.control.change("POST", path, asked))["status"]["token"]
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        answer = await self.control.change("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)
        user = answer["status"]["user"]["username"]
        self.assertEqual(user, f"system:serviceaccount:{self.namespace}:default")


class FurnishedTests(TestCase):
    """The shared cluster with nodes and seeds."""

    timeout = TIMEOUT

    async def test_a_machine_runs_on_a_node(self) -> None:
        access = await SHARED.furnished(reactor)
        control = Control(reactor, access.server, access.authority, access.admin)
        self.addCleanup(lambda: Deferred.fromCoroutine(control.close()))
        namespace = f"cluster-{uuid4().hex[:8]}"
        await control.change("POST", "/api/v1/namespaces", named("Namespace", namespace))
        self.addCleanup(lambda: Deferred.fromCoroutine(control.change("DELETE", f"/api/v1/namespaces/{namespace}")))
        kinds = f"/apis/kubevirt.io/v1/namespaces/{namespace}"
        await control.change("POST", f"{kinds}/virtualmachines", machine("m", "Always", [ROOT_DISK]))

        async def running() -> bool:
            guest = await control.get(f"{kinds}/virtualmachineinstances/m")
            return guest["status"].get("phase") == "Running" and bool(guest["status"].get("nodeName"))

        await control.until(SOON, "the machine to run", running)


class RestartTests(TestCase):
    """The API server dies and comes back, as the tests of others need it to."""

    timeout = TIMEOUT

    async def test_what_was_written_survives_kill_9(self) -> None:
        cluster = await SHARED.cluster(reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(cluster.control.close()))
        name = f"cluster-{uuid4().hex[:8]}"
        made = await cluster.control.change("POST", "/api/v1/namespaces", named("Namespace", name))
        await cluster.kill_apiserver()
        with self.assertRaises(ConnectionRefusedError):
            await cluster.control.get("/readyz")
        await cluster.start_apiserver()
        found = await cluster.control.get(f"/api/v1/namespaces/{name}")
        self.assertEqual(found["metadata"]["uid"], made["metadata"]["uid"])
        await cluster.control.change("DELETE", f"/api/v1/namespaces/{name}")

    async def test_compaction_forgets_old_versions(self) -> None:
        cluster = await SHARED.cluster(reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(cluster.control.close()))
        name = f"cluster-{uuid4().hex[:8]}"
        pages = "/api/v1/namespaces?limit=1"
        page = (await cluster.control.get(pages))["metadata"]
        await cluster.control.change("POST", "/api/v1/namespaces", named("Namespace", name))
        self.assertGreater(await cluster.compact(), int(page["resourceVersion"]))
        # Until its restart the API server serves old pages from its own cache.
        await cluster.restart_apiserver()
        answer = await cluster.control.ask("GET", f"{pages}&continue={page['continue']}")
        self.assertEqual((answer.status, answer.document["reason"]), (410, "Expired"))
        await cluster.control.change("DELETE", f"/api/v1/namespaces/{name}")


class FailedStartTests(TestCase):
    timeout = TIMEOUT

    async def test_leaves_nothing_behind(self) -> None:
        folder = Path(self.mktemp())
        broken = Path(self.mktemp())
        definition = named("CustomResourceDefinition", "things", None, "apiextensions.k8s.io/v1", spec={})
        broken.with_suffix(".json").write_text(json.dumps(definition))
        with self.assertRaises(Refused):
            await RealCluster.start(reactor, folder, Wishes(definitions=(broken.with_suffix(".json"),)))
        self.assertEqual(processes_of(folder), [])


class Person(ProcessProtocol):
    """Starts ``python -m tests.cluster`` as a person would, reads what it prints, and presses Ctrl-C."""

    def __init__(self) -> None:
        self.ready: Deferred[str] = Deferred()
        self.ended: Deferred[None] = Deferred()
        self.printed = b""

    def leave(self, process: IProcessTransport) -> Deferred[None]:
        """End the program however far it came."""
        if not self.ended.called:
            process.signalProcess("TERM")
        return self.ended

    def outReceived(self, data: bytes) -> None:
        self.printed += data
        if b"\n" in self.printed and not self.ready.called:
            self.ready.callback(self.printed.decode().splitlines()[0])

    def processEnded(self, reason: Failure) -> None:
        if not self.ready.called:
            self.ready.errback(reason)
        self.ended.callback(None)


class ProgramTests(TestCase):
    """``python -m tests.cluster``."""

    timeout = TIMEOUT

    async def test_ctrl_c_ends_every_program(self) -> None:
        folder = Path(self.mktemp()).resolve()
        person = Person()
        command = [sys.executable, "-m", "tests.cluster", "--folder", str(folder)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = reactor.spawnProcess(person, sys.executable, command, environment, str(ROOT))
        self.addCleanup(person.leave, process)
        self.assertEqual(await person.ready, f"export KUBECONFIG={folder}/kubeconfig")
        self.assertEqual(len(processes_of(folder)), len(PROGRAMS))
        process.signalProcess("INT")
        await person.ended
        self.assertEqual(processes_of(folder), [])


def storage_class(name: str) -> Document:
    """A class whose volumes nobody makes."""
    return named("StorageClass", name, None, "storage.k8s.io/v1", provisioner="cluster.dicot.io/none")


def blank_volume(name: str, storage: str) -> Document:
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": storage,
    }
    return named("DataVolume", name, None, "cdi.kubevirt.io/v1beta1", spec={"source": {"blank": {}}, "pvc": claim})


def processes_of(folder: Path) -> list[str]:
    """Command lines of the processes that name a folder; the one that was told to use it is not among them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(folder.resolve()) in line and "-m tests.cluster" not in line:
            found.append(line)
    return found
