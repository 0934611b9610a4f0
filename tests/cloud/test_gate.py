"""T9: a token counts exactly as long as its user, its scope and a role of it do, on every replica."""

import random
from collections.abc import Awaitable

from twisted.trial.unittest import SynchronousTestCase

from dicot.caller import Caller
from dicot.cloud.callers import gate
from dicot.cloud.callers.directory import UserFacts
from dicot.cloud.callers.gate import REFUSAL, TokenGate, caller_of
from dicot.cloud.callers.keys import PERIOD, SECRET_NAME, SETTLE, TOKEN_KEYS
from dicot.cloud.callers.policy import Policy
from dicot.cloud.callers.revocation import MANY
from dicot.cloud.callers.standing import LOGIN_AGE, LOOK, READ_AGE
from dicot.cloud.callers.tokens import DomainScope, ProjectScope, Scope, SystemScope, Token, Unscoped, derive
from dicot.cloud.kinds.identity import DOMAIN, ROLE_ASSIGNMENT, USER
from dicot.faults import Unauthorized, Unavailable
from dicot.kube.address import Place, place
from dicot.kube.errors import Doubtful, Unreachable
from dicot.moments import precise
from dicot.names import SYSTEM_NAMESPACE

from .town import NOW, Replica, Town, hex_id, now_of


class Doors:
    """A town, and a gate at each of its replicas."""

    def __init__(self, replicas: int = 1) -> None:
        self.town = Town(replicas)
        self.gates = [TokenGate(replica.standings, Policy({})) for replica in self.town.replicas]
        self.town.user("ann")
        self.lab = self.town.project("lab")

    def token(self, scope: Scope, user: str = "ann", replica: int = 0, generation: int = 0) -> Token:
        tokens = self.town.replicas[replica].tokens
        return tokens.fresh(hex_id(user), scope, frozenset(("password",)), generation, self.town.clock.seconds())

    def text(self, scope: Scope, user: str = "ann", replica: int = 0) -> str:
        return self.town.replicas[replica].tokens.write(self.token(scope, user, replica))

    def caller(self, text: str, replica: int = 0) -> Caller:
        found = self.gates[replica].identify(text)
        assert isinstance(found, Caller)
        return found

    def refused(self, test: SynchronousTestCase, text: str, replica: int = 0) -> None:
        fault = test.assertRaises(Unauthorized, self.gates[replica].identify, text)
        test.assertEqual(fault.message, REFUSAL)


class CallerTests(SynchronousTestCase):
    """What a token makes of a caller."""

    def setUp(self) -> None:
        self.doors = Doors()

    def test_a_project_token(self) -> None:
        self.doors.town.assign("ann", "member", project="lab")
        caller = self.doors.caller(self.doors.text(ProjectScope(hex_id("lab"))))
        self.assertEqual((caller.user, caller.user_name), (hex_id("ann"), "ann"))
        self.assertEqual((caller.project, caller.project_name, caller.namespace), (hex_id("lab"), "lab", "ns-lab"))
        self.assertEqual(caller.roles, {"member", "reader"})
        self.assertEqual(caller.personas, {"any", "member", "reader"})
        self.assertEqual(
            (caller.admin, caller.role_account, caller.system, caller.domain), (False, "member", False, "")
        )
        self.assertEqual((caller.user_domain, caller.project_domain), ("default", "default"))
        self.assertEqual(caller.expires, NOW + 3600)

    def test_an_admin_of_any_project_is_a_cloud_admin(self) -> None:
        self.doors.town.assign("ann", "admin", project="lab")
        caller = self.doors.caller(self.doors.text(ProjectScope(hex_id("lab"))))
        self.assertEqual((caller.admin, caller.role_account), (True, "admin"))

    def test_a_system_token(self) -> None:
        self.doors.town.assign("ann", "admin", system="all")
        caller = self.doors.caller(self.doors.text(SystemScope()))
        self.assertEqual((caller.project, caller.namespace, caller.role_account), ("", "", ""))
        self.assertEqual((caller.system, caller.admin), (True, True))
        self.assertIn("system_reader", caller.personas)
        self.assertNotIn("reader", caller.personas)

    def test_a_domain_token_reaches_no_further_than_the_domain(self) -> None:
        self.doors.town.assign("ann", "admin", domain="default")
        caller = self.doors.caller(self.doors.text(DomainScope("default")))
        self.assertEqual((caller.domain, caller.admin, caller.role_account), ("default", False, ""))
        self.assertEqual(caller.personas, {"any", "domain_admin", "domain_manager", "domain_member", "domain_reader"})

    def test_an_unscoped_token(self) -> None:
        caller = self.doors.caller(self.doors.text(Unscoped()))
        self.assertEqual((caller.roles, caller.personas), (frozenset(), {"any"}))

    def test_a_role_of_an_odd_name_is_no_persona(self) -> None:
        for name in ("any", "system_reader", "owner", "subject", "own"):
            self.doors.town.role(name)
            self.doors.town.assign("ann", name, project="lab")
        caller = self.doors.caller(self.doors.text(ProjectScope(hex_id("lab"))))
        self.assertEqual(caller.personas, {"any"})


