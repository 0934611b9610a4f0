"""Tests of the writer: one commit point, nothing half-made, nothing lost, nothing twice."""

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from dicot.caller import Caller
from dicot.cloud.kinds.identity import NAME_CLAIM, REVOCATION
from dicot.cloud.kinds.kubevirt import NODE, VM
from dicot.cloud.kinds.network import PORT
from dicot.cloud.kinds.storage import DATA_VOLUME
from dicot.cloud.plan import Ask, Claim, Create, Delete, NameTaken, Patch, Plan, Refusals
from dicot.faults import BadRequest, Conflict, Fault, Forbidden, NotFound, Unavailable
from dicot.kube import errors
from dicot.kube.kind import Row
from dicot.kube.media import JSON_PATCH
from dicot.kube.store import Store

from ..kube.fake import Made
from .site import OTHER, PROJECT, SPACE, Site, caller, manifest, refuse, reservation, server, server_id, user

REQUEST = "req-00000000-0000-4000-8000-0000000000aa"


class WriterCase(SynchronousTestCase):
    """A site, and what is asked of its writer."""

    def setUp(self) -> None:
        self.site = Site()
        self.kube = self.site.kube

    def apply(self, plan: Plan, who: Caller | None = None) -> Deferred[Row | None]:
        return self.site.start(self.site.writer.apply(who or caller(), REQUEST, lambda: plan))

    def wait(self, seconds: float, step: float = 0.25) -> None:
        for _ in range(int(seconds / step)):
            self.site.clock.advance(step)

    def fault(self, applying: Deferred[Any], kind: type[Fault]) -> Fault:
        raised = self.failureResultOf(applying, kind).value
        assert isinstance(raised, Fault)
        return raised

    def vm(self, name: str = "web1", **spec: Any) -> Row:
        """A VM that is there."""
        self.kube.put(manifest(VM, name, {"dicot.io/id": server_id(1)}, spec=spec))
        row = self.site.stores[VM].one(SPACE, name)
        assert row is not None
        return row


