"""What clients see of the actions on a server."""

import json
from typing import Any

from dicot.caller import Caller
from dicot.cloud.kinds.kubevirt import NODE
from dicot.cloud.resource import ADMIN as ADMINS
from dicot.cloud.resource import READER as READERS
from dicot.compute.server.instance_actions import INSTANCE_ACTIONS, POLICY, routes
from dicot.compute.server.view import host_id
from dicot.faults import BadRequest, Fault, NotFound
from dicot.kube.kind import Row
from dicot.web.dialect import Version

from .objects import PROJECT, USER, recorded
from .served import LATEST, Served
from .world import ADMIN, MEMBER, STRANGER, payload

URL, ITEM = "/servers/<id>/os-instance-actions", "/servers/<id>/os-instance-actions/<request_id>"


class ActionsCase(Served):
    register = staticmethod(routes)

    def setUp(self) -> None:
        super().setUp()
        self.host = recorded("running")["vmi"]["status"]["nodeName"]
        self.row = self.placed()

    def placed(self) -> Row:
        """A server that was made, stopped, refused a start, and locked."""
        entries: dict[str, dict[str, str]] = {
            "req-2": {"action": "stop", "start": "2026-11-21T12:00:02.5Z", "finish": "2026-11-21T12:00:09.25Z"},
            "req-3": {"action": "start", "start": "2026-11-21T12:01:00Z", "finish": "2026-11-21T12:01:01Z"},
            "req-4": {"action": "lock", "start": "2026-11-21T12:02:00Z", "finish": "2026-11-21T12:02:00Z"},
            "req-5": {"action": "reboot", "start": "2026-11-21T12:03:00Z"},
        }
        entries["req-3"]["error"] = "no"
        common = {"user": USER, "project": PROJECT, "host": self.host}
        annotations = {f"dicot.io/action-{key}": json.dumps(common | entry) for key, entry in entries.items()}
        more = {"dicot.io/request-id": "req-1", "dicot.io/launched-at": "2026-11-21T11:59:59Z"}
        return self.place(**annotations, **more)

    def listed(self, version: Version = LATEST, who: Caller = MEMBER, **query: str) -> Any:
        wanted = {key.replace("_", "-"): [value] for key, value in query.items()}
        return payload(self.ask("GET", URL, id=self.row.id, version=version, who=who, query=wanted))

    def ids(self, **query: Any) -> list[str]:
        return [each["request_id"] for each in self.listed(**query)["instanceActions"]]

    def shown(self, request: str, version: Version = LATEST, who: Caller = MEMBER) -> Any:
        answer = self.ask("GET", ITEM, id=self.row.id, request_id=request, version=version, who=who)
        return payload(answer)["instanceAction"]

    def bad(self, message: str, **query: Any) -> None:
        fault: Fault = self.assertRaises(BadRequest, self.listed, **query)
        self.assertIn(message, fault.message)


class ListTests(ActionsCase):
    def test_the_last_comes_first(self) -> None:
        actions = self.listed()["instanceActions"]
        self.assertEqual(
            [(each["request_id"], each["action"], each["message"]) for each in actions],
            [
                ("req-5", "reboot", None),
                ("req-4", "lock", None),
                ("req-3", "start", "Error"),
                ("req-2", "stop", None),
                ("req-1", "create", None),
            ],
        )
        self.assertEqual(
            actions[3],
            {
                "action": "stop",
                "instance_uuid": self.row.id,
                "request_id": "req-2",
                "user_id": USER,
                "project_id": PROJECT,
                "start_time": "2026-11-21T12:00:02.500000",
                "message": None,
                "updated_at": "2026-11-21T12:00:09.250000",
            },
        )
        self.assertEqual(actions[0]["updated_at"], actions[0]["start_time"])

    def test_when_it_was_changed_is_said_from_2_58_on(self) -> None:
        for minor, said in ((1, False), (57, False), (58, True)):
            [first, *_] = self.listed(version=(2, minor))["instanceActions"]
            self.assertEqual("updated_at" in first, said)

    def test_pages(self) -> None:
        page = self.listed(limit="2")
        self.assertEqual([each["request_id"] for each in page["instanceActions"]], ["req-5", "req-4"])
        next = f"https://cloud.example/compute/v2.1/servers/{self.row.id}/os-instance-actions?limit=2&marker=req-4"
        self.assertEqual(page["links"], [{"rel": "next", "href": next}])
        self.assertEqual(self.ids(limit="2", marker="req-4"), ["req-3", "req-2"])
        last = self.listed(limit="2", marker="req-2")
        self.assertEqual([each["request_id"] for each in last["instanceActions"]], ["req-1"])
        self.assertNotIn("links", last)
        self.assertEqual(self.ids(limit="0"), [])
        self.bad("Marker req-9 could not be found.", marker="req-9")
        self.bad("Marker  could not be found.", marker="")
        self.bad("Invalid input for query parameters limit", limit="-1")

    def test_by_time(self) -> None:
        self.assertEqual(self.ids(changes_since="2026-11-21T12:01:01Z"), ["req-5", "req-4", "req-3"])
        self.assertEqual(self.ids(changes_before="2026-11-21T12:00:10Z"), ["req-2", "req-1"])
        both = {"changes_since": "2026-11-21T12:00:05Z", "changes_before": "2026-11-21T12:02:00Z"}
        self.assertEqual(self.ids(**both), ["req-4", "req-3", "req-2"])
        self.bad(
            "The value of changes-since must be less than or equal to changes-before.",
            changes_since="2026-11-21T12:01:00Z",
            changes_before="2026-11-21T12:00:00Z",
        )
        self.bad("changes-since", changes_since="soon")

    def test_queries_by_version(self) -> None:
        self.assertEqual(len(self.listed(version=(2, 57), limit="1", foo="x")["instanceActions"]), 5)
        self.bad("Additional properties are not allowed", foo="x")
        before = "2026-11-21T12:00:00Z"
        self.assertRaises(BadRequest, self.listed, version=(2, 65), changes_before=before)
        fault = self.assertRaises(
            BadRequest, self.ask, "GET", URL, id=self.row.id, version=LATEST, query={"limit": ["1", "2"]}
        )
        self.assertIn("is too long", fault.message)

    def test_of_no_server(self) -> None:
        self.assertRaises(NotFound, self.listed, who=STRANGER)


