"""Tests of writing on the real control planes: what a Kubernetes in memory cannot prove."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import msgspec
from msgspec.structs import replace
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.python.failure import Failure

from dicot.cloud.chores.grants import grant
from dicot.cloud.chores.judgement import RIPE, Judge
from dicot.cloud.chores.lease import Lease
from dicot.cloud.kinds.identity import LEDGER
from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.kinds.network import PORT
from dicot.cloud.kinds.storage import SECRET
from dicot.cloud.plan import Claim, Create, NameTaken, Plan
from dicot.cloud.tenancy.bootstrap import Bootstrap
from dicot.cloud.writing.intent import entry
from dicot.cloud.writing.ledger import ledger_name
from dicot.faults import BadRequest, Conflict, Forbidden
from dicot.kube import errors
from dicot.kube.address import Account, Place, place
from dicot.kube.kind import Kind, Manifest, Row
from dicot.moments import precise

from .living import LivingTestCase, Watches
from .site import caller, manifest, reservation

SPEC: Manifest = {
    "runStrategy": "Halted",
    "template": {"spec": {"domain": {"devices": {}, "resources": {"requests": {"memory": "64Mi"}}}}},
}


def with_volume(volume: Manifest) -> Manifest:
    """The spec with a disk."""
    devices = {"disks": [{"name": volume["name"], "disk": {"bus": "virtio"}}]}
    domain = {**SPEC["template"]["spec"]["domain"], "devices": devices}
    return {**SPEC, "template": {"spec": {"domain": domain, "volumes": [volume]}}}


class LivingWriterCase(LivingTestCase):
    """Servers in a project of its own."""

    def server(self, name: str = "web", spec: Manifest = SPEC, **changes: Any) -> Plan:
        """A server with a Secret and a Port."""
        id, port = str(uuid4()), str(uuid4())
        labels = {"dicot.io/server-id": id}
        return Plan(
            id,
            Create(VM, manifest(VM, name, {"dicot.io/id": id}, self.space, spec=spec)),
            pending=(
                Create(SECRET, manifest(SECRET, f"{name}-config", labels, self.space, stringData={"userdata": "#x"})),
                Create(
                    PORT,
                    manifest(
                        PORT,
                        f"{name}-port",
                        {**labels, "dicot.io/id": port},
                        self.space,
                        spec={"networkId": str(uuid4())},
                    ),
                ),
            ),
            reserve=reservation(),
            rehearse=True,
            **changes,
        )

    async def apply(self, plan: Plan, **changes: Any) -> Row | None:
        """A member's write."""
        who = caller(project=self.project, namespace=self.space, **changes)
        return await self.replica.writer.apply(who, "req-live", lambda: plan)

    async def refused(self, plan: Plan, kind: type[Exception], **changes: Any) -> str:
        """What the refusal says; nothing is left of the plan."""
        raised = await self.assertFailure(Deferred.fromCoroutine(self.apply(plan, **changes)), kind)
        self.assertEqual([await self.there(VM, "web"), await self.there(SECRET, "web-config")], [None, None])
        return str(raised)

    async def there(self, kind: Kind[Any], name: str) -> Manifest | None:
        """An object as the administrator sees it."""
        try:
            found: Manifest = msgspec.json.decode(await self.admin.read(place(kind, self.space, name)))
        except errors.Missing:
            return None
        return found

    async def settled(self) -> None:
        """Until nothing is open."""
        while len(self.replica.writer):
            await self.pause(0.05)

    async def ledger(self) -> Manifest:
        """The project's Ledger as it lies there."""
        found: Manifest = msgspec.json.decode(
            await self.admin.read(place(LEDGER, "dicot-system", ledger_name(self.project)))
        )
        return found


