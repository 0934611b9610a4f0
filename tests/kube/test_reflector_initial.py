"""Rules 1 to 10: how a reflector comes to its initial state."""

from collections.abc import Callable
from dataclasses import replace

from .scripted import Asked, ReflectorTestCase
from .things import THINGS, added, bookmark, deleted, error, listed, modified, raw, status, thing


class StreamedTests(ReflectorTestCase):
    """Rules 1 to 4: the streamed list."""

    def test_rule_01_asks_for_all_objects_and_then_the_watch(self) -> None:
        self.assertEqual(self.asked.path, self.path)
        self.assertEqual(
            self.asked.query,
            {
                "watch": "1",
                "allowWatchBookmarks": "true",
                "sendInitialEvents": "true",
                "resourceVersionMatch": "NotOlderThan",
                "timeoutSeconds": "300",
            },
        )

    def test_rule_01_after_a_break_asks_for_nothing_older(self) -> None:
        watch = self.sync(10)
        watch.lines(bookmark(15), error(410, "Expired"))
        self.assertEqual(self.asked.query["sendInitialEvents"], "true")
        self.assertEqual(self.asked.query["resourceVersion"], "15")

    def test_rule_01_asks_for_no_encoding(self) -> None:
        self.assertIsNone(self.asked.headers.getRawHeaders("Accept-Encoding"))
        self.assertEqual(self.asked.headers.getRawHeaders("Accept"), ["application/json"])

    def test_rule_02_nobody_sees_objects_before_the_end_of_them(self) -> None:
        self.asked.accept()
        self.asked.lines(added("a", 3), added("b", 1), bookmark(5))
        self.assertEqual((self.names(), self.store.is_synced, self.told), ([], False, []))
        self.asked.lines(bookmark(9, end=True))
        self.assertEqual((self.names(), self.store.is_synced, self.store.version), (["a", "b"], True, "9"))
        self.assertEqual(len(self.told), 1)

    def test_rule_02_the_same_connection_goes_on(self) -> None:
        self.asked.accept()
        self.asked.lines(added("a", 3), bookmark(9, end=True), added("b", 10))
        self.asked.lines(modified("b", 11, size=2))
        self.assertEqual((self.names(), self.store.version, self.count), (["a", "b"], "11", 1))

    def test_rule_02_what_changes_before_the_end_counts(self) -> None:
        self.asked.accept()
        self.asked.lines(
            added("a", 3), added("b", 4), modified("a", 6, size=6), deleted("b", 7), bookmark(9, end=True)
        )
        self.assertEqual([row.version for row in self.store.rows()], ["6"])

    def test_rule_02_a_relist_replaces_in_one_step(self) -> None:
        watch = self.sync(10, "a", "b")
        watch.lines(error(410, "Expired"))
        self.asked.accept()
        self.asked.lines(added("b", 2), added("c", 12))
        self.assertEqual(self.names(), ["a", "b"])
        self.asked.lines(bookmark(20, end=True))
        self.assertEqual((self.names(), len(self.told)), (["b", "c"], 1))

    def test_rule_03_a_lost_connection_before_the_end_leaves_everything(self) -> None:
        self.breaks_before_the_end(Asked.cut)

    def test_rule_03_an_error_before_the_end_leaves_everything(self) -> None:
        self.breaks_before_the_end(lambda asked: asked.lines(error(500, "InternalError")))

    def test_rule_03_an_end_before_the_end_leaves_everything(self) -> None:
        self.breaks_before_the_end(Asked.end)

    def breaks_before_the_end(self, end: Callable[[Asked], None]) -> None:
        watch = self.sync(10, "a")
        watch.lines(error(410, "Expired"))
        asked = self.asked
        asked.accept()
        asked.lines(added("b", 12))
        end(asked)
        self.assertEqual((self.names(), self.store.version, self.told), (["a"], "10", []))
        again = self.next()
        again.stream(20, thing("c", 13))
        self.assertEqual(self.names(), ["c"])

    def test_rule_04_falls_back_when_streaming_is_refused(self) -> None:
        self.asked.refuse(422, "Invalid", message="sendInitialEvents is forbidden for watch")
        self.assertNotIn("watch", self.asked.query)
        self.asked.list(10, thing("a", 3))
        self.assertEqual(self.names(), ["a"])
        self.assertEqual((self.asked.query["watch"], self.asked.query["resourceVersion"]), ("1", "10"))
        self.assertNotIn("sendInitialEvents", self.asked.query)
        self.assertEqual(self.reflector.health().fallbacks, 1)

    def test_rule_04_remembers_the_refusal_until_the_list_is_there(self) -> None:
        self.asked.refuse(422, "Invalid")
        self.asked.refuse(503, "ServiceUnavailable")
        self.assertNotIn("sendInitialEvents", self.next().query)

    def test_rule_04_asks_again_at_the_next_relist(self) -> None:
        watch = self.plain(10)
        watch.lines(error(410, "Expired"))
        self.assertEqual(self.asked.query["sendInitialEvents"], "true")

    def test_rule_04_falls_back_when_no_end_comes(self) -> None:
        watch = self.asked
        watch.accept()
        watch.lines(added("a", 3))
        self.clock.advance(9)
        watch.lines(added("b", 4))
        self.clock.advance(9.9)
        self.assertEqual(self.count, 1)
        self.clock.advance(0.1)
        self.assertTrue(watch.wire.aborted)
        self.assertEqual(self.asked.query, {"resourceVersion": "0"})
        self.assertEqual((self.names(), self.reflector.health().fallbacks), ([], 1))

    def test_rule_04_falls_back_when_nothing_comes_at_all(self) -> None:
        self.asked.accept()
        self.clock.advance(10)
        self.assertEqual(self.asked.query, {"resourceVersion": "0"})


