"""The keys' Secret: first made by whoever comes first, rotated by times, last good kept."""

import random
from dataclasses import replace

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.callers.keys import (
    LEAD,
    PERIOD,
    PRIMARY,
    REFRESH,
    SECONDARY,
    SECRET_NAME,
    SETTLE,
    STAGED,
    TOKEN_KEYS,
    Key,
    Keyring,
    newest,
    read_keys,
    rotated,
    write_keys,
)
from dicot.cloud.callers.tokens import Tokens, UnknownKey, Unreadable, Unscoped
from dicot.faults import Unavailable
from dicot.kube.address import Place, place
from dicot.kube.errors import Unreachable
from dicot.kube.store import Store
from dicot.names import SYSTEM_NAMESPACE

from ..kube.fake import FakeKube
from .town import NOW, Dice, hex_id, now_of

LIFE = 3600.0
AT = place(TOKEN_KEYS, SYSTEM_NAMESPACE, SECRET_NAME)
FIRST = Key(b"1111", b"1" * 32, PRIMARY, NOW)


class RotationTests(SynchronousTestCase):
    """``rotated`` is a function of the keys and of time."""

    def setUp(self) -> None:
        self.dice = Dice()

    def rotated(self, keys: tuple[Key, ...], now: float) -> tuple[Key, ...]:
        return rotated(keys, now, LIFE, self.dice)

    def test_nothing_is_due_on_the_first_day(self) -> None:
        self.assertEqual(self.rotated((FIRST,), NOW + PERIOD - LEAD - 1), (FIRST,))

    def test_the_next_key_is_staged_ahead_of_its_turn(self) -> None:
        keys = self.rotated((FIRST,), NOW + PERIOD - LEAD)
        self.assertEqual([key.state for key in keys], [PRIMARY, STAGED])
        self.assertEqual(self.rotated(keys, NOW + PERIOD - 1), keys)

    def test_a_staged_key_takes_over_at_its_time(self) -> None:
        keys = self.rotated((FIRST,), NOW + PERIOD - LEAD)
        after = self.rotated(keys, NOW + PERIOD)
        self.assertEqual([(key.id, key.state) for key in after], [(b"1111", SECONDARY), (keys[1].id, PRIMARY)])

    def test_no_key_takes_over_that_replicas_may_not_have_seen(self) -> None:
        keys = self.rotated((FIRST,), NOW + 10 * PERIOD)
        self.assertEqual([key.state for key in keys], [PRIMARY, STAGED])
        self.assertEqual(self.rotated(keys, NOW + 10 * PERIOD + SETTLE - 1), keys)
        after = self.rotated(keys, NOW + 10 * PERIOD + SETTLE)
        self.assertEqual([key.state for key in after], [SECONDARY, PRIMARY])

    def test_an_old_key_stays_until_the_last_token_of_it_has_expired(self) -> None:
        keys = (replace(FIRST, state=SECONDARY), Key(b"2222", b"2" * 32, PRIMARY, NOW))
        self.assertEqual(self.rotated(keys, NOW + LIFE + SETTLE - 1), keys)
        self.assertEqual(self.rotated(keys, NOW + LIFE + SETTLE), keys[1:])

    def test_without_a_primary_the_staged_key_is_one(self) -> None:
        self.assertEqual(self.rotated((replace(FIRST, state=STAGED),), NOW + 5), (replace(FIRST, since=NOW + 5),))

    def test_without_any_key_one_is_made(self) -> None:
        (key,) = self.rotated((), NOW)
        self.assertEqual((key.state, key.since, len(key.id), len(key.secret)), (PRIMARY, NOW, 4, 32))

    def test_of_two_primaries_the_younger_stays(self) -> None:
        second = Key(b"2222", b"2" * 32, PRIMARY, NOW + 1)
        self.assertEqual(
            self.rotated((FIRST, second), NOW + 9), (replace(FIRST, state=SECONDARY, since=NOW + 9), second)
        )

    def test_at_every_moment_of_a_month_what_was_sealed_can_be_opened(self) -> None:
        dice = random.Random(3)
        keys: tuple[Key, ...] = ()
        sealed: list[tuple[float, bytes]] = []
        now = NOW
        while now < NOW + 30 * PERIOD:
            keys = self.rotated(keys, now)
            primary = newest(keys, PRIMARY)
            assert primary is not None
            self.assertEqual(len([key for key in keys if key.state == PRIMARY]), 1)
            self.assertLessEqual(len(keys), 4)
            sealed = [(at, id) for at, id in sealed if at + LIFE > now]
            sealed.append((now, primary.id))
            self.assertLessEqual({id for _, id in sealed}, {key.id for key in keys})
            now += dice.random() * 4000
        last = max(key.since for key in keys if key.state == PRIMARY)
        self.assertTrue(NOW + 28 * PERIOD < last < NOW + 30 * PERIOD)


class WritingTests(SynchronousTestCase):
    """The Secret's form."""

    def test_what_is_written_is_read(self) -> None:
        keys = (FIRST, Key(b"2222", b"2" * 32, STAGED, NOW + 1.5), Key(b"3333", b"3" * 32, SECONDARY, NOW + 2))
        self.assertEqual(read_keys(write_keys(keys)), keys)

    def test_anything_else_is_refused(self) -> None:
        (name, text) = next(iter(write_keys((FIRST,)).items()))
        for bad in (
            {"12": text},
            {"zzzzzzzz": text},
            {name: ""},
            {name: "%%%"},
            {name: "e30="},
            write_keys((replace(FIRST, state="other"),)),
            write_keys((replace(FIRST, secret=b"short"),)),
        ):
            self.assertRaises(ValueError, read_keys, bad)


