"""A server's tags."""

import json
from typing import Any

from dicot.caller import Caller
from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.plan import Patch
from dicot.cloud.resource import MEMBER as MEMBERS
from dicot.cloud.resource import READER as READERS
from dicot.compute.server.tags import SERVER_TAGS, routes
from dicot.faults import BadRequest, Conflict, Fault, NotFound
from dicot.kube.kind import Row
from dicot.web.call import Reply

from .objects import NAMESPACE
from .served import Served
from .world import MEMBER, STRANGER, payload

URL, ITEM = "/servers/<id>/tags", "/servers/<id>/tags/<tag>"
NOTED = {"dicot.io/tags": '["a", "b"]'}


class TagCase(Served):
    register = staticmethod(routes)

    def tag(self, method: str, row: Row, tag: str = "", body: Any = None, who: Caller = MEMBER) -> Reply:
        names = {"id": row.id, "tag": tag} if tag else {"id": row.id}
        return self.ask(method, ITEM if tag else URL, body, who=who, **names)

    def refuse(self, kind: type[Fault], message: str, method: str, row: Row, tag: str = "", body: Any = None) -> None:
        fault = self.assertRaises(kind, self.tag, method, row, tag, body)
        self.assertEqual(fault.message, message)
        self.assertEqual(self.plans.applied, [])

    def sent(self) -> Any:
        """The tags that the one plan writes."""
        commit = self.applied().commit
        assert isinstance(commit, Patch) and isinstance(commit.body, dict)
        note = commit.body["metadata"]["annotations"]["dicot.io/tags"]
        return None if note is None else json.loads(note)


class ReadingTests(TagCase):
    def test_all(self) -> None:
        self.assertEqual(payload(self.tag("GET", self.place(**NOTED))), {"tags": ["a", "b"]})
        self.assertEqual(payload(self.tag("GET", self.place(name="bare", **{"dicot.io/tags": ""}))), {"tags": []})

    def test_one(self) -> None:
        row = self.place(**NOTED)
        reply = self.tag("GET", row, "b")
        self.assertEqual((reply.code, reply.body), (204, None))
        self.refuse(NotFound, f"Server {row.id} has no tag 'c'", "GET", row, "c")

    def test_what_kubectl_wrote_and_nova_could_not_is_left_out(self) -> None:
        row = self.place(**{"dicot.io/tags": json.dumps(["a", "a", "", "b,c", "d/e", "f" * 61, "g" * 60])})
        self.assertEqual(payload(self.tag("GET", row)), {"tags": ["a", "g" * 60]})

    def test_of_no_server(self) -> None:
        row = self.place()
        fault = self.assertRaises(NotFound, self.tag, "GET", row, who=STRANGER)
        self.assertEqual(fault.message, f"Instance {row.id} could not be found.")


class AllTests(TagCase):
    def test_another_set(self) -> None:
        row = self.place(**NOTED)
        reply = self.tag("PUT", row, body={"tags": ["c", "a", "c"]})
        self.assertEqual((reply.code, payload(reply)), (200, {"tags": ["c", "a"]}))
        self.assertEqual(self.sent(), ["c", "a"])

    def test_the_change_holds_only_for_the_version_that_was_seen(self) -> None:
        row = self.place(**NOTED)
        self.tag("PUT", row, body={"tags": ["c"]})
        annotations = {"dicot.io/tags": '["c"]', "dicot.io/updated-at": "2026-11-21T10:00:00Z"}
        body = {"metadata": {"annotations": annotations}}
        self.assertEqual(self.applied().commit, Patch(VM, NAMESPACE, row.name, body, version=row.version))

    def test_none(self) -> None:
        for ask in (lambda row: self.tag("PUT", row, body={"tags": []}), lambda row: self.tag("DELETE", row)):
            self.plans.applied.clear()
            ask(self.place(**NOTED))
            self.assertIsNone(self.sent())
        self.assertEqual(self.tag("DELETE", self.place()).code, 204)

    def test_bodies(self) -> None:
        row = self.place()
        self.assertEqual(self.tag("PUT", row, body={"tags": [str(number) for number in range(50)]}).code, 200)
        self.plans.applied.clear()
        for body in (
            {"tags": [str(number) for number in range(51)]},
            {"tags": ["a,b"]},
            {"tags": ["a/b"]},
            {"tags": [""]},
            {"tags": ["a" * 61]},
            {"tags": [1]},
            {"tags": "a"},
            {"tags": ["a"], "more": 1},
            {},
            None,
        ):
            self.assertRaises(BadRequest, self.tag, "PUT", row, body=body)
        self.assertEqual(self.plans.applied, [])