class RefusalTests(SynchronousTestCase):
    """What ends a token, with one text for all of it."""

    def setUp(self) -> None:
        self.doors = Doors()
        self.town = self.doors.town
        self.grant = self.town.assign("ann", "member", project="lab")
        self.text = self.doors.text(ProjectScope(hex_id("lab")))
        self.doors.caller(self.text)

    def test_garbage(self) -> None:
        for text in ("", "x", self.text + "=", self.text[:-1]):
            self.doors.refused(self, text)

    def test_the_end_of_its_life(self) -> None:
        self.town.clock.advance(3599.999)
        self.doors.caller(self.text)
        self.town.clock.advance(0.001)
        self.doors.refused(self, self.text)

    def test_a_role_that_was_taken(self) -> None:
        self.town.remove(ROLE_ASSIGNMENT, self.grant)
        self.doors.refused(self, self.text)

    def test_a_role_that_changes_acts_at_once(self) -> None:
        self.town.assign("ann", "admin", project="lab")
        self.town.remove(ROLE_ASSIGNMENT, self.grant)
        self.assertTrue(self.doors.caller(self.text).admin)

    def test_a_disabled_user(self) -> None:
        self.town.change(USER, "ann", enabled=False)
        self.doors.refused(self, self.text)

    def test_a_disabled_domain(self) -> None:
        self.town.change(DOMAIN, "default", enabled=False)
        self.doors.refused(self, self.text)

    def test_a_disabled_project(self) -> None:
        self.town.land.change(hex_id("lab"), enabled=False)
        self.doors.refused(self, self.text)

    def test_a_disabled_domain_of_the_project(self) -> None:
        self.town.object(DOMAIN, "far", hex_id("far"), {"name": "far", "enabled": True})
        self.town.land.change(hex_id("lab"), domain=hex_id("far"))
        self.doors.caller(self.text)
        self.town.change(DOMAIN, "far", enabled=False)
        self.doors.refused(self, self.text)

    def test_a_project_that_is_gone(self) -> None:
        self.town.land.remove(hex_id("lab"))
        self.doors.refused(self, self.text)

    def test_a_user_that_is_gone_and_one_of_the_same_name(self) -> None:
        self.town.remove(USER, "ann")
        self.doors.refused(self, self.text)
        self.town.object(USER, "ann", hex_id("another ann"), {"name": "ann", "domainId": "default"})
        self.doors.refused(self, self.text)

    def test_a_new_password(self) -> None:
        self.town.change(USER, "ann", credentialGeneration=1)
        self.doors.refused(self, self.text)

    def test_tokens_before_a_moment(self) -> None:
        self.town.change(USER, "ann", tokensValidAfter=precise(NOW))
        self.doors.caller(self.text)
        self.town.change(USER, "ann", tokensValidAfter=precise(NOW + 0.000_001))
        self.doors.refused(self, self.text)

    def test_a_moment_that_cannot_be_read_voids_them_all(self) -> None:
        self.town.change(USER, "ann", tokensValidAfter="yesterday")
        self.doors.refused(self, self.text)

    def test_a_system_token_counts_for_nothing_without_a_role_there(self) -> None:
        self.doors.refused(self, self.doors.text(SystemScope()))
        self.doors.refused(self, self.doors.text(DomainScope("default")))

    def test_nobody_is_known_any_more_when_the_watches_are_silent_for_long(self) -> None:
        self.town.one.age = READ_AGE
        self.doors.caller(self.text)
        self.town.one.age = READ_AGE + 1
        self.town.clock.advance(LOOK)
        for _ in range(2):
            self.assertRaises(Unavailable, self.doors.gates[0].identify, self.text)
        self.assertRaises(Unavailable, self.doors.gates[0].identify, self.doors.text(Unscoped()))
        self.town.clock.advance(-60)
        self.assertRaises(Unavailable, self.doors.gates[0].identify, self.text)

    def test_nobody_logs_in_when_they_are_silent_for_a_while(self) -> None:
        self.town.one.age = LOGIN_AGE
        self.town.one.standings.may_log_in()
        self.town.one.age = LOGIN_AGE + 1
        self.assertRaises(Unavailable, self.town.one.standings.may_log_in)