class KeyringTests(SynchronousTestCase):
    """One replica's keys."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.kube = FakeKube(self.clock)
        self.ring = self.replica("a")

    def replica(self, seed: str) -> Keyring:
        store = Store(TOKEN_KEYS)
        self.kube.watch(store)
        return Keyring(store, self.kube, self.clock.seconds, self.clock.seconds, Dice(seed))

    def verbs(self) -> list[str]:
        verbs = [verb for verb, _ in self.kube.asked]
        self.kube.asked.clear()
        return verbs

    def test_it_is_not_ready_without_a_key(self) -> None:
        self.assertFalse(self.ring.ready)

    def test_the_first_makes_the_key_and_others_take_it(self) -> None:
        self.kube.lagging = True
        other = self.replica("b")
        now_of(self.ring.ensure())
        now_of(other.ensure())
        self.assertEqual(self.ring.sealing[0], other.sealing[0])
        self.assertEqual(self.verbs(), ["create", "create", "read"])

    def test_who_has_a_key_asks_for_nothing(self) -> None:
        now_of(self.ring.ensure())
        self.verbs()
        now_of(self.ring.ensure())
        self.assertEqual(self.verbs(), [])

    def test_a_bad_secret_changes_nothing(self) -> None:
        now_of(self.ring.ensure())
        before = self.ring.sealing[0]
        now_of(self.kube.patch(AT, {"data": {"00000000": "bm9uc2Vuc2U="}}))
        self.assertEqual(self.ring.sealing[0], before)
        self.clock.advance(PERIOD)
        self.assertFalse(now_of(self.ring.rotate(LIFE)))
        self.assertNotIn("replace", self.verbs())

    def test_a_deleted_secret_voids_every_token_and_is_made_again_by_the_steward(self) -> None:
        now_of(self.ring.ensure())
        tokens = Tokens(self.ring, Dice("t"), 3600)
        text = tokens.write(tokens.fresh(hex_id("u"), Unscoped(), frozenset(("password",)), 0, NOW))
        tokens.read(text)
        now_of(self.kube.delete(AT))
        self.assertFalse(self.ring.ready)
        self.assertRaises(UnknownKey, tokens.read, text)
        self.assertTrue(now_of(self.ring.rotate(LIFE)))
        self.assertTrue(self.ring.ready)
        self.assertRaises(Unreadable, tokens.read, text)

    def test_rotation_reaches_every_replica(self) -> None:
        other = self.replica("b")
        now_of(self.ring.ensure())
        first = self.ring.sealing[0]
        self.clock.advance(PERIOD)
        self.assertTrue(now_of(self.ring.rotate(LIFE)))
        self.assertFalse(now_of(other.rotate(LIFE)))
        self.clock.advance(SETTLE)
        self.assertTrue(now_of(other.rotate(LIFE)))
        self.assertNotEqual(self.ring.sealing[0], first)
        self.assertEqual(self.ring.sealing[0], other.sealing[0])
        self.assertIsNotNone(self.ring.opening(first))

    def test_of_two_who_rotate_at_once_one_does(self) -> None:
        now_of(self.ring.ensure())
        self.clock.advance(PERIOD)

        def meanwhile(verb: str, at: Place) -> None:
            if verb == "replace":
                self.kube.fail = lambda verb, at: None
                now_of(other.rotate(LIFE))

        other = self.replica("b")
        self.kube.fail = meanwhile
        self.assertFalse(now_of(self.ring.rotate(LIFE)))
        self.assertEqual(len(self.kube.objects[("", "secrets", SYSTEM_NAMESPACE, SECRET_NAME)]["data"]), 2)

    def test_an_unknown_key_is_looked_for_once_in_a_while(self) -> None:
        now_of(self.ring.refresh())
        now_of(self.ring.refresh())
        self.assertEqual(self.verbs(), ["read"])
        self.clock.advance(REFRESH)
        now_of(self.ring.refresh())
        self.assertEqual(self.verbs(), ["read"])

    def test_who_asks_while_one_looks_waits_for_the_same_answer(self) -> None:
        """The first who shows a token to a replica that has just started is seldom alone."""
        hold: Deferred[None] = Deferred()
        self.kube.script("read", "secrets", hold=hold)
        first, second = (Deferred.fromCoroutine(self.ring.refresh()) for _ in range(2))
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertNoResult(second)
        hold.callback(None)
        self.successResultOf(second)
        self.assertEqual(self.verbs(), ["read"])

    def test_a_look_that_fails_is_a_503_for_a_while_and_then_tried_again(self) -> None:
        def fail(verb: str, at: Place) -> None:
            raise Unreachable

        self.kube.fail = fail
        for _ in range(2):
            self.assertRaises(Unavailable, now_of, self.ring.refresh())
        self.assertEqual(self.verbs(), ["read"])
        self.kube.fail = lambda verb, at: None
        self.clock.advance(REFRESH)
        now_of(self.ring.refresh())
