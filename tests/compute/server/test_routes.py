"""Operations, called as the web calls them."""

import json
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.caller import Caller
from dicot.cloud.kinds.kubevirt import NODE, VM, VMI
from dicot.cloud.kinds.network import PORT, SECURITY_GROUP
from dicot.cloud.kinds.storage import DATA_VOLUME
from dicot.cloud.plan import Ask, Create, Delete, Patch, Plan, Step
from dicot.compute.server.resource import SERVERS
from dicot.compute.server.routes import routes
from dicot.compute.server.secrets import password, reservation_id
from dicot.config import Config
from dicot.faults import BadRequest, Conflict, Fault, Forbidden, NotFound
from dicot.kube import errors
from dicot.kube.kind import Row
from dicot.web.call import Reply
from dicot.web.dialect import Version

from .world import (
    ADMIN,
    IMAGE,
    MEMBER,
    NAMESPACE,
    OTHER_NAMESPACE,
    OTHER_PROJECT,
    SERVER,
    STRANGER,
    Pages,
    Plans,
    Table,
    bench_of,
    call,
    furnished,
    group_object,
    node_object,
    payload,
    port_object,
    recorded,
)

ACTION = "/servers/<id>/action"
LATEST: Version = (2, 104)


class Served(SynchronousTestCase):
    """Servers over fakes."""

    def setUp(self) -> None:
        self.world = furnished()
        self.table, self.pages, self.plans = Table(), Pages(self.world), Plans()
        routes(bench_of(self.world, self.table, self.pages, self.plans))

    def place(
        self, moment: str = "running", name: str = "web1", namespace: str = NAMESPACE, **annotations: str
    ) -> Row:
        """A recorded moment under another name."""
        objects = json.loads(json.dumps(recorded(moment)).replace("web1", name))
        uid = f"uid-{name}"
        vm = objects["vm"]
        vm["metadata"] |= {"namespace": namespace, "uid": uid}
        vm["metadata"]["labels"]["dicot.io/id"] = id_of(name)
        vm["metadata"].setdefault("annotations", {}).update(annotations)
        row = self.world.add(VM, vm)
        if objects["vmi"] is not None:
            objects["vmi"]["metadata"] |= {"namespace": namespace, "uid": f"vmi-{name}"}
            objects["vmi"]["metadata"]["ownerReferences"][0]["uid"] = uid
            self.world.add(VMI, objects["vmi"])
        for volume in objects["volumes"]:
            volume["metadata"]["namespace"] = namespace
            self.world.add(DATA_VOLUME, volume)
        self.world.add(NODE, node_object(objects["vmi"]["status"].get("nodeName", "n") if objects["vmi"] else "n"))
        self.world.add(SECURITY_GROUP, group_object())
        self.world.add(PORT, port_object(vm=row.name, interface="default", namespace=namespace))
        return row

    def ask(self, method: str, url: str, body: Any = None, **more: Any) -> Reply:
        """The reply of an operation, its body decoded at the version of the call."""
        operation, bodies, _ = self.table.operations[(method, url)]
        request = call(body, **more)
        decoded = None
        for since, decode in bodies:
            if since <= request.version:
                decoded = decode
        if decoded is not None:
            request = call(decoded(body), **more)
        return now_of(operation(request))

    def refused(self, kind: type[Fault], message: str, *asked: Any, **more: Any) -> None:
        fault = self.assertRaises(kind, self.ask, *asked, **more)
        self.assertEqual(fault.message, message)

    def applied(self) -> Plan:
        [plan] = self.plans.applied
        return plan


def id_of(name: str) -> str:
    """An id that follows from a name."""
    return f"{name.encode().hex():0<8.8}-0000-4000-8000-000000000000"


def now_of(reply: Reply | Awaitable[Reply]) -> Reply:
    """A reply that waits for nothing."""
    if not isawaitable(reply):
        return reply
    found: list[Reply] = []
    failed: list[Any] = []

    async def waited() -> Reply:
        return await reply

    Deferred.fromCoroutine(waited()).addCallbacks(found.append, failed.append)
    if failed:
        failed[0].raiseException()
    return found[0]


