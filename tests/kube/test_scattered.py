"""Rule 38: where the watch of all is not permitted, there is one in each namespace that matters."""

from typing import Any

from dicot.kube.reflector import Reflector
from dicot.kube.source import Origin
from dicot.kube.store import Change, Store

from .scripted import Asked, Land, ReflectorTestCase
from .things import added, bookmark, deleted, modified, thing


class ScatteredCase(ReflectorTestCase):
    """Things that matter in red and blue."""

    def setUp(self) -> None:
        self.land = Land("red", "blue")
        super().setUp()

    def reflect(self, store: Store[Any]) -> Reflector:
        origin = Origin(self.agent, self.token, self.turns)
        return Reflector(store, origin, self.clock, lambda: self.chance, self.land)

    def at(self, namespace: str = "") -> Asked:
        """The last request for a namespace, or for all."""
        inside = f"/namespaces/{namespace}" if namespace else ""
        return [asked for asked in self.agent.asked if asked.path == f"/apis/example.io/v1{inside}/things"][-1]

    def paths(self) -> list[str]:
        """Where was asked: the namespaces, "" for all."""
        parts = (asked.path.split("/") for asked in self.agent.asked)
        return [found[5] if "namespaces" in found else "" for found in parts]

    def scatter(self) -> tuple[Asked, Asked]:
        """Refuse the watch of all, and list a thing in each namespace; answers the watches."""
        self.at().refuse(403, "Forbidden")
        for namespace, version in (("red", 20), ("blue", 30)):
            self.at(namespace).stream(version, thing("a", version - 5, namespace=namespace, uid=f"uid-{namespace}"))
        self.told.clear()
        return self.at("red"), self.at("blue")

    def places(self) -> list[str]:
        return sorted(row.place for row in self.store.rows())

    def changes(self) -> list[Change]:
        flat = [change for step in self.told for change in step]
        self.told.clear()
        return flat


class DivisionTests(ScatteredCase):
    """Into namespaces."""

    def test_each_namespace_is_watched_and_all_must_be_known(self) -> None:
        synced = self.store.synced()
        self.at().refuse(403, "Forbidden")
        self.assertEqual(sorted(self.paths()), ["", "blue", "red"])
        self.at("red").stream(20, thing("a", 15))
        self.assertFalse(self.store.is_synced)
        self.at("blue").stream(30)
        self.successResultOf(synced)
        self.assertEqual(self.places(), ["red/a"])

    def test_the_watches_go_on_side_by_side(self) -> None:
        red, blue = self.scatter()
        blue.lines(modified("a", 40, namespace="blue", uid="uid-blue", size=4))
        red.lines(modified("a", 35, uid="uid-red", size=3), deleted("a", 41, uid="uid-red"))
        self.assertEqual(self.places(), ["blue/a"])
        self.assertEqual([change.unseen for change in self.changes()], [False] * 3)

    def test_nothing_begins_before_the_namespaces_are_known(self) -> None:
        self.land.names = None
        self.at().refuse(403, "Forbidden")
        self.assertEqual((self.paths(), self.store.is_synced), ([""], False))
        self.land.become("red")
        self.assertEqual(self.paths(), ["", "red"])

    def test_no_namespace_at_all_is_a_state(self) -> None:
        self.land.names = ()
        self.at().refuse(403, "Forbidden")
        self.assertEqual((self.places(), self.store.is_synced), ([], True))

    def test_what_is_permitted_is_not_divided(self) -> None:
        self.sync(10, "a")
        self.land.become("red")
        self.assertEqual(self.paths(), [""])

    def test_a_namespace_that_is_refused_keeps_the_store_from_being_known(self) -> None:
        self.at().refuse(403, "Forbidden")
        self.at("red").stream(20)
        self.at("blue").refuse(403, "Forbidden")
        self.assertFalse(self.store.is_synced)
        self.clock.advance(60)
        self.at("blue").stream(30)
        self.assertTrue(self.store.is_synced)

    def test_health_is_of_all_watches_and_says_what_is_wrong_with_one(self) -> None:
        red, blue = self.scatter()
        red.lines(modified("a", 35, uid="uid-red", size=3))
        self.clock.advance(10)
        blue.lines(modified("a", 40, namespace="blue", uid="uid-blue", size=4), bookmark(41))
        health = self.reflector.health()
        self.assertEqual((health.scope, health.namespaces, health.state, health.problem), ("", 2, "watching", ""))
        self.assertEqual((health.synced, health.count, health.events, health.bookmarks), (True, 2, 2, 1))
        self.assertEqual((health.byte_age, health.event_age), (10.0, 10.0))
        blue.cut()
        health = self.reflector.health()
        self.assertEqual((health.state, health.problem[:6], health.cuts), ("resting", "blue: ", 1))

    def test_stopping_leaves_nothing(self) -> None:
        watches = self.scatter()
        self.stop(self.reflector)
        self.assertTrue(all(watch.wire.aborted for watch in watches))
        self.assertEqual(self.clock.getDelayedCalls(), [])


