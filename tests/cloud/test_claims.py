"""Tests of name claims."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.identity import NAME_CLAIM, USER
from dicot.cloud.plan import Claim, NameTaken
from dicot.cloud.writing.claims import claim_name
from dicot.kube import errors
from dicot.kube.kind import Row

from .site import Replica, Site, manifest


def claim(holder: str = "1" * 32, object_name: str = "user-1") -> Claim:
    """Somebody wants to be ada."""
    return Claim("user", "default", "ada", holder, f"users.identity.dicot.io dicot-system/{object_name}")


FIRST = claim()
SECOND = claim("2" * 32, "user-2")


class ClaimsTests(SynchronousTestCase):
    """Of two who want a name, one has it."""

    def setUp(self) -> None:
        self.site = Site()

    def take(self, wanted: Claim, replica: Replica | None = None, mark: str = "req-1") -> Deferred[Row]:
        claims = (replica or self.site.replica).claims
        return self.site.start(claims.take(wanted, self.site.clock.seconds() + 30, mark))

    def holder(self) -> str:
        row = self.site.stores[NAME_CLAIM].one("dicot-system", claim_name(FIRST))
        return NAME_CLAIM.read(row).spec.holder if row is not None else ""

    def exist(self, wanted: Claim, name: str = "ada") -> None:
        object_name = wanted.place.partition("/")[2]
        labels = {"dicot.io/id": wanted.holder}
        self.site.kube.put(manifest(USER, object_name, labels, "dicot-system", spec={"name": name}))

    def test_the_object_is_named_by_kind_scope_and_name(self) -> None:
        self.successResultOf(self.take(FIRST))
        [name] = self.site.kube.names("nameclaims")
        self.assertRegex(name, r"\Auser-[0-9a-f]{40}\Z")
        found = self.site.kube.one("nameclaims", "dicot-system", name)
        assert found is not None
        self.assertEqual(
            found["spec"],
            {
                "formatVersion": 1,
                "kind": "user",
                "scope": "default",
                "name": "ada",
                "holder": FIRST.holder,
                "place": FIRST.place,
                "held": False,
            },
        )

    def test_the_same_name_in_another_scope_is_another(self) -> None:
        self.assertNotEqual(claim_name(FIRST), claim_name(Claim("user", "other", "ada", "", "")))

    def test_it_may_be_taken_twice_by_the_same_request(self) -> None:
        self.assertEqual(self.successResultOf(self.take(FIRST)), self.successResultOf(self.take(FIRST)))

    def test_another_request_does_not_have_it_though_the_holder_has_the_same_id(self) -> None:
        self.successResultOf(self.take(FIRST))
        self.failureResultOf(self.take(FIRST, mark="req-2"), NameTaken)

    def test_a_name_whose_holder_exists_is_taken(self) -> None:
        self.successResultOf(self.take(FIRST))
        self.exist(FIRST)
        self.site.clock.advance(100)
        self.failureResultOf(self.take(SECOND), NameTaken)

    def test_a_name_that_its_holder_no_longer_has_is_taken_over(self) -> None:
        self.successResultOf(self.take(FIRST))
        self.exist(FIRST, "grace")
        self.site.clock.advance(45)
        self.successResultOf(self.take(SECOND))
        self.assertEqual(self.holder(), SECOND.holder)

    def test_an_object_that_says_it_has_the_holders_id_is_not_the_holder(self) -> None:
        self.successResultOf(self.take(FIRST, mark=""))
        self.exist(FIRST)
        self.failureResultOf(self.take(claim(object_name="user-2"), mark=""), NameTaken)

    def test_a_young_claim_is_respected_though_its_holder_is_not_there_yet(self) -> None:
        self.successResultOf(self.take(FIRST))
        self.site.clock.advance(44)
        self.failureResultOf(self.take(SECOND), NameTaken)

    def test_an_old_claim_without_its_holder_is_taken_over(self) -> None:
        self.successResultOf(self.take(FIRST))
        self.site.clock.advance(45)
        self.successResultOf(self.take(SECOND))
        self.assertEqual(self.holder(), SECOND.holder)

    def test_one_taken_over_is_young_again(self) -> None:
        self.successResultOf(self.take(FIRST))
        self.site.clock.advance(45)
        self.successResultOf(self.take(SECOND))
        self.site.clock.advance(44)
        self.failureResultOf(self.take(FIRST), NameTaken)

    def test_a_claim_whose_holder_once_existed_is_taken_over_at_once(self) -> None:
        row = self.successResultOf(self.take(FIRST))
        at = self.site.kube.objects["identity.dicot.io", "nameclaims", "dicot-system", row.name]
        self.site.kube.put({**at, "spec": {**at["spec"], "held": True}})
        self.successResultOf(self.take(SECOND))
        self.assertEqual(self.holder(), SECOND.holder)

    def test_another_object_in_the_place_of_the_holder_is_not_the_holder(self) -> None:
        self.successResultOf(self.take(FIRST))
        self.site.kube.put(manifest(USER, "user-1", {"dicot.io/id": "3" * 32}, "dicot-system"))
        self.site.clock.advance(45)
        self.successResultOf(self.take(SECOND))

    def test_a_holder_of_a_kind_that_is_not_known_here_counts_as_there(self) -> None:
        strange = Claim("user", "default", "ada", "1" * 32, "ghosts.example.org dicot-system/ghost")
        self.successResultOf(self.take(strange))
        self.site.clock.advance(1000)
        self.failureResultOf(self.take(SECOND), NameTaken)

    def test_of_two_replicas_at_once_exactly_one_has_a_void_name(self) -> None:
        for point in range(5):
            with self.subTest(point):
                self.setUp()
                self.successResultOf(self.take(FIRST))
                self.site.clock.advance(45)
                held: Deferred[None] = Deferred()
                one, other = self.site.replica, self.site.another()
                self.stop_at(point, held)
                first = self.take(SECOND, one)
                second = self.take(claim("3" * 32, "user-3"), other)
                results: list[object] = []
                second.addBoth(results.append)
                held.callback(None)
                first.addBoth(results.append)
                won = [result for result in results if isinstance(result, Row)]
                self.assertEqual((len(results), len(won)), (2, 1))
                self.assertEqual(self.holder(), NAME_CLAIM.read(won[0]).spec.holder)

    def stop_at(self, point: int, held: Deferred[None]) -> None:
        """Let whoever comes first wait before its call of that number."""
        calls = ("create nameclaims", "read nameclaims", "read users", "delete nameclaims", "create nameclaims")
        verb, plural = calls[point].split()
        self.site.kube.script(verb, plural, hold=held, skip=1 if point == 4 else 0)

    def test_a_lost_answer_is_settled_by_the_same_request(self) -> None:
        self.site.kube.script("create", "nameclaims", drop=True)
        taking = self.take(FIRST)
        self.site.clock.advance(0.25)
        self.successResultOf(taking)
        self.assertEqual(self.holder(), FIRST.holder)

    def test_a_doubt_that_time_does_not_settle_rises(self) -> None:
        self.site.kube.script("create", "nameclaims", lose=True, times=1000)
        taking = self.take(FIRST)
        for _ in range(125):
            self.site.clock.advance(0.25)
        self.failureResultOf(taking, errors.Doubtful)

    def test_a_name_is_given_back_by_its_holder(self) -> None:
        self.successResultOf(self.take(FIRST))
        self.successResultOf(self.site.start(self.site.replica.claims.release(FIRST, 30)))
        self.assertEqual(self.site.kube.names("nameclaims"), [])

    def test_a_name_is_not_given_back_by_another(self) -> None:
        self.successResultOf(self.take(FIRST))
        self.successResultOf(self.site.start(self.site.replica.claims.release(SECOND, 30)))
        self.assertEqual(self.holder(), FIRST.holder)

    def test_giving_back_what_is_gone_is_no_fault(self) -> None:
        self.successResultOf(self.site.start(self.site.replica.claims.release(FIRST, 30)))