class ListedTests(ReflectorTestCase):
    """Rules 5 to 10: the plain list."""

    def test_rule_05_the_first_list_takes_any_state(self) -> None:
        self.asked.refuse(422, "Invalid")
        self.assertEqual(self.asked.query, {"resourceVersion": "0"})

    def test_rule_05_later_lists_take_nothing_older_than_what_was_seen(self) -> None:
        watch = self.plain(10)
        watch.lines(bookmark(15), error(410, "Expired"))
        self.asked.refuse(422, "Invalid")
        self.assertEqual(self.asked.query, {"resourceVersion": "15"})

    def test_rule_05_the_newest_state_is_asked_for_after_a_410_of_the_list(self) -> None:
        self.newest()
        self.assertNotIn("resourceVersion", self.asked.query)

    def test_rule_06_a_list_at_a_version_has_no_limit(self) -> None:
        watch = self.plain(10)
        watch.lines(error(410, "Expired"))
        self.asked.refuse(422, "Invalid")
        self.assertNotIn("limit", self.asked.query)

    def test_rule_06_the_newest_list_comes_in_pages(self) -> None:
        self.newest()
        self.assertEqual(self.asked.query, {"limit": "500"})

    def test_rule_07_a_further_page_asks_for_nothing_but_its_token(self) -> None:
        self.newest()
        self.asked.list(30, thing("a", 21), token="t1")
        self.assertEqual(self.asked.query, {"limit": "500", "continue": "t1"})

    def test_rule_07_the_version_is_that_of_the_first_page(self) -> None:
        self.newest()
        self.asked.list(30, thing("a", 21), token="t1")
        self.asked.list(31, thing("b", 22), token="t2")
        self.asked.list(32, thing("c", 23))
        self.assertEqual((self.names(), self.store.version), (["a", "b", "c"], "30"))
        self.assertEqual(self.asked.query["resourceVersion"], "30")

    def test_rule_08_a_token_that_expired_is_not_continued(self) -> None:
        self.newest()
        self.asked.list(30, thing("a", 21), thing("gone", 20), token="t1")
        self.asked.reply(
            status(410, "Expired").replace(b'"metadata":{}', b'"metadata":{"continue":"inconsistent"}'), 410
        )
        self.assertEqual(self.asked.query, {})
        self.asked.list(35, thing("a", 21), thing("b", 34))
        self.assertEqual((self.names(), self.store.version), (["a", "b"], "35"))

    def test_rule_09_items_need_no_kind(self) -> None:
        self.asked.refuse(422, "Invalid")
        self.asked.reply(listed(10, thing("a", 3)))
        self.assertEqual(self.names(), ["a"])

    def test_rule_09_a_table_is_no_empty_list(self) -> None:
        self.is_no_list(raw({"kind": "Table", "metadata": {"resourceVersion": "10"}, "rows": [], "items": []}))

    def test_rule_09_a_status_is_no_empty_list(self) -> None:
        self.is_no_list(status(200, "OK"))

    def test_rule_09_a_document_without_items_is_no_empty_list(self) -> None:
        self.is_no_list(raw({"kind": "ThingList", "metadata": {"resourceVersion": "10"}}))

    def test_rule_09_a_document_without_a_version_is_no_list(self) -> None:
        self.is_no_list(raw({"kind": "ThingList", "metadata": {}, "items": []}))

    def test_rule_10_an_empty_list_is_a_state(self) -> None:
        self.asked.refuse(422, "Invalid")
        self.asked.list(10)
        self.assertTrue(self.store.is_synced)

    def test_rule_10_an_empty_list_may_be_a_null(self) -> None:
        self.asked.refuse(422, "Invalid")
        self.asked.reply(raw({"kind": "ThingList", "metadata": {"resourceVersion": "10"}, "items": None}))
        self.assertTrue(self.store.is_synced)

    def test_rule_10_half_a_list_is_none(self) -> None:
        self.asked.refuse(422, "Invalid")
        self.asked.accept()
        self.asked.send(listed(10, thing("a", 3), thing("b", 4))[:-200])
        self.asked.cut()
        self.assertEqual((self.store.is_synced, self.names()), (False, []))
        self.next().list(11, thing("a", 3))
        self.assertEqual(self.names(), ["a"])

    def test_rule_10_half_a_list_that_ends_in_peace_is_none(self) -> None:
        self.is_no_list(listed(10, thing("a", 3), thing("b", 4))[:-200])

    def test_rule_10_a_second_page_that_fails_leaves_everything(self) -> None:
        self.newest("old")
        self.asked.list(30, thing("a", 21), token="t1")
        self.asked.refuse(500, "InternalError")
        self.assertEqual(self.names(), ["old"])
        self.assertEqual(self.next().query, {"limit": "500"})

    def test_a_silent_list_is_given_up(self) -> None:
        self.asked.refuse(422, "Invalid")
        self.asked.accept()
        self.asked.send(b'{"kind":')
        self.clock.advance(90)
        self.assertTrue(self.asked.wire.aborted)
        self.assertEqual(self.next().query, {"resourceVersion": "0"})

    def newest(self, *names: str) -> None:
        """Come to where only the newest list will do."""
        watch = self.plain(10, *[thing(name, 1) for name in names])
        watch.lines(error(410, "Expired"))
        self.asked.refuse(422, "Invalid")
        self.asked.refuse(410, "Expired")

    def is_no_list(self, document: bytes) -> None:
        self.asked.refuse(422, "Invalid")
        self.asked.reply(document)
        self.assertEqual((self.store.is_synced, self.state()), (False, "resting"))