class LossTests(ScatteredCase):
    """Of a permission that was there."""

    def test_an_api_server_that_comes_back_scatters_nothing(self) -> None:
        self.sync(10, "a").end()
        self.next().refuse(403, "Forbidden")
        self.clock.advance(50)
        self.assertEqual(set(self.paths()), {""})

    def test_but_one_that_goes_on_refusing_does(self) -> None:
        self.lose(added("b", 2, namespace="green"))
        self.assertEqual(self.paths()[-2:], ["blue", "red"])
        self.assertEqual(self.places(), ["red/a"])
        self.assertEqual([(each.old and each.old.place, each.unseen) for each in self.changes()], [("green/b", True)])
        self.at("red").stream(20, thing("a", 1), thing("c", 15))
        self.at("blue").stream(20)
        self.assertEqual(([each.old for each in self.changes()], self.places()), ([None], ["red/a", "red/c"]))

    def test_and_is_asked_for_all_that_there_is_when_it_permits_again(self) -> None:
        self.lose()
        self.assertNotIn("sendInitialEvents", self.at().query)
        for namespace in ("red", "blue"):
            self.at(namespace).stream(20)
        self.clock.advance(60)
        self.assertIn("sendInitialEvents", self.at().query)

    def lose(self, *lines: bytes) -> None:
        """All is permitted first, and then not any more."""
        watch = self.sync(10, "a")
        watch.lines(*lines)
        self.told.clear()
        watch.end()
        self.clock.advance(1)
        for _ in range(2):
            self.at().refuse(403, "Forbidden")
            self.clock.advance(30)
        self.at().refuse(403, "Forbidden")


class TerritoryTests(ScatteredCase):
    """Namespaces come and go."""

    def test_one_more_is_watched(self) -> None:
        self.scatter()
        self.land.become("red", "blue", "green")
        self.assertEqual(self.paths()[3:], ["green"])
        self.assertTrue(self.store.is_synced)
        self.at("green").stream(50, thing("a", 45, namespace="green", uid="uid-green"))
        self.assertEqual(self.places(), ["blue/a", "green/a", "red/a"])

    def test_one_that_is_gone_is_watched_no_more_and_its_rows_go(self) -> None:
        red, blue = self.scatter()
        self.land.become("red")
        self.clock.advance(0)
        self.assertEqual((red.wire.aborted, blue.wire.aborted, self.places()), (False, True, ["red/a"]))
        self.assertEqual([(each.old and each.old.place, each.unseen) for each in self.changes()], [("blue/a", True)])
        before = self.count
        self.clock.advance(600)
        self.assertEqual(set(self.paths()[before:]) - {"", "red"}, set())

    def test_what_it_has_counted_still_counts(self) -> None:
        _, blue = self.scatter()
        blue.lines(added("b", 40, namespace="blue"))
        self.land.become("red")
        self.assertEqual(self.reflector.health().events, 1)

    def test_what_its_watch_still_says_counts_no_more(self) -> None:
        _, blue = self.scatter()
        self.land.become("red")
        blue.lines(added("late", 50, namespace="blue"))
        self.assertEqual(self.places(), ["red/a"])

    def test_one_that_comes_back_is_listed_anew(self) -> None:
        self.scatter()
        self.land.become("red")
        self.clock.advance(0)
        self.land.become("red", "blue")
        self.assertNotIn("resourceVersion", self.at("blue").query)
        self.at("blue").stream(60, thing("b", 55, namespace="blue"))
        self.assertEqual(self.places(), ["blue/b", "red/a"])

    def test_those_that_remain_to_be_known_may_be_gone(self) -> None:
        self.at().refuse(403, "Forbidden")
        self.at("red").stream(20)
        self.assertFalse(self.store.is_synced)
        self.land.become("red")
        self.assertTrue(self.store.is_synced)


