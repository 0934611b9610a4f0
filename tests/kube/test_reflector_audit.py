"""Rule 36: comparing with the server."""

from typing import Any

from .scripted import ReflectorTestCase
from .things import added, bookmark, modified, raw, thing


class AuditTests(ReflectorTestCase):
    """Rule 36: comparing, not repeating."""

    def test_rule_36_nothing_is_told_again_by_and_by(self) -> None:
        watch = self.sync(10, "a")
        for hour in range(1, 200):
            self.clock.advance(75)
            watch.lines(bookmark(10 + hour))
        self.assertEqual(self.told, [])

    def test_rule_36_the_store_is_compared_at_exactly_its_version(self) -> None:
        self.audited()
        self.assertEqual(self.asked.query, {"resourceVersion": "11", "resourceVersionMatch": "Exact", "limit": "500"})
        (accept,) = self.asked.headers.getRawHeaders("Accept") or ()
        self.assertIn("PartialObjectMetadataList", accept)

    def test_rule_36_page_by_page(self) -> None:
        self.audited()
        self.asked.list(11, thing("b", 2), token="t1")
        self.assertEqual(self.asked.query, {"limit": "500", "continue": "t1"})
        self.asked.list(11, thing("a", 1))
        self.assertEqual((self.reflector.health().divergences, self.state()), (0, "watching"))

    def test_rule_36_what_differs_is_listed_anew(self) -> None:
        watch = self.audited()
        self.asked.list(11, thing("a", 1), thing("b", 9))
        self.assertTrue(watch.wire.aborted)
        self.assertEqual(self.reflector.health().divergences, 1)
        again = self.next()
        self.assertIn("sendInitialEvents", again.query)
        self.assertNotIn("resourceVersion", again.query)
        again.stream(12, thing("a", 1), thing("b", 9, size=9))
        self.assertEqual(sorted(row.version for row in self.store.rows()), ["1", "9"])

    def test_rule_36_what_is_missing_differs(self) -> None:
        self.audited()
        self.asked.list(11, thing("a", 1))
        self.assertEqual(self.reflector.health().divergences, 1)

    def test_rule_36_what_does_not_fit_its_type_is_no_difference(self) -> None:
        watch = self.sync(10, "a")
        watch.lines(added("bad", 11, size="large"))
        self.wait(watch, 12)
        self.asked.list(12, thing("a", 1), thing("bad", 11))
        self.assertEqual(self.reflector.health().divergences, 0)

    def test_rule_36_nor_is_what_fitted_once(self) -> None:
        watch = self.sync(10, "a", "b")
        watch.lines(modified("a", 11, size="large"))
        self.wait(watch, 12)
        self.asked.list(12, thing("a", 11), thing("b", 2))
        self.assertEqual(self.reflector.health().divergences, 0)

    def test_rule_36_a_write_ahead_of_the_watch_postpones(self) -> None:
        watch = self.sync(10, "a")
        self.store.learn(raw(thing("new", 999)))
        self.wait(watch, 11)
        self.assertEqual(self.count, 1)

    def test_rule_36_a_delete_ahead_of_the_watch_postpones(self) -> None:
        watch = self.sync(10, "a")
        self.store.forget("red", "a", "uid-a")
        self.wait(watch, 11)
        self.assertEqual(self.count, 1)

    def test_rule_36_a_refusal_harms_nobody(self) -> None:
        self.audited()
        self.asked.refuse(410, "Expired")
        self.assertEqual((self.state(), self.reflector.health().divergences), ("watching", 0))

    def test_rule_36_stopping_ends_it(self) -> None:
        self.audited()
        self.stop(self.reflector)
        self.assertTrue(self.asked.cancelled)

    def audited(self) -> Any:
        """A watch, and beside it the first question of an audit."""
        watch = self.sync(10, "a", "b")
        self.wait(watch, 11)
        self.assertEqual(self.count, 2)
        return watch

    def wait(self, watch: Any, version: int) -> None:
        """Half an hour of bookmarks."""
        for _ in range(25):
            self.clock.advance(72)
            watch.lines(bookmark(version))
