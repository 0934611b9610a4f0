"""How many passwords may be tried, by whom and from where."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase

from dicot.identity.brake import BURST, FREE, LONGEST, PACE, PATIENCE, Attempt, Brake, place_of

HERE, THERE = "192.0.2.1", "192.0.2.2"


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.brake = Brake(self.clock.seconds, lambda seconds: deferLater(self.clock, seconds))

    def attempt(self, who: str = "ann", address: str = HERE) -> Deferred[Attempt | None]:
        return Deferred.fromCoroutine(self.brake.attempt(who, address))

    def at_once(self, who: str = "ann", address: str = HERE) -> Attempt:
        made = self.successResultOf(self.attempt(who, address))
        assert made is not None
        return made

    def spray(self, count: int, address: str = HERE) -> None:
        """One password for each of many users."""
        for number in range(count):
            self.at_once(f"user-{number}", address)


class PlaceTests(Case):
    """From one place, whomever they are for."""

    def test_after_many_each_costs_time(self) -> None:
        self.spray(BURST)
        attempt = self.attempt()
        self.clock.advance(PACE - 0.5)
        self.assertNoResult(attempt)
        self.clock.advance(0.5)
        self.assertIsNotNone(self.successResultOf(attempt))

    def test_another_place_does_not_wait(self) -> None:
        self.spray(BURST)
        self.at_once(address=THERE)

    def test_what_is_right_costs_nothing(self) -> None:
        for _ in range(3 * BURST):
            self.brake.right(self.at_once())

    def test_one_that_is_right_makes_none_of_the_wrong_ones_free(self) -> None:
        self.spray(BURST - 1)
        self.brake.right(self.at_once())
        self.at_once()
        self.assertNoResult(self.attempt("bob"))

    def test_time_pays_for_it(self) -> None:
        self.spray(BURST)
        self.clock.advance(PACE * BURST)
        self.spray(BURST)

    def test_a_network_of_ipv6_is_one_place(self) -> None:
        for number in range(BURST):
            self.at_once(f"user-{number}", f"2001:db8::{number:x}")
        self.assertNoResult(self.attempt(address="2001:db8::ffff"))
        self.at_once(address="2001:db8:0:1::1")


class RateTests(Case):
    """T12: a hundred thousand guesses."""

    def guessed(self, who: str | None, address: str) -> int:
        """How many of 100,000 guesses in an hour were let through."""
        passed: list[Attempt | None] = []
        for number in range(100_000):
            self.attempt(who or f"user-{number}", address).addCallback(passed.append)
            self.clock.advance(0.036)
        return len(passed) - passed.count(None)

    def test_of_one_user(self) -> None:
        self.assertLessEqual(self.guessed("ann", HERE), 3_600 / LONGEST + PATIENCE / LONGEST + FREE + 6)
        self.at_once("ann", THERE)

    def test_of_all_users(self) -> None:
        self.assertLessEqual(self.guessed(None, HERE), (3_600 + PATIENCE) / PACE + BURST + 1)
        self.at_once("ann", THERE)


class SamePlaceTests(SynchronousTestCase):
    def test_spellings(self) -> None:
        for address, place in (
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("", ""),
            ("/run/dicot.sock", "/run/dicot.sock"),
        ):
            self.assertEqual(place_of(address), place)
