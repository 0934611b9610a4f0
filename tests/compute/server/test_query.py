"""What lists of servers are asked for, and what is found."""

import gc
import random
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from dicot.caller import Caller
from dicot.cloud.reading.shelf import Block, Entry
from dicot.compute.patterns import MOST_PATTERNS, Pattern
from dicot.compute.server.columns import COLUMNS, PLACE
from dicot.compute.server.query import NOTHING, Listing, listing
from dicot.faults import BadRequest, Forbidden
from dicot.web.dialect import Version

from .objects import IMAGE, NAMESPACE, USER
from .world import ADMIN, MEMBER

POLICY = "os_compute_api:servers:index"
LATEST: Version = (2, 104)


def asked(who: Caller = MEMBER, version: Version = LATEST, /, **query: str | Sequence[str]) -> Listing:
    pairs = {
        key.replace("_since", "-since")
        .replace("_before", "-before")
        .replace("_any", "-any")
        .replace("not_", "not-"): ([value] if isinstance(value, str) else value)
        for key, value in query.items()
    }
    return listing(who, version, pairs, POLICY)


def entry(name: str = "web1", **columns: str) -> Entry:
    values = {
        "vm_state": "active",
        "power_state": "1",
        "user_id": USER,
        "image": IMAGE,
        "flavor": "1",
        "host": "node-1",
        "key_name": "k",
        "availability_zone": "nova",
        "created_at": "2026-11-21T10:00:00Z",
        "updated_at": "2026-11-21T10:30:00Z",
        "hostname": "web1",
        "locked": "False",
        "ip": "10.0.0.7\n10.0.0.71",
        "ip6": "fd00::7",
        "tags": "a,b",
    } | columns
    joined = tuple(values.get(column, "") for column in COLUMNS)
    return Entry(f"{NAMESPACE}/{name}", NAMESPACE, f"id-{name}", "", name, "ACTIVE", joined)


def found(wanted: Listing, each: Entry | None = None) -> bool:
    return wanted.query.wants(each or entry())


class AgainTests(SynchronousTestCase):
    """What is asked again is not read again, unless somebody else asks, or it is long."""

    def test_the_same(self) -> None:
        self.assertIs(asked(name="web", limit="5"), asked(name="web", limit="5"))
        self.assertIsNot(asked(name="web"), asked(name="web", limit="5"))
        self.assertIsNot(asked(name="x" * 200), asked(name="x" * 200))

    def test_what_is_remembered_holds_no_automata(self) -> None:
        wanted = [asked(name=f"^web|{number}", ip=f"0.7$|{number}") for number in range(MOST_PATTERNS)]
        gc.collect()
        held = sum(isinstance(each, Pattern) for each in gc.get_objects())
        self.assertTrue(0 < held <= MOST_PATTERNS, held)
        self.assertTrue(all(map(found, wanted)))

    def test_who_asks_and_how_counts(self) -> None:
        for policy in (POLICY, "another"):
            for who, version in ((MEMBER, LATEST), (ADMIN, LATEST), (ADMIN, (2, 1))):
                found = listing(who, version, {"host": ["x"]}, policy)
                self.assertEqual(found.query.match is None, who is MEMBER)
        self.assertRaises(Forbidden, asked, MEMBER, all_tenants="1")
        self.assertTrue(asked(ADMIN, all_tenants="1").everything)
        self.assertRaises(Forbidden, asked, MEMBER, all_tenants="1")

    def test_values_in_their_order(self) -> None:
        down, up = (
            asked(sort_key=["display_name", "uuid"], sort_dir=order) for order in (["desc", "asc"], ["asc", "desc"])
        )
        self.assertNotEqual(down.query.sort, up.query.sort)


