"""``dicot restore``: objects of a backup, made anew."""

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.tenancy.bootstrap import Bootstrap
from dicot.cloud.tenancy.calls import tenant_rights
from dicot.cloud.writing.cluster import Cluster
from dicot.config import Config
from dicot.kube.kind import Manifest
from dicot.restore import Backup, Unreadable, bare, read, restored
from dicot.served import resources
from tests.kube.fake import FakeKube

ID, SERVER = "c" * 32, "00000000-0000-4000-8000-000000000001"
SERVED = resources(Config())


def body(kind: str, version: str, name: str, namespace: str = "", id: str = "", **more: Any) -> Manifest:
    """An object as a cluster shows it."""
    metadata = {
        "name": name,
        "uid": f"old-{name}",
        "resourceVersion": "7",
        "creationTimestamp": "2026-11-20T10:00:00Z",
        "labels": {"dicot.io/id": id} if id else {},
        **({"namespace": namespace} if namespace else {}),
        **more.pop("metadata", {}),
    }
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


SPACE = body("Namespace", "v1", "demo", id=ID)
SPACE["metadata"]["labels"]["dicot.io/project"] = "true"
RECORD = body(
    "NamespaceRecord",
    "identity.dicot.io/v1",
    f"project-{ID}",
    "dicot-system",
    ID,
    spec={"namespace": "demo", "uid": "old-demo", "id": ID, "role": "project"},
)
MACHINE = body("VirtualMachine", "kubevirt.io/v1", "web", "demo", SERVER, spec={"runStrategy": "Halted"}, status={})
OWNED = {
    "ownerReferences": [{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": "web", "uid": "old-web"}]
}
PORT = body("Port", "network.dicot.io/v1", "web-port", "demo", metadata=OWNED, spec={"networkId": "n"})
LEDGER = body("Ledger", "identity.dicot.io/v1", "l", "dicot-system", spec={"project": ID})


def backup(*found: Manifest) -> Backup:
    """What is read of a List, as ``kubectl get -o json`` prints it."""
    return read(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(found)}))


class ReadTests(SynchronousTestCase):
    """What a backup is."""

    def test_lists_and_single_objects_are_read(self) -> None:
        text = f"{json.dumps(SPACE)}\n---\n" + json.dumps({"kind": "PortList", "items": [PORT]})
        found = read(text)
        self.assertEqual((found.namespaces, found.objects, found.records), ((SPACE,), (PORT,), ()))

    def test_owners_come_before_what_they_own(self) -> None:
        self.assertEqual(backup(PORT, MACHINE).objects, (MACHINE, PORT))

    def test_what_is_no_backup_is_refused(self) -> None:
        for text in ("[", "- a", "a: b", '{"kind": "Pod"}', '{"kind": "List", "items": [7]}'):
            self.assertRaises(Unreadable, read, text)

    def test_nothing_of_the_old_cluster_stays_but_ids(self) -> None:
        made = bare(MACHINE, {})
        self.assertEqual(made["metadata"], {"name": "web", "namespace": "demo", "labels": {"dicot.io/id": SERVER}})
        self.assertNotIn("status", made)

    def test_an_owner_that_is_not_there_is_no_owner(self) -> None:
        self.assertNotIn("ownerReferences", bare(PORT, {})["metadata"])


class RestoredTests(SynchronousTestCase):
    """A cluster that has nothing but the installation."""

    def setUp(self) -> None:
        clock = Clock()
        self.kube = FakeKube(clock)
        self.bootstrap = Bootstrap(Cluster(self.kube, {}, clock), tenant_rights(SERVED))

    def restore(self, *found: Manifest) -> tuple[str, ...]:
        async def work() -> tuple[str, ...]:
            return tuple([told async for told in restored(self.kube, self.bootstrap, SERVED, backup(*found))])

        return self.successResultOf(Deferred.fromCoroutine(work()))

    def one(self, plural: str, namespace: str, name: str) -> Manifest:
        found = self.kube.one(plural, namespace, name)
        assert found is not None, (plural, name)
        return found

    def test_all_is_there_again_with_its_ids_and_owners(self) -> None:
        self.restore(PORT, MACHINE, RECORD, SPACE)
        machine, port = self.one("virtualmachines", "demo", "web"), self.one("ports", "demo", "web-port")
        self.assertEqual(machine["metadata"]["labels"]["dicot.io/id"], SERVER)
        self.assertNotEqual(machine["metadata"]["uid"], "old-web")
        self.assertEqual(port["metadata"]["ownerReferences"][0]["uid"], machine["metadata"]["uid"])

    def test_a_project_is_recorded_with_its_new_uid(self) -> None:
        self.restore(RECORD, SPACE)
        record = self.one("namespacerecords", "dicot-system", f"project-{ID}")
        space = self.one("namespaces", "", "demo")
        self.assertEqual((record["spec"]["uid"], record["spec"]["id"]), (space["metadata"]["uid"], ID))
        self.assertTrue(self.kube.names("serviceaccounts", "dicot-projects"))

    def test_a_record_of_a_namespace_that_is_not_there_is_told(self) -> None:
        self.assertEqual(self.restore(RECORD), ("namespace demo: left out, it is not there",))

    def test_what_was_of_the_moment_is_left_out(self) -> None:
        self.restore(LEDGER)
        self.assertEqual(self.kube.names("ledgers"), [])

    def test_what_is_there_stays_as_it_is(self) -> None:
        self.restore(SPACE, RECORD, MACHINE)
        before = self.one("virtualmachines", "demo", "web")
        told = self.restore(SPACE, RECORD, MACHINE)
        self.assertIn("VirtualMachine demo/web: is there", told)
        self.assertEqual(self.one("virtualmachines", "demo", "web"), before)

    def test_what_is_not_of_dicots_kinds_is_told(self) -> None:
        told = self.restore(body("Pod", "v1", "p", "demo"))
        self.assertEqual(told, ("Pod p: left out",))
