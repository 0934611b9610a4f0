"""From stores to the shelf."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from twisted.logger import LogEvent, LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.identity import NAMESPACE, NAMESPACE_RECORD, USER
from dicot.cloud.kinds.kubevirt import NODE, VM, Vm, by_owner
from dicot.cloud.kinds.kubevirt import VMI as INSTANCE
from dicot.cloud.kinds.network import PORT
from dicot.cloud.kinds.storage import DATA_SOURCE
from dicot.cloud.reading.feed import Feed
from dicot.cloud.reading.joins import by_place
from dicot.cloud.reading.shelf import Entry, Query, Shape
from dicot.cloud.resource import Bench, Join, Joined, Listed, Resource, Source, same_place
from dicot.kube.kind import Kind, Row

from .ground import BLUE, RED, Ground, uuid

BRIEF: Shape = ("brief", 0, False)
VMI = replace(INSTANCE, links=by_owner)
KINDS = (VM, VMI, NODE, PORT)


def by_uid(row: Row, vm: Vm) -> tuple[str, ...]:
    return (f"{row.namespace}/{row.uid}",)


def same_name(row: Row, vm: Vm) -> tuple[str, ...]:
    return (row.place,)


def node_of(row: Row, vmi: Any) -> tuple[str, ...]:
    return (f"/{vmi.status.nodeName}",) if vmi.status.nodeName else ()


def no_routes(bench: Bench) -> None:
    """None are needed here."""


class FeedTests(SynchronousTestCase):
    """Machines: VMs with their VMI, its Node, and ports. ``asked`` counts what the views were asked."""

    scope = "project"

    def setUp(self) -> None:
        self.ground = Ground((*KINDS, DATA_SOURCE, USER))
        self.asked: list[str] = []
        self.shown: list[str] = []
        self.again: float | None = None
        self.feed = Feed(self.machines(), self.ground.cache)
        self.opened = self.feed.start()

    def machines(self) -> Resource:
        joins = (
            Join(VMI, by_uid),
            Join(NODE, node_of, by_name=True, via=VMI),
            Join(PORT, same_name),
        )
        return Resource("machines", no_routes, (Source(VM, self.entry, self.document, joins),), scope=self.scope)

    def entry(self, joined: Joined, now: float) -> Listed:
        row = joined.row
        self.asked.append(row.place)
        status = joined.main(VM).status.printableStatus
        if status == "Hostile":
            raise ValueError("not as thought")
        scope = "" if status == "Public" else row.namespace
        return Listed(Entry(row.place, scope, row.id, row.name, status=status), self.again)

    def document(self, joined: Joined, shape: Shape, now: float) -> object:
        self.shown.append(joined.row.place)
        if joined.main(VM).status.printableStatus == "Unshown":
            raise RecursionError
        found = joined.first(VMI)
        return {
            "id": joined.row.id,
            "project": joined.project,
            "phase": found[1].status.phase if found else None,
            "nodes": [node.name for node, _ in joined.all(NODE)],
            "ports": [port.name for port, _ in joined.all(PORT)],
        }

    def vm(self, name: str, status: str = "Running", namespace: str = "red", **more: Any) -> None:
        self.ground.put(VM, namespace, name, status={"printableStatus": status}, **more)

    def vmi(self, name: str, owner: str, phase: str = "Running", node: str = "", namespace: str = "red") -> None:
        owners = [{"uid": owner, "kind": "VirtualMachine", "name": name, "controller": True}]
        self.ground.put(
            VMI, namespace, name, metadata={"ownerReferences": owners}, status={"phase": phase, "nodeName": node}
        )

    def port(self, name: str, vm: str) -> None:
        self.ground.put(PORT, "red", name, spec={"vm": vm})

    def begin(self) -> None:
        """Everything has synced, red and blue are projects."""
        self.ground.sync()
        self.ground.project("red", RED)
        self.ground.project("blue", BLUE)
        self.ground.clock.advance(0)

    def show(self, id: str, scope: str = "red") -> str:
        part = self.feed.shelf.one([scope], id, BRIEF)
        return part.decode() if part else ""

    def listed(self, *scopes: str) -> list[str]:
        steps = self.feed.shelf.page(scopes, Query(99), BRIEF)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return [part.decode().split('"')[3] for part in end.value.parts]


class JoinTests(FeedTests):
    """What meets a main row, and what is asked when it moves."""

    def setUp(self) -> None:
        super().setUp()
        self.begin()
        self.vm("one", uid="u1")
        self.vm("two", uid="u2")
        self.asked.clear()

    def shape(self, phase: str, nodes: str, ports: str) -> str:
        return f'{{"id":"u1","project":"{RED}","phase":{phase},"nodes":[{nodes}],"ports":[{ports}]}}'

    def test_alone(self) -> None:
        self.assertEqual(self.show("u1"), self.shape("null", "", ""))

    def test_joined_by_link_by_name_and_by_way_of_another(self) -> None:
        self.vmi("one", "u1", node="n1")
        self.ground.put(NODE, "", "n1")
        self.port("p1", "one")
        self.assertEqual(self.show("u1"), self.shape('"Running"', '"n1"', '"p1"'))

    def test_only_what_is_met_is_asked(self) -> None:
        self.vmi("one", "u1", node="n1")
        self.assertEqual(self.asked, ["red/one"])
        self.ground.put(NODE, "", "n1")
        self.ground.put(NODE, "", "n2")
        self.assertEqual(self.asked, ["red/one"] * 2)

    def test_joined_row_that_moves_touches_old_and_new(self) -> None:
        self.port("p1", "one")
        self.port("p1", "two")
        self.assertEqual(self.asked, ["red/one", "red/one", "red/two"])
        self.assertIn('"ports":[]', self.show("u1"))
        self.assertIn('"ports":["p1"]', self.show("u2"))

    def test_joined_row_that_goes_is_not_shown_any_more(self) -> None:
        self.vmi("one", "u1", node="n1")
        self.assertIn("Running", self.show("u1"))
        self.ground.drop(VMI, "red", "one")
        self.assertIn('"phase":null,"nodes":[]', self.show("u1"))

    def test_chain_follows_its_middle(self) -> None:
        self.ground.put(NODE, "", "n1")
        self.ground.put(NODE, "", "n2")
        self.vmi("one", "u1", node="n1")
        self.vmi("one", "u1", node="n2")
        self.asked.clear()
        self.ground.put(NODE, "", "n1", spec={"unschedulable": True})
        self.assertEqual(self.asked, [])
        self.ground.put(NODE, "", "n2", spec={"unschedulable": True})
        self.assertEqual(self.asked, ["red/one"])

    def test_a_change_of_what_no_view_shows_asks_nothing(self) -> None:
        joins = (Join(VMI, by_uid), Join(NODE, node_of, by_name=True, via=VMI, shown=lambda node: node.spec))
        source = Source(VM, self.entry, self.document_of_node, joins)
        feed = Feed(Resource("calm", no_routes, (source,)), self.ground.cache)
        self.feed.stop()
        feed.start()
        self.ground.clock.advance(0)
        self.vmi("one", "u1", node="n1")
        self.ground.put(NODE, "", "n1")
        self.asked.clear()
        self.ground.put(NODE, "", "n1", metadata={"annotations": {"kubevirt.io/heartbeat": "2026-01-01T00:00:00Z"}})
        self.assertEqual(self.asked, [])
        self.ground.put(NODE, "", "n1", spec={"unschedulable": True})
        self.assertEqual(self.asked, ["red/one"])
        self.assertEqual(feed.shelf.one(["red"], "u1", BRIEF), b"[true]")
        self.asked.clear()
        self.ground.drop(NODE, "", "n1")
        self.assertEqual(self.asked, ["red/one"])

    def document_of_node(self, joined: Joined, shape: Shape, now: float) -> object:
        return [node.spec.unschedulable for _, node in joined.all(NODE)]

    def test_joined_rows_are_oldest_first(self) -> None:
        for name, created in (("b", "2026-01-02T00:00:00Z"), ("c", "2026-01-01T00:00:00Z"), ("a", "")):
            self.ground.put(PORT, "red", name, spec={"vm": "one"}, created=created)
        self.assertIn('"ports":["c","b","a"]', self.show("u1"))

    def test_nothing_meets_across_namespaces(self) -> None:
        self.vmi("thief", "u1", phase="Stolen", namespace="blue")
        self.assertEqual(self.asked, [])
        self.assertIn('"phase":null', self.show("u1"))

    def test_keys_that_leave_the_namespace_are_void(self) -> None:
        source = Source(VM, self.entry, self.phases, (Join(VMI, lambda row, vm: ("blue/u1",)),))
        feed = Feed(Resource("others", no_routes, (source,)), self.ground.cache)
        feed.start()
        self.ground.clock.advance(0)
        self.vmi("other", "u1", namespace="blue")
        self.assertEqual(feed.shelf.one(["red"], "u1", BRIEF), b"[]")

    def test_what_only_has_the_name_does_not_fit(self) -> None:
        join = Join(VMI, same_place, by_name=True, fits=lambda vm, vmi: vmi.owner == vm.uid)
        feed = self.other(Source(VM, self.entry, self.phases, (join,)))
        self.vmi("one", "u9")
        self.assertEqual(feed.shelf.one(["red"], "u1", BRIEF), b"[]")
        self.vmi("one", "u1", phase="Failed")
        self.assertEqual(feed.shelf.one(["red"], "u1", BRIEF), b'["Failed"]')

    def test_main_rows_are_found_by_their_own_links(self) -> None:
        feed = self.other(Source(PORT, self.entry_of_port, self.phases, (Join(VMI, PORT.links, by_name=True),)))
        self.port("p1", "one")
        self.assertEqual(feed.shelf.one(["red"], "uid-red-p1", BRIEF), b"[]")
        self.vmi("one", "u1", phase="Failed")
        self.assertEqual(feed.shelf.one(["red"], "uid-red-p1", BRIEF), b'["Failed"]')
        self.port("p1", "two")
        self.assertEqual(feed.shelf.one(["red"], "uid-red-p1", BRIEF), b"[]")

    def test_what_names_no_main_row_asks_nothing(self) -> None:
        """A tenant's object may name whatever it likes."""
        self.other(Source(VM, self.entry, self.phases, (Join(PORT, same_place),)))
        self.asked.clear()
        for name in ("three", "a b", "x.example.io a/b", " ", ""):
            self.port("p1", name)
        self.assertEqual(self.asked, [])
        self.port("p1", "two")
        self.assertIn("red/two", self.asked)

    def test_places_of_two_sources_do_not_meet(self) -> None:
        sources = (Source(VM, self.entry, self.phases, ()), Source(PORT, self.entry_of_port, self.phases, ()))
        feed = Feed(Resource("both", no_routes, sources), self.ground.cache)
        feed.start()
        self.ground.clock.advance(0)
        self.port("one", "one")
        self.assertEqual(len(feed.shelf), 3)
        self.ground.drop(PORT, "red", "one")
        self.assertEqual(len(feed.shelf), 2)
        self.assertIn("red/one", feed.shelf)

    def other(self, source: Source) -> Feed:
        feed = Feed(Resource("others", no_routes, (source,)), self.ground.cache)
        feed.start()
        self.ground.clock.advance(0)
        return feed

    def entry_of_port(self, joined: Joined, now: float) -> Listed:
        row = joined.row
        return Listed(Entry(row.place, row.namespace, row.id, row.name))

    def phases(self, joined: Joined, shape: Shape, now: float) -> object:
        return [vmi.status.phase for _, vmi in joined.all(VMI)]

    def test_main_row_that_goes_is_gone(self) -> None:
        self.vmi("one", "u1")
        self.ground.drop(VM, "red", "one", uid="u1")
        self.asked.clear()
        self.vmi("one", "u1", phase="Succeeded")
        self.assertEqual((self.listed("red"), self.asked), (["u2"], []))

    def test_object_made_again_under_its_name_is_another(self) -> None:
        self.vm("one", uid="u3")
        self.assertEqual(self.listed("red"), ["u3", "u2"])
        self.vmi("one", "u3")
        self.assertIn("Running", self.show("u3"))

    def test_duplicate_id_is_the_oldest_objects(self) -> None:
        self.vm("later", uid="u4", id=uuid(1), created="2026-11-20T12:00:00Z")
        self.assertEqual(self.listed("red"), [uuid(1), "u1", "u2"])
        self.vm("older", uid="u5", id=uuid(1), created="2026-11-20T11:00:00Z")
        self.assertEqual(self.listed("red"), ["u4", uuid(1), "u1", "u2"])

    def test_two_sources_of_one_kind_are_a_mistake(self) -> None:
        source = Source(VM, self.entry, self.document)
        self.assertRaises(ValueError, Feed, Resource("x", no_routes, (source, source)), self.ground.cache)


