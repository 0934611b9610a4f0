"""Rules 25 to 28 and 40 to 41: failures, refusals, credentials."""

from dataclasses import replace

from twisted.internet.error import ConnectionRefusedError, DNSLookupError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseNeverReceived

from dicot.kube.backoff import Backoff
from dicot.kube.errors import Unreachable
from dicot.kube.source import HEADERS_WITHIN

from .scripted import ReflectorTestCase
from .things import OPTIONAL, THINGS, added, deleted, error, status, thing


class BackoffTests(SynchronousTestCase):
    """Rule 25: the figures."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.chance = 0.0
        self.backoff = Backoff(self.clock, lambda: self.chance)

    def test_rule_25_doubles_up_to_its_cap(self) -> None:
        rests = [self.backoff.next() for _ in range(8)]
        self.assertEqual(rests, [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0])

    def test_rule_25_adds_as_much_by_chance(self) -> None:
        self.chance = 0.25
        self.assertEqual([self.backoff.next() for _ in range(2)], [1.0, 2.0])

    def test_rule_25_begins_anew_after_two_calm_minutes(self) -> None:
        self.backoff.next()
        self.clock.advance(120.7)
        self.assertEqual(self.backoff.next(), 1.6)
        self.clock.advance(121.7)
        self.assertEqual(self.backoff.next(), 0.8)


class FailureTests(ReflectorTestCase):
    """Connections that fail."""

    def test_rule_25_a_refused_connection_keeps_the_version(self) -> None:
        watch = self.sync(10, "a")
        watch.cut()
        for rest in (0.8, 1.6, 3.2):
            self.clock.advance(rest - 0.01)
            before = self.count
            self.clock.advance(0.011)
            self.assertEqual(self.count, before + 1)
            self.assertEqual(self.asked.query["resourceVersion"], "10")
            self.assertNotIn("sendInitialEvents", self.asked.query)
            self.asked.unreachable(ConnectionRefusedError())
        self.assertEqual((self.names(), self.state()), (["a"], "resting"))

    def test_rule_25_a_name_that_is_not_found_rests(self) -> None:
        self.asked.unreachable(DNSLookupError())
        self.next().stream(10)
        self.assertTrue(self.store.is_synced)

    def test_rule_25_a_connection_that_breaks_before_the_answer_rests(self) -> None:
        self.asked.unreachable(ResponseNeverReceived([Failure(ConnectionRefusedError())]))
        self.assertIn("ConnectionRefusedError", self.reflector.health().problem)
        self.next()

    def test_a_fault_of_our_own_ends_nothing(self) -> None:
        def listener(told: object) -> None:
            raise ZeroDivisionError

        watch = self.sync()
        self.store.listen(listener)
        watch.lines(added("a", 11))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertTrue(watch.wire.aborted)
        self.assertIn("sendInitialEvents", self.next().query)


class RefusalTests(ReflectorTestCase):
    """Answers that say no."""

    def test_rule_26_waits_as_long_as_the_header_says(self) -> None:
        self.asked.refuse(429, "TooManyRequests", header="7")
        self.clock.advance(6.9)
        self.assertEqual(self.count, 1)
        self.clock.advance(0.1)
        self.assertEqual(self.agent.asked[1].query, self.agent.asked[0].query)

    def test_rule_26_or_longer_if_its_own_rest_is_longer(self) -> None:
        for rest in (1.0, 1.6, 3.2):
            self.asked.refuse(429, "TooManyRequests", header="1")
            before = self.count
            self.clock.advance(rest - 0.01)
            self.assertEqual(self.count, before)
            self.clock.advance(0.011)
            self.assertEqual(self.count, before + 1)

    def test_rule_26_storage_that_initialises_is_no_reason_to_fall_back(self) -> None:
        self.asked.refuse(429, "TooManyRequests", header="1", message="storage is (re)initializing")
        self.clock.advance(1)
        self.assertIn("sendInitialEvents", self.asked.query)

    def test_rule_26_two_initial_lists_at_a_time(self) -> None:
        others = [self.reflect(self.store.__class__(THINGS)) for _ in range(3)]
        for other in others:
            other.start()
        self.assertEqual((self.count, others[2].health().state), (2, "waiting"))
        self.agent.asked[0].stream(10)
        self.assertEqual(self.count, 3)
        self.agent.asked[1].unreachable(ConnectionRefusedError())
        self.assertEqual(self.count, 4)
        self.stop(*others)

    def test_rule_26_a_watch_waits_for_no_turn(self) -> None:
        watch = self.sync()
        others = [self.reflect(self.store.__class__(THINGS)) for _ in range(2)]
        for other in others:
            other.start()
        watch.cut()
        self.next()
        self.stop(*others)

    def test_rule_27_a_401_renews_the_credential_and_asks_again_at_once(self) -> None:
        self.asked.refuse(401, "Unauthorized")
        self.assertEqual((self.count, self.token.renewals), (2, 1))
        self.assertEqual(self.asked.headers.getRawHeaders("Authorization"), ["Bearer token-1"])
        self.asked.stream(10)
        self.assertTrue(self.store.is_synced)

    def test_rule_27_a_second_one_rests(self) -> None:
        self.sync().end()
        self.next().refuse(401, "Unauthorized")
        self.asked.refuse(401, "Unauthorized")
        self.assertEqual((self.count, self.state()), (3, "resting"))
        self.clock.advance(1.6)
        self.assertEqual(self.asked.query["resourceVersion"], "10")
        self.assertNotIn("sendInitialEvents", self.asked.query)

    def test_rule_27_what_is_not_permitted_is_asked_for_each_minute(self) -> None:
        self.asked.refuse(403, "Forbidden")
        self.assertEqual((self.state(), self.store.is_synced), ("not permitted", False))
        self.clock.advance(59.9)
        self.assertEqual(self.count, 1)
        self.clock.advance(0.1)
        self.asked.stream(10)
        self.assertEqual((self.state(), self.reflector.health().problem), ("watching", ""))

    def test_rule_27_what_was_permitted_before_is_asked_for_sooner(self) -> None:
        """An API server that comes back denies everything until it has read its roles."""
        self.sync(10, "a").end()
        self.next().refuse(403, "Forbidden")
        self.assertEqual((self.state(), self.names()), ("not permitted", ["a"]))
        self.clock.advance(1.6)
        self.assertEqual(self.asked.query["resourceVersion"], "10")
        self.asked.accept()
        self.asked.lines(added("b", 11))
        self.assertEqual((self.state(), self.names()), ("watching", ["a", "b"]))

    def test_rule_27_but_each_minute_where_that_lasts(self) -> None:
        self.sync().end()
        self.next()
        for _ in range(20):
            before = self.count
            self.asked.refuse(403, "Forbidden")
            self.clock.advance(60)
            self.assertGreater(self.count, before)
        self.asked.refuse(403, "Forbidden")
        before = self.count
        self.clock.advance(29)
        self.assertEqual(self.count, before)

    def test_rule_27_what_is_not_served_is_asked_for_each_minute(self) -> None:
        self.asked.reply(b"404 page not found\n", 404)
        self.assertEqual((self.state(), self.store.is_synced), ("not served", False))
        self.clock.advance(60)
        self.asked.stream(10)
        self.assertTrue(self.store.is_synced)

    def test_rule_27_other_kinds_go_on(self) -> None:
        store = self.store.__class__(replace(THINGS, plural="others"))
        other = self.reflect(store)
        other.start()
        self.agent.asked[0].refuse(403, "Forbidden")
        self.agent.asked[1].stream(10)
        self.assertTrue(store.is_synced)
        self.stop(other)

    def test_rule_40_a_list_that_cannot_be_converted_degrades_its_kind(self) -> None:
        watch = self.plain(10, thing("a", 3))
        watch.lines(error(410, "Expired"))
        self.asked.accept()
        self.asked.lines(error(500, "InternalError", message="conversion webhook for things failed"))
        self.assertEqual((self.names(), self.state()), (["a"], "resting"))
        self.assertIn("conversion webhook", self.reflector.health().problem)

    def test_rule_41_headers_have_a_time_of_their_own(self) -> None:
        self.clock.advance(HEADERS_WITHIN - 0.1)
        self.assertFalse(self.asked.cancelled)
        self.clock.advance(0.1)
        self.assertTrue(self.agent.asked[0].cancelled)
        self.next().stream(10)
        self.assertTrue(self.store.is_synced)

    def test_rule_41_headers_may_come_with_the_first_bookmark(self) -> None:
        self.sync().end()
        self.next()
        self.clock.advance(62)
        self.asked.accept()
        self.asked.lines(added("a", 11))
        self.assertEqual(self.names(), ["a"])

    def test_rule_41_an_upgrade_is_not_a_matter_of_the_version(self) -> None:
        self.sync().end()
        self.next().refuse(426, "UpgradeRequired")
        self.clock.advance(1.6)
        self.assertEqual(self.asked.query["resourceVersion"], "10")
        self.assertNotIn("sendInitialEvents", self.asked.query)

    def test_a_refusal_whose_body_never_comes_is_one_all_the_same(self) -> None:
        self.asked.accept(403)
        self.clock.advance(10)
        self.assertEqual(self.state(), "not permitted")
        self.assertTrue(self.asked.wire.aborted)

    def test_a_refusal_without_end_is_cut_short(self) -> None:
        self.asked.accept(500)
        self.asked.send(b"x" * 2_000_000)
        self.assertTrue(self.asked.wire.aborted)
        self.next()

    def test_a_redirect_is_not_followed(self) -> None:
        self.asked.reply(b"", 302, Location="https://elsewhere.example/")
        self.assertEqual(self.state(), "resting")

    def test_any_other_refusal_of_a_watch_leads_to_a_list(self) -> None:
        self.sync().end()
        self.next().refuse(400, "BadRequest")
        self.clock.advance(1.6)
        self.assertIn("sendInitialEvents", self.asked.query)


class CredentialTests(ReflectorTestCase):
    """Credentials that cannot be had."""

    def test_are_asked_for_again(self) -> None:
        self.sync().end()

        async def authorize(stale: bool = False) -> dict[str, str]:
            raise Unreachable("the plugin did not answer")

        self.patch(self.token, "authorize", authorize)
        self.clock.advance(0.8)
        self.assertEqual((self.count, self.state()), (1, "resting"))
        self.assertIn("plugin", self.reflector.health().problem)


class OptionalTests(ReflectorTestCase):
    """Kinds that a cluster need not serve."""

    kind = OPTIONAL

    def test_rule_27_counts_as_synced_and_empty(self) -> None:
        self.asked.refuse(404, "NotFound")
        self.assertEqual((self.store.is_synced, self.names(), self.state()), (True, [], "not served"))

    def test_rule_27_is_asked_for_each_minute(self) -> None:
        for _ in range(3):
            self.asked.refuse(404, "NotFound")
            before = self.count
            self.clock.advance(60)
            self.assertEqual(self.count, before + 1)
        self.asked.stream(10, thing("a", 3))
        self.assertEqual((self.names(), self.state()), (["a"], "watching"))

    def test_rule_27_a_kind_that_vanishes_takes_its_rows_along(self) -> None:
        watch = self.sync(10, "a", "b")
        watch.lines(deleted("b", 11))
        self.told.clear()
        watch.end()
        self.clock.advance(0.8)
        self.asked.refuse(404, "NotFound")
        self.assertEqual([(change.old and change.old.name, change.new) for change in self.told[0]], [("a", None)])
        self.assertEqual(self.store.version, "")

    def test_rule_27_a_kind_that_returns_is_listed_anew(self) -> None:
        self.test_rule_27_a_kind_that_vanishes_takes_its_rows_along()
        self.clock.advance(60)
        self.assertIn("sendInitialEvents", self.asked.query)
        self.assertNotIn("resourceVersion", self.asked.query)
        self.asked.stream(20, thing("c", 15))
        self.assertEqual(self.names(), ["c"])

    def test_rule_27_other_refusals_do_not_count_as_empty(self) -> None:
        self.asked.reply(status(403, "Forbidden"), 403)
        self.assertFalse(self.store.is_synced)


class NeededTests(ReflectorTestCase):
    """Kinds that must be there."""

    def test_rule_27_keep_their_rows_when_they_vanish(self) -> None:
        self.sync(10, "a").end()
        self.clock.advance(0.8)
        self.asked.refuse(404, "NotFound")
        self.assertEqual((self.names(), self.state()), (["a"], "not served"))
