"""What keeps tenants apart in Kubernetes: for one with kubectl, and for one whom Dicot's own policy does not hold."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.web.client import HTTPConnectionPool

from dicot.names import ACCOUNTS_NAMESPACE, ID, PROJECT, SYSTEM_NAMESPACE, account_name
from tests.cluster.control import SOON, Answer, Control
from tests.cluster.installed import token_request
from tests.cluster.objects import Document, named
from tests.cluster.users import read_kubeconfig
from tests.live.case import LiveCase, image_id, new_server
from tests.live.daemon import DAEMON
from tests.live.seen.objects import CDI, KUBEVIRT, RBAC, binding, machine, role
from tests.live.seen.person import Person

SERVERS = "/compute/v2.1/servers"
LIVE = "cirros-live"
OWN, FOREIGN = "demo", "admin"
"""Namespaces of projects; who is tried is a tenant of the first."""
UNGUARDED = (sys.executable, str(Path(__file__).with_name("unguarded.py")))
SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEW: Document = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


class TenantCase(LiveCase):
    """A server of another project, and a look at it that finds every change."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.mark = uuid4().hex[:8]
        body = new_server(f"victim-{self.mark}", await image_id(self.admin, LIVE))
        made = await self.admin.ask("POST", SERVERS, body)
        self.assertEqual(made.code, 202, made)
        self.victim = str(made.document["server"]["id"])
        self.addCleanup(lambda: Deferred.fromCoroutine(self.admin.ask("DELETE", f"{SERVERS}/{self.victim}")))
        await self.active()

    async def active(self) -> Document:
        """The victim once nothing changes it any more."""
        found: list[Document] = []

        async def seen() -> bool:
            answer = await self.admin.ask("GET", f"{SERVERS}/{self.victim}")
            found[:] = [answer.document["server"]]
            return bool(found[0]["status"] == "ACTIVE" and found[0]["OS-SRV-USG:launched_at"])

        await self.cluster.until(SOON, "the victim to run", seen)
        return found[0]

    async def machine(self) -> Document:
        """The victim as Kubernetes has it."""
        path = f"{KUBEVIRT}/namespaces/{FOREIGN}/virtualmachines"
        [found] = (await self.cluster.get(f"{path}?labelSelector={ID}%3D{self.victim}"))["items"]
        return dict(found)

    async def made(self, path: str, document: Document) -> Document:
        """An object that the cluster's administrator makes for this test."""
        made = await self.cluster.change("POST", path, document)
        name = document["metadata"]["name"]
        self.addCleanup(lambda: Deferred.fromCoroutine(self.cluster.ask("DELETE", f"{path}/{name}")))
        return made


