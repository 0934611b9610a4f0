"""From ids to objects, within what a caller may see."""

from typing import Any

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.caller import ANONYMOUS, Caller
from dicot.cloud.kinds.identity import ROLE, USER
from dicot.cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, VM
from dicot.cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC
from dicot.cloud.reading.resolver import READS, REMEMBERED, Resolver
from dicot.cloud.resource import Known
from dicot.kube.errors import Refused, Throttled, Unreachable
from dicot.kube.kind import Kind, Row
from dicot.names import ID

from .ground import BLUE, RED, Ground, caller, uuid

KINDS = (VM, CLUSTER_INSTANCETYPE, DATA_SOURCE, DATA_VOLUME, PVC, USER, ROLE)


class Asked:
    """Kubernetes, as far as it is asked here: each question waits for its answer."""

    def __init__(self) -> None:
        self.questions: list[tuple[str, str, str, str]] = []
        self.answers: list[Deferred[list[bytes]]] = []

    async def find(
        self, kind: Kind[Any], namespace: str, label: str, value: str, *, within: float = 5.0
    ) -> list[bytes]:
        self.questions.append((kind.resource, namespace, label, value))
        self.answers.append(Deferred())
        return await self.answers[-1]


class ResolverTests(SynchronousTestCase):
    """Two projects, red and blue, and a namespace of images."""

    def setUp(self) -> None:
        self.ground = Ground(KINDS)
        self.kube = Asked()
        self.resolver = Resolver(self.ground.cache, self.kube)
        self.ground.sync()
        self.ground.project("red", RED)
        self.ground.project("blue", BLUE)
        self.ground.namespace("public")
        self.ground.record("public", role="images")

    def known(self, who: Caller | None = None) -> Known:
        return self.resolver.known(who or caller())


def place(found: tuple[Row, object] | None) -> str:
    """Where what was found is, "" where nothing was."""
    return found[0].place if found else ""


class FindTests(ResolverTests):
    """By id."""

    def test_own_is_found_with_its_body(self) -> None:
        self.ground.put(VM, "red", "one", id=uuid(1), status={"printableStatus": "Running"})
        found = self.known().find(VM, uuid(1))
        assert found is not None
        self.assertEqual((found[0].place, found[1].status.printableStatus), ("red/one", "Running"))

    def test_object_of_the_clusters_own_is_found_by_its_uid(self) -> None:
        self.ground.put(VM, "red", "one", uid="u1")
        self.assertEqual(place(self.known().find(VM, "u1")), "red/one")

    def test_name_is_no_id(self) -> None:
        self.ground.put(VM, "red", "one", id=uuid(1))
        self.assertIsNone(self.known().find(VM, "one"))

    def test_foreign_is_not_found(self) -> None:
        for namespace in ("blue", "kube-system", "public"):
            self.ground.put(VM, namespace, "one", id=uuid(1))
        self.assertIsNone(self.known().find(VM, uuid(1)))
        self.assertIsNone(self.known(ANONYMOUS).find(VM, uuid(1)))

    def test_forged_label_reaches_nothing(self) -> None:
        self.ground.put(VM, "blue", "theirs", id=uuid(1))
        self.ground.put(VM, "red", "forged", id=uuid(1), created="2020-01-01T00:00:00Z")
        self.assertEqual(place(self.known().find(VM, uuid(1))), "red/forged")
        self.assertEqual(place(self.known(caller("blue", BLUE)).find(VM, uuid(1))), "blue/theirs")

    def test_images_of_everybody_are_found_behind_ones_own(self) -> None:
        self.ground.put(DATA_SOURCE, "public", "debian", id=uuid(1))
        self.assertEqual(place(self.known().find(DATA_SOURCE, uuid(1))), "public/debian")
        self.ground.put(DATA_SOURCE, "red", "mine", id=uuid(1))
        self.assertEqual(place(self.known().find(DATA_SOURCE, uuid(1))), "red/mine")

    def test_foreign_image_is_not_found_whatever_it_says_of_itself(self) -> None:
        self.ground.put(
            DATA_SOURCE, "blue", "x", id=uuid(1), metadata={"annotations": {"dicot.io/visibility": "public"}}
        )
        self.assertIsNone(self.known().find(DATA_SOURCE, uuid(1)))

    def test_cluster_kinds_are_everybodys(self) -> None:
        self.ground.put(CLUSTER_INSTANCETYPE, "", "m1.small", uid="u1")
        self.assertEqual(place(self.known().find(CLUSTER_INSTANCETYPE, "u1")), "/m1.small")

    def test_system_namespace_is_not_searched(self) -> None:
        self.ground.put(USER, "dicot-system", "alice", id=RED)
        self.assertIsNone(self.known().find(USER, RED))
        self.assertEqual(place(self.known(caller(admin=True)).find(USER, RED)), "dicot-system/alice")

    def test_cloud_admin_finds_anything_of_a_project(self) -> None:
        self.ground.put(VM, "blue", "one", id=uuid(1))
        self.ground.put(VM, "kube-system", "two", id=uuid(2))
        known = self.known(caller(admin=True))
        self.assertEqual((place(known.find(VM, uuid(1))), place(known.find(VM, uuid(2)))), ("blue/one", ""))

    def test_cloud_admin_finds_none_of_two(self) -> None:
        self.ground.project("green", "c" * 32)
        for namespace in ("blue", "green"):
            self.ground.put(VM, namespace, "one", id=uuid(1))
        self.assertIsNone(self.known(caller(admin=True)).find(VM, uuid(1)))

    def test_project_that_is_none_any_more_holds_nothing(self) -> None:
        self.ground.put(VM, "red", "one", id=uuid(1))
        self.ground.namespace("red", uid="another")
        known = self.known()
        self.assertEqual((known.find(VM, uuid(1)), known.named(VM, "one"), list(known.rows(VM))), (None, None, []))