class OpeningTests(FeedTests):
    """Silent until everything is known."""

    def test_silent_until_every_kind_has_synced(self) -> None:
        self.ground.project("red", RED)
        self.vm("one")
        self.ground.sync(VM, VMI, NODE, PORT, NAMESPACE)
        self.vm("two")
        self.assertEqual((self.asked, len(self.feed.shelf)), ([], 0))
        self.assertNoResult(self.opened)

    def test_walks_once_when_the_last_has_synced(self) -> None:
        for kind in (VM, VMI, NODE, PORT, NAMESPACE):
            self.ground.sync(kind)
        self.ground.namespace("red")
        self.vm("one", uid="u1", created="2026-01-01T00:00:00Z")
        self.vm("two", uid="u2", created="2026-01-02T00:00:00Z")
        spec = {"namespace": "red", "uid": "uid-red", "id": RED}
        record = self.ground.manifest(NAMESPACE_RECORD, "dicot-system", "r", spec=spec)
        self.ground.stores[NAMESPACE_RECORD].replace([msgspec.json.encode(record)], "99")
        self.assertNoResult(self.opened)
        self.ground.clock.advance(0)
        self.assertIsNone(self.successResultOf(self.opened))
        self.assertEqual((self.asked, self.listed("red")), (["red/one", "red/two"], ["u1", "u2"]))

    def test_walk_is_by_place(self) -> None:
        rows = [Row(f"ns{at % 2}", f"n{at:04}", f"u{at}", "1", f"i{at}", "", "", b"") for at in range(7000)]
        mixed = [rows[at * 4001 % 7000] for at in range(7000)]
        wanted = sorted(rows, key=lambda row: (row.namespace, row.name))
        for given in (mixed, wanted):
            walk, steps = by_place(list(given)), 0
            try:
                while True:
                    next(walk)
                    steps += 1
            except StopIteration as end:
                found = end.value
            self.assertEqual(list(found), wanted)
            self.assertEqual(steps, 4)
        self.assertRaises(StopIteration, next, by_place([]))

    def test_change_during_the_walk_is_asked_at_once(self) -> None:
        self.ground.sync()
        self.ground.project("red", RED)
        self.vm("one", uid="u1", status="Stopped")
        self.assertEqual(self.listed("red"), ["u1"])
        self.ground.clock.advance(0)
        self.assertEqual(self.listed("red"), ["u1"])

    def test_stop_ends_it(self) -> None:
        self.begin()
        self.again = self.ground.clock.seconds() + 10
        self.vm("one")
        self.feed.stop()
        self.vm("two")
        self.ground.clock.advance(60)
        self.assertEqual((self.asked, self.ground.clock.getDelayedCalls()), (["red/one"], []))


