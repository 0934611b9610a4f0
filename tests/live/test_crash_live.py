"""Dicot killed with -9 at every await point of a create: the server exists once or not at all, and nothing is left.

The rows are those of the table in the design: dead before the commit, with its answer, within adoption, after it.
"""

from __future__ import annotations

from twisted.internet import reactor
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.length import TIMEOUT
from tests.live.crashes import COMMITTED, FIRST, Aftermath, Crashes, Outcome

_HAPPENED: list[Aftermath | Failure] = []


class CrashTests(TestCase):
    """The crashes happen once for all tests."""

    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        if not _HAPPENED:
            try:
                _HAPPENED.append(await Crashes(reactor, self).happen())
            except Exception:
                _HAPPENED.append(Failure())
        [found] = _HAPPENED
        if isinstance(found, Failure):
            found.raiseException()
        else:
            self.aftermath = found

    def exists(self, outcome: Outcome) -> None:
        self.assertEqual(len(outcome.servers), 1, str(outcome))
        self.assertEqual(outcome.statuses, ("ACTIVE",), str(outcome))

    def test_every_step_of_a_create_is_a_point(self) -> None:
        steps = (
            ("patch ledgers", 2),
            ("rehearse virtualmachines", 1),
            ("create secrets", 2),
            ("create ports", 1),
            ("create virtualmachines", 1),
            ("patch secrets", 2),
            ("patch ports", 1),
        )
        for step, times in steps:
            for side in ("before", "after"):
                met = [point for point in self.aftermath.points if point.startswith(f"{side} {step}")]
                self.assertEqual(len(met), times, f"{side} {step}")
        self.assertEqual(len(self.aftermath.points), 2 * sum(times for _, times in steps))

    def test_dead_before_the_commit(self) -> None:
        """Ledger entry, dry run, Port or Secret: the steward deletes the named objects, and there is no server."""
        points = self.aftermath.points
        outcomes = self.aftermath.at([*FIRST, *points[: points.index(COMMITTED)]])
        self.assertEqual(len(outcomes), len(FIRST) + points.index(COMMITTED))
        for outcome in outcomes:
            self.assertEqual((outcome.code, outcome.servers), (0, ()), str(outcome))

    def test_dead_with_the_answer_to_the_commit(self) -> None:
        """Nobody was answered, and the server exists: the steward adopts what belongs to it."""
        [outcome] = self.aftermath.at([COMMITTED])
        self.assertEqual(outcome.code, 0)
        self.exists(outcome)

    def test_dead_within_adoption_or_after_it(self) -> None:
        points = self.aftermath.points
        outcomes = self.aftermath.at(points[points.index(COMMITTED) + 1 :])
        self.assertGreater(len(outcomes), 4)
        for outcome in outcomes:
            self.exists(outcome)
            self.assertIn(outcome.code, (0, 202), str(outcome))

    def test_who_asks_again_gets_a_second_server(self) -> None:
        self.assertEqual(len(self.aftermath.twice), 2)

    def test_dead_at_any_moment(self) -> None:
        outcomes = [outcome for outcome in self.aftermath.outcomes if outcome.case.moment]
        self.assertEqual(len(outcomes), 4)
        for outcome in outcomes:
            self.assertLessEqual(len(outcome.servers), 1, str(outcome))
            self.assertEqual(set(outcome.statuses) | {"ACTIVE"}, {"ACTIVE"}, str(outcome))
            if outcome.code == 202:
                self.exists(outcome)

    def test_dead_between_two_servers_of_one_request(self) -> None:
        """The first was committed, the second was on its way: both exist, or fewer than min_count and so none."""
        [outcome] = [outcome for outcome in self.aftermath.outcomes if "min_count" in outcome.case.more]
        self.assertEqual(outcome.code, 0)
        self.assertIn(outcome.statuses, ((), ("ACTIVE", "ACTIVE")))

    def test_what_a_crash_had_taken_is_free_again(self) -> None:
        """A port that was bound to a server which never came, and the name of a key pair."""
        self.assertEqual(self.aftermath.reused, {"port": 202, "key": 201})

    def test_after_a_minute_nothing_is_half(self) -> None:
        self.assertEqual(self.aftermath.halves, [])

    def test_what_exists_goes_with_all_its_parts(self) -> None:
        self.assertEqual(self.aftermath.left, [])