class NamedTests(ResolverTests):
    """By object name."""

    def test_in_the_own_namespace(self) -> None:
        self.ground.put(VM, "red", "one")
        self.ground.put(VM, "blue", "two")
        known = self.known()
        self.assertEqual((place(known.named(VM, "one")), place(known.named(VM, "two"))), ("red/one", ""))

    def test_in_the_kinds_own_namespace(self) -> None:
        self.ground.put(USER, "dicot-system", "alice")
        self.assertEqual(place(self.known().named(USER, "alice")), "dicot-system/alice")
        self.assertEqual(place(self.known().named(USER, "alice", "dicot-system")), "dicot-system/alice")

    def test_in_a_namespace_that_is_shared_or_not(self) -> None:
        for namespace in ("public", "blue"):
            self.ground.put(DATA_SOURCE, namespace, "debian")
        known = self.known()
        self.assertEqual(place(known.named(DATA_SOURCE, "debian", "public")), "public/debian")
        self.assertIsNone(known.named(DATA_SOURCE, "debian", "blue"))
        self.assertIsNone(known.named(DATA_SOURCE, "debian"))

    def test_cluster_kinds(self) -> None:
        self.ground.put(CLUSTER_INSTANCETYPE, "", "m1.small")
        self.assertEqual(place(self.known().named(CLUSTER_INSTANCETYPE, "m1.small")), "/m1.small")


class RowsTests(ResolverTests):
    """All of a kind, and those of a link."""

    def test_own_and_shared_only_also_for_cloud_admins(self) -> None:
        for namespace in ("red", "blue", "public"):
            self.ground.put(DATA_SOURCE, namespace, "x")
            self.ground.put(VM, namespace, "x")
        for who in (caller(), caller(admin=True)):
            known = self.known(who)
            self.assertEqual([row.place for row, _ in known.rows(VM)], ["red/x"])
            self.assertEqual([row.place for row, _ in known.rows(DATA_SOURCE)], ["red/x", "public/x"])

    def test_links_of_what_may_be_seen(self) -> None:
        for namespace in ("red", "blue"):
            owners = [{"uid": "u1", "controller": True}]
            self.ground.put(DATA_VOLUME, namespace, "x", metadata={"ownerReferences": owners})
        self.assertEqual([row.place for row, _ in self.known().linked(DATA_VOLUME, "u1")], ["red/x"])

    def test_links_into_a_kinds_own_namespace_name_whose_it_is(self) -> None:
        self.ground.put(USER, "dicot-system", "alice", spec={"name": "Alice", "domainId": "default"})
        found = self.known().linked(USER, "default\0alice")
        self.assertEqual([row.name for row, _ in found], ["alice"])
        self.assertEqual(list(self.known().rows(USER)), [])

    def test_projects(self) -> None:
        known = self.known()
        self.assertEqual((known.project("blue"), known.project("public")), (BLUE, ""))
        self.assertEqual(known.project_ids(), {RED: "red", BLUE: "blue"})


