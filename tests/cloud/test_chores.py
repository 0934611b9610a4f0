"""Tests of the steward's chores: launches, names, revocations, grants."""

from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.chores.expiry import Expiry
from dicot.cloud.chores.grants import NAME, Grants, claims_of, grant
from dicot.cloud.chores.launch import Launches
from dicot.cloud.chores.lease import Lease
from dicot.cloud.chores.naming import Names, standing
from dicot.cloud.chores.steward import Chore, Steward
from dicot.cloud.chores.tenure import CHECK, HOLD, LEAVE, SOON, Tenures, judged
from dicot.cloud.kinds.condition import Conditions
from dicot.cloud.kinds.identity import NAME_CLAIM, REVOCATION, USER, ClaimSpec, NameClaim
from dicot.cloud.kinds.kubevirt import VM, VMI
from dicot.cloud.kinds.storage import DATA_SOURCE
from dicot.cloud.plan import Claim, Patch, Plan
from dicot.kube import errors
from dicot.kube.kind import Manifest, Meta
from dicot.moments import precise

from ..kube.fake import BIRTH
from .site import CLAIMED, PROJECT, PROJECTS, SPACE, Died, Site, caller, manifest, server_id, user, user_body


class ChoreCase(SynchronousTestCase):
    """A site, and rounds of a chore."""

    def setUp(self) -> None:
        self.site = Site()
        self.kube = self.site.kube
        self.cluster = self.site.replica.cluster

    def round(self, chore: Chore, may: bool = True) -> None:
        self.successResultOf(self.site.start(chore.round(lambda: may)))


class LaunchTests(ChoreCase):
    """The note of the first launch."""

    def setUp(self) -> None:
        super().setUp()
        self.woken = 0
        self.launches = Launches(self.cluster, lambda space: PROJECTS.get(space, ""))
        self.launches.wake(self.wake)

    def wake(self) -> None:
        self.woken += 1

    def vm(self, space: str = SPACE, **annotations: str) -> str:
        """A VM; its uid."""
        body = manifest(VM, "web1", {"dicot.io/id": server_id()}, space)
        body["metadata"]["annotations"] = annotations
        return str(self.kube.put(body)["metadata"]["uid"])

    def instance(self, owner: str, space: str = SPACE, phase: str = "Running") -> None:
        """Its instance, in a phase since a minute."""
        body = manifest(VMI, "web1", {}, space)
        body["metadata"]["ownerReferences"] = [
            {"uid": owner, "kind": "VirtualMachine", "name": "web1", "controller": True}
        ]
        times = [
            {"phase": each, "phaseTransitionTimestamp": f"2027-01-15T08:0{number}:00Z"}
            for number, each in enumerate(("Pending", phase))
        ]
        body["status"] = {"phase": phase, "phaseTransitionTimestamps": times}
        self.kube.put(body)

    def noted(self, space: str = SPACE) -> str:
        found = self.kube.one("virtualmachines", space, "web1")
        assert found is not None
        return str(found["metadata"].get("annotations", {}).get("dicot.io/launched-at", ""))

    def test_it_is_the_time_when_the_instance_reached_running(self) -> None:
        self.instance(self.vm())
        self.round(self.launches)
        self.assertEqual(self.noted(), "2027-01-15T08:01:00Z")

    def test_it_is_noted_as_the_projects_member(self) -> None:
        self.instance(self.vm())
        self.round(self.launches)
        [made] = self.kube.calls
        self.assertEqual((made.verb, made.plural, made.acting_as), ("patch", "virtualmachines", f"{PROJECT}-member"))

    def test_it_is_noted_once(self) -> None:
        self.instance(self.vm(**{"dicot.io/launched-at": "before"}))
        self.round(self.launches)
        self.assertEqual((self.noted(), self.kube.calls), ("before", []))

    def test_an_instance_that_never_ran_says_nothing(self) -> None:
        self.instance(self.vm(), phase="Scheduled")
        self.round(self.launches)
        self.assertEqual(self.kube.calls, [])

    def test_an_instance_of_another_vm_of_that_name_says_nothing(self) -> None:
        self.vm()
        self.instance("another")
        self.round(self.launches)
        self.assertEqual(self.kube.calls, [])

    def test_outside_projects_nothing_is_noted(self) -> None:
        self.instance(self.vm("elsewhere"), "elsewhere")
        self.round(self.launches)
        self.assertEqual(self.kube.calls, [])

    def test_a_change_wakes_it_and_is_all_that_is_looked_at(self) -> None:
        self.round(self.launches)
        self.instance(self.vm())
        self.assertEqual(self.woken, 1)
        self.round(self.launches)
        self.assertEqual(self.noted(), "2027-01-15T08:01:00Z")

    def test_what_was_missed_is_found_within_a_minute(self) -> None:
        self.instance(self.vm())
        self.round(self.launches, may=False)
        self.assertEqual(self.kube.calls, [])
        self.round(self.launches)
        self.assertNotEqual(self.noted(), "")

    def test_a_refusal_is_tried_again_at_the_next_walk(self) -> None:
        self.instance(self.vm())
        self.kube.script("patch", "virtualmachines", refuse=errors.Denied(403, "Forbidden", "no"))
        self.round(self.launches)
        self.assertEqual(self.noted(), "")
        self.site.clock.advance(60)
        self.round(self.launches)
        self.assertNotEqual(self.noted(), "")