class RememberedTests(SynchronousTestCase):
    """What is remembered of a token is worth no more than the token."""

    def setUp(self) -> None:
        self.doors = Doors(2)
        self.town = self.doors.town
        self.town.assign("ann", "member", project="lab")
        self.token = self.doors.token(ProjectScope(hex_id("lab")))
        self.text = self.town.one.tokens.write(self.token)
        self.caller = self.doors.caller(self.text)

    def test_nothing_is_weighed_again_while_nothing_happens(self) -> None:
        self.town.clock.advance(60)
        self.assertIs(self.doors.caller(self.text), self.caller)

    def test_a_revocation_acts_at_once(self) -> None:
        ann = self.town.one.directory.user(hex_id("ann"))
        assert ann is not None
        now_of(self.town.one.revocations.revoke(self.token, ann))
        self.doors.refused(self, self.text)

    def test_a_key_that_is_gone_opens_nothing(self) -> None:
        with self.town.kube.by_administrator() as kube:
            now_of(kube.delete(place(TOKEN_KEYS, SYSTEM_NAMESPACE, SECRET_NAME)))
        found = self.doors.gates[0].identify(self.text)
        assert not isinstance(found, Caller)
        self.assertRaises(Unauthorized, now_of, found)

    def test_a_project_that_changes_is_another(self) -> None:
        self.town.land.change(hex_id("lab"), name="laboratory")
        self.assertEqual(self.doors.caller(self.text).project_name, "laboratory")

    def test_a_refusal_is_not_remembered(self) -> None:
        self.town.clock.advance(3600)
        self.doors.refused(self, self.text)
        self.town.clock.advance(-1)
        self.assertEqual(self.doors.caller(self.text), self.caller)

    def test_so_many_tokens_and_no_more(self) -> None:
        self.patch(gate, "_REMEMBERED", 3)
        texts = [self.doors.text(ProjectScope(hex_id("lab"))) for _ in range(4)]
        callers = [self.doors.caller(text) for text in texts]
        again = [self.doors.caller(text) for text in reversed(texts)]
        self.assertEqual(
            [now is before for now, before in zip(reversed(again), callers, strict=True)], [False, True, True, True]
        )


class UnknownKeyTests(SynchronousTestCase):
    """A token of a key that has not arrived yet."""

    def setUp(self) -> None:
        self.doors = Doors(2)
        self.town = self.doors.town

    def asked(self, text: str) -> Awaitable[Caller]:
        found = self.doors.gates[1].identify(text)
        assert not isinstance(found, Caller)
        return found

    def test_the_key_is_looked_for_and_then_the_token_counts(self) -> None:
        self.town.kube.lagging = True
        for wait in (PERIOD, SETTLE):
            self.town.clock.advance(wait)
            now_of(self.town.one.ring.rotate(3600))
        text = self.doors.text(Unscoped())
        caller = now_of(self.asked(text))
        self.assertEqual(caller.user, hex_id("ann"))
        self.assertIsInstance(self.doors.gates[1].identify(text), Caller)

    def test_a_key_that_is_nowhere_is_asked_for_once_and_refused(self) -> None:
        text = self.doors.text(Unscoped())
        with self.town.kube.by_administrator() as kube:
            now_of(kube.delete(place(TOKEN_KEYS, SYSTEM_NAMESPACE, SECRET_NAME)))
        self.town.kube.asked.clear()
        for _ in range(3):
            self.assertRaises(Unauthorized, now_of, self.asked(text))
        self.assertEqual([verb for verb, _ in self.town.kube.asked], ["read"])


