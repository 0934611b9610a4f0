"""First walks that go side by side."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.kinds.network import PORT
from dicot.cloud.reading import feed
from dicot.cloud.reading.feed import Feed
from dicot.cloud.reading.front import Front
from dicot.cloud.reading.shelf import Entry, Shape, newest_first
from dicot.cloud.resource import Bench, Join, Joined, Listed, Resource, Source
from dicot.kube.kind import Kind, Row

from .ground import RED, Ground

FIRST, SECOND = ("red", "one"), ("red", "two")


class FrontTests(SynchronousTestCase):
    """Who is ahead waits."""

    def setUp(self) -> None:
        self.front = Front()
        for walk in ("one", "other"):
            self.front.enter(walk)

    def test_waits_for_one_whose_rows_are_not_known_yet(self) -> None:
        self.assertFalse(self.front.may_pass("one", SECOND))

    def test_who_is_behind_goes_on(self) -> None:
        self.front.may_pass("one", SECOND)
        self.assertTrue(self.front.may_pass("other", FIRST))
        self.assertFalse(self.front.may_pass("one", SECOND))

    def test_both_go_on_side_by_side(self) -> None:
        self.front.may_pass("one", SECOND)
        self.assertTrue(self.front.may_pass("other", SECOND))
        self.assertTrue(self.front.may_pass("one", SECOND))

    def test_nobody_waits_for_one_that_is_over(self) -> None:
        self.front.leave("other")
        self.assertTrue(self.front.may_pass("one", SECOND))


class WalkTests(SynchronousTestCase):
    """Two resources made of the same rows."""

    def setUp(self) -> None:
        self.patch(feed, "_MANY", 100)
        self.ground = Ground([VM, PORT])
        self.ground.sync()
        self.ground.project("red", RED)
        for number in range(300):
            self.ground.put(VM, "red", f"vm-{number}")
        for number in range(600):
            # Ports that are made with a server are named after it.
            self.ground.put(PORT, "red", f"vm-{number}-port", spec={"vm": f"vm-{number}"})

    def test_no_row_is_decoded_twice(self) -> None:
        vms = Source(VM, of_vm, document)
        ports = Source(PORT, of_port, document, (Join(VM, PORT.links, by_name=True),))
        feeds = [
            Feed(Resource(source.main.plural, no_routes, (source,)), self.ground.cache) for source in (vms, ports)
        ]
        decoded: list[Row] = []
        decode = Kind.read

        def read(kind: Kind[Any], row: Row) -> Any:
            if kind is VM:
                decoded.append(row)
            return decode(kind, row)

        self.patch(Kind, "read", read)
        for each in feeds:
            each.start()
        self.ground.clock.advance(0)
        self.assertEqual([len(each.shelf) for each in feeds], [300, 600])
        # Some are still known from their events.
        self.assertEqual(len(decoded), len({row.name for row in decoded}))


def of_vm(joined: Joined, now: float) -> Listed:
    """A VM, read and listed."""
    joined.main(VM)
    return listed(joined.row)


def of_port(joined: Joined, now: float) -> Listed:
    """A port, listed; its VM is read."""
    joined.first(VM)
    return listed(joined.row)


def listed(row: Row) -> Listed:
    """The least of an entry."""
    return Listed(Entry(row.place, row.namespace, row.id, newest_first(row.created, row.id)))


def document(joined: Joined, shape: Shape, now: float) -> object:
    """Nothing."""
    return {}


def no_routes(bench: Bench) -> None:
    """None are needed here."""