class ClaimCase(ChoreCase):
    """Users, and the claims of their names."""

    def claims(self) -> list[ClaimSpec]:
        return [NAME_CLAIM.read(row).spec for row in self.site.stores[NAME_CLAIM].rows()]

    def create(self, number: int = 1, name: str = "ada") -> None:
        self.successResultOf(self.site.start(self.site.writer.apply(caller(), "req", lambda: user(number, name))))

    def rename(self, name: str) -> None:
        found = self.kube.one("users", "dicot-system", "user-1")
        assert found is not None
        self.kube.put({**found, "spec": {**found["spec"], "name": name}})


class TenuresTests(ClaimCase):
    """Claims, kept true."""

    def setUp(self) -> None:
        super().setUp()
        self.tenures = Tenures(self.cluster, self.site.replica.claims, CLAIMED)

    def rounds(self) -> None:
        """From now on, as the steward goes round."""
        steward = Steward(Lease(self.cluster, "one"), [self.tenures], self.site.clock)
        steward.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(steward.stop()))

    def released(self) -> int:
        """Seconds until no claim is left."""
        seconds = 0
        while self.claims():
            seconds += 1
            self.assertLess(seconds, 200)
            self.site.clock.advance(1)
        return seconds

    def die_at(self, point: str, plan: Plan) -> None:
        """A write of another replica, which dies there."""
        replica = self.site.another()
        probe = Site()
        probe.start(probe.writer.apply(caller(), "req", lambda: plan))
        replica.fuse.at = probe.replica.fuse.met.index(point)
        writing = self.site.start(replica.writer.apply(caller(), "req", lambda: plan))
        self.failureResultOf(writing, Died)

    def test_what_is_done_about_a_claim(self) -> None:
        for held, seen, age, expected in (
            (False, True, 0, HOLD),
            (True, True, 0, LEAVE),
            (False, False, 44, LEAVE),
            (False, False, 45, CHECK),
            (True, False, 0, CHECK),
        ):
            claim = NameClaim(Meta(creationTimestamp=precise(1000 - age)), ClaimSpec(held=held))
            self.assertEqual(judged(claim, seen, 1000), expected, (held, seen, age))

    def test_a_claim_whose_holder_was_seen_is_held(self) -> None:
        self.create()
        self.round(self.tenures)
        self.assertEqual([claim.held for claim in self.claims()], [True])

    def test_one_of_a_crash_is_gone_within_50_seconds_of_it(self) -> None:
        """Whenever it comes between two walks over all of them."""
        for passed in range(0, 61, 6):
            self.setUp()
            self.rounds()
            self.site.clock.pump([1.0] * passed)
            self.die_at("after create nameclaims", user())
            with self.subTest(passed):
                self.assertTrue(45 <= self.released() <= 50)

    def test_one_that_a_delete_did_not_come_to_is_gone_within_10_seconds(self) -> None:
        for passed in range(0, 61, 6):
            self.setUp()
            self.create()
            self.round(self.tenures)
            self.rounds()
            self.site.clock.pump([1.0] * passed)
            self.kube.remove("users", "dicot-system", "user-1")
            with self.subTest(passed):
                self.assertLessEqual(self.released(), 10)

    def test_so_is_one_whose_holder_did_not_live_long(self) -> None:
        """It is marked held at the round after its holder was seen, whenever it was made between two walks."""
        for passed in range(0, 61, 6):
            self.setUp()
            self.rounds()
            self.site.clock.pump([1.0] * passed)
            self.create()
            self.site.clock.pump([1.0] * 5)
            self.assertEqual([claim.held for claim in self.claims()], [True])
            self.kube.remove("users", "dicot-system", "user-1")
            with self.subTest(passed):
                self.assertLessEqual(self.released(), 10)

    def test_a_holder_that_comes_later_is_seen_too(self) -> None:
        self.rounds()
        self.site.clock.pump([1.0] * 7)
        self.die_at("after create nameclaims", user())
        self.site.clock.advance(8)
        self.assertEqual([claim.held for claim in self.claims()], [False])
        self.create()
        self.site.clock.advance(5)
        self.assertEqual([claim.held for claim in self.claims()], [True])

    def test_so_is_one_that_a_rename_did_not_come_to(self) -> None:
        self.create()
        self.round(self.tenures)
        self.rounds()
        self.site.clock.advance(3)
        self.rename("grace")
        self.assertLessEqual(self.released(), 10)

    def test_one_of_a_crash_before_this_replica_was_the_steward_goes_too(self) -> None:
        self.die_at("after create nameclaims", user())
        self.site.clock.advance(20)
        self.rounds()
        self.assertTrue(25 <= self.released() <= 30)

    def test_one_that_cannot_be_judged_is_asked_about_again(self) -> None:
        self.rounds()
        self.die_at("after create nameclaims", user())
        self.site.clock.pump([1.0] * 43)
        self.kube.script("read", "users", refuse=errors.Unreachable("away"), times=2)
        self.assertLessEqual(self.released(), 17)

    def test_only_those_that_are_due_are_looked_at(self) -> None:
        self.create(1, "ada")
        self.create(2, "grace")
        self.round(self.tenures)
        self.kube.calls.clear()
        self.kube.remove("users", "dicot-system", "user-1")
        self.site.clock.advance(5)
        self.round(self.tenures)
        self.assertEqual(self.kube.verbs(), ["read users", "delete nameclaims"])
        self.assertEqual([claim.name for claim in self.claims()], ["grace"])

    def test_one_that_a_rename_claimed_in_vain_is_released(self) -> None:
        self.create()
        other = Claim("user", "default", "grace", user(1).id, user(1).claims[0].place)
        self.successResultOf(self.site.start(self.site.replica.claims.take(other, 30.0, "req")))
        self.site.clock.advance(44)
        self.round(self.tenures)
        self.assertEqual({(claim.name, claim.held) for claim in self.claims()}, {("ada", True), ("grace", False)})
        self.site.clock.advance(1)
        self.round(self.tenures)
        self.assertEqual([claim.name for claim in self.claims()], ["ada"])

    def test_one_whose_holder_only_the_cache_misses_is_not(self) -> None:
        self.create()
        self.round(self.tenures)
        found = self.kube.one("users", "dicot-system", "user-1")
        assert found is not None
        self.site.stores[USER].apply([msgspec.json.encode({"type": "DELETED", "object": newer(found)})])
        self.site.clock.advance(5)
        self.round(self.tenures)
        self.assertEqual(len(self.claims()), 1)

    def test_nothing_is_written_without_the_lease(self) -> None:
        self.create()
        self.kube.calls.clear()
        self.round(self.tenures, may=False)
        self.assertEqual(self.kube.calls, [])