class ShowTests(ActionsCase):
    def test_one(self) -> None:
        shown = self.shown("req-2")
        node = self.world.known().named(NODE, self.host)
        assert node is not None
        event = {
            "event": "compute_stop_instance",
            "start_time": "2026-11-21T12:00:02.500000",
            "finish_time": "2026-11-21T12:00:09.250000",
            "result": "Success",
            "hostId": host_id(PROJECT, node[0]),
        }
        self.assertEqual(shown.pop("events"), [event])
        self.assertEqual(shown, self.listed()["instanceActions"][3])
        self.assertRegex(event["hostId"], "^[0-9a-f]{56}$")

    def test_names_of_events(self) -> None:
        names = [self.shown(f"req-{number}")["events"][0]["event"] for number in range(1, 6)]
        self.assertEqual(
            names,
            [
                "compute__do_build_and_run_instance",
                *("compute_stop_instance", "compute_start_instance", "api_lock", "compute_reboot_instance"),
            ],
        )

    def test_one_that_failed_and_one_that_goes_on(self) -> None:
        failed, open = self.shown("req-3"), self.shown("req-5")
        self.assertEqual((failed["message"], failed["events"][0]["result"]), ("Error", "Error"))
        self.assertEqual((open["events"][0]["finish_time"], open["events"][0]["result"]), (None, None))

    def test_the_making(self) -> None:
        [event] = self.shown("req-1")["events"]
        self.assertEqual((event["finish_time"], event["result"]), ("2026-11-21T11:59:59.000000", "Success"))

    def test_what_is_shown_when_and_to_whom(self) -> None:
        plain = {"event", "start_time", "finish_time", "result"}
        for minor, member, admin in (
            (1, None, plain | {"traceback"}),
            (50, None, plain | {"traceback"}),
            (51, plain, plain | {"traceback"}),
            (62, plain | {"hostId"}, plain | {"traceback", "hostId", "host"}),
            (84, plain | {"hostId"}, plain | {"traceback", "hostId", "host", "details"}),
        ):
            for who, expected in ((MEMBER, member), (ADMIN, admin)):
                events = self.shown("req-3", (2, minor), who).get("events")
                self.assertEqual(None if events is None else set(events[0]), expected, minor)

    def test_what_administrators_see(self) -> None:
        [event] = self.shown("req-3", who=ADMIN)["events"]
        self.assertEqual((event["host"], event["details"], event["traceback"]), (self.host, "no", None))

    def test_a_host_that_is_gone(self) -> None:
        self.world.remove(NODE, f"/{self.host}")
        self.assertEqual(self.shown("req-2")["events"][0]["hostId"], "")

    def test_of_no_action(self) -> None:
        fault = self.assertRaises(NotFound, self.shown, "req-9")
        self.assertEqual(fault.message, "Action req-9 not found")
        self.assertRaises(NotFound, self.shown, "req-1", who=STRANGER)

    def test_a_query_is_refused_from_2_102_on(self) -> None:
        names = {"id": self.row.id, "request_id": "req-1", "query": {"x": ["1"]}}
        self.ask("GET", ITEM, version=(2, 101), **names)
        self.assertRaises(BadRequest, self.ask, "GET", ITEM, version=(2, 102), **names)


class PolicyTests(ActionsCase):
    def test_readers_read_and_administrators_see_more(self) -> None:
        used = {policy for _, _, policy in self.table.operations.values()}
        readers, admins = {f"{POLICY}:list", f"{POLICY}:show"}, {f"{POLICY}:events", f"{POLICY}:events:details"}
        self.assertEqual(used, readers)
        expected = dict.fromkeys(readers, READERS) | dict.fromkeys(admins, ADMINS)
        self.assertEqual(INSTANCE_ACTIONS.policy, expected)
