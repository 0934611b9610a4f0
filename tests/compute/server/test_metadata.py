"""A server's metadata."""

import json
from typing import Any

from dicot.caller import Caller
from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.plan import Patch, Plan
from dicot.cloud.resource import MEMBER as MEMBERS
from dicot.cloud.resource import READER as READERS
from dicot.compute.server.metadata import SERVER_METADATA, routes
from dicot.faults import BadRequest, Conflict, Fault, Forbidden, NotFound
from dicot.kube import errors
from dicot.kube.kind import Row

from .objects import NAMESPACE, OTHER_NAMESPACE
from .served import Served
from .world import ADMIN, MEMBER, STRANGER, payload

URL, ITEM = "/servers/<id>/metadata", "/servers/<id>/metadata/<key>"
NOTED = {"dicot.io/metadata": '{"a": "1", "b": "2"}'}


class MetadataCase(Served):
    register = staticmethod(routes)

    def get(self, row: Row, key: str = "", who: Caller = MEMBER, **more: Any) -> Any:
        names = {"id": row.id, "key": key} if key else {"id": row.id}
        return payload(self.ask("GET", ITEM if key else URL, who=who, **names, **more))

    def write(self, method: str, row: Row, body: Any = None, key: str = "", who: Caller = MEMBER) -> Any:
        names = {"id": row.id, "key": key} if key else {"id": row.id}
        return self.ask(method, ITEM if key else URL, body, who=who, **names)

    def refuse(self, kind: type[Fault], message: str, method: str, row: Row, body: Any = None, key: str = "") -> None:
        fault = self.assertRaises(kind, self.write, method, row, body, key)
        self.assertEqual(fault.message, message)
        self.assertEqual(self.plans.applied, [])


class ReadingTests(MetadataCase):
    def test_all_of_it(self) -> None:
        self.assertEqual(self.get(self.place(**NOTED)), {"metadata": {"a": "1", "b": "2"}})
        self.assertEqual(self.get(self.place(name="bare", **{"dicot.io/metadata": ""})), {"metadata": {}})

    def test_one_item(self) -> None:
        row = self.place(**NOTED)
        self.assertEqual(self.get(row, "b"), {"meta": {"b": "2"}})
        fault = self.assertRaises(NotFound, self.get, row, "c")
        self.assertEqual(fault.message, "Metadata item was not found")

    def test_what_kubectl_wrote_and_nova_could_not_is_left_out(self) -> None:
        row = self.place(**{"dicot.io/metadata": json.dumps({"a": "1", "b/c": "2", "d": "x" * 256})})
        self.assertEqual(self.get(row), {"metadata": {"a": "1"}})
        other = self.place(name="other", **{"dicot.io/metadata": '["a"]'})
        self.assertEqual(self.get(other), {"metadata": {}})

    def test_of_no_server(self) -> None:
        row = self.place()
        fault = self.assertRaises(NotFound, self.get, row, who=STRANGER)
        self.assertEqual(fault.message, f"Instance {row.id} could not be found.")

    def test_a_query_is_refused_from_2_102_on(self) -> None:
        row = self.place(**NOTED)
        self.get(row, version=(2, 101), query={"x": ["1"]})
        for key in ("", "a"):
            self.assertRaises(BadRequest, self.get, row, key, version=(2, 102), query={"x": ["1"]})