class ListTests(Served):
    def listed(self, url: str = "/servers", **more: Any) -> Any:
        return payload(self.ask("GET", url, **more))

    def names(self, **more: Any) -> list[str]:
        return [server["name"] for server in self.listed(**more)["servers"]]

    def test_own_servers_in_short_and_in_full(self) -> None:
        row = self.place()
        self.place(name="theirs", namespace=OTHER_NAMESPACE)
        self.assertEqual([server["id"] for server in self.listed()["servers"]], [row.id])
        [server] = self.listed("/servers/detail")["servers"]
        self.assertEqual((server["status"], server["name"]), ("ACTIVE", "web1"))

    def test_the_short_list_is_made_once_for_everybody(self) -> None:
        self.place()
        for who in (MEMBER, ADMIN):
            for version in ((2, 1), LATEST):
                self.listed(who=who, version=version)
        self.assertEqual(set(self.pages.shapes), {("brief", 0, False)})

    def test_nothing(self) -> None:
        self.assertEqual(self.listed(), {"servers": []})
        self.assertEqual(self.listed(query={"status": ["x"]}, version=(2, 1)), {"servers": []})

    def test_filters(self) -> None:
        self.place()
        self.place("stopped", "db1")
        self.assertEqual(self.names(query={"name": ["^DB"]}), ["db1"])
        self.assertEqual(self.names(query={"status": ["ACTIVE"]}), ["web1"])

    def test_all_projects_for_administrators(self) -> None:
        self.place()
        self.place(name="theirs", namespace=OTHER_NAMESPACE)
        asked = {"all_tenants": ["1"]}
        self.assertEqual(set(self.names(who=ADMIN, query=asked)), {"web1", "theirs"})
        self.assertEqual(self.names(who=ADMIN), ["web1"])
        self.assertEqual(self.names(who=ADMIN, query=asked | {"project_id": [OTHER_PROJECT]}), ["theirs"])
        self.assertEqual(self.names(who=ADMIN, query=asked | {"project_id": ["f" * 32]}), [])
        self.assertRaises(Forbidden, self.listed, query=asked)

    def test_no_filter_of_a_member_reaches_another_project(self) -> None:
        self.place(name="theirs", namespace=OTHER_NAMESPACE)
        for query in (
            {"project_id": [OTHER_PROJECT]},
            {"tenant_id": [OTHER_PROJECT]},
            {"uuid": [id_of("theirs")]},
            {"host": [".*"]},
            {"deleted": ["true"]},
            {"user_id": ["x"]},
            {"all_tenants": ["0"]},
        ):
            self.assertEqual(self.names(query=query), [], query)

    def test_a_full_page_names_the_next(self) -> None:
        for name in ("a1", "b2", "c3"):
            self.place(name=name)
        first = self.listed(query={"limit": ["2"], "name": ["."]})
        [link] = first["servers_links"]
        marker = first["servers"][-1]["id"]
        self.assertEqual(
            link,
            {
                "rel": "next",
                "href": f"https://cloud.example/compute/v2.1/servers?limit=2&name=.&marker={marker}",
            },
        )
        rest = self.listed(query={"limit": ["2"], "marker": [marker]})
        self.assertEqual(len(rest["servers"]), 1)
        self.assertNotIn("servers_links", rest)

    def test_a_limit_of_nothing(self) -> None:
        self.place()
        self.assertEqual(self.listed(query={"limit": ["0"]}), {"servers": []})

    def test_an_unknown_marker(self) -> None:
        self.refused(BadRequest, "marker [x] not found", "GET", "/servers", query={"marker": ["x"]})


class ShowTests(Served):
    def test_one_server(self) -> None:
        row = self.place()
        server = payload(self.ask("GET", "/servers/<id>", id=row.id))["server"]
        self.assertEqual((server["id"], server["server_groups"]), (row.id, []))

    def test_below_2_71_it_shares_the_long_lists_fragment(self) -> None:
        row = self.place()
        self.ask("GET", "/servers/<id>", id=row.id, version=(2, 70))
        self.ask("GET", "/servers/detail", version=(2, 70))
        self.assertEqual(len(set(self.pages.shapes)), 1)

    def test_a_foreign_server_is_as_absent_as_any(self) -> None:
        foreign = self.place(name="theirs", namespace=OTHER_NAMESPACE)
        for method, url, body in (
            ("GET", "/servers/<id>", None),
            ("GET", "/servers/<id>/ips", None),
            ("PUT", "/servers/<id>", {"server": {"name": "x"}}),
            ("DELETE", "/servers/<id>", None),
            ("os-start", ACTION, None),
            ("os-stop", ACTION, None),
            ("reboot", ACTION, {"type": "HARD"}),
        ):
            for id in (foreign.id, SERVER, "x/../y"):
                self.refused(NotFound, f"Instance {id} could not be found.", method, url, body, id=id)
        self.assertEqual(self.plans.applied, [])

    def test_a_miss_is_looked_at_once_more_only_by_a_whole_id(self) -> None:
        for id in (SERVER, "web1"):
            self.assertRaises(NotFound, self.ask, "DELETE", "/servers/<id>", id=id)
        self.assertEqual(self.pages.missed, [SERVER])

    def test_unknown_parameters_from_2_102(self) -> None:
        row = self.place()
        self.ask("GET", "/servers/<id>", id=row.id, version=(2, 101), query={"x": ["y"]})
        self.assertRaises(
            BadRequest, self.ask, "GET", "/servers/<id>", id=row.id, version=(2, 102), query={"x": ["y"]}
        )

    def test_addresses(self) -> None:
        row = self.place()
        found = payload(self.ask("GET", "/servers/<id>/ips", id=row.id))
        [address] = found["addresses"]["private"]
        self.assertEqual(set(address), {"version", "addr"})
        one = payload(self.ask("GET", "/servers/<id>/ips/<label>", id=row.id, label="private"))
        self.assertEqual(one, {"private": [address]})
        self.refused(
            NotFound,
            "Instance is not a member of specified network",
            "GET",
            "/servers/<id>/ips/<label>",
            id=row.id,
            label="public",
        )