class KubectlTests(TenantCase):
    """A tenant who may do in his project's namespace all that Kubernetes' own role ``admin`` allows."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        name = f"tenant-{self.mark}"
        accounts = f"/api/v1/namespaces/{OWN}/serviceaccounts"
        await self.made(accounts, named("ServiceAccount", name))
        bound = binding(name, "ClusterRole", "admin", OWN, name)
        await self.made(f"{RBAC}/namespaces/{OWN}/rolebindings", bound)
        answer = await self.cluster.change("POST", f"{accounts}/{name}/token", token_request())
        self.token, self.name = str(answer["status"]["token"]), name
        self.tenant = self.as_tenant()

        async def bound_already() -> bool:
            return (await self.tenant.ask("GET", f"{KUBEVIRT}/namespaces/{OWN}/virtualmachines")).status == 200

        await self.cluster.until(SOON, "the tenant's rights", bound_already)

    def as_tenant(self) -> Control:
        access = self.daemon.ground.access
        control = Control(reactor, access.server, access.authority, self.token)
        self.addCleanup(lambda: Deferred.fromCoroutine(control.close()))
        return control

    async def refuses(self, method: str, path: str, body: object = None, words: str = "") -> Answer:
        answer = await self.tenant.ask(method, path, body)
        self.assertEqual(answer.status, 403, f"{method} {path}: {answer.content!r}")
        self.assertIn(words, answer.document["message"])
        return answer

    def others(self) -> tuple[str, ...]:
        """Accounts that write for projects, the tenant's own among them, and Dicot's."""
        accounts = [account_name(project, "admin") for project in (self.demo.project, self.admin.project)]
        users = [f"{ACCOUNTS_NAMESPACE}:{name}" for name in accounts]
        return tuple(f"system:serviceaccount:{user}" for user in (*users, f"{SYSTEM_NAMESPACE}:dicot"))

    async def test_he_reads_no_other_project_and_nothing_of_dicots(self) -> None:
        for path in (
            f"{KUBEVIRT}/virtualmachines",
            f"{KUBEVIRT}/namespaces/{FOREIGN}/virtualmachines",
            f"/api/v1/namespaces/{FOREIGN}/secrets",
            f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/secrets",
            f"/api/v1/namespaces/{ACCOUNTS_NAMESPACE}/serviceaccounts",
            f"/apis/identity.dicot.io/v1/namespaces/{SYSTEM_NAMESPACE}/users",
            f"/apis/network.dicot.io/v1/namespaces/{FOREIGN}/ports",
        ):
            await self.refuses("GET", path, words="cannot list resource")

    async def test_he_acts_as_nobody_else(self) -> None:
        for user in self.others():
            answer = await self.impersonating(user)
            self.assertEqual(answer.status, 403, f"{user}: {answer.content!r}")
            self.assertIn("cannot impersonate", answer.document["message"])
            namespace, name = user.split(":")[2:]
            path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
            await self.refuses("POST", path, token_request(), 'cannot create resource "serviceaccounts/token"')

    async def impersonating(self, user: str) -> Answer:
        """Who the cluster says he is, in that user's name."""
        pool = HTTPConnectionPool(reactor)
        self.addCleanup(pool.closeCachedConnections)
        person = Person(pool, self.daemon.ground.access, self.token, {"Impersonate-User": user})
        return await person.ask("POST", SELF, REVIEW)

    async def test_he_binds_nobody_elses_roles(self) -> None:
        """Neither what he has not himself, nor where he is not at home."""
        for name in ("dicot:member", "dicot:admin", "cluster-admin"):
            path = f"{RBAC}/namespaces/{OWN}/rolebindings"
            bound = binding(f"b-{self.mark}", "ClusterRole", name, OWN, self.name)
            await self.refuses("POST", path, bound, "attempting to grant RBAC permissions not currently held")
        for namespace in (FOREIGN, ACCOUNTS_NAMESPACE, SYSTEM_NAMESPACE):
            path = f"{RBAC}/namespaces/{namespace}"
            bound = binding(f"b-{self.mark}", "ClusterRole", "view", OWN, self.name)
            await self.refuses("POST", f"{path}/rolebindings", bound, 'cannot create resource "rolebindings"')
            acts: Any = {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]}
            await self.refuses("POST", f"{path}/roles", role(f"r-{self.mark}", acts), "cannot create resource")

    async def test_the_roles_he_may_write_reach_no_account_of_dicots(self) -> None:
        """He may give himself the right to act as the accounts of his namespace: none of Dicot's is there."""
        path = f"{RBAC}/namespaces/{OWN}"
        acts: Any = {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]}
        for plural, document in (
            ("roles", role(f"act-{self.mark}", acts)),
            ("rolebindings", binding(f"act-{self.mark}", "Role", f"act-{self.mark}", OWN, self.name)),
        ):
            answer = await self.tenant.ask("POST", f"{path}/{plural}", document)
            self.assertEqual(answer.status, 201, answer.content)
            self.addCleanup(self.forget, f"{path}/{plural}/act-{self.mark}")
        for user in self.others():
            self.assertEqual((await self.impersonating(user)).status, 403, user)

    def forget(self, path: str) -> Deferred[Answer]:
        return Deferred.fromCoroutine(self.cluster.ask("DELETE", path))

    async def test_a_machine_lends_him_no_other_account(self) -> None:
        """A ``serviceAccount`` volume takes accounts of its own namespace, and there is none of a project's."""
        listed = await self.cluster.get(f"/api/v1/namespaces/{OWN}/serviceaccounts")
        names = {found["metadata"]["name"] for found in listed["items"]}
        theirs = {account_name(self.demo.project, each) for each in ("reader", "member", "manager", "admin")}
        self.assertEqual(names & theirs, set())
        bindings = await self.cluster.get(f"{RBAC}/namespaces/{OWN}/rolebindings")
        for each in bindings["items"]:
            if each["metadata"]["name"].startswith("dicot:"):
                self.assertEqual({found["namespace"] for found in each["subjects"]}, {ACCOUNTS_NAMESPACE})

    async def test_a_namespace_is_not_his_to_label(self) -> None:
        for namespace in (OWN, FOREIGN):
            labels = {"metadata": {"labels": {ID: self.admin.project}}}
            media = "application/merge-patch+json"
            answer = await self.tenant.ask("PATCH", f"/api/v1/namespaces/{namespace}", labels, media)
            self.assertEqual(answer.status, 403, answer.content)
        created = await self.tenant.ask("POST", "/api/v1/namespaces", named("Namespace", f"own-{self.mark}"))
        self.assertEqual(created.status, 403, created.content)

    async def test_a_label_makes_no_project_of_a_namespace(self) -> None:
        """One that carries another project's id, by whomever, shows nothing to anybody and takes nothing away."""
        name = f"forged-{self.mark}"
        forged = named("Namespace", name)
        forged["metadata"]["labels"] = {ID: self.admin.project, PROJECT: "true"}
        await self.made("/api/v1/namespaces", forged)
        decoy = machine("decoy", runStrategy="Halted")
        decoy["metadata"]["labels"] = {ID: str(uuid4())}
        await self.cluster.change("POST", f"{KUBEVIRT}/namespaces/{name}/virtualmachines", decoy)
        answer = await self.admin.ask("GET", f"{SERVERS}?all_tenants=1")
        names = [each["name"] for each in answer.document["servers"]]
        self.assertIn(f"victim-{self.mark}", names)
        self.assertNotIn("decoy", names)

    async def test_a_label_makes_no_server_his(self) -> None:
        """A machine with the victim's id is the tenant's own, and what he does to it is not done to the victim."""
        before = await self.machine()
        twin = machine(f"twin-{self.mark}", runStrategy="Halted")
        twin["metadata"]["labels"] = {ID: self.victim}
        path = f"{KUBEVIRT}/namespaces/{OWN}/virtualmachines"
        answer = await self.tenant.ask("POST", path, twin)
        self.assertEqual(answer.status, 201, answer.content)
        self.addCleanup(self.forget, f"{path}/twin-{self.mark}")

        async def shown() -> bool:
            found = await self.demo.ask("GET", f"{SERVERS}/{self.victim}")
            return found.code == 200 and found.document["server"]["name"] == f"twin-{self.mark}"

        await self.cluster.until(SOON, "the twin", shown)
        theirs = (await self.admin.ask("GET", f"{SERVERS}/{self.victim}")).document["server"]
        self.assertEqual((theirs["name"], theirs["tenant_id"]), (f"victim-{self.mark}", self.admin.project))
        deleted = await self.demo.ask("DELETE", f"{SERVERS}/{self.victim}")
        self.assertEqual(deleted.code, 204, deleted)
        self.assertEqual((await self.machine())["metadata"]["uid"], before["metadata"]["uid"])
        self.assertNotIn("deletionTimestamp", (await self.machine())["metadata"])

    async def test_an_owner_elsewhere_makes_nothing_of_his_part_of_it(self) -> None:
        """An instance that names the victim as its owner is not the victim's."""
        before = await self.active()
        owner = await self.machine()
        reference = {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "controller": True,
        }
        for path, body in (
            (f"/api/v1/namespaces/{OWN}/configmaps", named("ConfigMap", f"child-{self.mark}")),
            (f"{KUBEVIRT}/namespaces/{OWN}/virtualmachines", machine(f"child-{self.mark}", runStrategy="Halted")),
        ):
            body["metadata"]["ownerReferences"] = [reference]
            answer = await self.tenant.ask("POST", path, body)
            self.assertIn(answer.status, (201, 403, 422), answer.content)
            self.addCleanup(self.forget, f"{path}/child-{self.mark}")
        after = (await self.admin.ask("GET", f"{SERVERS}/{self.victim}")).document["server"]
        self.assertEqual({**after, "updated": ""}, {**before, "updated": ""})

    async def test_an_image_that_points_elsewhere_gives_nothing(self) -> None:
        """It has no size, no server comes of it, and CDI clones it for nobody."""
        image = str(uuid4())
        source = {"pvc": {"name": f"secret-{self.mark}", "namespace": FOREIGN}}
        pointer = named(
            "DataSource", f"pointer-{self.mark}", None, "cdi.kubevirt.io/v1beta1", spec={"source": source}
        )
        pointer["metadata"]["labels"] = {ID: image}
        path = f"{CDI}/namespaces/{OWN}/datasources"
        made = await self.tenant.ask("POST", path, pointer)
        self.assertEqual(made.status, 201, made.content)
        self.addCleanup(self.forget, f"{path}/pointer-{self.mark}")

        async def listed() -> bool:
            return (await self.demo.ask("GET", f"/image/v2/images/{image}")).code == 200

        await self.cluster.until(SOON, "the image", listed)
        shown = (await self.demo.ask("GET", f"/image/v2/images/{image}")).document
        self.assertEqual((shown["status"], shown["size"]), ("queued", None))
        refused = await self.demo.ask("POST", SERVERS, new_server(f"thief-{self.mark}", image))
        self.assertEqual(refused.code // 100, 4, refused)
        spec = {"source": source, "storage": {"resources": {"requests": {"storage": "1Gi"}}}}
        clone = named("DataVolume", f"clone-{self.mark}", None, pointer["apiVersion"], spec=spec)
        answer = await self.tenant.ask("POST", f"{CDI}/namespaces/{OWN}/datavolumes", clone)
        self.assertEqual(answer.status, 422, answer.content)
        self.assertIn(f"insufficient permissions in clone source namespace {FOREIGN}", answer.document["message"])


class UnguardedTests(TenantCase):
    """A Dicot that lets everybody do everything and shows him everything."""

    async def test_rights_alone_keep_writes_apart(self) -> None:
        await self.active()
        daemon = await DAEMON.own(reactor, self, program=UNGUARDED)
        demo = self.demo.at(daemon.url)
        shown = await demo.ask("GET", f"{SERVERS}?name=victim-{self.mark}")
        before = await self.machine()
        path = f"{SERVERS}/{self.victim}"
        tries: tuple[tuple[str, str, Any], ...] = (
            ("PUT", path, {"server": {"name": "mine"}}),
            ("POST", f"{path}/action", {"os-stop": None}),
            ("POST", f"{path}/action", {"reboot": {"type": "HARD"}}),
            ("POST", f"{path}/action", {"lock": None}),
            ("POST", f"{path}/metadata", {"metadata": {"mine": "yes"}}),
            ("PUT", f"{path}/tags/mine", None),
            ("DELETE", path, None),
        )
        for method, where, body in tries:
            answer = await demo.ask(method, where, body)
            self.assertEqual(answer.code, 403, f"{method} {where} {json.dumps(body)}: {answer}\n{shown}")
        after = await self.machine()
        for kept in ("uid", "annotations", "labels", "deletionTimestamp"):
            self.assertEqual(after["metadata"].get(kept), before["metadata"].get(kept), kept)
        self.assertEqual(after["spec"], before["spec"])
        mine = await demo.ask("POST", SERVERS, new_server(f"mine-{self.mark}", await image_id(self.demo, LIVE)))
        self.assertEqual(mine.code, 202, mine)
        gone = await demo.ask("DELETE", f"{SERVERS}/{mine.document['server']['id']}")
        self.assertEqual(gone.code, 204, gone)


class OwnAccountTests(LiveCase):
    """What the admission policies hold Dicot's own accounts to."""

    async def dicot(self, headers: Any = None) -> Any:
        login = read_kubeconfig(self.daemon.ground.kubeconfig)
        pool = HTTPConnectionPool(reactor)
        self.addCleanup(pool.closeCachedConnections)
        return Person(pool, self.daemon.ground.access, login.tokens[login.current], headers or {})

    async def test_it_writes_in_recorded_namespaces_only(self) -> None:
        """In ``default``, which is no project, the policy refuses what its rights would allow."""
        dicot = await self.dicot()
        group: Any = {
            "apiVersion": "network.dicot.io/v1",
            "kind": "SecurityGroup",
            "metadata": {"name": f"g-{uuid4().hex[:8]}"},
            "spec": {"name": "g"},
        }
        path = "/apis/network.dicot.io/v1/namespaces/{}/securitygroups?dryRun=All"
        refused = await dicot.ask("POST", path.format("default"), group)
        self.assertEqual(refused.status, 422, refused.content)
        self.assertIn("writes only in its own namespaces and in recorded ones", refused.document["message"])
        allowed = await dicot.ask("POST", path.format(OWN), group)
        self.assertEqual(allowed.status, 201, allowed.content)

    async def test_it_leaves_system_namespaces_alone(self) -> None:
        dicot = await self.dicot()
        labels = {"metadata": {"labels": {ID: "f" * 32}}}
        refused = await dicot.ask("PATCH", "/api/v1/namespaces/kube-system?dryRun=All", labels)
        self.assertIn(refused.status, (415, 422), refused.content)

    async def test_a_projects_account_lends_no_account_to_a_machine(self) -> None:
        user = f"system:serviceaccount:{ACCOUNTS_NAMESPACE}:{account_name(self.demo.project, 'member')}"
        member = await self.dicot({"Impersonate-User": user})
        thief = machine(f"thief-{uuid4().hex[:8]}", runStrategy="Halted")
        path = f"{KUBEVIRT}/namespaces/{OWN}/virtualmachines?dryRun=All"
        self.assertEqual((await member.ask("POST", path, thief)).status, 201)
        inner = thief["spec"]["template"]["spec"]
        inner["volumes"].append({"name": "token", "serviceAccount": {"serviceAccountName": "default"}})
        inner["domain"]["devices"]["disks"].append({"name": "token", "disk": {}})
        refused = await member.ask("POST", path, thief)
        self.assertEqual(refused.status, 422, refused.content)
        self.assertIn("a project's account cannot use serviceAccount volumes", refused.document["message"])
