"""Finished answers, as routes ask for them."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.caller import ANONYMOUS, Caller
from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.kinds.storage import DATA_SOURCE
from dicot.cloud.reading.feed import Feed
from dicot.cloud.reading.reader import Reader
from dicot.cloud.reading.shelf import Entry, Page, Query, Shape, UnknownMarker
from dicot.cloud.resource import Bench, Joined, Listed, Resource, Source
from dicot.cloud.resource import Reader as Reads
from dicot.kube.kind import Kind

from .ground import BLUE, RED, Ground, caller, uuid

BRIEF: Shape = ("brief", 0, False)


def no_routes(bench: Bench) -> None:
    """None are needed here."""


class ReaderTests(SynchronousTestCase):
    """A reader of one kind; ``live`` holds what a live read would find."""

    scope = "project"
    kind: Kind[Any] = VM

    def setUp(self) -> None:
        self.ground = Ground((self.kind,))
        self.slow = 0.0
        resource = Resource("things", no_routes, (Source(self.kind, self.entry, self.document),), scope=self.scope)
        self.feed = Feed(resource, self.ground.cache)
        self.reader: Reads = Reader(self.feed, self.ground.cache, self.verify)
        self.ground.sync()
        self.feed.start()
        for namespace, id in (("red", RED), ("blue", BLUE)):
            self.ground.project(namespace, id)
        self.ground.clock.advance(0)
        self.asked: list[tuple[str, str, str]] = []
        self.live: set[str] = set()

    def entry(self, joined: Joined, now: float) -> Listed:
        row = joined.row
        return Listed(Entry(row.place, row.namespace, row.id, row.name))

    def document(self, joined: Joined, shape: Shape, now: float) -> object:
        self.ground.clock.rightNow += self.slow
        return joined.row.place

    async def verify(self, kind: Kind[Any], who: Caller, id: str) -> bool:
        self.asked.append((kind.resource, who.namespace, id))
        if id not in self.live:
            return False
        self.ground.put(kind, who.namespace, "found", id=id)
        return True

    def show(self, who: Caller, id: str) -> bytes | None:
        return self.successResultOf(Deferred.fromCoroutine(self.reader.show(who, id, BRIEF)))

    def put(self, namespace: str, name: str, number: int) -> None:
        self.ground.put(self.kind, namespace, name, id=uuid(number))


class ShowTests(ReaderTests):
    """By id, and by nothing else."""

    def test_own_is_shown_without_a_question(self) -> None:
        self.put("red", "one", 1)
        self.assertEqual((self.show(caller(), uuid(1)), self.asked), (b'"red/one"', []))

    def test_foreign_is_as_unknown_as_what_is_not_there(self) -> None:
        self.put("blue", "one", 1)
        self.assertEqual((self.show(caller(), uuid(1)), self.show(caller(), uuid(2))), (None, None))
        resource = self.kind.resource
        self.assertEqual(self.asked, [(resource, "red", uuid(1)), (resource, "red", uuid(2))])

    def test_forged_id_shows_ones_own(self) -> None:
        self.put("blue", "one", 1)
        self.put("red", "forged", 1)
        self.assertEqual(self.show(caller(), uuid(1)), b'"red/forged"')
        self.assertEqual(self.show(caller("blue", BLUE), uuid(1)), b'"blue/one"')

    def test_miss_is_verified(self) -> None:
        self.live.add(uuid(1))
        self.assertEqual(self.show(caller(), uuid(1)), b'"red/found"')

    def test_what_is_no_canonical_id_is_a_miss_at_once(self) -> None:
        self.put("red", "one", 1)
        for id in ("one", uuid(1).replace("-", ""), uuid(2).replace("-", ""), uuid(10).upper() + " ", "", "red/one"):
            self.assertIsNone(self.show(caller(), id), id)
        self.assertEqual(self.asked, [])

    def test_cloud_admin_is_shown_anything(self) -> None:
        self.put("blue", "one", 1)
        self.assertEqual(self.show(caller(admin=True), uuid(1)), b'"blue/one"')

    def test_cloud_admin_is_shown_none_of_two(self) -> None:
        self.put("blue", "one", 1)
        self.ground.project("green", "c" * 32)
        self.put("green", "forged", 1)
        self.assertIsNone(self.show(caller(admin=True), uuid(1)))

    def test_caller_without_a_project_is_shown_nothing(self) -> None:
        self.put("red", "one", 1)
        self.assertIsNone(self.show(ANONYMOUS, uuid(1)))


class PageTests(ReaderTests):
    """Pages, at once or in slices."""

    def setUp(self) -> None:
        super().setUp()
        for number in range(5):
            self.put("red", f"vm{number}", number)

    def page(self, who: Caller, query: Query) -> Page:
        page = self.reader.page(self.reader.scopes(who), query, BRIEF)
        assert isinstance(page, Page)
        return page

    def test_page_is_there_at_once(self) -> None:
        page = self.page(caller(), Query(2))
        self.assertEqual((list(page.parts), page.more, page.last), ([b'"red/vm0"', b'"red/vm1"'], True, uuid(1)))

    def test_page_whose_fragments_take_long_is_made_in_slices(self) -> None:
        self.slow = 0.0011
        page = self.reader.page(("red",), Query(9), BRIEF)
        assert isinstance(page, Deferred)
        self.assertNoResult(page)
        self.ground.clock.advance(0)
        self.assertEqual(len(self.successResultOf(page).parts), 5)
        self.assertEqual(len(self.page(caller(), Query(9)).parts), 5)

    def test_foreign_marker_is_unknown(self) -> None:
        self.put("blue", "one", 9)
        self.assertRaises(UnknownMarker, self.page, caller(), Query(2, marker=uuid(9)))


class ScopeTests(ReaderTests):
    """Whose rows are listed."""

    def setUp(self) -> None:
        super().setUp()
        self.put("red", "one", 1)
        self.put("blue", "two", 2)

    def test_own_project_only(self) -> None:
        self.assertEqual(self.reader.scopes(caller()), ("red",))
        self.assertEqual(self.reader.scopes(caller(admin=True)), ("red",))
        self.assertEqual(self.reader.scopes(ANONYMOUS), ())

    def test_everything_only_for_cloud_admins(self) -> None:
        self.assertEqual(self.reader.scopes(caller(), everything=True), ("red",))
        self.assertEqual(sorted(self.reader.scopes(caller(admin=True), everything=True)), ["blue", "red"])


class ImageScopeTests(ReaderTests):
    """Images are shared by namespaces that are recorded for it."""

    scope = "images"
    kind = DATA_SOURCE

    def test_own_then_those_for_everybody(self) -> None:
        self.ground.namespace("public")
        self.ground.record("public", role="images")
        self.put("public", "debian", 1)
        self.assertEqual(self.reader.scopes(caller()), ("red", "public"))
        self.assertEqual(self.reader.scopes(ANONYMOUS), ("public",))
        self.assertEqual(self.show(caller(), uuid(1)), b'"public/debian"')


class UserScopeTests(ReaderTests):
    """What belongs to a user is the user's."""

    scope = "user"

    def test_own_user_only(self) -> None:
        self.assertEqual(self.reader.scopes(caller(user="alice")), ("alice",))
        self.assertEqual(self.reader.scopes(ANONYMOUS), ())


class ClusterScopeTests(ReaderTests):
    """What is everybody's."""

    scope = "cluster"

    def test_one_scope_for_all(self) -> None:
        self.assertEqual((self.reader.scopes(caller()), self.reader.scopes(ANONYMOUS)), (("",), ("",)))