class ManyTests(SynchronousTestCase):
    """Many servers at a time are filtered as each by itself."""

    FILTERS: Sequence[dict[str, str | Sequence[str]]] = (
        {"name": "1.*2"},
        {"name": "web", "ip": "^10.0.0.7$"},
        {"status": "ACTIVE", "name": "5$"},
        {"status": ["ERROR", "SHUTOFF"], "name": "[0-4]$", "tags": "a"},
        {"status": "SHUTOFF", "user_id": "u1"},
        {"vm_state": "active", "image": "i2", "flavor": "1"},
        {"ip": "7$", "ip6": "::7"},
        {"tags": "a,b"},
        {"tags_any": "a,c"},
        {"not_tags": "a,b"},
        {"not_tags_any": "a,b", "name": "9"},
        {"tags": ","},
        {"not_tags": "b,", "tags_any": "c,"},
        {"not_tags_any": ",c"},
        {"changes_since": "2026-11-21T10:30:00Z"},
        {"changes_since": "2026-11-21T10:10:00Z", "changes_before": "2026-11-21T10:20:00Z"},
        {"changes_before": "2026-11-21T10:05:00Z", "name": "web"},
        {"changes_since": "2026-11-22T10:00:00Z"},
        {"locked": "true", "description": "."},
        {"description": "^$"},
        {"key_name": "k", "availability_zone": "nova"},
        {"kernel_id": "x"},
    )

    def test_all_filters(self) -> None:
        dice = random.Random(5)
        entries = [
            entry(
                f"web{number}",
                vm_state=dice.choice(("active", "active", "stopped", "error")),
                user_id=dice.choice(("u1", "u2")),
                image=dice.choice(("i1", "i2", "")),
                ip=dice.choice(("", f"10.0.0.{number}", f"10.0.0.7\n10.0.1.{number}")),
                ip6=dice.choice(("", "fd00::7")),
                tags=dice.choice(("", "a", "a,b", "b,c", "c")),
                updated_at=f"2026-11-21T10:{dice.randrange(60):02}:00Z",
                locked=dice.choice(("True", "False")),
                description=dice.choice(("", "some", "two\nlines")),
            )
            for number in range(200)
        ]
        block, found = Block(entries), set()
        for filters in self.FILTERS:
            query = asked(ADMIN, **filters).query
            wanted = [number for number, each in enumerate(entries) if query.wants(each)]
            self.assertEqual([place for piece in query.wanted(block) for place in piece], wanted, filters)
            found.add(len(wanted))
        self.assertGreater(len(found), 10)