class OneTests(TagCase):
    def test_one_more(self) -> None:
        row = self.place(**NOTED)
        reply = self.tag("PUT", row, "c d")
        location = f"https://cloud.example/compute/v2.1/servers/{row.id}/tags/c%20d"
        self.assertEqual((reply.code, reply.body, reply.headers), (201, None, {"Location": location}))
        self.assertEqual(self.sent(), ["a", "b", "c d"])

    def test_one_that_it_has(self) -> None:
        reply = self.tag("PUT", self.place(**NOTED), "b")
        self.assertEqual((reply.code, reply.body), (204, None))
        self.assertEqual(self.plans.applied, [])

    def test_one_that_another_gave_it_meanwhile(self) -> None:
        row = self.place(**NOTED)

        async def apply(caller: Caller, request_id: str, derive: Any) -> None:
            derive()
            self.place(**{"dicot.io/tags": '["a", "b", "c"]'})
            derive()

        self.patch(self.plans, "apply", apply)
        self.assertEqual(self.tag("PUT", row, "c").code, 204)

    def test_a_full_set_has_no_room_even_for_one_of_its_own(self) -> None:
        row = self.place(**{"dicot.io/tags": json.dumps([str(number) for number in range(50)])})
        for tag in ("new", "7"):
            self.refuse(BadRequest, "The number of tags exceeded the per-server limit 50", "PUT", row, tag)

    def test_what_cannot_be_a_tag(self) -> None:
        row = self.place()
        for tag, words in (("a,b", "'a,b' does not match '^[^,/]*$'"), ("a" * 61, f"'{'a' * 61}' is too long")):
            self.refuse(
                BadRequest,
                f"Tag '{tag}' is invalid. It must be a non empty string without characters '/' and ','. "
                f"Validation error message: {words}",
                *("PUT", row, tag),
            )

    def test_its_body_is_empty(self) -> None:
        self.refuse(BadRequest, "{} is not of type 'null'", "PUT", self.place(), "a", {})

    def test_one_less(self) -> None:
        row = self.place(**NOTED)
        reply = self.tag("DELETE", row, "a")
        self.assertEqual((reply.code, reply.body), (204, None))
        self.assertEqual(self.sent(), ["b"])

    def test_one_that_it_has_not(self) -> None:
        row = self.place(**NOTED)
        self.refuse(NotFound, f"Instance {row.id} has no tag 'c'", "DELETE", row, "c")


class StateTests(TagCase):
    def test_not_while_it_is_made_or_broken(self) -> None:
        building, broken = self.place("starting_scheduled", "b", **NOTED), self.place("image_pull", "e", **NOTED)
        for row, state in ((building, "building"), (broken, "error")):
            for method, tag, body, action in (
                ("PUT", "", {"tags": []}, "update tags"),
                ("PUT", "a", None, "update tag"),
                ("DELETE", "", None, "delete tags"),
                ("DELETE", "a", None, "delete tag"),
            ):
                words = f"Cannot '{action}' instance {row.id} while it is in vm_state {state}"
                self.refuse(Conflict, words, method, row, tag, body)

    def test_whatever_the_lock(self) -> None:
        self.assertEqual(self.tag("PUT", self.place(**{"dicot.io/lock": "{}"}), "a").code, 201)


class PolicyTests(TagCase):
    def test_readers_read_and_members_write(self) -> None:
        used = {policy: method for (method, _), (_, _, policy) in self.table.operations.items()}
        self.assertEqual(used.keys(), SERVER_TAGS.policy.keys())
        for policy, method in used.items():
            assert policy is not None
            self.assertEqual(SERVER_TAGS.policy[policy], READERS if method == "GET" else MEMBERS, policy)
