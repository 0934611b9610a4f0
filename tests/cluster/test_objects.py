"""What is installed in place of the operators, users and kubeconfigs, and the record of a cluster."""

from __future__ import annotations

import base64
import csv
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster import objects, users
from tests.cluster.access import Access, Node
from tests.cluster.installation import definitions_in
from tests.cluster.objects import Backend, Document, named

BACKEND = Backend(4711, "PEM")
SERVICE = {"namespace": "kubevirt", "name": "virt-api", "path": "/vms-validate", "port": 443}


class RewireTests(SynchronousTestCase):
    """Registrations that name a Service of Pods are pointed at a port of loopback."""

    def test_a_webhook_gets_an_address(self) -> None:
        hook = {"name": "v", "clientConfig": {"service": SERVICE}, "failurePolicy": "Fail"}
        document: Document = named("ValidatingWebhookConfiguration", "w", webhooks=[hook])
        [rewired] = objects.rewire(document, BACKEND)["webhooks"]
        bundle = base64.b64encode(b"PEM").decode()
        self.assertEqual(rewired["clientConfig"], {"url": "https://127.0.0.1:4711/vms-validate", "caBundle": bundle})
        self.assertEqual(rewired["failurePolicy"], "Fail")

    def test_an_api_service_keeps_its_service_and_gets_the_port(self) -> None:
        spec = {
            "service": {"namespace": "kubevirt", "name": "virt-api"},
            "group": "g",
            "insecureSkipTLSVerify": False,
        }
        rewired = objects.rewire(named("APIService", "v1.g", spec=spec), BACKEND)["spec"]
        self.assertEqual(rewired["service"], {"namespace": "kubevirt", "name": "virt-api", "port": 4711})
        self.assertEqual(base64.b64decode(rewired["caBundle"]), b"PEM")

    def test_the_service_leads_to_loopback(self) -> None:
        service = objects.service(objects.KUBEVIRT)
        self.assertEqual(service["metadata"], {"name": "virt-api", "namespace": "kubevirt"})
        self.assertEqual(service["spec"]["externalName"], "localhost")


class CollectionTests(SynchronousTestCase):
    def test_of_both_scopes(self) -> None:
        self.assertEqual(objects.collection(named("Secret", "s", "cdi")), "/api/v1/namespaces/cdi/secrets")
        self.assertEqual(objects.collection(named("Namespace", "cdi")), "/api/v1/namespaces")


class KubeVirtTests(SynchronousTestCase):
    def test_the_status_names_the_architecture(self) -> None:
        status = objects.kubevirt(())["status"]
        self.assertEqual((status["phase"], status["defaultArchitecture"]), ("Deployed", "amd64"))

    def test_feature_gates(self) -> None:
        self.assertEqual(objects.kubevirt(())["spec"], {"configuration": {}})
        developer = objects.kubevirt(("Snapshot",))["spec"]["configuration"]["developerConfiguration"]
        self.assertEqual(developer, {"featureGates": ["Snapshot"]})


class DefinitionsTests(SynchronousTestCase):
    def test_only_definitions_of_files_and_folders(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "a.yaml").write_text("kind: CustomResourceDefinition\nn: 1\n---\nkind: ClusterRole\n")
        (folder / "b.json").write_text('{"kind": "CustomResourceDefinition", "n": 2}')
        (folder / "notes.txt").write_text("kind: CustomResourceDefinition")
        self.assertEqual([found["n"] for found in definitions_in([folder])], [1, 2])
        self.assertEqual([found["n"] for found in definitions_in([folder / "b.json"])], [2])


class UsersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.tokens = users.new_tokens()

    def test_everybody_has_a_token_of_their_own(self) -> None:
        self.assertEqual(set(self.tokens), set(users.USERS))
        self.assertEqual(len(set(self.tokens.values())), len(users.USERS))

    def test_the_token_file_names_groups(self) -> None:
        rows = {row[1]: row for row in csv.reader(users.token_file(self.tokens).splitlines())}
        token, _, _, groups = rows[users.VIRT_HANDLER]
        self.assertEqual(token, self.tokens[users.VIRT_HANDLER])
        self.assertEqual(
            groups.split(","), ["system:masters", "system:serviceaccounts", "system:serviceaccounts:kubevirt"]
        )
        self.assertEqual(rows[users.ADMIN][3], "system:masters")

    def test_a_kubeconfig_is_read_as_it_was_written(self) -> None:
        path = Path(self.mktemp())
        path.write_text(users.kubeconfig("https://127.0.0.1:1", b"PEM", self.tokens))
        login = users.read_kubeconfig(path)
        self.assertEqual((login.server, login.authority, login.current), ("https://127.0.0.1:1", b"PEM", "admin"))
        self.assertEqual(login.tokens, self.tokens)

    def test_a_kubeconfig_may_name_the_file_of_its_authority(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "ca.crt").write_bytes(b"PEM")
        (folder / "kubeconfig").write_text(
            "clusters: [{name: c, cluster: {server: 'https://k', certificate-authority: ca.crt}}]\n"
            "users: [{name: u, user: {token: t}}, {name: x, user: {client-key: k}}]\n"
            "contexts: [{name: now, context: {cluster: c, user: u}}]\n"
            "current-context: now\n"
        )
        login = users.read_kubeconfig(folder / "kubeconfig")
        self.assertEqual((login.authority, login.tokens), (b"PEM", {"u": "t"}))


class AccessTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.kubeconfig = self.folder / "kubeconfig"
        self.kubeconfig.write_text(users.kubeconfig("https://127.0.0.1:1", b"PEM", {"admin": "t", "kubelet": "k"}))

    def test_of_a_cluster_of_ours(self) -> None:
        written = Access(
            server="https://127.0.0.1:1",
            kubeconfig=self.kubeconfig,
            authority=b"PEM",
            tokens={"admin": "t", "kubelet": "k"},
            admin="t",
            programs={"kubectl": "/bin/kubectl"},
            node=Node(2, "c", "k", "a", 3),
            etcd="http://127.0.0.1:3",
        )
        written.write(self.folder)
        self.assertEqual(Access.read(self.kubeconfig), written)

    def test_is_found_through_a_link(self) -> None:
        (self.folder / "cluster.json").write_text('{"etcd": "http://127.0.0.1:3"}')
        link = Path(self.mktemp())
        link.symlink_to(self.kubeconfig)
        self.assertEqual(Access.read(link).etcd, "http://127.0.0.1:3")

    def test_of_any_other_cluster(self) -> None:
        access = Access.read(self.kubeconfig)
        self.assertEqual((access.admin, access.node, access.etcd, access.programs), ("t", None, None, {}))