class ListTests(ScatteredCase):
    """Lists and versions of each namespace."""

    def test_a_list_ends_what_it_lacks_in_its_own_namespace_only(self) -> None:
        self.scatter()[0].cut()
        watch = self.next()
        watch.refuse(410, "Expired")
        self.at("red").stream(50)
        self.assertEqual(self.places(), ["blue/a"])
        self.assertEqual([(each.old and each.old.place, each.unseen) for each in self.changes()], [("red/a", True)])

    def test_a_write_is_awaited_where_it_was_made(self) -> None:
        red, blue = self.scatter()
        waiting = self.store.reached("41", "red")
        blue.lines(bookmark(99))
        self.assertNoResult(waiting)
        red.lines(bookmark(41))
        self.successResultOf(waiting)

    def test_what_was_forgotten_in_one_is_not_settled_by_a_list_of_another(self) -> None:
        red, _ = self.scatter()
        self.store.forget("blue", "a", "uid-blue")
        red.cut()
        self.next().refuse(410, "Expired")
        self.at("red").stream(50)
        self.store.learn(b'{"metadata":{"name":"a","namespace":"blue","uid":"uid-blue","resourceVersion":"25"}}')
        self.assertEqual(self.places(), [])


class UnionTests(ScatteredCase):
    """The watch of all, once it is permitted."""

    def test_it_takes_over_and_tells_the_difference(self) -> None:
        watches = self.scatter()
        self.clock.advance(60)
        self.at().stream(
            50,
            thing("a", 15, uid="uid-red"),
            thing("b", 45, namespace="blue"),
            thing("c", 46, namespace="green"),
        )
        self.clock.advance(0)
        self.assertTrue(all(watch.wire.aborted for watch in watches))
        changed = {(each.old and each.old.place, each.new and each.new.place) for each in self.changes()}
        self.assertEqual(changed, {("blue/a", None), (None, "blue/b"), (None, "green/c")})
        self.at().lines(modified("c", 51, namespace="green", size=9))
        self.assertEqual((self.store.version, len(self.changes())), ("51", 1))
        health = self.reflector.health()
        self.assertEqual((health.state, health.namespaces, health.problem), ("watching", 0, ""))
        before = self.count
        self.clock.advance(60)
        self.assertEqual(self.count, before)

    def test_what_its_namespace_tells_meanwhile_stays(self) -> None:
        red, blue = self.scatter()
        self.clock.advance(60)
        self.at().accept()
        self.at().lines(added("a", 15, uid="uid-red"), added("a", 25, namespace="blue", uid="uid-blue"))
        red.lines(modified("a", 60, uid="uid-red", size=6))
        blue.lines(deleted("a", 61, namespace="blue", uid="uid-blue"))
        self.changes()
        self.at().lines(bookmark(50, end=True))
        self.assertEqual((self.places(), self.changes()), (["red/a"], []))
        row = self.store.one("red", "a")
        self.assertEqual(row and row.version, "60")

    def test_writes_that_are_awaited_are_awaited_of_it(self) -> None:
        self.scatter()
        early, late, left = (self.store.reached(version, "red") for version in ("45", "55", "56"))
        self.clock.advance(60)
        left.cancel()
        self.failureResultOf(left)
        self.at().stream(50)
        self.successResultOf(early)
        self.assertNoResult(late)
        self.at().lines(bookmark(56))
        self.successResultOf(late)

    def test_one_who_left_after_it_took_over_is_forgotten(self) -> None:
        self.scatter()
        waiting = self.store.reached("55", "red")
        self.clock.advance(60)
        self.at().stream(50)
        waiting.cancel()
        self.failureResultOf(waiting)
        self.at().lines(bookmark(56))

    def test_and_it_may_be_lost_again(self) -> None:
        self.scatter()
        self.clock.advance(60)
        self.at().stream(50, thing("a", 15, uid="uid-red"))
        self.at().end()
        for _ in range(4):
            self.clock.advance(30)
            if not self.at().answer.called:
                self.at().refuse(403, "Forbidden")
        self.assertEqual(self.paths()[-2:], ["blue", "red"])
        self.assertEqual(self.places(), ["red/a"])