class SliceTests(FeedTests):
    """Each question takes over a millisecond of the Clock, so that a slice holds two."""

    def setUp(self) -> None:
        super().setUp()
        self.begin()
        for number in range(6):
            self.vm(f"vm{number}", uid=f"u{number}")
            self.vmi(f"vm{number}", f"u{number}", node="n1")
        self.asked.clear()

    def entry(self, joined: Joined, now: float) -> Listed:
        self.ground.clock.rightNow += 0.0011
        if joined.main(VM).status.printableStatus == "Bug":
            raise AssertionError
        return super().entry(joined, now)

    def test_change_that_touches_many_lets_the_reactor_turn(self) -> None:
        self.ground.put(NODE, "", "n1")
        self.assertEqual(len(self.asked), 2)
        self.ground.clock.callLater(0, lambda: self.asked.append("another"))
        self.ground.clock.advance(0)
        self.assertEqual(self.asked.index("another"), 4)
        self.assertEqual(len(set(self.asked)), 7)

    def test_own_change_comes_before_those_that_wait(self) -> None:
        self.ground.put(NODE, "", "n1")
        last = ({f"red/vm{number}" for number in range(6)} - set(self.asked)).pop()
        self.vm(last.partition("/")[2], "Stopped", uid=f"u{last[-1]}")
        self.assertEqual(self.asked[2], last)

    def test_deleted_while_it_waits(self) -> None:
        self.ground.put(NODE, "", "n1")
        last = ({f"red/vm{number}" for number in range(6)} - set(self.asked)).pop()
        self.ground.drop(VM, "red", last.partition("/")[2], uid=f"u{last[-1]}")
        self.ground.clock.advance(0)
        self.assertNotIn(last, self.asked)
        self.assertEqual(len(self.feed.shelf), 5)

    def test_mistake_in_a_view_is_logged_and_the_rest_is_asked(self) -> None:
        self.ground.put(NODE, "", "n1")
        waiting = sorted({f"red/vm{number}" for number in range(6)} - set(self.asked))
        self.assertRaises(AssertionError, self.vm, waiting[0].partition("/")[2], "Bug", uid=f"u{waiting[0][-1]}")
        self.ground.clock.advance(0)
        self.assertEqual(len(self.flushLoggedErrors(AssertionError)), 1)
        self.assertEqual(sorted(self.asked[2:]), waiting[1:])