class NarrowTests(ReflectorTestCase):
    """Rule 38: where the watch is not of the whole cluster."""

    kind = replace(THINGS, namespace="red", name="one")

    def test_rule_38_watches_one_namespace_and_one_object(self) -> None:
        self.assertEqual(self.asked.path, "/apis/example.io/v1/namespaces/red/things")
        self.assertEqual(self.asked.query["fieldSelector"], "metadata.name=one")
        self.assertEqual(self.reflector.health().scope, "red/one")

    def test_rule_38_also_when_it_lists_and_resumes(self) -> None:
        self.asked.refuse(422, "Invalid")
        self.assertEqual(self.asked.query["fieldSelector"], "metadata.name=one")
        self.asked.list(10, thing("one", 3))
        self.assertEqual(self.asked.query["fieldSelector"], "metadata.name=one")

    def test_rule_38_a_namespace_that_is_gone_ends_no_watch_for_good(self) -> None:
        watch = self.sync(10, "one")
        watch.lines(deleted("one", 11))
        watch.end()
        self.asked.refuse(403, "Forbidden")
        self.assertEqual((self.names(), self.state()), ([], "not permitted"))
        self.clock.advance(60)
        self.asked.accept()
        self.asked.lines(added("one", 90))
        self.assertEqual((self.names(), self.state()), (["one"], "watching"))


class ChosenTests(ReflectorTestCase):
    """Rule 14: where the watch is of what has certain labels."""

    kind = replace(THINGS, selector="!example.io/old")

    def test_rule_14_what_no_longer_has_them_has_left(self) -> None:
        self.assertEqual(self.asked.query["labelSelector"], "!example.io/old")
        self.assertNotIn("fieldSelector", self.asked.query)
        watch = self.sync(10, "one", "two")
        watch.lines(deleted("one", 11))
        self.assertEqual(self.names(), ["two"])


class CoreTests(ReflectorTestCase):
    """Kinds without a group."""

    kind = replace(THINGS, group="", plural="pods")

    def test_are_served_elsewhere(self) -> None:
        self.assertEqual(self.asked.path, "/api/v1/pods")
