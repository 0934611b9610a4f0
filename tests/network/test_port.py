"""Ports, as views of Kubernetes objects."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import VM, VMI
from dicot.cloud.kinds.network import PORT
from dicot.names import network_id, subnet_id, synthetic_port
from dicot.network.port import document, entry, lone_document, lone_entry
from tests.views import Rows

SERVER = "6e6b7f53-0b0e-4bd8-9c4c-2f31d0f1a111"
NETWORK = network_id("private")
VM_OBJECT = {
    "metadata": {"name": "web", "namespace": "demo", "uid": "u-vm", "labels": {"dicot.io/id": SERVER}},
    "spec": {"template": {"spec": {"domain": {}, "networks": [{"name": "default", "pod": {}}]}}},
}
VMI_OBJECT = {
    "metadata": {"name": "web", "namespace": "demo", "uid": "u-vmi"},
    "status": {
        "phase": "Running",
        "nodeName": "node-1",
        "interfaces": [{"name": "default", "ipAddress": "10.244.0.7", "mac": "02:00:00:00:00:07"}],
    },
}
PORT_OBJECT = {
    "metadata": {
        "name": "web-1",
        "namespace": "demo",
        "uid": "u-port",
        "labels": {"dicot.io/id": "0d3c7a52-3c39-4c7f-8f2e-6b0f6a1c2222"},
    },
    "spec": {"networkId": NETWORK, "vm": "web", "interface": "default", "securityGroups": ["g"], "name": "p"},
}


class PortTests(SynchronousTestCase):
    """Port objects."""

    def shown(self, joined: dict[Any, Any], admin: bool = False) -> dict[str, Any]:
        return document(Rows(PORT, PORT_OBJECT, joined), ("ports", 0, admin), 0.0)

    def test_a_running_server_makes_its_port_active(self) -> None:
        shown = self.shown({VM: [VM_OBJECT], VMI: [VMI_OBJECT]})
        self.assertEqual(
            (shown["status"], shown["device_id"], shown["device_owner"]), ("ACTIVE", SERVER, "compute:nova")
        )
        self.assertEqual(shown["fixed_ips"], [{"subnet_id": subnet_id(NETWORK, "4"), "ip_address": "10.244.0.7"}])
        self.assertEqual(shown["mac_address"], "02:00:00:00:00:07")

    def test_a_binding_whose_vm_is_gone_is_void(self) -> None:
        shown = self.shown({})
        self.assertEqual((shown["status"], shown["device_id"], shown["device_owner"]), ("DOWN", "", ""))

    def test_hosts_are_for_admins(self) -> None:
        joined = {VM: [VM_OBJECT], VMI: [VMI_OBJECT]}
        self.assertNotIn("binding:host_id", self.shown(joined))
        self.assertEqual(self.shown(joined, admin=True)["binding:host_id"], "node-1")

    def test_is_listed_under_its_server(self) -> None:
        listed = entry(Rows(PORT, PORT_OBJECT, {VM: [VM_OBJECT]}), 0.0).entry
        assert listed is not None
        self.assertEqual((listed.name, listed.status, listed.columns), ("p", "DOWN", (SERVER, NETWORK)))


class LonePortTests(SynchronousTestCase):
    """The interface of a VM without a Port."""

    def test_is_a_port_with_an_id_of_its_own(self) -> None:
        rows = Rows(VM, VM_OBJECT, {VMI: [VMI_OBJECT]})
        shown = lone_document(rows, ("ports", 0, False), 0.0)
        self.assertEqual((shown["id"], shown["device_id"]), (synthetic_port(SERVER, "default"), SERVER))
        self.assertEqual(shown["status"], "ACTIVE")
        listed = lone_entry(rows, 0.0).entry
        assert listed is not None
        self.assertEqual(listed.id, shown["id"])

    def test_gives_way_to_a_port_object(self) -> None:
        self.assertIsNone(lone_entry(Rows(VM, VM_OBJECT, {PORT: [PORT_OBJECT]}), 0.0).entry)

    def test_a_vm_without_the_pod_network_has_none(self) -> None:
        bare = {**VM_OBJECT, "spec": {"template": {"spec": {"domain": {}}}}}
        self.assertIsNone(lone_entry(Rows(VM, bare), 0.0).entry)
