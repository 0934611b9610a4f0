"""Tests of what is read out of audit logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.tenancy.calls import Call
from tests.cluster import audit

OWN, MEMBER = audit.OWN_USER, f"{audit.PROJECT_USERS}{'c' * 32}-member"
TABLE = (
    Call("", "", "", "namespaces", "get", "why"),
    Call("", "dicot-system", "", "secrets", "get", "why"),
    Call("", "dicot-system", "", "secrets", "create", "why"),
    Call("", "dicot-projects", "", "serviceaccounts", "impersonate", "why"),
    Call("member", "projects", "", "secrets", "create", "why"),
)


def event(user: str, verb: str, resource: str, namespace: str = "", *, decision: str = "allow", by: str = "") -> Any:
    found: Any = {
        "user": {"username": by or user},
        "verb": verb,
        "objectRef": {"resource": resource, "namespace": namespace, "name": "x"},
        "annotations": {audit.DECISION: decision},
    }
    return found | ({"impersonatedUser": {"username": user}} if by else {})


class ReportTests(SynchronousTestCase):
    """What logs say of a table."""

    def report(self, *found: Any) -> audit.Report:
        made = audit.Report(TABLE)
        made.add(found)
        return made

    def test_calls_are_counted_by_the_line_that_they_fall_under(self) -> None:
        made = self.report(
            event(OWN, "get", "namespaces", "demo"), event(MEMBER, "create", "secrets", "demo", by=OWN)
        )
        self.assertEqual((made.total, dict(made.wrong)), (2, {}))
        self.assertEqual([made.met[line] for line in TABLE], [1, 0, 0, 0, 1])

    def test_to_act_as_a_project_needs_the_right_to_it(self) -> None:
        made = self.report(event(MEMBER, "create", "secrets", "demo", by=OWN))
        self.assertTrue(made.is_met(TABLE[3]))
        self.assertFalse(self.report(event(OWN, "get", "namespaces")).is_met(TABLE[3]))

    def test_a_rule_is_needed_if_one_of_its_lines_is(self) -> None:
        made = self.report(event(OWN, "get", "secrets", "dicot-system"))
        self.assertEqual(made.unmet, [TABLE[0], TABLE[3], TABLE[4]])

    def test_what_is_refused_is_wrong(self) -> None:
        made = self.report(event(OWN, "create", "pods", "demo", decision="forbid"))
        self.assertEqual(list(made.wrong), ["refused: create pods as Dicot itself in the whole cluster: demo/x"])

    def test_what_is_only_looked_at_may_be_refused(self) -> None:
        looked = event(OWN, "get", "clusterroles", decision="forbid")
        self.assertEqual(dict(self.report(looked).wrong), {})
        self.assertEqual(len(self.report({**looked, "verb": "delete"}).wrong), 1)

    def test_what_passes_without_a_line_is_wrong(self) -> None:
        made = self.report(event(OWN, "get", "secrets", "demo"))
        self.assertEqual(list(made.wrong), ["let pass: get secrets as Dicot itself in the whole cluster: demo/x"])

    def test_a_server_that_has_just_started_may_know_no_roles(self) -> None:
        """What passed before and soon after was refused by a server that was just coming up."""

        def at(second: int, decision: str = "allow") -> Any:
            moment = f"2026-11-26T12:{second // 60:02}:{second % 60:02}.000000Z"
            return event(OWN, "get", "namespaces", "demo", decision=decision) | {"requestReceivedTimestamp": moment}

        for allowed, wrong in (((0, 100), 0), ((0,), 1), ((100,), 1), ((0, 900), 1), ((), 1)):
            made = self.report(at(60, "forbid"), *(at(second) for second in allowed))
            self.assertEqual(len(made.wrong), wrong, allowed)

    def test_the_right_to_act_as_somebody_is_told_by_the_refusal(self) -> None:
        status = {"code": 403, "message": 'User "x" cannot impersonate resource "serviceaccounts"'}
        made = self.report(event(OWN, "create", "secrets", "demo") | {"responseStatus": status})
        [told] = made.wrong
        self.assertIn("refused: impersonate serviceaccounts as Dicot itself in dicot-projects", told)

    def test_rights_end_with_their_namespace(self) -> None:
        refused = event(MEMBER, "create", "secrets", "x", by=OWN, decision="forbid")
        self.assertEqual(len(self.report(refused).wrong), 1)
        self.assertEqual(dict(self.report(refused, event("admin", "delete", "namespaces")).wrong), {})

    def test_others_and_what_is_no_resource_are_passed_over(self) -> None:
        pages = {"user": {"username": OWN}, "verb": "get"}
        self.assertEqual(self.report(event("admin", "get", "pods"), event(OWN, "get", ""), pages).total, 0)


class CommandTests(SynchronousTestCase):
    """The exit code."""

    def code(self, lines: str, *options: str) -> int:
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "a.log").write_text(lines)
        return audit.main([str(folder), *options])

    def test_nothing_heard_is_no_success(self) -> None:
        self.assertEqual(self.code(""), 1)

    def test_a_line_that_was_cut_off_is_passed_over(self) -> None:
        said = json.dumps(event(OWN, "get", "namespaces", "demo"))
        self.assertEqual(self.code(f"{said}\n{said[:20]}"), 0)

    def test_the_whole_has_to_be_needed_only_where_it_is_asked_for(self) -> None:
        said = json.dumps(event(OWN, "get", "namespaces", "demo"))
        self.assertEqual(self.code(said, "--whole"), 1)