class FilterTests(SynchronousTestCase):
    def test_a_name_is_a_pattern_found_anywhere(self) -> None:
        self.assertTrue(found(asked(name="EB")))
        self.assertTrue(found(asked(name="^web1$")))
        self.assertFalse(found(asked(name="^eb")))

    def test_exact_filters(self) -> None:
        for key, right, wrong in (
            ("image", IMAGE, "x"),
            ("flavor", "1", "11"),
            ("vm_state", "active", "act"),
            ("user_id", USER, "x"),
        ):
            self.assertTrue(found(asked(**{key: right})), key)
            self.assertFalse(found(asked(**{key: wrong})), key)

    def test_patterns_over_columns(self) -> None:
        for key, right, wrong in (
            ("key_name", "^k$", "z"),
            ("availability_zone", "nov", "x"),
            ("power_state", "1", "4"),
            ("hostname", "WEB", "x"),
            ("created_at", "2026-11", "2025"),
        ):
            self.assertTrue(found(asked(**{key: right})), key)
            self.assertFalse(found(asked(**{key: wrong})), key)

    def test_a_column_that_is_empty_is_found_by_no_pattern(self) -> None:
        self.assertFalse(found(asked(key_name=".*"), entry(key_name="")))
        self.assertFalse(found(asked(terminated_at=".*")))

    def test_addresses_are_matched_one_by_one(self) -> None:
        self.assertTrue(found(asked(ip="^10.0.0.7$")))
        self.assertTrue(found(asked(ip="71")))
        self.assertFalse(found(asked(ip="7 10")))
        self.assertTrue(found(asked(ip6="fd00")))

    def test_an_address_of_either_version_is_enough(self) -> None:
        self.assertTrue(found(asked(ip="^10[.]0[.]0[.]7$", ip6="2001")))
        self.assertTrue(found(asked(ip="192", ip6="fd00")))
        self.assertFalse(found(asked(ip="192", ip6="2001")))

    def test_tags(self) -> None:
        for key, value, expected in (
            ("tags", "a,b", True),
            ("tags", "a,c", False),
            ("tags_any", "c,b", True),
            ("tags_any", "c,d", False),
            ("not_tags", "a,c", True),
            ("not_tags", "a,b", False),
            ("not_tags_any", "c", True),
            ("not_tags_any", "c,a", False),
        ):
            self.assertEqual(found(asked(**{key: value})), expected, (key, value))

    def test_changes_since_and_before(self) -> None:
        self.assertTrue(found(asked(changes_since="2026-11-21T10:30:00Z")))
        self.assertFalse(found(asked(changes_since="2026-11-21T10:30:01Z")))
        self.assertTrue(found(asked(changes_before="2026-11-21T10:30:00Z")))
        self.assertFalse(found(asked(changes_before="2026-11-21T11:29:59+01:00")))
        with self.assertRaises(BadRequest):
            asked(changes_since="2026-11-21T10:30:00Z", changes_before="2026-11-21T10:29:00Z")

    def test_a_status_stands_for_states(self) -> None:
        self.assertTrue(found(asked(status="active")))
        self.assertTrue(found(asked(status=["ERROR", "ACTIVE"])))
        self.assertFalse(found(asked(status="SHUTOFF")))
        self.assertFalse(found(asked(status="REBOOT")))
        self.assertTrue(found(asked(status="REBOOT"), entry(task_state="rebooting")))

    def test_as_in_nova_active_also_finds_what_reboots(self) -> None:
        self.assertTrue(found(asked(status="ACTIVE"), entry(task_state="rebooting")))

    def test_an_unknown_status(self) -> None:
        self.assertEqual(asked(MEMBER, (2, 37), status="nonsense"), NOTHING)
        fault = self.assertRaises(BadRequest, asked, MEMBER, (2, 38), status="nonsense")
        self.assertEqual(fault.message, "Invalid status value")

    def test_locked(self) -> None:
        self.assertTrue(found(asked(locked="false")))
        self.assertFalse(found(asked(locked="true")))
        fault = self.assertRaises(BadRequest, asked, locked="maybe")
        self.assertEqual(
            fault.message,
            "Unrecognized value 'maybe', acceptable values are: "
            "'0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'",
        )

    def test_filters_add_up(self) -> None:
        self.assertFalse(found(asked(name="web", flavor="2")))
        self.assertIsNone(asked().query.match)

    def test_the_last_of_a_repeated_filter_counts(self) -> None:
        self.assertTrue(found(asked(name=["nothing", "web"])))


class PermissionTests(SynchronousTestCase):
    def test_members_filters_grow_with_the_version(self) -> None:
        for key, since in (("key_name", 83), ("hostname", 90), ("locked", 73)):
            self.assertIsNone(asked(MEMBER, (2, since - 1), **{key: "true"}).query.match, key)
            self.assertIsNotNone(asked(MEMBER, (2, since), **{key: "true"}).query.match, key)

    def test_what_members_may_not_filter_by_is_left_out(self) -> None:
        for key in ("host", "uuid", "description", "project_id", "tenant_id", "deleted", "node"):
            wanted = asked(**{key: "true"})
            self.assertTrue(found(wanted), key)
            self.assertFalse(wanted.everything or wanted.project or wanted.nothing, key)

    def test_administrators_filter_by_everything(self) -> None:
        self.assertTrue(found(asked(ADMIN, host="node-1")))
        self.assertFalse(found(asked(ADMIN, host="node-")))
        self.assertTrue(found(asked(ADMIN, node="node-")))
        self.assertTrue(found(asked(ADMIN, uuid="id-web1")))
        self.assertTrue(found(asked(ADMIN, (2, 1), description="x"), entry(description="Xy")))

    def test_all_projects_are_for_administrators(self) -> None:
        for value in ("1", "true", ""):
            self.assertTrue(asked(ADMIN, all_tenants=value).everything)
            fault = self.assertRaises(Forbidden, asked, all_tenants=value)
            self.assertEqual(fault.message, f"Policy doesn't allow {POLICY}:get_all_tenants to be performed.")
        self.assertFalse(asked(all_tenants="0").everything)
        self.assertRaises(BadRequest, asked, all_tenants="x")

    def test_a_project_narrows_only_a_list_over_all(self) -> None:
        self.assertEqual(asked(ADMIN, all_tenants="1", project_id="p").project, "p")
        self.assertEqual(asked(ADMIN, all_tenants="1", tenant_id="p").project, "p")
        self.assertIsNone(asked(ADMIN, project_id="p").project)

    def test_deleted_servers_are_not_kept(self) -> None:
        self.assertEqual(asked(ADMIN, deleted="True"), NOTHING)
        self.assertFalse(asked(ADMIN, deleted="False").nothing)
        self.assertRaises(Forbidden, asked, status="deleted")

    def test_nobody_filters_by_other_tables(self) -> None:
        fault = self.assertRaises(BadRequest, asked, ADMIN, metadata="x")
        self.assertEqual(fault.message, "Invalid filter field: metadata.")
        self.assertIsNone(asked(metadata="x").query.match)

    def test_unknown_keys_are_refused_from_2_75(self) -> None:
        self.assertIsNone(asked(MEMBER, (2, 74), foo="x").query.match)
        self.assertRaises(BadRequest, asked, MEMBER, (2, 75), foo="x")