class RevocationTests(SynchronousTestCase):
    """Revoking, by audit id and by chain."""

    def setUp(self) -> None:
        self.doors = Doors(2)
        self.town = self.doors.town
        self.first = self.doors.token(Unscoped())
        self.second = derive(self.doors.token(Unscoped()), self.first)
        self.third = derive(self.doors.token(Unscoped()), self.second)

    def ann(self) -> UserFacts:
        ann = self.town.one.directory.user(hex_id("ann"))
        assert ann is not None
        return ann

    def revoke(self, token: Token, *, chain: bool = True) -> None:
        now_of(self.town.one.revocations.revoke(token, self.ann(), chain=chain))

    def counts(self, replica: int = 0) -> list[bool]:
        standings = self.town.replicas[replica].standings
        return [standings.of(token) is not None for token in (self.first, self.second, self.third)]

    def test_the_first_takes_its_descendants_along(self) -> None:
        self.assertEqual(self.counts(), [True, True, True])
        self.revoke(self.first)
        self.assertEqual(self.counts(), [False, False, False])

    def test_one_in_the_middle_goes_alone_as_in_keystone(self) -> None:
        self.revoke(self.second)
        self.assertEqual(self.counts(), [True, False, True])

    def test_without_the_chain_only_the_token_goes(self) -> None:
        self.revoke(self.first, chain=False)
        self.assertEqual(self.counts(), [False, True, True])

    def test_this_replica_knows_at_once_and_the_other_when_its_watch_does(self) -> None:
        self.town.kube.lagging = True
        self.revoke(self.first)
        self.assertEqual((self.counts(0)[0], self.counts(1)[0]), (False, True))
        self.town.kube.catch_up()
        self.assertEqual(self.counts(1), [False, False, False])

    def test_twice_is_as_once(self) -> None:
        self.town.kube.lagging = True
        self.revoke(self.first)
        now_of(self.town.replicas[1].revocations.revoke(self.first, self.ann()))
        self.assertEqual(self.counts(1), [False, False, False])

    def test_a_doubtful_answer_is_settled_under_the_same_name(self) -> None:
        def lose(verb: str, at: Place) -> None:
            if verb == "create":
                self.town.kube.fail = lambda verb, at: None
                raise Doubtful

        self.town.kube.fail = lose
        self.revoke(self.first)
        self.assertEqual(self.counts(), [False, False, False])

    def test_it_is_not_said_to_be_revoked_before_it_is(self) -> None:
        def down(verb: str, at: Place) -> None:
            raise Unreachable

        self.town.kube.fail = down
        self.assertRaises(Unavailable, self.revoke, self.first)
        self.assertEqual(self.counts(), [True, True, True])

    def test_a_flood_becomes_one_moment(self) -> None:
        held = self.doors.token(Unscoped())
        for _ in range(MANY):
            self.revoke(self.doors.token(Unscoped()))
        self.town.kube.asked.clear()
        self.revoke(self.doors.token(Unscoped()))
        self.assertEqual([(verb, at.plural) for verb, at in self.town.kube.asked], [("patch", "users")])
        self.assertIsNone(self.town.one.standings.of(held))
        self.town.clock.advance(3600)
        later = self.doors.token(Unscoped())
        self.town.kube.asked.clear()
        self.revoke(later)
        self.assertEqual([(verb, at.plural) for verb, at in self.town.kube.asked], [("create", "revocations")])
        self.assertIsNone(self.town.one.standings.of(later))


BELOW = {"admin": ("admin", "manager", "member", "reader"), "member": ("member", "reader"), "reader": ("reader",)}