class TimeTests(FeedTests):
    """Status is a function of the objects and of time."""

    def test_asked_again_at_its_moment(self) -> None:
        self.begin()
        self.again = self.ground.clock.seconds() + 30
        self.vm("one", uid="u1")
        self.show("u1")
        self.again = None
        self.ground.clock.advance(29)
        self.assertEqual(self.asked, ["red/one"])
        self.ground.clock.advance(1)
        self.assertEqual(self.asked, ["red/one"] * 2)
        self.show("u1")
        self.assertEqual(self.shown, ["red/one"] * 2)
        self.assertEqual(self.ground.clock.getDelayedCalls(), [])

    def test_wall_clock_that_is_set_shifts_the_moment(self) -> None:
        self.begin()
        self.again = self.ground.wall() + 3000
        self.vm("one", uid="u1")
        self.again = None
        self.ground.wall_ahead = 3600
        self.ground.clock.advance(60)
        self.assertEqual(self.asked, ["red/one"] * 2)

    def test_moment_goes_with_its_object(self) -> None:
        self.begin()
        self.again = self.ground.clock.seconds() + 30
        self.vm("one", uid="u1")
        self.ground.drop(VM, "red", "one", uid="u1")
        self.assertEqual(self.ground.clock.getDelayedCalls(), [])


