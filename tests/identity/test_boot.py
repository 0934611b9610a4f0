"""The first start, by one replica or by many, broken off anywhere."""

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.callers.directory import Directory
from dicot.cloud.kinds.identity import DOMAIN, IMPLIED_ROLE, ROLE, ROLE_ASSIGNMENT, USER
from dicot.cloud.kinds.storage import SECRET
from dicot.cloud.plan import Claim
from dicot.cloud.tenancy.bootstrap import NewProject
from dicot.faults import Conflict, Unavailable
from dicot.identity.boot import first_boot
from dicot.identity.brake import Brake
from dicot.identity.founding import Founding
from dicot.identity.names import CLAIMED
from dicot.identity.password import Passwords
from dicot.identity.seed import Person, demo, seed
from dicot.kube.address import Place, place
from dicot.kube.errors import Doubtful, Unreachable
from dicot.kube.kind import Kind
from dicot.kube.store import Store
from dicot.names import SYSTEM_NAMESPACE

from ..cloud.permitted import permitted
from ..cloud.town import NOW, Dice, Land, Place_, now_of
from ..kube.fake import FakeKube
from .counter import HASHER, HERE, Threads

KINDS: tuple[Kind[Any], ...] = (DOMAIN, USER, ROLE, IMPLIED_ROLE, ROLE_ASSIGNMENT)


class Grounds:
    """Fulfils ``founding.Places``: namespaces become projects."""

    def __init__(self, land: Land) -> None:
        self.land = land
        self.foreign: dict[str, str] = {}

    async def project(self, wanted: NewProject) -> str:
        if wanted.namespace in self.foreign:
            raise Conflict("it exists")
        self.land.places[wanted.id] = Place_(wanted.id, wanted.name, wanted.namespace)
        return wanted.namespace

    async def adopt(self, name: str) -> str:
        id = self.foreign[name]
        self.land.places[id] = Place_(id, name, name)
        return id


class Replica:
    """One daemon at its first start."""

    def __init__(self, kube: Any, places: Grounds, clock: Clock, seed: str) -> None:
        brake = Brake(clock.seconds, lambda seconds: Deferred())
        self.kube = kube
        self.dice = Dice(seed)
        self.passwords = Passwords(kube, Threads(), brake, clock.seconds, self.dice, HASHER)
        self.claims: list[Claim] = []
        self.founding = Founding(kube, self.passwords, places, self.claim, clock.seconds)

    async def claim(self, claim: Claim) -> None:
        self.claims.append(claim)

    def boot(self) -> Awaitable[bool]:
        return first_boot(self.founding, self.kube, "dicot-admin", self.dice)


class Turns:
    """A Kube whose every call waits until it is let go."""

    def __init__(self, kube: FakeKube) -> None:
        self._kube = kube
        self.open: list[Deferred[None]] = []

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **options: Any) -> Any:
            turn: Deferred[None] = Deferred()
            self.open.append(turn)
            await turn
            return await getattr(self._kube, name)(*args, **options)

        return call