class Model:
    """What should be true, kept by hand beside the town."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.doors = Doors(3)
        self.town = self.doors.town
        self.town.user("bob")
        self.town.project("den")
        self.town.kube.lagging = True
        self.enabled = {"ann": True, "bob": True}
        self.generation = {"ann": 0, "bob": 0}
        self.granted: dict[tuple[str, str, str], str] = {}
        self.revoked: set[str] = set()
        self.chains: set[str] = set()
        self.issued: list[tuple[Token, str]] = []
        self.texts: dict[str, str] = {}

    def step(self) -> None:
        self.dice.choice(
            (self.grant, self.withdraw, self.switch, self.repassword, self.revoke, self.issue, self.issue, self.issue)
        )()
        self.town.clock.advance(self.dice.choice((0.0, 1.0, 400.0)))

    def someone(self) -> str:
        return self.dice.choice(("ann", "bob"))

    def grant(self) -> None:
        what = (self.someone(), self.dice.choice(("reader", "member", "admin")), self.dice.choice(("lab", "den")))
        if what not in self.granted:
            self.granted[what] = self.town.assign(what[0], what[1], project=what[2])

    def withdraw(self) -> None:
        if self.granted:
            what = self.dice.choice(sorted(self.granted))
            self.town.remove(ROLE_ASSIGNMENT, self.granted.pop(what))

    def switch(self) -> None:
        user = self.someone()
        self.enabled[user] = not self.enabled[user]
        self.town.change(USER, user, enabled=self.enabled[user])

    def repassword(self) -> None:
        user = self.someone()
        self.generation[user] += 1
        self.town.change(USER, user, credentialGeneration=self.generation[user])

    def issue(self) -> None:
        user, replica = self.someone(), self.dice.randrange(3)
        scope = self.dice.choice((Unscoped(), ProjectScope(hex_id("lab")), ProjectScope(hex_id("den"))))
        parents = [token for token, name in self.issued if name == user and self.counts(token, name)]
        token = self.doors.token(scope, user, replica, self.generation[user])
        if parents and self.dice.random() < 0.7:
            token = derive(token, self.dice.choice(parents))
        self.issued.append((token, user))
        self.texts[token.audit] = self.town.replicas[replica].tokens.write(token)

    def revoke(self) -> None:
        if self.issued:
            token, user = self.dice.choice(self.issued)
            facts = self.town.one.directory.user(hex_id(user))
            assert facts is not None
            chain = self.dice.random() < 0.5
            if token.audit not in self.revoked:
                now_of(self.town.one.revocations.revoke(token, facts, chain=chain))
                self.revoked.add(token.audit)
                self.chains |= {token.audit} if chain else set()

    def roles(self, token: Token, user: str) -> set[str]:
        assert isinstance(token.scope, ProjectScope)
        return {
            role
            for holder, granted, project in self.granted
            if holder == user and hex_id(project) == token.scope.id
            for role in BELOW[granted]
        }

    def counts(self, token: Token, user: str) -> bool:
        alive = token.expires > self.town.clock.seconds() * 1e6
        trusted = token.audit not in self.revoked and token.parent not in self.chains
        based = self.enabled[user] and token.generation == self.generation[user]
        return alive and trusted and based and (isinstance(token.scope, Unscoped) or bool(self.roles(token, user)))


class ModelTests(SynchronousTestCase):
    """Three replicas against the model, through random histories."""

    def agree(self, model: Model, replica: Replica) -> None:
        for token, user in model.issued:
            standing = replica.standings.of(token)
            self.assertEqual(standing is not None, model.counts(token, user))
            if standing is not None and standing.project is not None:
                self.assertEqual({role.name for role in standing.roles}, model.roles(token, user))
            self.assertEqual(self.let_in(model, replica, token), standing and caller_of(standing))

    def let_in(self, model: Model, replica: Replica, token: Token) -> Caller | None:
        """Whom the replica's gate, which remembers tokens, sees in one."""
        try:
            found = model.doors.gates[model.town.replicas.index(replica)].identify(model.texts[token.audit])
        except Unauthorized:
            return None
        assert isinstance(found, Caller)
        return found

    def test_replicas_agree_with_the_model_once_their_watches_are_there(self) -> None:
        for seed in range(12):
            model = Model(seed)
            for _ in range(60):
                model.step()
                replica = model.dice.choice(model.town.replicas)
                model.town.kube.catch_up(replica.stores.values())
                self.agree(model, replica)
