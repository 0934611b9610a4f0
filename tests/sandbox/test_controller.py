"""How a controller takes the steps that its world has decided on."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from msgspec import json
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.address import Place
from dicot.kube.errors import Conflict, Denied, Exists, Missing, Refused
from dicot.kube.kind import Kind, Manifest
from dicot.kube.source import Origin
from dicot.kube.store import Change, Store
from dicot.moments import stamp
from dicot.sandbox.controller import RETRY, Accounts, Controller, Key
from dicot.sandbox.nodes.kinds import CLAIMS
from dicot.sandbox.settled.mark import CALM, WOKEN
from dicot.sandbox.steps import REST, Ask, Call, Create, Decision, Look, Patch, Remove, Replace, Tell, act

from .test_service import Badge, Book, Silence
from .things import NOW, claim_manifest, raw

CLAIM = Place("", "v1", "persistentvolumeclaims", "n", "c")
REVIEWS = Place("authorization.k8s.io", "v1", "subjectaccessreviews")
EVENT = {"metadata": {"namespace": "n", "name": "c.1"}, "count": 1, "lastTimestamp": "now", "message": "said"}


class Told:
    """A world that decides what it is told to, once."""

    def __init__(self, claims: Kind[Any] = CLAIMS) -> None:
        self.claims: Store[Any] = Store(claims)
        self.stores = (self.claims,)
        self.decision = REST

    def saw(self, change: Change) -> Iterable[Key]:
        """See World."""
        return () if change.new is None else (Key(self.claims.kind, "n", "c"),)

    def everything(self) -> list[Key]:
        """See World."""
        return []

    def decide(self, key: Key, now: float) -> Decision:
        """See World."""
        decided, self.decision = self.decision, REST
        return decided


class Steps(SynchronousTestCase):
    """A controller over a Kube that only takes notes."""

    def setUp(self) -> None:
        self.clock, self.kube = Clock(), Book()
        self.clock.advance(NOW)
        self.see(Told())

    def see(self, world: Told) -> None:
        """Start a controller of a world."""
        self.world = world
        origin = Origin(Silence(), Badge(), DeferredSemaphore(2))
        accounts = Accounts(self.kube, self.kube)  # type: ignore[arg-type]
        self.controller = Controller(world, accounts, origin, self.clock, lambda: 0.5)
        self.controller.startService()
        self.addCleanup(self.controller.stopService)
        world.claims.replace([], "1")

    def decide(self, decision: Decision) -> list[str]:
        """Have it taken; the verbs of what was written."""
        self.world.decision = decision
        self.world.claims.learn(raw(claim_manifest()))
        return [verb for verb, _ in self.kube.written]

    def due(self) -> list[float]:
        """When something is done next."""
        return [each.getTime() for each in self.clock.getDelayedCalls()]

    def test_an_answer_decides_in_the_place_of_what_would_follow(self) -> None:
        self.kube.objects[REVIEWS] = {"status": {"allowed": True}}
        asked: list[Any] = []

        def then(answer: Any) -> Decision:
            asked.append(answer)
            return act(Remove(CLAIM, "u"), again=7.0)

        verbs = self.decide(act(Ask(REVIEWS, {}, then), Replace(CLAIM, claim_manifest())))
        self.assertEqual((verbs, asked), (["create", "delete u 0"], [{"status": {"allowed": True}}]))
        self.assertIn(NOW + 7.0, self.due())

    def test_an_object_decides_what_follows(self) -> None:
        """It is read as it is now; nothing that stands behind it is done."""
        self.kube.objects[CLAIM] = claim_manifest()
        seen = []

        def then(found: Manifest) -> Decision:
            seen.append(found)
            return act(Remove(CLAIM, "u"))

        self.assertEqual(self.decide(act(Look(CLAIM, then), Replace(CLAIM, {}))), ["read", "delete u 0"])
        self.assertEqual(seen, [claim_manifest()])

    def test_what_is_not_there_may_decide_too(self) -> None:
        self.kube.fail = lambda verb, at: Missing(404, "NotFound", "x") if verb == "read" else None
        look = Look(CLAIM, lambda _: REST, act(Remove(CLAIM, "u")))
        self.assertEqual(self.decide(act(look, Replace(CLAIM, {}))), ["delete u 0"])
        self.assertNotIn(NOW + RETRY, self.due())

    def test_what_somebody_took_away_is_looked_for_again(self) -> None:
        self.kube.fail = lambda verb, at: Missing(404, "NotFound", "x")
        self.assertEqual(self.decide(act(Look(CLAIM, lambda _: REST), Remove(CLAIM, "u"))), [])
        self.assertIn(NOW + RETRY, self.due())

    def test_a_removal_may_leave_the_object_its_grace(self) -> None:
        self.assertEqual(
            self.decide(act(Remove(CLAIM, "u", None), Remove(CLAIM, "u"))), ["delete u None", "delete u 0"]
        )

    def test_an_event_that_was_told_before_is_counted(self) -> None:
        self.kube.fail = lambda verb, at: Exists(409, "AlreadyExists", "x") if verb == "create" else None
        self.kube.objects[Tell(EVENT).at] = {**EVENT, "lastTimestamp": "then"}
        self.assertEqual(self.decide(act(Tell(EVENT))), ["read", "replace"])
        self.assertEqual(self.kube.bodies[-1], {**EVENT, "count": 2})

    def test_an_event_that_cannot_be_told_stops_nothing(self) -> None:
        self.kube.fail = lambda verb, at: Denied(403, "Forbidden", "ends") if at.plural == "events" else None
        self.assertEqual(self.decide(act(Tell(EVENT), Remove(CLAIM, "u"))), ["delete u 0"])
        self.assertNotIn(NOW + RETRY, self.due())

    def test_what_is_refused_is_told_of(self) -> None:
        """Of a call and of a patch, before it is tried again; that somebody was faster is no refusal."""
        at = replace(CLAIM, subresource="hold")
        call, patch = Call(at, {}, self.tells), Patch(at, {}, refused=self.tells)
        denied, stale = Denied(403, "Forbidden", "no"), Conflict(409, "Conflict", "x")
        cases: tuple[tuple[Call | Patch, Refused, list[str]], ...] = (
            (call, denied, ["delete u 0"]),
            (patch, denied, ["delete u 0"]),
            (patch, stale, []),
        )
        for step, reason, verbs in cases:
            self.setUp()
            self.kube.fail = partial(self.fails, at, reason)
            self.assertEqual(self.decide(act(step, Replace(CLAIM, {}))), verbs)
            self.assertIn(NOW + RETRY, self.due())
        self.setUp()
        self.assertEqual(self.decide(act(Call(at, {}), Remove(CLAIM, "u"))), ["replace", "delete u 0"])

    def test_what_was_there_before_is_not_told_of(self) -> None:
        made = Create(replace(CLAIM, name=""), claim_manifest(), then=(Tell(EVENT),))
        self.assertEqual(self.decide(act(made)), ["create", "create"])
        self.setUp()
        self.kube.fail = lambda verb, at: Exists(409, "AlreadyExists", "x") if verb == "create" else None
        self.assertEqual(self.decide(act(made, Remove(CLAIM, "u"))), ["delete u 0"])

    def test_a_store_learns_only_what_it_selects(self) -> None:
        """It would never hear of the end of anything else."""
        for labels, kept in ({"a": "b"}, 1), ({"a": "c"}, 0):
            self.see(Told(replace(CLAIMS, selector="a=b")))
            self.kube.objects[CLAIM] = claim_manifest(meta={"labels": labels})
            self.successResultOf(Deferred.fromCoroutine(self.controller.take(Replace(CLAIM, {}))))
            self.assertEqual(len(self.world.claims), kept)

    def fails(self, at: Place, reason: Exception, verb: str, where: Place) -> Exception | None:
        return reason if where == at else None

    def tells(self, reason: Refused) -> tuple[Remove, ...]:
        return (Remove(CLAIM, "u"),)

    def test_what_is_sent_is_what_was_decided(self) -> None:
        self.decide(act(Replace(CLAIM, claim_manifest())))
        self.assertEqual(json.encode(self.kube.bodies[0]), raw(claim_manifest()))

    def test_what_was_woken_a_moment_ago_is_left_alone_for_a_while(self) -> None:
        self.see(Told(replace(CLAIMS, annotations=frozenset({WOKEN}))))
        self.world.decision = act(Remove(CLAIM, "u"))
        self.world.claims.learn(raw(claim_manifest(meta={"annotations": {WOKEN: stamp(NOW)}})))
        self.assertEqual(self.kube.written, [])
        self.clock.advance(CALM)
        self.assertEqual([verb for verb, _ in self.kube.written], ["delete u 0"])