class NamesTests(ClaimCase):
    """Claims for what has none."""

    def setUp(self) -> None:
        super().setUp()
        self.names = Names(self.cluster, self.site.replica.claims, CLAIMED)
        self.tenures = Tenures(self.cluster, self.site.replica.claims, CLAIMED)

    def test_an_object_without_a_claim_gets_one_at_the_second_look(self) -> None:
        self.kube.put(user_body(1))
        self.round(self.names)
        self.assertEqual(self.claims(), [])
        self.round(self.names)
        self.assertEqual([claim.holder for claim in self.claims()], [user(1).id])

    def test_a_name_that_is_taken_stays_with_its_holder(self) -> None:
        self.create(1)
        self.kube.put(user_body(2))
        for _ in range(3):
            self.round(self.names)
        self.assertEqual([claim.holder for claim in self.claims()], [user(1).id])

    def problem(self, number: int = 2) -> tuple[str, str, str] | None:
        found = self.kube.one("users", "dicot-system", f"user-{number}")
        assert found is not None
        conditions = found.get("status", {}).get("conditions", [])
        said = next((each for each in conditions if each["type"] == "NameHeld"), None)
        return said and (said["status"], said["reason"], said["message"])

    def test_an_object_whose_name_is_taken_says_so_once(self) -> None:
        self.create(1)
        self.kube.put(user_body(2))
        for _ in range(2):
            self.round(self.names)
        holder = "The name 'ada' is held by users.identity.dicot.io dicot-system/user-1."
        self.assertEqual(self.problem(), ("False", "NameTaken", holder))
        self.assertIsNone(self.problem(1))
        self.kube.calls.clear()
        self.round(self.names)
        self.assertNotIn("patch users", self.kube.verbs("users"))

    def test_what_it_says_ends_when_it_has_the_name(self) -> None:
        self.create(1)
        self.round(self.tenures)
        self.kube.put(user_body(2))
        for _ in range(2):
            self.round(self.names)
        self.kube.remove("users", "dicot-system", "user-1")
        self.site.clock.advance(SOON)
        self.round(self.tenures)
        self.round(self.names)
        self.assertEqual(self.problem(), ("True", "NameHeld", "The name is held by it."))
        self.assertEqual([claim.holder for claim in self.claims()], [user(2).id])

    def test_or_when_a_request_gave_it_another(self) -> None:
        self.create(1)
        self.kube.put(user_body(2))
        for _ in range(2):
            self.round(self.names)
        new = Claim("user", "default", "grace", user(2).id, user(2).claims[0].place)
        step = Patch(USER, "dicot-system", "user-2", {"spec": {"name": "grace"}}, own=True)
        plan = Plan(user(2).id, step, claims=(new,))
        self.successResultOf(self.site.start(self.site.writer.apply(caller(), "req-9", lambda: plan)))
        for _ in range(2):
            self.round(self.names)
        self.assertEqual(self.problem(), ("True", "NameHeld", "The name is held by it."))

    def test_what_others_say_of_it_stays(self) -> None:
        other = {"type": "Odd", "status": "True", "reason": "Odd", "message": "odd"}
        has = msgspec.convert({"conditions": [{**other, "lastTransitionTime": precise(BIRTH)}]}, Conditions)
        made = standing(has, "taken", "now")
        assert made is not None
        self.assertEqual(
            [(each.type, each.lastTransitionTime) for each in made], [("Odd", precise(BIRTH)), ("NameHeld", "now")]
        )
        again = standing(Conditions(made), "taken by another", "later")
        assert again is not None
        self.assertEqual((again[1].message, again[1].lastTransitionTime), ("taken by another", "now"))
        self.assertIsNone(standing(Conditions(again), "taken by another", "later"))

    def test_nothing_is_written_without_the_lease(self) -> None:
        self.create()
        self.kube.calls.clear()
        self.round(self.names, may=False)
        self.assertEqual(self.kube.calls, [])