class CreateTests(Served):
    def body(self, **more: Any) -> Any:
        return {"server": {"name": "web1", "flavorRef": "1", "imageRef": IMAGE, "networks": "auto", **more}}

    def create(self, **more: Any) -> Reply:
        return self.ask("POST", "/servers", self.body(**more))

    def test_the_answer(self) -> None:
        reply = self.create()
        server = payload(reply)["server"]
        id = self.applied().id
        self.assertEqual(reply.code, 202)
        self.assertEqual(reply.headers, {"Location": f"https://cloud.example/compute/v2.1/servers/{id}"})
        self.assertRegex(server.pop("adminPass"), r"^[2-9][A-Z][a-z][A-Za-z2-9]{9}$")
        self.assertEqual(
            server,
            {
                "id": id,
                "links": [
                    {"rel": "self", "href": f"https://cloud.example/compute/v2.1/servers/{id}"},
                    {"rel": "bookmark", "href": f"https://cloud.example/compute/servers/{id}"},
                ],
                "OS-DCF:diskConfig": "MANUAL",
                "security_groups": [{"name": "default"}],
            },
        )

    def test_what_was_given_comes_back(self) -> None:
        server = payload(self.create(adminPass="secret", security_groups=[{"name": "default"}]))["server"]
        self.assertEqual((server["adminPass"], server["security_groups"]), ("secret", [{"name": "default"}]))
        self.assertNotIn("secret", str(self.applied()))

    def test_several(self) -> None:
        reply = self.create(min_count=2, max_count=3, return_reservation_id=True)
        self.assertEqual(len(self.plans.applied), 3)
        [reservation] = {
            machine(plan.commit)["metadata"]["annotations"]["dicot.io/reservation-id"] for plan in self.plans.applied
        }
        self.assertEqual(payload(reply), {"reservation_id": reservation})

    def test_the_first_that_was_made_is_shown(self) -> None:
        self.plans.committed = ["00000002-0000-4000-8000-000000000000"]
        self.assertEqual(payload(self.create(max_count=3))["server"]["id"], self.plans.committed[0])

    def test_no_more_than_the_quota_could_hold_are_tried(self) -> None:
        self.create(max_count=1_000_000)
        self.assertEqual(len(self.plans.applied), 10)

    def test_more_than_the_quota_could_hold(self) -> None:
        self.refused(
            Forbidden,
            "Quota exceeded for instances: Requested 11, but already used 0 of 10 instances",
            "POST",
            "/servers",
            self.body(min_count=11),
        )

    def test_without_a_limit_there_is_still_one(self) -> None:
        self.world.config = Config(public_url="https://cloud.example", quota={})
        table, plans = Table(), Plans()
        routes(bench_of(self.world, table, self.pages, plans))
        self.table = table
        self.create(max_count=1001)
        self.assertEqual(len(plans.applied), 1000)

    def test_words_of_chance(self) -> None:
        first, second = SERVER, SERVER.replace("1", "2")
        self.assertEqual(len({password(first), password(second)}), 2)
        self.assertEqual(len(password(first)), 12)
        self.assertRegex(reservation_id(first), r"^r-[0-9a-z]{8}$")


def machine(step: Step) -> Any:
    assert isinstance(step, Create)
    return step.body