class CreateTests(WriterCase):
    """A server's create."""

    def test_the_answer_is_the_commits_row(self) -> None:
        row = self.successResultOf(self.apply(server()))
        assert row is not None
        self.assertEqual((row.name, row.id), ("web1", server_id()))

    def test_everything_is_done_in_the_order_of_a_plan(self) -> None:
        self.successResultOf(self.apply(server()))
        self.assertEqual(
            self.kube.verbs()[:5],
            [
                "create ledgers",
                "dry create virtualmachines",
                "create secrets",
                "create ports",
                "create virtualmachines",
            ],
        )

    def test_pending_objects_go_with_the_commit(self) -> None:
        row = self.successResultOf(self.apply(server()))
        assert row is not None
        owner = {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": "web1", "uid": row.uid}
        for plural, name in (("secrets", "web1-config"), ("ports", "web1-port")):
            found = self.kube.one(plural, SPACE, name)
            assert found is not None
            self.assertEqual(found["metadata"]["ownerReferences"], [owner])

    def test_each_write_is_made_as_the_projects_account(self) -> None:
        self.successResultOf(self.apply(server()))
        extra = (("dicot.io/user-id", "u" * 32), ("dicot.io/request-id", REQUEST))
        mine = [made for made in self.kube.calls if made.plural != "ledgers"]
        self.assertEqual({(made.acting_as, made.extra) for made in mine}, {(f"{PROJECT}-member", extra)})

    def test_what_is_made_carries_the_id_of_its_request(self) -> None:
        self.successResultOf(self.apply(server()))
        found = self.kube.one("virtualmachines", SPACE, "web1")
        assert found is not None
        self.assertEqual(found["metadata"]["annotations"]["dicot.io/request-id"], REQUEST)

    def test_the_answer_is_in_the_cache_before_the_watch(self) -> None:
        self.kube.lagging = True
        applying = self.apply(server())
        self.assertNoResult(applying)
        self.assertIsNotNone(self.site.stores[VM].one(SPACE, "web1"))

    def test_it_waits_for_the_watches_of_what_was_written(self) -> None:
        self.kube.lagging = True
        applying = self.apply(server())
        self.wait(1.5)
        self.assertNoResult(applying)
        self.kube.catch_up()
        self.successResultOf(applying)

    def test_it_waits_for_them_two_seconds_at_most(self) -> None:
        self.kube.lagging = True
        applying = self.apply(server())
        self.wait(2)
        self.successResultOf(applying)

    def test_it_does_not_wait_for_a_watch_that_is_not_there_yet(self) -> None:
        self.kube.lagging = True
        self.site.stores[VM] = Store(VM)
        self.successResultOf(self.apply(server(reserve=None, pending=())))

    def test_a_client_that_left_cancels_nothing(self) -> None:
        held: Deferred[None] = Deferred()
        self.kube.script("create", "secrets", hold=held)
        applying = self.apply(server())
        applying.addErrback(lambda failure: None)
        applying.cancel()
        held.callback(None)
        self.assertEqual(self.kube.names("virtualmachines", SPACE), ["web1"])

    def test_a_pending_object_without_the_servers_id_is_a_defect(self) -> None:
        nameless = Create(PORT, manifest(PORT, "web1-port", {"dicot.io/id": server_id(90)}))
        self.failureResultOf(self.apply(server(pending=(nameless,))), ValueError)
        self.assertEqual(self.kube.calls, [])

    def test_a_plan_without_reservation_and_pending_objects_notes_nothing(self) -> None:
        self.successResultOf(self.apply(server(pending=(), reserve=None, rehearse=False)))
        self.assertEqual(self.kube.verbs(), ["create virtualmachines"])

    def test_adoption_follows_the_answer(self) -> None:
        held: Deferred[None] = Deferred()
        self.kube.script("patch", "secrets", hold=held)
        self.successResultOf(self.apply(server()))
        self.assertEqual(len(self.site.writer), 1)
        held.callback(None)
        self.assertEqual(len(self.site.writer), 0)


class RefusedTests(WriterCase):
    """Whatever is refused leaves nothing."""

    def nothing_left(self) -> None:
        self.assertEqual(self.site.left(), {})
        self.assertEqual(self.site.entries(), ())

    def test_over_quota(self) -> None:
        told = self.fault(self.apply(server(reserve=reservation(10, 10))), Forbidden)
        self.assertEqual(told.message, refuse({"instances": 10}).message)
        self.nothing_left()

    def test_by_the_dry_run(self) -> None:
        def admit(at: Any, body: Any) -> None:
            if at.plural == "virtualmachines":
                raise errors.Invalid(422, "Invalid", 'admission webhook "v.kubevirt.io" denied the request: no disk')

        self.kube.admit = admit
        told = self.fault(self.apply(server()), BadRequest)
        self.assertEqual(told.message, "no disk")
        self.assertEqual(self.kube.verbs("secrets"), [])
        self.nothing_left()

    def test_at_a_pending_object_the_others_are_deleted(self) -> None:
        self.kube.script("create", "ports", refuse=errors.Denied(403, "Forbidden", "exceeded quota: q, limited: x=1"))
        told = self.fault(self.apply(server()), Forbidden)
        self.assertEqual((told.message, told.kind), ("Quota exceeded: q, limited: x=1", "OverQuota"))
        self.nothing_left()

    def test_at_the_commit_what_was_made_is_deleted(self) -> None:
        self.kube.script("create", "virtualmachines", refuse=errors.Invalid(422, "Invalid", "no"))
        self.fault(self.apply(server()), BadRequest)
        self.nothing_left()

    def test_only_what_it_made_is_deleted(self) -> None:
        self.kube.put(manifest(PORT, "web1-port", {"dicot.io/id": server_id(90)}))
        self.fault(self.apply(server()), Conflict)
        self.assertEqual(self.site.left(), {"ports": ["web1-port"]})

    def test_what_cannot_be_deleted_stays_in_the_ledger(self) -> None:
        self.kube.script("create", "virtualmachines", refuse=errors.Invalid(422, "Invalid", "no"))
        self.kube.script("delete", "secrets", refuse=errors.Unreachable("away"))
        self.fault(self.apply(server()), BadRequest)
        self.assertEqual(self.site.left(), {"secrets": ["web1-config"]})
        self.assertEqual([entry.id for entry in self.site.entries()], [server_id()])

    def test_the_plans_own_words_come_first(self) -> None:
        words = {errors.Invalid: lambda refused: NotFound(f"mine: {refused.message}")}
        self.kube.script("create", "virtualmachines", refuse=errors.Invalid(422, "Invalid", "no"))
        self.assertEqual(self.fault(self.apply(server(refusals=words)), NotFound).message, "mine: no")

    def test_no_client_reads_the_name_of_a_node(self) -> None:
        self.kube.put(manifest(NODE, "worker-7", {}, ""))
        refused = errors.Invalid(422, "Invalid", "worker-7 is full, worker-77 is not")
        self.kube.script("create", "virtualmachines", refuse=refused)
        self.assertEqual(self.fault(self.apply(server()), BadRequest).message, "a node is full, worker-77 is not")

    def test_without_a_role_in_the_project_nothing_is_asked(self) -> None:
        plan = server(pending=(), reserve=None, rehearse=False)
        self.fault(self.apply(plan, caller(role_account="")), Forbidden)
        self.assertEqual(self.kube.calls, [])


class AccountTests(WriterCase):
    """Whose account it is."""

    def acting_as(self, who: Caller) -> str:
        body = manifest(VM, "web1", {"dicot.io/id": server_id()}, "other")
        self.successResultOf(self.apply(Plan(server_id(), Create(VM, body)), who))
        return self.kube.calls[0].acting_as

    def test_it_is_that_of_the_tokens_project_wherever_the_object_is(self) -> None:
        self.assertEqual(self.acting_as(caller()), f"{PROJECT}-member")

    def test_for_a_cloud_admin_it_is_that_of_the_objects_project(self) -> None:
        self.assertEqual(self.acting_as(caller(admin=True)), f"{OTHER}-admin")

    def test_a_cloud_admin_without_a_project_has_that_of_the_objects(self) -> None:
        who = caller(admin=True, system=True, project="", namespace="", role_account="")
        self.assertEqual(self.acting_as(who), f"{OTHER}-admin")

    def test_own_steps_are_dicots(self) -> None:
        self.successResultOf(self.apply(user()))
        self.assertEqual({made.acting_as for made in self.kube.calls}, {""})


class DoubtTests(WriterCase):
    """Answers that nobody got."""

    def test_a_lost_answer_to_any_create_is_settled_under_the_same_name(self) -> None:
        for plural in ("ledgers", "secrets", "ports", "virtualmachines"):
            for way in ("lose", "drop"):
                with self.subTest(f"{plural} {way}"):
                    self.setUp()
                    self.kube.script("create", plural, **{way: True}, times=2)
                    applying = self.apply(server())
                    self.wait(5)
                    self.successResultOf(applying)
                    self.assertEqual(
                        self.site.left(),
                        {"ports": ["web1-port"], "secrets": ["web1-config"], "virtualmachines": ["web1"]},
                    )

    def test_an_object_of_that_name_made_by_another_request_is_not_ours(self) -> None:
        self.vm()
        self.fault(self.apply(server(pending=(), reserve=None, rehearse=False)), Conflict)

    def test_a_doubt_that_stays_is_a_503_and_left_to_the_steward(self) -> None:
        self.kube.script("create", "virtualmachines", lose=True, times=1000)
        applying = self.apply(server())
        self.wait(31)
        told = self.fault(applying, Unavailable)
        self.assertEqual(told.headers, {"Retry-After": "1"})
        self.assertEqual(self.site.left(), {"ports": ["web1-port"], "secrets": ["web1-config"]})
        self.assertEqual([entry.id for entry in self.site.entries()], [server_id()])

    def test_a_refusal_of_the_repeat_settles_nothing(self) -> None:
        """The first request may have been carried out all the same."""
        for plural in ("secrets", "virtualmachines"):
            with self.subTest(plural):
                self.setUp()
                self.kube.script("create", plural, drop=True)
                self.kube.script("create", plural, refuse=errors.Denied(403, "Forbidden", "no rights yet"), times=2)
                applying = self.apply(server())
                self.wait(5)
                self.successResultOf(applying)

    def test_a_repeat_that_is_always_refused_is_left_to_the_steward(self) -> None:
        self.kube.script("create", "secrets", drop=True)
        self.kube.script("create", "secrets", refuse=errors.Denied(403, "Forbidden", "no rights"), times=1000)
        applying = self.apply(server())
        self.wait(31)
        self.fault(applying, Unavailable)
        self.assertEqual([entry.id for entry in self.site.entries()], [server_id()])

    def test_each_call_has_what_is_left_of_thirty_seconds(self) -> None:
        self.kube.script("create", "virtualmachines", lose=True, times=1000)
        applying = self.apply(server(pending=(), reserve=None, rehearse=False))
        self.wait(31)
        self.fault(applying, Unavailable)
        within = [made.within for made in self.kube.calls]
        self.assertEqual((within[0], max(within), within), (15.0, 15.0, sorted(within, reverse=True)))
        self.assertLess(within[-1], 5)

    def test_a_merge_patch_that_arrived_is_not_sent_again(self) -> None:
        self.vm()
        self.kube.script("patch", "virtualmachines", drop=True)
        patch = Patch(VM, SPACE, "web1", {"metadata": {"annotations": {"dicot.io/name": "web2"}}})
        applying = self.apply(Plan(server_id(), patch))
        self.wait(1)
        self.assertIsNotNone(self.successResultOf(applying))
        self.assertEqual(self.kube.verbs("virtualmachines"), ["patch virtualmachines", "read virtualmachines"])

    def test_a_patch_that_was_lost_is_sent_again(self) -> None:
        row = self.vm()
        self.kube.script("patch", "virtualmachines", lose=True)
        patch = Patch(VM, SPACE, "web1", {"metadata": {"annotations": {"dicot.io/name": "web2"}}}, row.version)
        applying = self.apply(Plan(server_id(), patch))
        self.wait(1)
        self.successResultOf(applying)
        found = self.kube.one("virtualmachines", SPACE, "web1")
        assert found is not None
        self.assertEqual(found["metadata"]["annotations"]["dicot.io/name"], "web2")

    def test_a_json_patch_in_doubt_is_derived_again_where_the_object_changed(self) -> None:
        self.vm(runStrategy="Halted")
        self.kube.script("patch", "virtualmachines", drop=True)
        derived: list[str] = []

        def derive() -> Plan:
            row = self.site.stores[VM].one(SPACE, "web1")
            assert row is not None
            derived.append(VM.read(row).spec.runStrategy)
            change = [{"op": "replace", "path": "/spec/runStrategy", "value": "Always"}]
            return Plan(server_id(), Patch(VM, SPACE, "web1", change, row.version, JSON_PATCH))

        applying = self.site.start(self.site.writer.apply(caller(), REQUEST, derive))
        self.wait(3)
        self.successResultOf(applying)
        self.assertEqual(derived, ["Halted", "Always"])

    def test_a_delete_that_arrived_is_done(self) -> None:
        row = self.vm()
        self.kube.script("delete", "virtualmachines", drop=True)
        applying = self.apply(Plan(server_id(), Delete(VM, SPACE, "web1", row.uid)))
        self.wait(1)
        self.assertIsNone(self.successResultOf(applying))
        self.assertIsNone(self.site.stores[VM].one(SPACE, "web1"))

    def test_a_delete_of_what_is_not_there_is_a_404(self) -> None:
        self.fault(self.apply(Plan(server_id(), Delete(VM, SPACE, "web1", "uid"))), NotFound)

    def test_an_action_in_doubt_is_asked_again_and_a_conflict_then_says_it_is_under_way(self) -> None:
        self.vm()
        self.kube.script("stop", "virtualmachines", drop=True)
        self.kube.script("stop", "virtualmachines", refuse=errors.Conflict(409, "Conflict", "already"))
        applying = self.apply(Plan(server_id(), Ask(VM, SPACE, "web1", "stop")))
        self.wait(1)
        self.assertIsNone(self.successResultOf(applying))

    def test_a_cluster_that_is_away_is_a_503(self) -> None:
        self.kube.script("create", "ledgers", refuse=errors.Unreachable("away"), times=100)
        told = self.fault(self.apply(server()), Unavailable)
        self.assertEqual(told.headers, {"Retry-After": "1"})


class ConflictTests(WriterCase):
    """What others wrote in between."""

    def test_it_is_derived_again_from_what_is_there_now(self) -> None:
        self.kube.lagging = True
        self.vm_behind_the_cache()
        derived: list[str] = []

        def derive() -> Plan:
            row = self.site.stores[VM].one(SPACE, "web1")
            assert row is not None
            derived.append(row.version)
            body = {"metadata": {"annotations": {"dicot.io/name": "web2"}}}
            return Plan(server_id(), Patch(VM, SPACE, "web1", body, row.version))

        applying = self.site.start(self.site.writer.apply(caller(), REQUEST, derive))
        self.wait(3)
        self.successResultOf(applying)
        self.assertEqual(len(derived), 2)

    def vm_behind_the_cache(self) -> None:
        self.kube.lagging = False
        self.vm()
        self.kube.lagging = True
        self.vm_changed()

    def vm_changed(self) -> None:
        found = self.kube.one("virtualmachines", SPACE, "web1")
        assert found is not None
        self.kube.put({**found, "spec": {"runStrategy": "Halted"}})

    def test_three_times_and_then_the_client_is_told(self) -> None:
        self.vm()
        derived = 0
        self.kube.script("stop", "virtualmachines", refuse=errors.Conflict(409, "Conflict", "no"), times=100)

        def derive() -> Plan:
            nonlocal derived
            derived += 1
            return Plan(server_id(), Ask(VM, SPACE, "web1", "stop"))

        applying = self.site.start(self.site.writer.apply(caller(), REQUEST, derive))
        self.wait(3, 0.05)
        self.fault(applying, Conflict)
        self.assertEqual(derived, 4)

    def test_a_patch_of_one_version_gets_its_turn_among_many(self) -> None:
        self.vm()
        refuse = errors.Conflict(409, "Conflict", "the object has been modified")
        self.kube.script("patch", "virtualmachines", refuse=refuse, times=9)
        body = {"metadata": {"annotations": {"dicot.io/name": "web2"}}}

        def derive() -> Plan:
            row = self.site.stores[VM].one(SPACE, "web1")
            assert row is not None
            return Plan(server_id(), Patch(VM, SPACE, "web1", body, row.version))

        applying = self.site.start(self.site.writer.apply(caller(), REQUEST, derive))
        self.wait(2, 0.02)
        self.successResultOf(applying)

    def test_a_fault_of_the_derivation_is_the_answer(self) -> None:
        def derive() -> Plan:
            raise Conflict("Cannot 'stop' instance while it is in vm_state stopped")

        self.fault(self.site.start(self.site.writer.apply(caller(), REQUEST, derive)), Conflict)

    def test_between_two_tries_nothing_is_left(self) -> None:
        port = self.kube.put(manifest(PORT, "mine", {"dicot.io/id": server_id(91)}, spec={}))
        self.kube.lagging = True
        self.kube.put({**port, "spec": {"description": "changed behind the cache"}})

        def derive() -> Plan:
            row = self.site.stores[PORT].one(SPACE, "mine")
            assert row is not None
            return server(binds=(Patch(PORT, SPACE, "mine", {"spec": {"vm": "web1"}}, row.version),))

        applying = self.site.start(self.site.writer.apply(caller(), REQUEST, derive))
        self.assertEqual(self.site.left(), {"ports": ["mine"]})
        self.assertEqual(self.site.entries(), ())
        self.wait(3)
        self.successResultOf(applying)
        self.assertEqual(self.site.left()["ports"], ["mine", "web1-port"])

    def test_a_json_patch_is_guarded_by_the_version(self) -> None:
        row = self.vm(runStrategy="Halted")
        change = [{"op": "replace", "path": "/spec/runStrategy", "value": "Always"}]
        patch = Patch(VM, SPACE, "web1", change, row.version, JSON_PATCH)
        self.successResultOf(self.apply(Plan(server_id(), patch)))
        stale = self.apply(Plan(server_id(), replace(patch, version="1")))
        self.wait(4)
        self.fault(stale, Conflict)


class OtherStepsTests(WriterCase):
    """Deletes, actions, and what the caches learn of them."""

    def test_what_is_gone_at_once_is_gone_from_the_cache(self) -> None:
        self.kube.lagging = True
        row = self.vm_seen()
        self.successResultOf(self.apply(Plan(server_id(), Delete(VM, SPACE, "web1", row.uid))))
        self.assertIsNone(self.site.stores[VM].one(SPACE, "web1"))

    def vm_seen(self) -> Row:
        self.kube.lagging = False
        row = self.vm()
        self.kube.lagging = True
        return row

    def test_what_finalizers_keep_is_going(self) -> None:
        body = manifest(VM, "web1", {"dicot.io/id": server_id()})
        body["metadata"]["finalizers"] = ["kubevirt.io/virtualMachineControllerFinalize"]
        uid = self.kube.put(body)["metadata"]["uid"]
        self.successResultOf(self.apply(Plan(server_id(), Delete(VM, SPACE, "web1", uid))))
        row = self.site.stores[VM].one(SPACE, "web1")
        assert row is not None
        self.assertIsNotNone(VM.read(row).metadata.deletionTimestamp)

    def test_a_delete_is_of_one_uid(self) -> None:
        self.vm()
        applying = self.apply(Plan(server_id(), Delete(VM, SPACE, "web1", "another")))
        self.wait(2)
        self.fault(applying, Conflict)
        self.assertEqual(self.kube.names("virtualmachines", SPACE), ["web1"])

    def test_after_an_action_the_cache_has_what_it_changed(self) -> None:
        self.vm_seen()
        applying = self.apply(Plan(server_id(), Ask(VM, SPACE, "web1", "stop")))
        row = self.site.stores[VM].one(SPACE, "web1")
        assert row is not None
        self.assertEqual(VM.read(row).metadata.annotations["dicot.io/asked"], "stop")
        self.kube.catch_up()
        self.assertIsNone(self.successResultOf(applying))


class ClaimedTests(WriterCase):
    """Plans that claim names."""

    def names(self) -> list[str]:
        return [NAME_CLAIM.read(row).spec.name for row in self.site.stores[NAME_CLAIM].rows()]

    def test_the_claim_comes_first(self) -> None:
        self.successResultOf(self.apply(user()))
        self.assertEqual(self.kube.verbs(), ["create nameclaims", "create users"])

    def test_a_taken_name_is_a_conflict(self) -> None:
        self.successResultOf(self.apply(user(1)))
        told = self.fault(self.apply(user(2)), Conflict)
        self.assertEqual(told.message, "The name ada is already in use.")
        self.assertEqual(self.kube.names("users"), ["user-1"])

    def test_or_what_the_plan_says_of_it(self) -> None:
        self.successResultOf(self.apply(user(1)))
        words: Refusals = {errors.Exists: lambda refused: Conflict("Duplicate entry.")}
        self.assertEqual(
            self.fault(self.apply(replace(user(2), refusals=words)), Conflict).message, "Duplicate entry."
        )
        self.assertTrue(issubclass(NameTaken, errors.Exists))

    def test_where_the_object_is_refused_the_name_is_free_again(self) -> None:
        self.kube.script("create", "users", refuse=errors.Invalid(422, "Invalid", "no"))
        self.fault(self.apply(user(1)), BadRequest)
        self.assertEqual(self.names(), [])

    def test_a_name_that_is_dropped_is_free_before_the_answer(self) -> None:
        """Of what Dicot may delete itself: it is not let do more here than on a cluster."""
        claims = (replace(user(1).claims[0], place="revocations.identity.dicot.io dicot-system/r"),)
        body = manifest(REVOCATION, "r", {"dicot.io/id": user(1).id}, "dicot-system", spec={"auditIds": ["a"]})
        self.successResultOf(self.apply(Plan(user(1).id, Create(REVOCATION, body, own=True), claims=claims)))
        self.fault(self.apply(user(2)), Conflict)
        [row] = self.site.stores[REVOCATION].rows()
        gone = Delete(REVOCATION, row.namespace, row.name, row.uid, own=True)
        self.successResultOf(self.apply(Plan(user(1).id, gone, drops=claims)))
        self.successResultOf(self.apply(user(2)))

    def test_a_rename_takes_the_new_name_and_drops_the_old(self) -> None:
        plan = user(1)
        self.successResultOf(self.apply(plan))
        new = Claim("user", "default", "grace", plan.id, plan.claims[0].place)
        step = Patch(plan.commit.kind, "dicot-system", "user-1", {"spec": {"name": "grace"}}, own=True)
        self.successResultOf(self.apply(Plan(plan.id, step, claims=(new,), drops=plan.claims)))
        self.assertEqual(self.names(), ["grace"])


class ManyTests(WriterCase):
    """Several servers of one request."""

    def many(self, *numbers: int, least: int = 1, **changes: Any) -> Deferred[tuple[str, ...]]:
        plans = tuple(server(number, **changes) for number in numbers)
        return self.site.start(self.site.writer.apply_many(caller(), REQUEST, lambda: plans, least))

    def test_one_reservation_and_one_dry_run(self) -> None:
        made = self.successResultOf(self.many(1, 2, 3))
        self.assertEqual(made, (server_id(1), server_id(2), server_id(3)))
        self.assertEqual(self.kube.verbs("ledgers"), ["create ledgers"])
        self.assertEqual(self.kube.verbs().count("dry create virtualmachines"), 1)

    def test_the_commits_go_side_by_side(self) -> None:
        held: Deferred[None] = Deferred()
        self.kube.script("create", "virtualmachines", hold=held, times=3)
        making = self.many(1, 2, 3)
        self.assertEqual(self.kube.verbs("virtualmachines").count("create virtualmachines"), 3)
        held.callback(None)
        self.successResultOf(making)

    def test_enough_of_them_is_enough(self) -> None:
        self.kube.script("create", "virtualmachines", refuse=errors.Invalid(422, "Invalid", "no"), name="web2")
        self.assertEqual(self.successResultOf(self.many(1, 2, 3, least=2)), (server_id(1), server_id(3)))
        self.assertEqual(self.site.left()["secrets"], ["web1-config", "web3-config"])
        self.assertEqual(
            [(entry.id, entry.batch, entry.least) for entry in self.site.entries()],
            [(server_id(1), "", 0), (server_id(3), "", 0)],
        )

    def test_nobody_is_answered_before_it_is_written_that_enough_stay(self) -> None:
        held: Deferred[None] = Deferred()
        self.kube.script("patch", "ledgers", hold=held)
        making = self.many(1, 2, least=2)
        self.assertEqual([entry.least for entry in self.site.entries()], [2, 2])
        self.assertNoResult(making)
        held.callback(None)
        self.assertEqual(len(self.successResultOf(making)), 2)
        self.assertEqual([entry.least for entry in self.site.entries()], [0, 0])

    def test_nobody_is_answered_before_what_lasts_is_nobodys_to_collect(self) -> None:
        held: Deferred[None] = Deferred()
        self.kube.script("patch", "ledgers", hold=held)
        making = self.apply(with_volume())
        self.assertEqual(len(self.site.entries()[0].pending), 3)
        self.assertNoResult(making)
        held.callback(None)
        self.successResultOf(making)
        [entry] = self.site.entries()
        self.assertEqual([named.name for named in entry.pending], ["web1-config", "web1-port"])

    def test_what_lasts_is_not_owned_by_the_commit(self) -> None:
        self.successResultOf(self.apply(with_volume()))
        self.wait(1)
        found = self.kube.one("datavolumes", SPACE, "web1-volume1")
        assert found is not None
        self.assertNotIn("ownerReferences", found["metadata"])

    def test_what_would_last_goes_where_the_commit_is_refused(self) -> None:
        self.kube.script("create", "virtualmachines", refuse=errors.Invalid(422, "Invalid", "no"))
        self.fault(self.apply(with_volume()), BadRequest)
        self.assertEqual(self.site.left(), {})

    def test_fewer_than_the_least_are_all_undone(self) -> None:
        self.kube.script("create", "virtualmachines", refuse=errors.Invalid(422, "Invalid", "no"), name="web2")
        self.assertEqual(self.fault(self.many(1, 2, 3, least=3), BadRequest).message, "no")
        self.assertEqual(self.site.left(), {})
        self.assertEqual(self.site.entries(), ())

    def test_as_many_as_the_quota_allows(self) -> None:
        made = self.successResultOf(self.many(1, 2, 3, least=1, reserve=reservation(8, 10)))
        self.assertEqual(made, (server_id(1), server_id(2)))
        self.assertEqual(self.site.left()["virtualmachines"], ["web1", "web2"])

    def test_less_than_the_least_by_quota_is_refused(self) -> None:
        told = self.fault(self.many(1, 2, 3, least=3, reserve=reservation(8, 10)), Forbidden)
        self.assertEqual(told.message, refuse({"instances": 8}).message)
        self.assertEqual(self.site.left(), {})


def with_volume() -> Plan:
    """A server with a volume that is to outlive it."""
    plan = server()
    labels = {"dicot.io/id": server_id(91), "dicot.io/server-id": plan.id}
    volume = Create(DATA_VOLUME, manifest(DATA_VOLUME, "web1-volume1", labels))
    return replace(plan, pending=(*plan.pending, volume))


class DrainTests(WriterCase):
    """Going down."""

    def test_it_waits_for_open_writes_and_takes_no_new_one(self) -> None:
        held: Deferred[None] = Deferred()
        self.kube.script("create", "virtualmachines", hold=held)
        open_ = self.apply(server())
        draining = self.site.start(self.site.writer.drain(30))
        self.fault(self.apply(server(2)), Unavailable)
        self.assertNoResult(draining)
        held.callback(None)
        self.successResultOf(open_)
        self.successResultOf(draining)

    def test_it_waits_no_longer_than_it_was_told(self) -> None:
        self.kube.script("create", "virtualmachines", hold=Deferred())
        self.apply(server())
        draining = self.site.start(self.site.writer.drain(30))
        self.wait(30)
        self.successResultOf(draining)


class MarkTests(SynchronousTestCase):
    """Of calls that tests compare."""

    def test_a_failure_of_another_kind_is_not_told_as_a_fault(self) -> None:
        site = Site()
        site.kube.script("create", "virtualmachines", refuse=errors.Failed(405, "MethodNotAllowed", "no"))
        plan = server(pending=(), reserve=None, rehearse=False)
        applying = site.start(site.writer.apply(caller(), REQUEST, lambda: plan))
        failure: Failure = self.failureResultOf(applying)
        self.assertIsInstance(failure.value, errors.Failed)
        self.assertEqual(
            site.kube.calls[0],
            Made("create", "virtualmachines", "web1", f"{PROJECT}-member", False, site.kube.calls[0].extra, 15.0),
        )