def newer(body: Manifest) -> Manifest:
    """The object, at a version far ahead."""
    return {**body, "metadata": {**body["metadata"], "resourceVersion": "999999"}}


class ExpiryTests(ChoreCase):
    """Revocations nobody asks for any more."""

    def revocation(self, name: str, **spec: Any) -> None:
        self.kube.put(manifest(REVOCATION, name, {}, "dicot-system", spec=spec))

    def test_those_that_are_over_are_deleted(self) -> None:
        self.revocation("over", expires=precise(BIRTH - 121))
        self.revocation("skewed", expires=precise(BIRTH - 119))
        self.revocation("open", expires=precise(BIRTH + 1000))
        self.revocation("strange", expires="soon")
        self.round(Expiry(self.cluster, (REVOCATION,)))
        self.assertEqual(self.kube.names("revocations"), ["open", "skewed", "strange"])

    def test_nothing_is_deleted_without_the_lease(self) -> None:
        self.revocation("over", expires=precise(BIRTH - 1000))
        self.round(Expiry(self.cluster, (REVOCATION,)), may=False)
        self.assertEqual(self.kube.names("revocations"), ["over"])


class GrantsTests(ChoreCase):
    """Who may clone public images."""

    def setUp(self) -> None:
        super().setUp()
        self.woken = 0
        self.grants = Grants(self.cluster, lambda: ("dicot-images",))
        self.grants.wake(self.wake)

    def wake(self) -> None:
        self.woken += 1

    def image(self, name: str, claim: str, space: str = "dicot-images", source: str = "") -> None:
        pvc = {"name": claim, **({"namespace": source} if source else {})}
        self.kube.put(manifest(DATA_SOURCE, name, {}, space, spec={"source": {"pvc": pvc}}))

    def allowed(self) -> list[Manifest]:
        role = self.kube.one("roles", "dicot-images", NAME)
        assert role is not None
        rules: list[Manifest] = role["rules"]
        return rules

    def test_everybody_may_clone_exactly_what_images_point_to(self) -> None:
        self.image("debian", "debian-disk")
        self.image("cirros", "cirros-disk")
        self.round(self.grants)
        self.assertEqual(
            self.allowed(),
            [
                {
                    "apiGroups": ["cdi.kubevirt.io"],
                    "resources": ["datavolumes/source"],
                    "resourceNames": ["cirros-disk", "debian-disk"],
                    "verbs": ["create"],
                }
            ],
        )
        binding = self.kube.one("rolebindings", "dicot-images", NAME)
        assert binding is not None
        self.assertEqual([subject["name"] for subject in binding["subjects"]], ["system:serviceaccounts"])

    def test_without_an_image_nobody_may_clone_anything(self) -> None:
        (_, role), _ = grant("dicot-images", ())
        self.assertIsNone(role["rules"])

    def test_what_points_into_another_namespace_grants_nothing(self) -> None:
        self.image("stolen", "secret-disk", source="victim")
        rows = [(row, DATA_SOURCE.read(row)) for row in self.site.stores[DATA_SOURCE].rows()]
        self.assertEqual(claims_of(rows), ())

    def test_another_image_is_granted_too(self) -> None:
        self.image("debian", "debian-disk")
        self.round(self.grants)
        self.image("cirros", "cirros-disk")
        self.assertEqual(self.woken, 2)
        self.round(self.grants)
        [rule] = self.allowed()
        self.assertEqual(rule["resourceNames"], ["cirros-disk", "debian-disk"])

    def test_images_of_a_project_wake_nobody(self) -> None:
        self.image("mine", "disk", SPACE)
        self.assertEqual(self.woken, 0)

    def test_what_was_written_is_not_asked_for_again_until_ten_minutes_later(self) -> None:
        self.image("debian", "debian-disk")
        self.round(self.grants)
        self.kube.calls.clear()
        self.round(self.grants)
        self.assertEqual(self.kube.calls, [])
        self.kube.remove("roles", "dicot-images", NAME)
        self.site.clock.advance(600)
        self.round(self.grants)
        self.assertEqual(len(self.allowed()), 1)

    def test_a_refusal_is_tried_again(self) -> None:
        self.image("debian", "debian-disk")
        self.kube.script("create", "roles", refuse=errors.Unreachable("away"))
        self.round(self.grants)
        self.round(self.grants)
        self.assertEqual(len(self.allowed()), 1)
