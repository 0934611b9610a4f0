"""Checking passwords, and slowing down who guesses them."""

import base64
from collections.abc import Callable
from typing import Any

from argon2 import PasswordHasher
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from dicot.cloud.kinds.storage import SECRET
from dicot.cloud.threads import Crew
from dicot.faults import BadRequest, Unavailable
from dicot.identity.brake import FREE, MEMORY, PATIENCE, Brake
from dicot.identity.password import HASHER, REMEMBERED, Passwords, secret
from dicot.kube.address import Place, place
from dicot.kube.errors import Conflict, Denied
from dicot.names import SYSTEM_NAMESPACE

from ..cloud.town import Dice, hex_id, now_of
from ..kube.fake import FakeKube
from .counter import HASHER as QUICK
from .counter import HERE, Threads

ANN = hex_id("ann")


class Case(SynchronousTestCase):
    """ann's password is "hush"."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.kube = FakeKube(self.clock)
        self.threads = Threads()
        self.passwords = self.made()
        now_of(self.passwords.store(ANN, "hush"))
        self.threads.jobs = 0

    def made(self, hasher: PasswordHasher = QUICK, seed: str = "p") -> Passwords:
        brake = Brake(self.clock.seconds, lambda seconds: deferLater(self.clock, seconds))
        return Passwords(self.kube, self.threads, brake, self.clock.seconds, Dice(seed), hasher)

    def check(self, password: str, who: str = ANN, known: bool = True) -> bool:
        return now_of(self.passwords.check(who, password, HERE, known=known))

    def stored(self) -> str:
        data = self.kube.objects["", "secrets", SYSTEM_NAMESPACE, f"user-{ANN}"]["data"]
        return base64.b64decode(data["hash"]).decode()


class CheckTests(Case):
    """Right and wrong."""

    def test_right_and_wrong(self) -> None:
        self.assertTrue(self.check("hush"))
        for wrong in ("", "Hush", "hush ", "hush\0", "hus"):
            self.assertFalse(self.check(wrong))
            self.clock.advance(MEMORY + 1)

    def test_nothing_is_cut(self) -> None:
        now_of(self.passwords.store(ANN, "x" * 4096))
        self.assertTrue(self.check("x" * 4096))
        self.assertFalse(self.check("x" * 4095 + "y"))

    def test_too_long_is_refused_unhashed(self) -> None:
        self.assertRaises(BadRequest, self.check, "x" * 4097)
        self.assertRaises(BadRequest, now_of, self.passwords.hashed("x" * 4097))
        self.assertEqual((self.threads.jobs, len(self.kube.asked)), (0, 1))

    def test_a_right_password_of_nobody_is_wrong(self) -> None:
        self.assertFalse(self.check("hush", known=False))

    def test_what_is_no_hash_costs_as_much_and_is_wrong(self) -> None:
        for stored in ("", "nonsense", "$argon2id$v=19$nonsense"):
            at = place(SECRET, SYSTEM_NAMESPACE, f"user-{ANN}")
            now_of(self.kube.patch(at, {"data": secret(ANN, stored)["data"]}))
            self.threads.jobs = 0
            self.assertFalse(self.check("hush"))
            self.assertEqual(self.threads.jobs, 1)

    def test_the_parameters_are_owasps(self) -> None:
        self.assertTrue(HASHER.hash("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$"))

    def test_a_refused_read_is_no_wrong_password(self) -> None:
        def deny(verb: str, at: Place) -> None:
            raise Denied(403, "Forbidden", "no")

        self.kube.fail = deny
        self.assertRaises(Unavailable, self.check, "hush")


class MemoryTests(Case):
    """A right password is not hashed again at once."""

    def test_for_a_minute(self) -> None:
        for _ in range(3):
            self.assertTrue(self.check("hush"))
        self.assertEqual(self.threads.jobs, 1)
        self.clock.advance(REMEMBERED)
        self.assertTrue(self.check("hush"))
        self.assertEqual(self.threads.jobs, 2)

    def test_only_the_right_one_of_the_right_user(self) -> None:
        self.check("hush")
        self.assertFalse(self.check("hush", hex_id("bob")))
        self.assertFalse(self.check("hush2"))

    def test_never_beyond_a_new_hash(self) -> None:
        self.check("hush")
        now_of(self.made(seed="q").store(ANN, "other"))
        self.assertFalse(self.check("hush"))
        self.assertTrue(self.check("other"))

    def test_never_beyond_the_secret(self) -> None:
        self.check("hush")
        now_of(self.kube.delete(place(SECRET, SYSTEM_NAMESPACE, f"user-{ANN}")))
        self.assertFalse(self.check("hush"))


class RehashTests(Case):
    """Hashes of other parameters are replaced at log-in."""

    def setUp(self) -> None:
        super().setUp()
        self.old = self.stored()
        self.passwords = self.made(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))

    def test_a_right_password_is_hashed_anew(self) -> None:
        self.assertTrue(self.check("hush"))
        self.assertIn("t=2", self.stored())
        self.assertTrue(self.check("hush"))

    def test_a_wrong_one_is_not(self) -> None:
        self.assertFalse(self.check("wrong"))
        self.assertEqual(self.stored(), self.old)

    def test_who_changed_it_meanwhile_wins(self) -> None:
        def conflict(verb: str, at: Place) -> None:
            if verb == "replace":
                raise Conflict(409, "Conflict", "the object has been modified")

        self.kube.fail = conflict
        self.assertTrue(self.check("hush"))
        self.assertEqual(self.stored(), self.old)


class BrakeTests(Case):
    """From the fifth wrong password on, each costs time."""

    def attempt(self, password: str = "wrong", address: str = HERE) -> Deferred[bool]:
        return Deferred.fromCoroutine(self.passwords.check(ANN, password, address, known=True))

    def spend(self) -> None:
        for _ in range(FREE):
            self.assertFalse(self.successResultOf(self.attempt()))

    def test_the_next_waits_and_the_one_after_longer(self) -> None:
        self.spend()
        for seconds in (1, 2, 4, 8, 16, 32, 32):
            attempt = self.attempt()
            self.clock.advance(seconds - 0.5)
            self.assertNoResult(attempt)
            self.clock.advance(0.5)
            self.assertFalse(self.successResultOf(attempt))

    def test_many_at_once_follow_each_other_and_the_rest_is_refused(self) -> None:
        self.spend()
        self.threads.jobs = 0
        attempts = [self.attempt() for _ in range(200)]
        refused = [attempt for attempt in attempts if attempt.called]
        self.assertGreater(len(refused), 100)
        self.assertEqual(self.threads.jobs, 0)
        for _ in range(200):
            self.clock.advance(1)
        self.assertLess(self.threads.jobs, PATIENCE + 4)
        for attempt in attempts:
            self.assertFalse(self.successResultOf(attempt))

    def test_the_right_one_ends_it(self) -> None:
        self.spend()
        attempt = self.attempt("hush")
        self.clock.advance(1)
        self.assertTrue(self.successResultOf(attempt))
        self.assertFalse(self.successResultOf(self.attempt()))

    def test_who_was_right_a_moment_ago_does_not_wait(self) -> None:
        self.assertTrue(self.successResultOf(self.attempt("hush")))
        self.spend()
        self.assertTrue(self.successResultOf(self.attempt("hush")))

    def test_it_is_forgotten(self) -> None:
        self.spend()
        self.clock.advance(MEMORY + 1)
        self.assertFalse(self.successResultOf(self.attempt()))

    def test_others_do_not_wait(self) -> None:
        self.spend()
        self.assertFalse(self.check("x", hex_id("bob")))

    def test_who_is_elsewhere_does_not_wait(self) -> None:
        self.spend()
        self.assertTrue(self.successResultOf(self.attempt("hush", "192.0.2.2")))
        self.assertNoResult(self.attempt())

    def test_what_could_not_be_checked_is_no_wrong_password(self) -> None:
        def deny(verb: str, at: Place) -> None:
            raise Denied(403, "Forbidden", "no")

        self.kube.fail = deny
        for _ in range(3 * FREE):
            self.failureResultOf(self.attempt("hush"), Unavailable)
        self.kube.fail = lambda verb, at: None
        self.assertTrue(self.successResultOf(self.attempt("hush")))


@implementer(IReactorFromThreads)
class Loop:
    """A reactor that is told things by threads."""

    def callFromThread(self, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        callable(*args, **kwargs)


class Pool(ThreadPool):
    """A pool whose threads work when told to."""

    def __init__(self) -> None:
        super().__init__(0, 2)
        self.jobs: list[Callable[[], None]] = []

    def callInThreadWithCallback(self, onResult: Any, func: Any, *args: Any, **kw: Any) -> None:
        def job() -> None:
            try:
                result = func(*args, **kw)
            except Exception:
                onResult(False, Failure())
            else:
                onResult(True, result)

        self.jobs.append(job)


class CrewTests(SynchronousTestCase):
    """T13: a flood of log-ins is refused before it costs memory."""

    def setUp(self) -> None:
        self.pool = Pool()
        self.crew = Crew(Loop(), self.pool, queue=3)

    def test_what_is_too_much_is_refused_at_once(self) -> None:
        waiting = [self.crew(lambda: 7) for _ in range(5)]
        fault = self.assertRaises(Unavailable, self.crew, lambda: 7)
        self.assertEqual(fault.headers["Retry-After"], "1")
        self.pool.jobs.pop(0)()
        self.assertEqual(self.successResultOf(waiting[0]), 7)
        self.crew(lambda: 8)
        self.assertRaises(Unavailable, self.crew, lambda: 7)

    def test_a_failure_frees_its_place(self) -> None:
        for _ in range(10):
            failing = self.crew(lambda: 1 // 0)
            self.pool.jobs.pop()()
            self.failureResultOf(failing, ZeroDivisionError)
