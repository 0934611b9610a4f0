"""The nodes on the real control planes: virt-controller and CDI are content with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from dicot.names import IMAGES_NAMESPACE
from dicot.sandbox.marks import FAULT
from dicot.sandbox.nodes.instances import GUEST_AGENT
from dicot.sandbox.nodes.machines import HEARTBEAT
from tests.cluster.control import Control
from tests.cluster.objects import Document, named
from tests.cluster.shared import SHARED
from tests.length import TIMEOUT

from .live import ANIMATION

ONLY_ON = "real"
"""The sandbox has nodes of its own."""
SOON = 60.0
KUBEVIRT = "/apis/kubevirt.io/v1"
CDI = "/apis/cdi.kubevirt.io/v1beta1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
SUBRESOURCES = "/apis/subresources.kubevirt.io/v1"
CONTAINER_DISK = {"image": "quay.io/kubevirt/cirros-container-disk-demo:v1.8.4"}


def machine(name: str, volume: Document, annotations: dict[str, str] | None = None, **spec: Any) -> Document:
    """A VirtualMachine with one disk and one interface."""
    devices = {
        "disks": [{"name": "root", "disk": {"bus": "virtio"}}],
        "interfaces": [{"name": "private", "masquerade": {}}],
    }
    inner = {
        "domain": {"devices": devices},
        "networks": [{"name": "private", "pod": {}}],
        "volumes": [{"name": "root", **volume}],
    } | spec.pop("inner", {})
    template = {"metadata": {"annotations": annotations or {}}, "spec": inner}
    whole = {"runStrategy": "RerunOnFailure", "instancetype": {"name": "m1.tiny"}, "template": template} | spec
    return named("VirtualMachine", name, None, "kubevirt.io/v1", spec=whole)


class LiveNodes(TestCase):
    """What every test here needs."""

    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        access = await SHARED.access(reactor)
        self.control = Control(reactor, access.server, access.authority, access.admin)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.close()))
        await ANIMATION.animate(reactor, access, self.control)
        self.namespace = f"nodes-{uuid4().hex[:8]}"
        self.core = f"/api/v1/namespaces/{self.namespace}"
        self.machines = f"{KUBEVIRT}/namespaces/{self.namespace}/virtualmachines"
        self.guests = f"{KUBEVIRT}/namespaces/{self.namespace}/virtualmachineinstances"
        self.volumes = f"{CDI}/namespaces/{self.namespace}/datavolumes"
        await self.control.change("POST", "/api/v1/namespaces", named("Namespace", self.namespace))
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.change("DELETE", self.core, also=(404, 409))))

    async def status(self, name: str, *awaited: str) -> Document:
        """Wait until a VirtualMachine shows one of these."""
        return await self.control.becomes(
            f"{self.machines}/{name}",
            " or ".join(awaited),
            lambda vm: vm.get("status", {}).get("printableStatus") in awaited,
        )

    async def gone(self, *collections: str) -> None:
        """Wait until collections are empty."""
        for path in collections:
            await self.control.becomes(path, "empty", lambda found: not found["items"])

    async def power(self, name: str, action: str) -> None:
        """Start, stop or restart."""
        await self.control.until(SOON, action, self._powered(name, action))

    def _powered(self, name: str, action: str) -> Callable[[], Awaitable[bool]]:
        path = f"{SUBRESOURCES}/namespaces/{self.namespace}/virtualmachines/{name}/{action}"

        async def ask() -> bool:
            return (await self.control.ask("PUT", path, {})).status == 202

        return ask


class Machines(LiveNodes):
    """VirtualMachines."""

    async def test_the_nodes_are_there(self) -> None:
        nodes = (await self.control.get("/api/v1/nodes"))["items"]
        zones = {each["metadata"]["labels"]["topology.kubernetes.io/zone"] for each in nodes}
        self.assertEqual((len(nodes), len(zones)), (2, 2))
        for node in nodes:
            self.assertIn(HEARTBEAT, node["metadata"]["annotations"])
            shown = {each["type"]: each["status"] for each in node["status"]["conditions"]}
            self.assertEqual(shown["Ready"], "True")

    async def test_life_of_a_machine(self) -> None:
        await self.control.change("POST", self.machines, machine("m", {"containerDisk": CONTAINER_DISK}))
        await self.status("m", "Running")
        first = await self.control.becomes(f"{self.guests}/m", "ready", _is_ready)
        (interface,) = first["status"]["interfaces"]
        self.assertRegex(interface["ipAddress"], r"^10\.24[4-7]\.")
        await self.power("m", "stop")
        stopped = await self.status("m", "Stopped")
        self.assertNotIn("startFailure", stopped["status"])
        await self.power("m", "start")
        await self.status("m", "Running")
        second = await self.control.get(f"{self.guests}/m")
        await self.power("m", "restart")
        await self.control.becomes(f"{self.guests}/m", "new and ready", _is_ready_and_not(second))
        await self.control.change("DELETE", f"{self.machines}/m")
        await self.gone(self.machines, self.guests, f"{self.core}/pods")

    async def test_what_virt_api_passes_on_to_the_node(self) -> None:
        await self.control.change("POST", self.machines, machine("m", {"containerDisk": CONTAINER_DISK}))
        await self.status("m", "Running")
        before = await self.control.becomes(f"{self.guests}/m", "ready", _is_ready)
        for action in ("softreboot", "pause"):
            self.assertEqual(await self._tell_guest("m", action), 200)
        await self.status("m", "Paused")
        await self.control.becomes(f"{self.guests}/m", "not ready", lambda vmi: not _is_ready(vmi))
        self.assertEqual(await self._tell_guest("m", "unpause"), 200)
        await self.status("m", "Running")
        after = await self.control.becomes(f"{self.guests}/m", "ready", _is_ready)
        self.assertEqual(after["metadata"]["uid"], before["metadata"]["uid"])

    async def _tell_guest(self, name: str, action: str) -> int:
        path = f"{SUBRESOURCES}/namespaces/{self.namespace}/virtualmachineinstances/{name}/{action}"
        return (await self.control.ask("PUT", path, {})).status

    async def test_a_disk_cloned_from_an_image(self) -> None:
        await self._let_clone("cirros")
        source = {"kind": "DataSource", "name": "cirros", "namespace": IMAGES_NAMESPACE}
        spec = {"sourceRef": source, "storage": {"resources": {"requests": {"storage": "1Gi"}}}}
        template = {"metadata": {"name": "m-root"}, "spec": spec}
        root = {"dataVolume": {"name": "m-root"}}
        await self.control.change("POST", self.machines, machine("m", root, dataVolumeTemplates=[template]))
        await self.status("m", "Running")
        volume = await self.control.get(f"{self.volumes}/m-root")
        self.assertEqual(volume["status"]["phase"], "Succeeded")
        claim = await self.control.get(f"{self.core}/persistentvolumeclaims/m-root")
        await self.control.change("DELETE", f"{self.machines}/m")
        await self.gone(self.machines, self.volumes, f"{self.core}/persistentvolumeclaims", f"{self.core}/pods")
        await self._vanishes(f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}")
        await self.gone(f"/api/v1/namespaces/{IMAGES_NAMESPACE}/pods")

    async def test_faults(self) -> None:
        disk = {"containerDisk": CONTAINER_DISK}
        nowhere = {"nodeSelector": {"topology.kubernetes.io/zone": "nowhere"}}
        for each in (
            machine("pull", disk, {FAULT: "image-pull"}),
            machine("loop", disk, {FAULT: "crash-loop"}),
            machine("lost", disk, inner=nowhere),
        ):
            await self.control.change("POST", self.machines, each)
        await self.status("pull", "ErrImagePull", "ImagePullBackOff")
        await self.status("loop", "CrashLoopBackOff")
        await self.status("lost", "ErrorUnschedulable")

    async def test_a_guest_that_powers_itself_off_stays_off(self) -> None:
        annotations = {GUEST_AGENT: "true"}
        await self.control.change("POST", self.machines, machine("m", {"containerDisk": CONTAINER_DISK}, annotations))
        await self.status("m", "Running")
        await self.control.becomes(f"{self.guests}/m", "agent", lambda vmi: "AgentConnected" in _conditions(vmi))
        fault = {"metadata": {"annotations": {FAULT: "shutdown"}}}
        await self.control.change("PATCH", f"{self.guests}/m", fault, "application/merge-patch+json")
        await self.status("m", "Stopped")

    async def _let_clone(self, claim: str) -> None:
        """Let virt-controller clone a claim of the images for our namespace."""
        name = f"{self.namespace}-clone"
        where = f"{RBAC}/namespaces/{IMAGES_NAMESPACE}"
        rule = {"apiGroups": ["cdi.kubevirt.io"], "resources": ["datavolumes/source"], "verbs": ["create"]}
        version = "rbac.authorization.k8s.io/v1"
        role = named("Role", name, None, version, rules=[rule | {"resourceNames": [claim]}])
        subject = {"kind": "ServiceAccount", "name": "default", "namespace": self.namespace}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
        binding = named("RoleBinding", name, None, version, roleRef=reference, subjects=[subject])
        for plural, body in (("roles", role), ("rolebindings", binding)):
            await self.control.change("POST", f"{where}/{plural}", body)
            self.addCleanup(self._delete, f"{where}/{plural}/{name}")

    def _delete(self, path: str) -> Deferred[Any]:
        return Deferred.fromCoroutine(self.control.change("DELETE", path))

    async def _vanishes(self, path: str) -> None:
        async def absent() -> bool:
            return (await self.control.ask("GET", path)).status == 404

        await self.control.until(SOON, f"{path} to vanish", absent)


class Volumes(LiveNodes):
    """DataVolumes and claims."""

    def volume(self, name: str, source: Document, annotations: dict[str, str] | None = None) -> Document:
        """A DataVolume of 1 GiB."""
        spec = {"source": source, "storage": {"resources": {"requests": {"storage": "1Gi"}}}}
        made = named("DataVolume", name, None, "cdi.kubevirt.io/v1beta1", spec=spec)
        made["metadata"]["annotations"] = annotations or {}
        return made

    async def phase(self, name: str, awaited: str) -> None:
        """Wait until a DataVolume shows it."""
        await self.control.becomes(
            f"{self.volumes}/{name}", awaited, lambda dv: dv.get("status", {}).get("phase") == awaited
        )

    async def test_sources(self) -> None:
        url = {"url": "http://images.sandbox.invalid/disk.qcow2"}
        for name, source in (("blank", {"blank": {}}), ("import", {"http": url}), ("upload", {"upload": {}})):
            await self.control.change("POST", self.volumes, self.volume(name, source))
        await self.phase("blank", "Succeeded")
        await self.phase("import", "Succeeded")
        await self.phase("upload", "UploadReady")

    async def test_an_import_that_fails_is_tried_again(self) -> None:
        broken = self.volume("broken", {"http": {"url": "http://images.sandbox.invalid/x"}}, {FAULT: "import"})
        await self.control.change("POST", self.volumes, broken)
        found = await self.control.becomes(
            f"{self.volumes}/broken", "restarts", lambda dv: dv.get("status", {}).get("restartCount", 0) >= 2
        )
        self.assertEqual(found["status"]["phase"], "ImportInProgress")
        self.assertEqual(_conditions(found)["Running"]["reason"], "Error")


def _conditions(found: Document) -> dict[str, Document]:
    return {each["type"]: each for each in found.get("status", {}).get("conditions") or ()}


def _is_ready(vmi: Document) -> bool:
    return _conditions(vmi).get("Ready", {}).get("status") == "True"


def _is_ready_and_not(other: Document) -> Callable[[Document], bool]:
    return lambda vmi: vmi["metadata"]["uid"] != other["metadata"]["uid"] and _is_ready(vmi)