class UpdateTests(Served):
    def update(self, row: Row, version: Version = LATEST, **named: Any) -> Any:
        reply = self.ask("PUT", "/servers/<id>", {"server": named}, id=row.id, version=version)
        return payload(reply)["server"]

    def sent(self) -> Patch:
        commit = self.applied().commit
        assert isinstance(commit, Patch)
        return commit

    def test_a_name_and_a_description(self) -> None:
        row = self.place()
        self.update(row, name="web2", description="words")
        self.assertEqual(
            self.sent(),
            Patch(
                VM,
                NAMESPACE,
                row.name,
                {
                    "metadata": {
                        "annotations": {
                            "dicot.io/updated-at": "2026-11-21T10:00:00Z",
                            "dicot.io/name": "web2",
                            "dicot.io/description": "words",
                        }
                    }
                },
            ),
        )

    def test_a_description_is_removed(self) -> None:
        self.update(self.place(), description=None)
        self.assertIsNone(self.sent().body["metadata"]["annotations"]["dicot.io/description"])  # type: ignore[call-overload]

    def test_fields_that_share_an_annotation_are_guarded(self) -> None:
        row = self.place()
        self.update(row, accessIPv4="1.2.3.4", hostname="New.example")
        patch = self.sent()
        assert isinstance(patch.body, dict)
        note = json.loads(patch.body["metadata"]["annotations"]["dicot.io/server"])
        self.assertEqual((note["accessIPv4"], note["hostname"]), ("1.2.3.4", "New.example"))
        self.assertEqual(patch.body["spec"], {"template": {"spec": {"hostname": "new"}}})
        self.assertEqual(patch.version, row.version)

    def test_the_answer_grew_with_the_version(self) -> None:
        row = self.place()
        old = self.update(row, (2, 74), name="x")
        for key in ("OS-EXT-AZ:availability_zone", "key_name", "OS-EXT-STS:vm_state", "security_groups"):
            self.assertNotIn(key, old)
        self.assertEqual(set(old["addresses"]["private"][0]), {"version", "addr"})
        self.plans.applied.clear()
        self.assertIn("key_name", self.update(row, (2, 75), name="x"))

    def test_a_zone_is_unpinned(self) -> None:
        note = json.dumps({"zone": "az-1", "hostname": "web1"})
        row = self.place(**{"dicot.io/server": note})
        self.update(row, pinned_availability_zone=None)
        body = self.sent().body
        assert isinstance(body, dict)
        self.assertNotIn("zone", json.loads(body["metadata"]["annotations"]["dicot.io/server"]))

    def test_a_server_is_pinned_only_to_where_it_is(self) -> None:
        row = self.place()
        self.update(row, pinned_availability_zone="nova")
        self.refused(
            Conflict,
            "Server can only be pinned to its current availability zone 'nova', but 'moon' was requested.",
            "PUT",
            "/servers/<id>",
            {"server": {"pinned_availability_zone": "moon"}},
            id=row.id,
            version=LATEST,
        )
        pinned = self.place(name="other", **{"dicot.io/server": '{"zone": "az-1"}'})
        self.refused(
            Conflict,
            "Cannot change pinned availability zone directly. "
            "Unpin first by setting pinned_availability_zone to null.",
            "PUT",
            "/servers/<id>",
            {"server": {"pinned_availability_zone": "nova"}},
            id=pinned.id,
            version=LATEST,
        )

    def test_pinning_to_a_zone_by_name_selects_nodes(self) -> None:
        row = self.place()
        node = recorded("running")["vmi"]["status"]["nodeName"]
        self.world.add(NODE, node_object(node, zone="az-1"))
        self.update(row, pinned_availability_zone="az-1")
        body = self.sent().body
        assert isinstance(body, dict)
        self.assertEqual(body["spec"]["template"]["spec"], {"nodeSelector": {"topology.kubernetes.io/zone": "az-1"}})

    def test_one_that_vanished_meanwhile(self) -> None:
        row = self.place()
        self.plans.refuse = [errors.Missing(404, "NotFound", "gone")]
        self.assertRaises(NotFound, self.update, row, name="x")