class Case(SynchronousTestCase):
    """An empty cluster."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.fresh()

    def fresh(self) -> None:
        self.kube = FakeKube(self.clock)
        self.kube.permit = permitted
        self.land = Land()
        self.places = Grounds(self.land)
        self.replica = self.made("a")

    def made(self, seed: str, kube: Any = None) -> Replica:
        return Replica(kube or self.kube, self.places, self.clock, seed)

    def directory(self) -> Directory:
        stores: dict[Kind[Any], Store[Any]] = {kind: Store(kind) for kind in KINDS}
        for store in stores.values():
            self.kube.watch(store)
        return Directory(stores, self.land)

    def password(self) -> str:
        data = self.kube.objects["", "secrets", SYSTEM_NAMESPACE, "dicot-admin"]["data"]
        return base64.b64decode(data["password"]).decode()

    def check_founded(self) -> None:
        """admin can log in with the password of the Secret, and is admin of project admin and of the system."""
        directory = self.directory()
        admin = directory.user_named("default", "admin")
        assert admin is not None
        self.assertTrue(admin.enabled)
        self.assertTrue(now_of(self.made("check").passwords.check(admin.id, self.password(), HERE, known=True)))
        project = directory.project_named("default", "admin")
        assert project is not None
        every = ["admin", "manager", "member", "reader"]
        self.assertEqual([role.name for role in directory.roles_on_project(admin.id, project)], every)
        self.assertEqual([role.name for role in directory.roles_on_system(admin.id)], every)
        self.assertIsNotNone(directory.domain("default"))

    def counts(self) -> dict[str, int]:
        plurals = [plural for _, plural, _, _ in self.kube.objects]
        return {plural: plurals.count(plural) for plural in plurals}


class FirstBootTests(Case):
    """From nothing to an administrator."""

    EVERYTHING = {"roles": 5, "impliedroles": 3, "users": 1, "roleassignments": 2, "domains": 1, "secrets": 2}

    def test_everything_is_there(self) -> None:
        self.assertTrue(now_of(self.replica.boot()))
        self.assertEqual(self.counts(), self.EVERYTHING)
        self.check_founded()

    def test_names_are_claimed_before_their_objects(self) -> None:
        now_of(self.replica.boot())
        claimed = {(claim.kind, claim.scope, claim.name) for claim in self.replica.claims}
        self.assertEqual(
            claimed,
            {
                ("user", "default", "admin"),
                ("domain", "", "default"),
                *(("role", "", name) for name in ("admin", "manager", "member", "reader", "service")),
            },
        )
        kinds: tuple[Kind[Any], ...] = (USER, DOMAIN, ROLE)
        for kind in kinds:
            store: Store[Any] = Store(kind)
            self.kube.watch(store)
            for row in store.rows():
                self.assertIn(CLAIMED[kind](row, kind.read(row)), self.replica.claims)
        for claim in self.replica.claims:
            resource, _, where = claim.place.partition(" ")
            namespace, _, name = where.partition("/")
            plural, _, group = resource.partition(".")
            held = self.kube.objects[group, plural, namespace, name]
            self.assertEqual(held["metadata"]["labels"]["dicot.io/id"], claim.holder)

    def test_a_second_time_nothing_is_written(self) -> None:
        now_of(self.replica.boot())
        self.kube.asked.clear()
        self.assertFalse(now_of(self.made("b").boot()))
        self.assertEqual([verb for verb, _ in self.kube.asked], ["read"])

    def test_what_an_administrator_removes_stays_removed(self) -> None:
        now_of(self.replica.boot())
        (name,) = (name for _, plural, _, name in self.kube.objects if plural == "users")
        with self.kube.by_administrator() as kube:
            now_of(kube.delete(place(USER, SYSTEM_NAMESPACE, name)))
        now_of(self.made("b").boot())
        self.assertNotIn("users", self.counts())

    def test_the_operators_password_is_taken(self) -> None:
        body = {
            "metadata": {"name": "dicot-admin"},
            "data": {"password": base64.b64encode("schön\n".encode()).decode()},
        }
        now_of(self.kube.create(place(SECRET, SYSTEM_NAMESPACE), body))
        now_of(self.replica.boot())
        directory = self.directory()
        admin = directory.user_named("default", "admin")
        assert admin is not None
        self.assertTrue(now_of(self.replica.passwords.check(admin.id, "schön", HERE, known=True)))

    def test_no_password_is_refused(self) -> None:
        bodies: tuple[dict[str, str], ...] = ({}, {"password": ""}, {"password": "Cg=="}, {"other": "eA=="})
        for data in bodies:
            self.fresh()
            body = {"metadata": {"name": "dicot-admin"}, "data": data}
            now_of(self.kube.create(place(SECRET, SYSTEM_NAMESPACE), body))
            self.assertRaises(Unavailable, now_of, self.replica.boot())
            self.assertNotIn("domains", self.counts())

    def test_a_generated_password_is_long_and_each_its_own(self) -> None:
        now_of(self.replica.boot())
        first = self.password()
        self.fresh()
        self.replica = self.made("b")
        now_of(self.replica.boot())
        self.assertEqual(len(first), 32)
        self.assertNotEqual(first, self.password())

    def test_a_namespace_that_is_there_is_adopted(self) -> None:
        self.places.foreign["admin"] = "f" * 32
        now_of(self.replica.boot())
        self.check_founded()
        self.assertEqual(list(self.land.places), ["f" * 32])

    def test_the_password_is_nowhere_but_in_its_secret(self) -> None:
        now_of(self.replica.boot())
        secret = ("", "secrets", SYSTEM_NAMESPACE, "dicot-admin")
        others = [body for key, body in self.kube.objects.items() if key != secret]
        for text in (self.password(), base64.b64encode(self.password().encode()).decode()):
            self.assertNotIn(text.encode(), msgspec.json.encode(others))


class BrokenBootTests(Case):
    """Whatever happens in the midst of it."""

    def test_broken_off_at_any_call_it_is_finished_by_another(self) -> None:
        now_of(self.replica.boot())
        calls = len(self.kube.asked)
        for error in (Unreachable, Doubtful):
            for last in range(calls):
                self.fresh()
                self.kube.fail = self.failing_after(last, error)
                self.assertRaises(error, now_of, self.replica.boot())
                self.kube.fail = lambda verb, at: None
                self.assertTrue(now_of(self.made("b").boot()))
                self.assertEqual(self.counts(), FirstBootTests.EVERYTHING)
                self.check_founded()

    def failing_after(self, calls: int, error: type[Exception]) -> Callable[[str, Place], None]:
        left = [calls]

        def fail(verb: str, at: Place) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise error

        return fail

    def test_nobody_can_log_in_before_it_is_done(self) -> None:
        now_of(self.replica.boot())
        writes = [at.plural for verb, at in self.kube.asked if verb == "create"]
        self.assertEqual(writes[-1], "domains")

    def test_two_at_once_make_one(self) -> None:
        for order in range(24):
            self.fresh()
            turns = [Turns(self.kube), Turns(self.kube)]
            boots = [
                Deferred.fromCoroutine(_awaited(self.made(f"{order} {n}", turn).boot()))
                for n, turn in enumerate(turns)
            ]
            step = 0
            while any(turn.open for turn in turns):
                chosen = turns[(order >> step % 5) & 1]
                waiting = chosen if chosen.open else next(turn for turn in turns if turn.open)
                waiting.open.pop(0).callback(None)
                step += 1
            for boot in boots:
                self.successResultOf(boot)
            self.assertEqual(self.counts(), FirstBootTests.EVERYTHING)
            self.check_founded()


async def _awaited(waiting: Awaitable[bool]) -> bool:
    return await waiting


class SeedTests(Case):
    """People for trying things out."""

    def setUp(self) -> None:
        super().setUp()
        now_of(self.replica.boot())

    def test_demo(self) -> None:
        now_of(seed(self.replica.founding, [demo("demo-secret")]))
        directory = self.directory()
        user = directory.user_named("default", "demo")
        project = directory.project_named("default", "demo")
        assert user is not None and project is not None
        self.assertEqual(project.namespace, "demo")
        self.assertEqual([role.name for role in directory.roles_on_project(user.id, project)], ["member", "reader"])
        self.assertTrue(now_of(self.replica.passwords.check(user.id, "demo-secret", HERE, known=True)))

    def test_again_changes_nothing(self) -> None:
        people = [demo("first"), Person("eve", "eve-secret", "demo", "reader")]
        now_of(seed(self.replica.founding, people))
        before = self.counts()
        now_of(seed(self.made("b").founding, [demo("second"), people[1]]))
        self.assertEqual(self.counts(), before)
        user = self.directory().user_named("default", "demo")
        assert user is not None
        self.assertTrue(now_of(self.replica.passwords.check(user.id, "first", HERE, known=True)))

    def test_a_password_is_not_shown(self) -> None:
        self.assertNotIn("hush", repr(demo("hush")))