class HostileTests(FeedTests):
    """One object never spoils the others."""

    def setUp(self) -> None:
        super().setUp()
        self.begin()
        self.events: Sequence[LogEvent] = self.enterContext(capturedLogs())
        self.vm("good", uid="good")

    def warnings(self) -> int:
        return sum(event.get("log_level") is LogLevel.warn for event in self.events)

    def test_entry_that_cannot_be_made_is_absent_and_reported_once(self) -> None:
        for _ in range(3):
            self.vm("bad", "Hostile", uid="bad")
        self.assertEqual((self.listed("red"), self.warnings()), (["good"], 1))

    def test_healed_object_is_shown(self) -> None:
        self.vm("bad", "Hostile", uid="bad")
        self.vm("bad", "Running", uid="bad")
        self.assertEqual(self.listed("red"), ["bad", "good"])

    def test_object_that_turns_hostile_is_withdrawn(self) -> None:
        self.vm("good", "Hostile", uid="good")
        self.assertEqual(self.listed("red"), [])

    def test_document_that_cannot_be_made_is_absent_and_reported_once(self) -> None:
        self.vm("bad", "Unshown", uid="bad")
        self.assertEqual((self.listed("red"), self.show("bad"), self.warnings()), (["good"], "", 1))

    def test_entry_for_others_is_void(self) -> None:
        self.vm("bad", "Public", uid="bad")
        self.assertEqual((self.listed("red", ""), self.warnings()), (["good"], 1))