class WriterLiveTests(LivingWriterCase):
    """A server's create."""

    async def test_a_server_with_what_belongs_to_it(self) -> None:
        plan = self.server()
        row = await self.apply(plan)
        known = self.replica.stores[VM].one(self.space, "web")
        assert row is not None and known is not None
        # virt-controller may have written to it meanwhile.
        self.assertEqual((row.id, known.uid), (plan.id, row.uid))
        await self.settled()
        for kind, name in ((SECRET, "web-config"), (PORT, "web-port")):
            found = await self.there(kind, name)
            assert found is not None
            self.assertEqual([owner["uid"] for owner in found["metadata"]["ownerReferences"]], [row.uid])
        self.assertEqual([each["id"] for each in (await self.ledger())["spec"]["entries"]], [plan.id])

    async def test_what_admission_refuses_is_a_readable_400(self) -> None:
        told = await self.refused(self.server(spec=with_volume({"name": "root"})), BadRequest)
        self.assertNotIn("admission webhook", told)
        self.assertIn("volumes[0]", told)

    async def test_an_unknown_field_is_a_400_that_names_it(self) -> None:
        told = await self.refused(self.server(spec={**SPEC, "shape": "round"}), BadRequest)
        self.assertEqual(told, 'unknown field "spec.shape"')

    async def test_a_reader_may_not_and_reads_no_account(self) -> None:
        told = await self.refused(self.server(), Forbidden, role_account="reader")
        self.assertEqual(told, "The cluster does not allow the project's role to do this.")

    async def test_a_member_may_not_lend_the_token_of_an_account(self) -> None:
        plan = self.server(spec=with_volume({"name": "token", "serviceAccount": {"serviceAccountName": "default"}}))
        assert isinstance(plan.commit, Create)
        account, at = Account("dicot-projects", f"{self.project}-member"), place(VM, self.space)
        # A policy that was only just made holds after a moment.
        while await self.allowed(self.own.create(at, plan.commit.body, acting_as=account, dry=True)):
            await self.pause(0.2)
        told = await self.refused(plan, BadRequest)
        self.assertEqual(told, "a project's account cannot use serviceAccount volumes")

    async def allowed(self, asking: Awaitable[bytes]) -> bool:
        """Whether a dry run went well."""
        try:
            await asking
        except (errors.Denied, errors.Invalid):
            return False
        return True

    async def test_another_project_is_out_of_reach(self) -> None:
        plan = self.server()
        assert isinstance(plan.commit, Create)
        body = manifest(VM, "web", {"dicot.io/id": plan.id}, "default", spec=SPEC)
        told = Plan(plan.id, Create(VM, body))
        await self.assertFailure(Deferred.fromCoroutine(self.apply(told)), Forbidden)

    async def test_a_quota_of_the_cluster_is_a_403_that_says_so(self) -> None:
        quota = Kind("", "v1", "resourcequotas", "ResourceQuota", SECRET.projection)
        hard = {"hard": {"count/virtualmachines.kubevirt.io": "0"}}
        await self.admin.create(place(quota, self.space), manifest(quota, "none", {}, self.space, spec=hard))
        told = ""
        while not told:
            try:
                await self.apply(self.server("web" + uuid4().hex[:6]))
            except Forbidden as refused:
                told = str(refused)
        self.assertIn("Quota exceeded: none, requested: count/virtualmachines.kubevirt.io=1", told)

    async def test_the_second_of_a_name_is_a_conflict_and_leaves_the_first(self) -> None:
        first = await self.apply(self.server())
        assert first is not None
        await self.settled()
        await self.assertFailure(Deferred.fromCoroutine(self.apply(self.server())), Conflict)
        found = await self.there(VM, "web")
        assert found is not None
        self.assertEqual(found["metadata"]["uid"], first.uid)
        self.assertIsNotNone(await self.there(SECRET, "web-config"))


class SharedLiveTests(LivingWriterCase):
    """What several replicas share."""

    async def test_entries_of_two_replicas_are_all_kept(self) -> None:
        other = await self.another()
        notes = [entry(self.server(f"web{number}")) for number in range(20)]
        each = [(self.replica, note) for note in notes[:10]] + [(other, note) for note in notes[10:]]
        await gatherResults([self.enter(replica, note, 100) for replica, note in each])
        found = (await self.ledger())["spec"]["entries"]
        self.assertEqual({each["id"] for each in found}, {note.id for note in notes if note})

    async def test_two_replicas_together_never_exceed_a_quota(self) -> None:
        other = await self.another()
        notes = [entry(self.server(f"web{number}")) for number in range(12)]
        each = [((self.replica, other)[number % 2], note) for number, note in enumerate(notes)]
        results = await DeferredList([self.enter(replica, note, 5) for replica, note in each], consumeErrors=True)
        self.assertEqual(sum(fine for fine, _ in results), 5)
        self.assertEqual(len((await self.ledger())["spec"]["entries"]), 5)

    def enter(self, replica: Watches, note: Any, limit: int) -> "Deferred[int]":
        until = replica.cluster.now() + 30
        return Deferred.fromCoroutine(
            replica.ledger.enter(self.project, (note,), lambda: reservation(0, limit), until)
        )

    async def test_of_two_who_claim_a_name_one_has_it(self) -> None:
        other = await self.another()
        name = uuid4().hex
        claims = [
            Claim("user", "default", name, uuid4().hex, f"users.identity.dicot.io dicot-system/user-{number}")
            for number in range(6)
        ]
        taking = [
            Deferred.fromCoroutine(
                (self.replica, other)[number % 2].claims.take(claim, self.until(), f"req-{number}")
            )
            for number, claim in enumerate(claims)
        ]
        results = await DeferredList(taking, consumeErrors=True)
        won = [claim for claim, (fine, _) in zip(claims, results, strict=True) if fine]
        lost = [result.type for _, result in results if isinstance(result, Failure)]
        self.assertEqual((len(won), lost), (1, [NameTaken] * 5))
        await other.claims.release(won[0], self.until())
        second = await self.replica.claims.take(claims[1], self.until(), "req-again")
        await self.replica.claims.remove(second, self.until())

    async def test_of_two_replicas_one_is_the_steward(self) -> None:
        other = await self.another()
        name = f"trial-{uuid4().hex[:8]}"
        one, two = Lease(self.replica.cluster, "one", name), Lease(other.cluster, "two", name)
        self.assertEqual(sorted(await gatherResults([_turn(one), _turn(two)])), [False, True])
        holder, waiting = (one, two) if one.is_held else (two, one)
        self.assertTrue(await holder.turn())
        self.assertFalse(await waiting.turn())
        await holder.release()
        self.assertTrue(await waiting.turn())
        await self.admin.delete(Place("coordination.k8s.io", "v1", "leases", "dicot-system", name))

    def until(self) -> float:
        return self.replica.cluster.now() + 30