class VerifyTests(ResolverTests):
    """One bounded live read for what the cache misses."""

    def verify(self, number: int = 1, who: Caller | None = None, kind: Kind[Any] = VM) -> Deferred[bool]:
        return self.resolver.verify(kind, who or caller(), uuid(number))

    def answer(self, number: int = 1, namespace: str = "red") -> None:
        manifest = self.ground.manifest(VM, namespace, f"vm{number}", id=uuid(number))
        self.kube.answers[-1].callback([msgspec.json.encode(manifest)])

    def test_found_is_in_the_cache(self) -> None:
        asked = self.verify()
        self.assertEqual(self.kube.questions, [("virtualmachines.kubevirt.io", "red", ID, uuid(1))])
        self.answer()
        self.assertTrue(self.successResultOf(asked))
        self.assertEqual(place(self.known().find(VM, uuid(1))), "red/vm1")

    def test_only_one_read_at_a_time_for_an_id(self) -> None:
        asked = [self.verify(), self.verify(), self.verify(2)]
        self.assertEqual(len(self.kube.questions), 2)
        self.kube.answers[0].callback([])
        self.assertEqual([self.successResultOf(each) for each in asked[:2]], [False, False])
        self.assertNoResult(asked[2])

    def test_miss_is_remembered_for_a_second(self) -> None:
        self.verify()
        self.kube.answers[0].callback([])
        self.assertFalse(self.successResultOf(self.verify()))
        self.assertEqual(len(self.kube.questions), 1)
        self.ground.clock.advance(REMEMBERED + 0.1)
        self.assertNoResult(self.verify())

    def test_nothing_is_asked_outside_the_callers_project(self) -> None:
        self.ground.namespace("red2")
        for who in (ANONYMOUS, caller("red2"), caller("kube-system"), caller("public")):
            self.assertFalse(self.successResultOf(self.verify(who=who)))
        for kind in (CLUSTER_INSTANCETYPE, USER):
            self.assertFalse(self.successResultOf(self.verify(kind=kind)))
        self.assertEqual(self.kube.questions, [])

    def test_what_dicot_keeps_itself_is_asked_for_where_it_lies(self) -> None:
        """Not for those who are nobody, nor where a kind has no such place."""
        self.assertNoResult(self.resolver.seek(USER, caller(), uuid(1)))
        self.assertEqual(self.kube.questions, [("users.identity.dicot.io", "dicot-system", ID, uuid(1))])
        for kind, who in ((VM, caller()), (USER, ANONYMOUS)):
            self.assertFalse(self.successResultOf(self.resolver.seek(kind, who, uuid(2))))
        self.assertEqual(len(self.kube.questions), 1)

    def test_what_is_no_canonical_id_is_not_asked_for(self) -> None:
        for id in ("web1", RED, uuid(1).replace("0", "A"), f"{uuid(1)},x"):
            self.assertFalse(self.successResultOf(self.resolver.verify(VM, caller(), id)))
        self.assertEqual(self.kube.questions, [])

    def test_each_project_has_its_own_rate(self) -> None:
        for number in range(READS.burst):
            self.assertNoResult(self.verify(number))
        self.assertFalse(self.successResultOf(self.verify(100)))
        self.assertNoResult(self.verify(100, caller("blue", BLUE)))
        self.ground.clock.advance(1.1 * READS.pause)
        self.assertNoResult(self.verify(101))
        self.assertFalse(self.successResultOf(self.verify(102)))

    def test_cluster_that_does_not_answer_leaves_the_cache_the_last_word(self) -> None:
        problems: list[Exception] = [
            Unreachable("no connection"),
            Throttled(429, "", "slow down"),
            Refused(500, "", "broken"),
        ]
        for number, problem in enumerate(problems):
            asked = self.verify(number)
            self.kube.answers[-1].errback(problem)
            self.assertFalse(self.successResultOf(asked))

    def test_watch_may_bring_it_meanwhile(self) -> None:
        asked = self.verify()
        self.ground.put(VM, "red", "vm1", id=uuid(1))
        self.kube.answers[0].errback(Unreachable("gone"))
        self.assertTrue(self.successResultOf(asked))

    def test_object_that_does_not_fit_is_a_miss(self) -> None:
        deep = b'{"metadata": {}, "x": ' + b"[" * 9_000 + b"]" * 9_000 + b"}"
        asked = self.verify()
        self.kube.answers[0].callback([b'{"metadata": {"labels": 1}}'])
        self.assertFalse(self.successResultOf(asked))
        asked = self.verify(2)
        self.kube.answers[1].callback([deep])
        self.assertFalse(self.successResultOf(asked))

    def test_caller_who_leaves_ends_only_the_own_wait(self) -> None:
        asked, other = self.verify(), self.verify()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.answer()
        self.assertTrue(self.successResultOf(other))