class ProjectTests(FeedTests):
    """Rows of namespaces that are no projects are nowhere."""

    def test_foreign_namespace_is_never_asked(self) -> None:
        self.begin()
        self.vm("one", namespace="kube-system")
        self.vm("two", namespace="other")
        self.assertEqual((self.asked, self.feed.shelf.scopes()), ([], ()))

    def test_namespace_is_walked_when_it_becomes_a_project(self) -> None:
        self.begin()
        self.vm("one", namespace="green", uid="u1")
        self.ground.project("green", "c" * 32)
        self.assertEqual(self.listed("green"), ["u1"])

    def test_namespace_is_purged_when_it_is_none_any_more(self) -> None:
        self.begin()
        self.again = self.ground.clock.seconds() + 30
        self.vm("one", uid="u1")
        self.vm("two", uid="u2", namespace="blue")
        self.ground.drop(NAMESPACE_RECORD, "dicot-system", "r-red")
        self.assertEqual((self.listed("red", "blue"), self.feed.shelf.scopes()), (["u2"], ("blue",)))
        self.asked.clear()
        self.vm("one", uid="u1")
        self.vmi("one", "u1")
        self.ground.clock.advance(10)
        self.assertEqual(self.asked, [])

    def test_what_is_said_of_a_project_asks_nothing(self) -> None:
        self.begin()
        self.vm("one", uid="u1")
        self.asked.clear()
        self.ground.namespace("red", annotations={"dicot.io/name": "other"})
        self.assertEqual((self.asked, self.listed("red")), ([], ["u1"]))

    def test_image_namespaces_hold_no_machines(self) -> None:
        self.begin()
        self.ground.namespace("images")
        self.ground.record("images", role="images")
        self.vm("one", namespace="images")
        self.assertEqual(self.asked, [])


class ScopeTests(SynchronousTestCase):
    """Resources whose rows are not a project's alone."""

    def feed(self, kind: Kind[Any], scope: str) -> tuple[Ground, Feed]:
        ground = Ground((kind,) if kind != NAMESPACE else ())
        source = Source(kind, self.entry, lambda joined, shape, now: [joined.row.name, joined.project])
        feed = Feed(Resource("things", no_routes, (source,), scope=scope), ground.cache)
        ground.sync()
        feed.start()
        ground.clock.advance(0)
        return ground, feed

    def entry(self, joined: Joined, now: float) -> Listed:
        row = joined.row
        scope = {"dicot-system": "someone", "": ""}.get(row.namespace, row.namespace)
        return Listed(Entry(row.place, scope, row.name, row.name))

    def test_images_count_in_their_own_namespaces_too(self) -> None:
        ground, feed = self.feed(DATA_SOURCE, "images")
        ground.put(DATA_SOURCE, "public", "debian")
        ground.put(DATA_SOURCE, "other", "hidden")
        self.assertEqual(feed.shelf.scopes(), ())
        ground.namespace("public")
        ground.record("public", role="images")
        self.assertEqual(feed.shelf.one(["public"], "debian", BRIEF), b'["debian",""]')
        self.assertEqual(feed.shelf.scopes(), ("public",))
        ground.drop(NAMESPACE_RECORD, "dicot-system", "r-public")
        self.assertEqual(feed.shelf.scopes(), ())

    def test_kind_with_a_namespace_of_its_own_counts_there(self) -> None:
        ground, feed = self.feed(USER, "user")
        ground.put(USER, "dicot-system", "alice")
        self.assertEqual(feed.shelf.one(["someone"], "alice", BRIEF), b'["alice",""]')

    def test_cluster_kinds_count(self) -> None:
        ground, feed = self.feed(NODE, "cluster")
        ground.put(NODE, "", "n1")
        self.assertEqual(feed.shelf.one([""], "n1", BRIEF), b'["n1",""]')

    def test_namespace_is_the_project_that_it_is(self) -> None:
        ground, feed = self.feed(NAMESPACE, "cluster")
        ground.namespace("red")
        self.assertEqual(feed.shelf.one([""], "red", BRIEF), b'["red",""]')
        ground.record("red", RED)
        self.assertEqual(feed.shelf.one([""], "red", BRIEF), f'["red","{RED}"]'.encode())
