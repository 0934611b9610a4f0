"""Dependents go with their owners."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest

from .cluster import Cluster, owner

MAPS = "configmaps"
NOBODY = {"apiVersion": "v1", "kind": "ConfigMap", "name": "nowhere", "uid": "nobody"}


class GarbageTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.cluster = Cluster()
        self.cluster.make("namespaces", "n", "")
        self.cluster.make("namespaces", "m", "")
        self.cluster.settle()
        self.cluster.happened.clear()

    def make(self, name: str, *owners: Manifest, namespace: str = "n", **meta: object) -> Manifest:
        return self.cluster.make(MAPS, name, namespace, meta={"ownerReferences": list(owners), **meta})

    def left(self) -> list[str]:
        names = [each["metadata"]["name"] for each in self.cluster.objects.list("", MAPS, "n")]
        return [name for name in names if name != "kube-root-ca.crt"]

    def gone(self) -> list[str]:
        return [each.rpartition("/")[2] for each in self.cluster.happened if each.startswith("-")]


class BackgroundTests(GarbageTestCase):
    def test_dependents_go_after_their_owner(self) -> None:
        first = self.make("a")
        second = self.make("b", owner(first))
        self.make("c", owner(second))
        self.cluster.settle()
        self.cluster.delete(MAPS, "a")
        self.cluster.settle()
        self.assertEqual((self.left(), self.gone()), ([], ["a", "b", "c"]))

    def test_what_never_had_an_owner_goes(self) -> None:
        living = self.make("living")
        self.make("dangling", NOBODY)
        self.make("other", {**owner(living), "uid": "nobody"})
        self.make("kept", NOBODY, owner(living))
        self.cluster.settle()
        self.assertEqual(self.left(), ["kept", "living"])
        references = self.cluster.found(MAPS, "kept")["metadata"]["ownerReferences"]
        self.assertEqual([each["name"] for each in references], ["living"])

    def test_an_owner_in_another_namespace_is_none(self) -> None:
        far = self.make("far", namespace="m")
        self.make("near", owner(far))
        self.cluster.settle()
        self.assertEqual(self.left(), [])

    def test_what_cannot_be_known_deletes_nothing(self) -> None:
        unserved = {"apiVersion": "x.y/v1", "kind": "Nope", "name": "n", "uid": "nobody"}
        self.make("unknown", unserved)
        self.cluster.make("nodes", "w", "", meta={"ownerReferences": [NOBODY]})
        self.cluster.settle()
        self.assertEqual(self.left(), ["unknown"])
        self.cluster.found("nodes", "w", "")

    def test_an_owner_of_the_whole_cluster_is_one(self) -> None:
        node = self.cluster.make("nodes", "w", "")
        self.make("on", owner(node, "Node"))
        self.cluster.settle()
        self.assertEqual(self.left(), ["on"])
        self.cluster.delete("nodes", "w", "")
        self.cluster.settle()
        self.assertEqual(self.left(), [])

    def test_a_reference_that_is_dropped_frees(self) -> None:
        first = self.make("a")
        self.make("b", owner(first))

        def freed(found: Manifest) -> Manifest:
            del found["metadata"]["ownerReferences"]
            return found

        self.cluster.change(MAPS, "b", freed)
        self.cluster.delete(MAPS, "a")
        self.cluster.settle()
        self.assertEqual(self.left(), ["b"])

    def test_a_dependent_that_wants_it_leaves_its_own_dependents(self) -> None:
        first = self.make("a")
        second = self.make("b", owner(first), finalizers=["orphan"])
        self.make("c", owner(second))
        self.cluster.settle()
        self.cluster.delete(MAPS, "a")
        self.cluster.settle()
        self.assertEqual(self.left(), ["c"])


class ForegroundTests(GarbageTestCase):
    def test_dependents_that_block_go_first(self) -> None:
        first = self.make("a")
        self.make("b", owner(first, blocks=True))
        self.make("c", owner(first))
        self.cluster.settle()
        self.cluster.delete(MAPS, "a", propagation="Foreground")
        self.assertEqual(self.cluster.found(MAPS, "a")["metadata"]["finalizers"], ["foregroundDeletion"])
        self.cluster.settle()
        self.assertEqual((self.left(), self.gone()), ([], ["b", "c", "a"]))

    def test_an_owner_waits_for_what_blocks_it(self) -> None:
        first = self.make("a")
        self.make("b", owner(first, blocks=True), finalizers=["example.com/held"])
        self.cluster.settle()
        self.cluster.delete(MAPS, "a", propagation="Foreground")
        self.cluster.settle()
        self.assertEqual(self.left(), ["a", "b"])
        self.cluster.free(MAPS, "b")
        self.cluster.settle()
        self.assertEqual(self.left(), [])

    def test_an_owner_waits_no_longer_for_what_blocks_no_more(self) -> None:
        first = self.make("a")
        self.make("b", owner(first, blocks=True), finalizers=["example.com/held"])
        self.cluster.settle()
        self.cluster.delete(MAPS, "a", propagation="Foreground")
        self.cluster.settle()

        def unblocked(found: Manifest) -> Manifest:
            found["metadata"]["ownerReferences"] = [owner(first)]
            return found

        self.cluster.change(MAPS, "b", unblocked)
        self.cluster.settle()
        self.assertEqual(self.left(), ["b"])

    def test_it_goes_down_to_the_last(self) -> None:
        first = self.make("a")
        second = self.make("b", owner(first, blocks=True))
        self.make("c", owner(second, blocks=True))
        self.cluster.settle()
        self.cluster.delete(MAPS, "a", propagation="Foreground")
        self.cluster.settle()
        self.assertEqual((self.left(), self.gone()), ([], ["c", "b", "a"]))

    def test_a_circle_ends(self) -> None:
        first = self.make("a")
        second = self.make("b", owner(first, blocks=True))

        def closed(found: Manifest) -> Manifest:
            found["metadata"]["ownerReferences"] = [owner(second, blocks=True)]
            return found

        self.cluster.change(MAPS, "a", closed)
        self.cluster.settle()
        self.cluster.delete(MAPS, "a", propagation="Foreground")
        self.cluster.settle()
        self.assertEqual(self.left(), [])

    def test_one_with_another_owner_stays(self) -> None:
        first, other = self.make("a"), self.make("other")
        self.make("b", owner(first, blocks=True), owner(other))
        self.cluster.settle()
        self.cluster.delete(MAPS, "a", propagation="Foreground")
        self.cluster.settle()
        self.assertEqual(self.left(), ["b", "other"])
        references = self.cluster.found(MAPS, "b")["metadata"]["ownerReferences"]
        self.assertEqual([each["name"] for each in references], ["other"])


class OrphanTests(GarbageTestCase):
    def test_dependents_stay(self) -> None:
        first = self.make("a")
        self.make("b", owner(first))
        self.cluster.settle()
        self.cluster.delete(MAPS, "a", propagation="Orphan")
        self.cluster.settle()
        self.assertEqual(self.left(), ["b"])
        self.assertNotIn("ownerReferences", self.cluster.found(MAPS, "b")["metadata"])