class DeleteTests(Served):
    def test_by_its_uid(self) -> None:
        row = self.place()
        reply = self.ask("DELETE", "/servers/<id>", id=row.id)
        self.assertEqual((reply.code, reply.body), (204, None))
        self.assertEqual(self.applied().commit, Delete(VM, NAMESPACE, row.name, row.uid))

    def test_twice(self) -> None:
        row = self.place("terminating")
        self.assertEqual(self.ask("DELETE", "/servers/<id>", id=row.id).code, 204)
        self.assertEqual(self.plans.applied, [])

    def test_one_that_is_gone(self) -> None:
        row = self.place()
        self.plans.refuse = [errors.Missing(404, "NotFound", "gone")]
        self.refused(NotFound, f"Instance {row.id} could not be found.", "DELETE", "/servers/<id>", id=row.id)

    def test_by_an_administrator_of_another_project(self) -> None:
        row = self.place(name="theirs", namespace=OTHER_NAMESPACE)
        self.ask("DELETE", "/servers/<id>", id=row.id, who=ADMIN)
        self.assertEqual(self.applied().commit, Delete(VM, OTHER_NAMESPACE, row.name, row.uid))


class PowerTests(Served):
    def act(self, key: str, row: Row, value: Any = None, who: Caller = MEMBER) -> Reply:
        return self.ask(key, ACTION, value, id=row.id, who=who)

    def steps(self) -> list[Step]:
        return [*self.applied().binds, self.applied().commit]

    def conflict(self, key: str, row: Row, state: str, value: Any = None) -> None:
        action = key.removeprefix("os-")
        message = f"Cannot '{action}' instance {row.id} while it is in {state}"
        self.refused(Conflict, message, key, ACTION, value, id=row.id)

    def test_stop(self) -> None:
        row = self.place()
        self.assertEqual(self.act("os-stop", row).code, 202)
        self.assertEqual(self.steps(), [Ask(VM, NAMESPACE, row.name, "stop")])

    def test_start(self) -> None:
        row = self.place("stopped_succeeded")
        self.act("os-start", row)
        self.assertEqual(self.steps()[-1], Ask(VM, NAMESPACE, row.name, "start"))

    def test_a_server_in_error_can_be_stopped(self) -> None:
        row = self.place("image_pull", "pull")
        self.act("os-stop", row)
        self.assertEqual(self.steps(), [Ask(VM, NAMESPACE, row.name, "stop")])

    def test_a_crash_loop_is_stopped_by_its_strategy(self) -> None:
        row = self.place("crash_loop_waits", "loop")
        self.world.remove(VMI, row.place)
        self.act("os-stop", row)
        self.assertEqual(self.steps(), [Patch(VM, NAMESPACE, row.name, {"spec": {"runStrategy": "Manual"}})])

    def test_and_started_by_it(self) -> None:
        row = self.place("crash_loop_manual", "loop")
        self.act("os-start", row)
        self.assertEqual(self.steps(), [Patch(VM, NAMESPACE, row.name, {"spec": {"runStrategy": "RerunOnFailure"}})])

    def test_a_manual_vm_of_somebody_else_keeps_its_strategy(self) -> None:
        row = self.place("manual", "manual")
        vm = json.loads(json.dumps(recorded("manual")["vm"]))
        vm["metadata"]["namespace"] = NAMESPACE
        vm["metadata"]["labels"].pop("dicot.io/managed")
        self.world.remove(VM, row.place)
        row = self.world.add(VM, vm)
        self.act("os-start", row)
        self.assertEqual(self.steps(), [Ask(VM, NAMESPACE, row.name, "start")])

    def test_what_makes_no_sense(self) -> None:
        running, building, stopped = self.place(), self.place("starting_scheduled", "b"), self.place("stopped", "s")
        self.conflict("os-start", running, "vm_state active")
        self.conflict("os-stop", stopped, "vm_state stopped")
        self.conflict("os-stop", building, "vm_state building")
        self.conflict("reboot", building, "vm_state building", {"type": "HARD"})
        self.conflict("reboot", stopped, "vm_state stopped", {"type": "SOFT"})
        self.conflict("os-stop", self.place("stopping", "t"), "task_state powering-off")
        self.conflict("os-start", self.place("start_starting", "u"), "task_state powering-on")
        self.conflict("reboot", self.place("deleting", "d"), "task_state deleting", {"type": "HARD"})
        self.assertEqual(self.plans.applied, [])

    def test_what_kubevirt_refuses_is_the_same_conflict(self) -> None:
        row = self.place()
        self.plans.refuse = [errors.Conflict(409, "Conflict", "VM is not running")]
        self.conflict("os-stop", row, "vm_state active")
        self.plans.refuse = [errors.Missing(404, "NotFound", "gone")]
        self.assertRaises(NotFound, self.act, "os-stop", row)

    def test_a_locked_server_is_left_alone_but_by_administrators(self) -> None:
        row = self.place(**{"dicot.io/lock": "{}"})
        asked: tuple[Callable[[Caller], Reply], ...] = (
            lambda who: self.act("os-stop", row, who=who),
            lambda who: self.act("reboot", row, {"type": "HARD"}, who=who),
            lambda who: self.ask("DELETE", "/servers/<id>", id=row.id, who=who),
        )
        for ask in asked:
            fault = self.assertRaises(Conflict, ask, MEMBER)
            self.assertEqual(fault.message, f"Instance {row.id} is locked")
            ask(ADMIN)

    def test_a_hard_reboot_notes_its_task_and_restarts(self) -> None:
        row = self.place()
        self.act("reboot", row, {"type": "hard"})
        note, ask = self.steps()
        self.assertEqual(ask, Ask(VM, NAMESPACE, row.name, "restart", {"gracePeriodSeconds": 0}))
        assert isinstance(note, Patch) and isinstance(note.body, dict)
        task = json.loads(note.body["metadata"]["annotations"]["dicot.io/task"])
        self.assertEqual(task, {"task": "rebooting_hard", "until": "2026-11-21T10:05:00Z", "vmi": "vmi-web1"})

    def test_a_hard_reboot_of_what_does_not_run_starts_it(self) -> None:
        row = self.place("stopped")
        self.act("reboot", row, {"type": "HARD"})
        self.assertEqual(self.steps()[-1], Ask(VM, NAMESPACE, row.name, "start"))

    def test_a_soft_reboot_asks_the_guest(self) -> None:
        row = self.place()
        self.assertEqual(self.act("reboot", row, {"type": "SOFT"}).code, 202)
        self.assertEqual(self.steps(), [Ask(VMI, NAMESPACE, row.name, "softreboot")])

    def test_a_guest_that_cannot_be_asked_is_restarted(self) -> None:
        for error in (
            errors.Conflict(409, "Conflict", "VMI neither have the agent connected nor the ACPI feature enabled"),
            errors.Invalid(400, "BadRequest", "No virt-handler on node node-1 found"),
            errors.Doubtful("no answer"),
        ):
            self.plans.applied.clear()
            row = self.place()
            self.plans.refuse = [error]
            self.assertEqual(self.act("reboot", row, {"type": "SOFT"}).code, 202)
            _, restart = self.plans.applied
            self.assertEqual(restart.commit, Ask(VM, NAMESPACE, row.name, "restart"))
            note = restart.binds[0].body
            assert isinstance(note, dict)
            self.assertIn('"rebooting"', note["metadata"]["annotations"]["dicot.io/task"])

    def test_a_task_that_is_over_is_forgotten(self) -> None:
        task = '{"task": "rebooting_hard", "until": "2026-11-21T10:04:00Z", "vmi": "older"}'
        row = self.place(**{"dicot.io/task": task})
        self.act("os-stop", row)
        self.assertEqual(
            self.steps()[0], Patch(VM, NAMESPACE, row.name, {"metadata": {"annotations": {"dicot.io/task": None}}})
        )

    def test_the_kind_of_reboot(self) -> None:
        row = self.place()
        for value, words in (
            ({"type": "x"}, "'x' is not one of ['HARD', 'Hard', 'hard', 'SOFT', 'Soft', 'soft']"),
            ({}, "'type' is a required property"),
            (None, "None is not of type 'object'"),
        ):
            fault = self.assertRaises(BadRequest, self.act, "reboot", row, value)
            self.assertTrue(fault.message.endswith(words), fault.message)

    def test_an_administrator_sees_the_state_of_a_foreign_server(self) -> None:
        row = self.place("stopping", name="theirs", namespace=OTHER_NAMESPACE)
        fault = self.assertRaises(Conflict, self.act, "os-stop", row, who=ADMIN)
        self.assertIn("task_state powering-off", fault.message)


class ResourceTests(Served):
    def test_every_operation_has_its_row_of_the_policy_table(self) -> None:
        used = {policy for _, _, policy in self.table.operations.values()}
        self.assertEqual(used, set(SERVERS.policy))

    def test_writes_are_for_members(self) -> None:
        for name, personas in SERVERS.policy.items():
            reads = name.rpartition(":")[2] in ("index", "detail", "show")
            self.assertEqual("reader" in personas, reads, name)

    def test_a_stranger_sees_nothing(self) -> None:
        self.place()
        self.assertEqual(payload(self.ask("GET", "/servers", who=STRANGER)), {"servers": []})