def _turn(lease: Lease) -> "Deferred[bool]":
    return Deferred.fromCoroutine(lease.turn())


class JudgedLiveTests(LivingWriterCase):
    """What nobody finished."""

    async def test_what_was_not_committed_is_collected(self) -> None:
        plan = await self.broken_off(committed=False)
        await Judge(self.replica.cluster, self.replica.ledger).round(lambda: True)
        self.assertEqual([await self.there(SECRET, "web-config"), await self.there(PORT, "web-port")], [None, None])
        self.assertEqual((await self.ledger())["spec"].get("entries"), [], plan.id)

    async def test_what_was_committed_is_adopted(self) -> None:
        await self.broken_off(committed=True)
        await Judge(self.replica.cluster, self.replica.ledger).round(lambda: True)
        vm = await self.there(VM, "web")
        assert vm is not None
        for kind, name in ((SECRET, "web-config"), (PORT, "web-port")):
            found = await self.there(kind, name)
            assert found is not None
            self.assertEqual(
                [owner["uid"] for owner in found["metadata"]["ownerReferences"]], [vm["metadata"]["uid"]]
            )

    async def broken_off(self, *, committed: bool) -> Plan:
        """A create that died before (or after) its commit, longer ago than any write may take."""
        plan = self.server()
        note = entry(plan)
        assert note is not None and isinstance(plan.commit, Create)
        old = replace(note, at=precise(self.replica.cluster.time() - RIPE))
        body = manifest(LEDGER, ledger_name(self.project), {}, "dicot-system")
        body["spec"] = {"project": self.project, "entries": [msgspec.to_builtins(old)]}
        account = Account("dicot-projects", f"{self.project}-member")
        self.replica.cluster.learn(LEDGER, await self.own.create(place(LEDGER, "dicot-system"), body))
        for step in (*plan.pending, *((plan.commit,) if committed else ())):
            await self.own.create(place(step.kind, self.space), step.body, acting_as=account)
        return plan


class OwnLiveTests(LivingWriterCase):
    """Dicot's own account, and what it is kept from."""

    async def refusal(self, asking: Callable[[], Awaitable[bytes]]) -> errors.Refused:
        """What the cluster answers to what must not be. A new policy holds only after a moment: only dry runs ask."""
        for _ in range(100):
            try:
                await asking()
            except (errors.Denied, errors.Invalid) as refused:
                return refused
            await self.pause(0.2)
        raise self.failureException("it was allowed")

    async def test_it_acts_only_as_the_accounts_of_projects(self) -> None:
        for account in (Account("kube-system", "default"), Account(self.space, "default")):
            try:
                await self.own.read(place(VM, self.space, "web"), acting_as=account)
            except errors.Denied as refused:
                self.assertTrue(refused.own_account)
            else:
                self.fail(f"it acted as {account}")

    async def test_it_writes_only_in_recorded_namespaces(self) -> None:
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "dicot:reader"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "dicot:reader"},
            "subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": "dicot-projects"}],
        }
        at = Place("rbac.authorization.k8s.io", "v1", "rolebindings", "default")
        refused = await self.refusal(lambda: self.own.create(at, binding, dry=True))
        self.assertIn("only in its own namespaces and in recorded ones", refused.message)

    async def test_it_marks_no_namespace_of_the_system(self) -> None:
        label = {"metadata": {"labels": {"dicot.io/managed": "true"}}}
        at = Place("", "v1", "namespaces", "", "kube-public")
        refused = await self.refusal(lambda: self.own.patch(at, label, dry=True))
        self.assertIn("leaves system namespaces alone", refused.message)

    async def test_it_may_grant_the_clone_of_public_images(self) -> None:
        for claims in (("disk",), (), ("disk", "other")):
            for kind, body in grant(self.space, claims):
                made = await self.replica.cluster.ensure(kind, body)
                again = await self.replica.cluster.ensure(kind, body)
                self.assertEqual(made.version, again.version, claims)

    async def test_a_project_made_twice_is_made_once(self) -> None:
        again = await Bootstrap(self.replica.cluster, {}).adopt(self.space)
        self.assertEqual((again, self.replica.projects.of(self.space)), (self.project, self.project))