class WritingTests(MetadataCase):
    def sent(self) -> Any:
        """The metadata that the one plan writes."""
        commit = self.applied().commit
        assert isinstance(commit, Patch) and isinstance(commit.body, dict)
        note = commit.body["metadata"]["annotations"]["dicot.io/metadata"]
        return None if note is None else json.loads(note)

    def test_items_are_added(self) -> None:
        row = self.place(**NOTED)
        reply = self.write("POST", row, {"metadata": {"b": "3", "c": ""}})
        self.assertEqual((reply.code, payload(reply)), (200, {"metadata": {"a": "1", "b": "3", "c": ""}}))
        self.assertEqual(self.sent(), {"a": "1", "b": "3", "c": ""})

    def test_the_change_holds_only_for_the_version_that_was_seen(self) -> None:
        row = self.place(**NOTED)
        self.write("POST", row, {"metadata": {"a": "1"}})
        annotations = {"dicot.io/metadata": '{"a":"1","b":"2"}', "dicot.io/updated-at": "2026-11-21T10:00:00Z"}
        body = {"metadata": {"annotations": annotations}}
        self.assertEqual(self.applied().commit, Patch(VM, NAMESPACE, row.name, body, version=row.version))
        self.assertTrue(row.version)

    def test_what_another_wrote_meanwhile_is_kept(self) -> None:
        """The plan is derived again of the server as it is by then."""
        row = self.place(**NOTED)
        plans: list[Plan] = []

        async def apply(caller: Caller, request_id: str, derive: Any) -> None:
            plans.append(derive())
            self.place(**{"dicot.io/metadata": '{"a": "1", "z": "9"}'})
            plans.append(derive())

        self.patch(self.plans, "apply", apply)
        reply = self.write("PUT", row, {"meta": {"b": "3"}}, "b")
        notes = [plan.commit.body["metadata"]["annotations"]["dicot.io/metadata"] for plan in plans]  # type: ignore
        self.assertEqual([json.loads(note) for note in notes], [{"a": "1", "b": "3"}, {"a": "1", "z": "9", "b": "3"}])
        self.assertEqual(payload(reply), {"meta": {"b": "3"}})

    def test_all_items_are_replaced(self) -> None:
        row = self.place(**NOTED)
        reply = self.write("PUT", row, {"metadata": {"c": "3"}})
        self.assertEqual((reply.code, payload(reply)), (200, {"metadata": {"c": "3"}}))
        self.assertEqual(self.sent(), {"c": "3"})

    def test_by_nothing(self) -> None:
        self.write("PUT", self.place(**NOTED), {"metadata": {}})
        self.assertIsNone(self.sent())

    def test_one_item_is_set(self) -> None:
        row = self.place(**NOTED)
        reply = self.write("PUT", row, {"meta": {"c": "3"}}, "c")
        self.assertEqual((reply.code, payload(reply)), (200, {"meta": {"c": "3"}}))
        self.assertEqual(self.sent(), {"a": "1", "b": "2", "c": "3"})

    def test_one_item_is_removed(self) -> None:
        row = self.place(**NOTED)
        reply = self.write("DELETE", row, key="a")
        self.assertEqual((reply.code, reply.body), (204, None))
        self.assertEqual(self.sent(), {"b": "2"})

    def test_one_that_is_not_there(self) -> None:
        self.refuse(NotFound, "Metadata item was not found", "DELETE", self.place(**NOTED), key="c")

    def test_an_item_of_another_name_than_its_address(self) -> None:
        row = self.place()
        self.refuse(BadRequest, "Request body and URI mismatch", "PUT", row, {"meta": {"b": "3"}}, "c")

    def test_no_more_than_the_quota(self) -> None:
        row, words = self.place(**NOTED), "Maximum number of metadata items exceeds 128"
        whole = {f"k{number}": "" for number in range(128)}
        self.assertEqual(self.write("PUT", row, {"metadata": whole}).code, 200)
        self.plans.applied.clear()
        self.refuse(Forbidden, words, "PUT", row, {"metadata": {**whole, "more": ""}})
        self.refuse(Forbidden, words, "POST", row, {"metadata": whole})

    def test_bodies(self) -> None:
        row = self.place()
        meta = {"a": "1"}
        for method, key, body in (
            ("POST", "", {"metadata": {"a": 1}}),
            ("POST", "", {"metadata": {"a/b": "1"}}),
            ("POST", "", {"metadata": {"": "1"}}),
            ("POST", "", {"metadata": {"a": "x" * 256}}),
            ("POST", "", {"metadata": {"a" * 256: "x"}}),
            ("POST", "", {"metadata": None}),
            ("POST", "", {"meta": meta}),
            ("POST", "", {"metadata": meta, "more": 1}),
            ("POST", "", None),
            ("PUT", "", {"metadata": [meta]}),
            ("PUT", "a", {"meta": {}}),
            ("PUT", "a", {"meta": {"a": "1", "b": "2"}}),
            ("PUT", "a", {"metadata": meta}),
        ):
            self.assertRaises(BadRequest, self.write, method, row, body, key)
        self.assertEqual(self.plans.applied, [])

    def test_what_was_removed_meanwhile(self) -> None:
        row = self.place(**NOTED)
        self.plans.refuse = [errors.Missing(404, "NotFound", "gone")]
        fault = self.assertRaises(NotFound, self.write, "PUT", row, {"metadata": {}})
        self.assertEqual(fault.message, f"Instance {row.id} could not be found.")


class StateTests(MetadataCase):
    def test_whatever_the_task(self) -> None:
        for moment in ("running", "paused", "stopping", "stopped_succeeded"):
            row = self.place(moment, name=moment, **{"dicot.io/launched-at": "2026-11-21T11:25:13Z"})
            self.write("POST", row, {"metadata": {"a": "1"}})
        self.assertEqual(len(self.plans.applied), 4)

    def test_not_while_it_is_made_or_broken(self) -> None:
        building, broken = self.place("starting_scheduled", "b", **NOTED), self.place("image_pull", "e", **NOTED)
        for row, state in ((building, "building"), (broken, "error")):
            words = f"instance {row.id} while it is in vm_state {state}"
            self.refuse(Conflict, f"Cannot 'update metadata' {words}", "POST", row, {"metadata": {}})
            self.refuse(Conflict, f"Cannot 'update metadata' {words}", "PUT", row, {"metadata": {}})
            self.refuse(Conflict, f"Cannot 'update metadata' {words}", "PUT", row, {"meta": {"a": "1"}}, "a")
            self.refuse(Conflict, f"Cannot 'delete metadata' {words}", "DELETE", row, key="a")

    def test_not_before_it_ever_ran(self) -> None:
        row = self.place("halted_filling")
        words = f"Instance {row.id} is in an invalid state for 'update metadata'"
        self.refuse(Conflict, words, "POST", row, {"metadata": {}})

    def test_a_locked_server_is_left_alone_but_by_administrators(self) -> None:
        row = self.place(**NOTED, **{"dicot.io/lock": "{}"})
        self.refuse(Conflict, f"Instance {row.id} is locked", "POST", row, {"metadata": {}})
        self.refuse(Conflict, f"Instance {row.id} is locked", "DELETE", row, key="a")
        self.write("DELETE", row, key="a", who=ADMIN)
        self.assertEqual(len(self.plans.applied), 1)

    def test_by_an_administrator_of_another_project(self) -> None:
        row = self.place(name="theirs", namespace=OTHER_NAMESPACE)
        self.write("PUT", row, {"metadata": {"a": "1"}}, who=ADMIN)
        commit = self.applied().commit
        assert isinstance(commit, Patch)
        self.assertEqual(commit.namespace, OTHER_NAMESPACE)


class PolicyTests(MetadataCase):
    def test_readers_read_and_members_write(self) -> None:
        used = {policy: method for (method, _), (_, _, policy) in self.table.operations.items()}
        self.assertEqual(used.keys(), SERVER_METADATA.policy.keys())
        for policy, method in used.items():
            assert policy is not None
            self.assertEqual(SERVER_METADATA.policy[policy], READERS if method == "GET" else MEMBERS, policy)