class PageTests(SynchronousTestCase):
    def test_limits(self) -> None:
        self.assertEqual([asked(limit=each).query.limit for each in ("0", "5", "1001")], [0, 5, 1000])
        self.assertEqual(asked().query.limit, 1000)
        self.assertRaises(BadRequest, asked, limit="-1")

    def test_a_marker_is_passed_on(self) -> None:
        self.assertEqual(asked(marker="m").query.marker, "m")


class SortTests(SynchronousTestCase):
    def test_the_newest_comes_first(self) -> None:
        self.assertEqual(asked().query.sort, ())
        self.assertEqual(asked(sort_key="created_at", sort_dir="desc").query.sort, ())

    def test_the_oldest_first(self) -> None:
        self.assertEqual(asked(sort_dir="asc").query.sort, ((str(PLACE["created_at"]), True), ("id", True)))

    def test_columns_and_the_id_behind(self) -> None:
        self.assertEqual(asked(sort_key="display_name", sort_dir="asc").query.sort, (("name", True), ("id", True)))
        self.assertEqual(
            asked(sort_key=["vm_state", "uuid"], sort_dir=["asc", "desc"]).query.sort,
            ((str(PLACE["vm_state"]), True), ("id", False), ("id", True)),
        )

    def test_a_missing_direction_is_the_first(self) -> None:
        sort = asked(sort_key=["display_name", "uuid"], sort_dir="asc").query.sort
        self.assertEqual(sort, (("name", True), ("id", True), ("id", True)))

    def test_ignored_keys_take_their_direction_along(self) -> None:
        wanted = asked(MEMBER, (2, 1), sort_key=["vcpus", "display_name"], sort_dir=["desc", "asc"])
        self.assertEqual(wanted.query.sort, (("name", True), ("id", True)))

    def test_mistakes(self) -> None:
        for query, message in (
            ({"sort_dir": "up"}, "Invalid input received: Unknown sort direction, must be 'desc' or 'asc'"),
            (
                {"sort_key": "uuid", "sort_dir": ["asc", "asc"]},
                "Invalid input received: Sort direction size exceeds sort key size",
            ),
        ):
            fault = self.assertRaises(BadRequest, asked, **query)
            self.assertEqual(fault.message, message)
        self.assertRaises(BadRequest, asked, sort_key="vcpus")

    def test_of_several_mistakes_novas_first_is_told(self) -> None:
        fault = self.assertRaises(BadRequest, asked, limit="x", ip="(", sort_key="colour", name="(")
        self.assertIn("query parameters name.", fault.message)

    def test_hosts_sort_for_administrators_only(self) -> None:
        fault = self.assertRaises(Forbidden, asked, sort_key="host")
        self.assertEqual(fault.message, "Only administrators can sort servers by host")
        self.assertEqual(asked(ADMIN, sort_key="host").query.sort[0], (str(PLACE["host"]), False))
