"""Locks."""

import json
from typing import Any

from dicot.caller import Caller
from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.plan import Patch
from dicot.cloud.reading.shelf import Block
from dicot.cloud.resource import ADMIN as ADMINS
from dicot.cloud.resource import MEMBER as MEMBERS
from dicot.compute.server.columns import PLACE, entry
from dicot.compute.server.filters import Wanted, matching
from dicot.compute.server.locking import OVERRIDE, POLICY, SERVER_LOCKS, routes
from dicot.faults import BadRequest, Forbidden, NotFound
from dicot.kube import errors
from dicot.kube.kind import Row
from dicot.web.call import Reply
from dicot.web.dialect import Version

from .objects import NAMESPACE, NOW, OTHER_NAMESPACE
from .served import ACTION, LATEST, Served, unlogged
from .world import ADMIN, MEMBER, STRANGER, caller

OURS, THEIRS = {"dicot.io/lock": '{"by":"owner"}'}, {"dicot.io/lock": '{"by":"admin"}'}
ADMIN_ELSEWHERE = caller(admin=True, namespace=OTHER_NAMESPACE, project=STRANGER.project)


class LockCase(Served):
    register = staticmethod(routes)

    def act(self, key: str, row: Row, value: Any = None, who: Caller = MEMBER, version: Version = LATEST) -> Reply:
        return self.ask(key, ACTION, value, id=row.id, who=who, version=version)

    def sent(self) -> Any:
        """The lock that the one plan writes."""
        commit = self.applied().commit
        assert isinstance(commit, Patch) and isinstance(commit.body, dict)
        note = commit.body["metadata"]["annotations"]["dicot.io/lock"]
        return None if note is None else json.loads(note)


class LockTests(LockCase):
    def test_by_its_owner(self) -> None:
        row = self.place()
        reply = self.act("lock", row)
        self.assertEqual((reply.code, reply.body), (202, None))
        annotations = {"dicot.io/lock": '{"by":"owner"}', "dicot.io/updated-at": "2026-11-21T10:00:00Z"}
        body = {"metadata": {"annotations": annotations}}
        self.assertEqual(unlogged(self.applied()), [Patch(VM, NAMESPACE, row.name, body, version=row.version)])

    def test_with_a_reason(self) -> None:
        self.act("lock", self.place(), {"locked_reason": "mine"})
        self.assertEqual(self.sent(), {"by": "owner", "reason": "mine"})

    def test_of_which_nothing_was_known_before_2_73(self) -> None:
        self.act("lock", self.place(), {"locked_reason": "mine"}, version=(2, 72))
        self.assertEqual(self.sent(), {"by": "owner"})

    def test_bodies(self) -> None:
        row = self.place()
        reasons: tuple[Any, ...] = ("", "x" * 256, None, 1)
        bad: list[Any] = ["", [], 1, {"a": 1}, *({"locked_reason": each} for each in reasons)]
        for value in bad:
            self.assertRaises(BadRequest, self.act, "lock", row, value)
        self.assertEqual(self.plans.applied, [])
        for value in bad[:5]:
            self.act("lock", row, value, version=(2, 72))
            self.act("unlock", row, value)
        self.assertEqual(len(self.plans.applied), 10)

    def test_by_an_administrator_of_another_project(self) -> None:
        self.act("lock", self.place(), who=ADMIN_ELSEWHERE)
        self.assertEqual(self.sent(), {"by": "admin"})

    def test_an_administrator_owns_what_is_in_his_project(self) -> None:
        self.act("lock", self.place(), who=ADMIN)
        self.assertEqual(self.sent(), {"by": "owner"})

    def test_an_owner_changes_nothing_of_a_lock(self) -> None:
        for lock in (OURS, THEIRS):
            row = self.place(**lock)
            self.assertEqual(self.act("lock", row, {"locked_reason": "again"}).code, 202)
        self.assertEqual(self.plans.applied, [])

    def test_an_administrator_makes_it_his(self) -> None:
        row = self.place(**{"dicot.io/lock": '{"by":"owner","reason":"mine"}'})
        self.act("lock", row, who=ADMIN_ELSEWHERE)
        self.assertEqual(self.sent(), {"by": "admin", "reason": "mine"})
        self.plans.applied.clear()
        self.act("lock", row, {"locked_reason": "better"}, who=ADMIN_ELSEWHERE)
        self.assertEqual(self.sent(), {"by": "admin", "reason": "better"})

    def test_in_whatever_state(self) -> None:
        for moment in ("starting_scheduled", "image_pull", "stopping", "paused"):
            self.act("lock", self.place(moment, name=moment))
        self.assertEqual(len(self.plans.applied), 4)

    def test_of_no_server(self) -> None:
        self.assertRaises(NotFound, self.act, "lock", self.place(), who=STRANGER)
        self.plans.refuse = [errors.Missing(404, "NotFound", "gone")]
        self.assertRaises(NotFound, self.act, "lock", self.place())


class UnlockTests(LockCase):
    def test_by_its_owner(self) -> None:
        self.assertEqual(self.act("unlock", self.place(**OURS)).code, 202)
        self.assertIsNone(self.sent())

    def test_one_that_is_not_locked(self) -> None:
        self.assertEqual(self.act("unlock", self.place()).code, 202)

    def test_the_lock_of_an_administrator_stays(self) -> None:
        row = self.place(**THEIRS)
        fault = self.assertRaises(Forbidden, self.act, "unlock", row)
        self.assertEqual(fault.message, f"Policy doesn't allow {OVERRIDE} to be performed.")
        self.assertEqual(self.plans.applied, [])
        self.act("unlock", row, who=ADMIN)
        self.assertIsNone(self.sent())

    def test_an_administrator_takes_off_any(self) -> None:
        self.act("unlock", self.place(**OURS), who=ADMIN_ELSEWHERE)
        self.assertIsNone(self.sent())

    def test_one_that_kubectl_put_there_is_anybodys(self) -> None:
        for text in ("{}", "locked", '{"by": "me"}', ""):
            self.plans.applied.clear()
            self.act("unlock", self.place(**{"dicot.io/lock": text}))
            self.assertIsNone(self.sent())


class ListedTests(LockCase):
    def test_whose_it_is_can_be_asked_for(self) -> None:
        for lock, column in ((OURS, "owner"), (THEIRS, "admin"), ({}, "")):
            found = entry(self.world.joined(self.place(**lock)), NOW).entry
            assert found is not None
            self.assertEqual(found.columns[PLACE["locked_by"]], column)
            match = matching(Wanted({"locked_by": "^own"}))
            assert match is not None
            self.assertEqual(any(match(Block([found]), b"\0")), column == "owner")


class PolicyTests(LockCase):
    def test_members_lock_and_administrators_go_past_it(self) -> None:
        used = {policy for _, _, policy in self.table.operations.values()}
        self.assertEqual({*used, OVERRIDE}, SERVER_LOCKS.policy.keys())
        expected = {f"{POLICY}:lock": MEMBERS, f"{POLICY}:unlock": MEMBERS, OVERRIDE: ADMINS}
        self.assertEqual(SERVER_LOCKS.policy, expected)
