"""Kinds and rows."""

import tracemalloc

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Kind, Meta, exact
from dicot.names import derived

from .things import THINGS, Thing, raw, thing


class Bare(msgspec.Struct, frozen=True, omit_defaults=True):
    """A projection of metadata alone, which need not be there."""

    metadata: Meta = Meta()


class Held(Meta, frozen=True, omit_defaults=True):
    """Metadata of which more is kept."""

    finalizers: tuple[str, ...] = ()


class HeldThing(msgspec.Struct, frozen=True, omit_defaults=True):
    """A projection with it."""

    metadata: Held = Held()


class KindTests(SynchronousTestCase):
    """Where a kind is served."""

    def test_core_kinds_have_no_group(self) -> None:
        pods = Kind("", "v1", "pods", "Pod", Thing)
        self.assertEqual((pods.api_version, pods.resource), ("v1", "pods"))

    def test_other_kinds_name_their_group(self) -> None:
        self.assertEqual((THINGS.api_version, THINGS.resource), ("example.io/v1", "things.example.io"))


class RowTests(SynchronousTestCase):
    """What is kept of an object."""

    def test_keeps_what_is_projected(self) -> None:
        row = THINGS.decode(raw(thing("a", 7, size=3, colour="blue")))
        self.assertEqual((row.namespace, row.name, row.uid, row.version), ("red", "a", "uid-a", "7"))
        self.assertEqual(THINGS.read(row).spec.size, 3)
        self.assertNotIn(b"blue", row.body)

    def test_keeps_more_of_metadata_where_it_is_asked_for(self) -> None:
        kind = Kind("example.io", "v1", "things", "Thing", HeldThing)
        manifest = thing("a", 7)
        manifest["metadata"]["finalizers"] = ["f"]
        row = kind.decode(raw(manifest))
        self.assertEqual(kind.read(row).metadata.finalizers, ("f",))
        self.assertNotIn(b"uid-a", row.body)

    def test_a_label_counts_only_where_objects_are_known_by_it(self) -> None:
        kind = Kind("example.io", "v1", "things", "Thing", Thing, labelled=False)
        self.assertEqual(kind.decode(raw(thing("a", 7, id=derived("a")))).id, "uid-a")

    def test_takes_no_more_memory_than_it_has_bytes(self) -> None:
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before, _ = tracemalloc.get_traced_memory()
        rows = [exact(msgspec.json.encode(["x" * 40] * 30)) for _ in range(50)]
        after, _ = tracemalloc.get_traced_memory()
        self.assertEqual({len(row) for row in rows}, {1291})
        self.assertLess((after - before) / 50, 1400)

    def test_what_was_decoded_stays_as_it_was(self) -> None:
        body = msgspec.json.decode(raw(thing("a", 7, size=3)), type=Thing)
        row = THINGS.row(body)
        self.assertEqual(THINGS.read(row), body)
        self.assertEqual(body.metadata.name, "a")

    def test_rule_39_drops_managed_fields_and_foreign_annotations(self) -> None:
        row = THINGS.decode(raw(thing("a", 7)))
        self.assertNotIn(b"managedFields", row.body)
        self.assertEqual(dict(THINGS.read(row).metadata.annotations), {"dicot.io/name": "Thing a"})

    def test_keeps_the_foreign_annotations_that_a_kind_names(self) -> None:
        wanted = "kubectl.kubernetes.io/last-applied-configuration"
        kind = Kind("example.io", "v1", "things", "Thing", Thing, annotations=frozenset({wanted}))
        self.assertIn(wanted, kind.read(kind.decode(raw(thing("a", 7)))).metadata.annotations)

    def test_an_id_is_a_label_of_that_shape(self) -> None:
        id = derived("a")
        self.assertEqual(THINGS.decode(raw(thing("a", 7, id=id))).id, id)

    def test_a_label_of_another_shape_is_no_id(self) -> None:
        self.assertEqual(THINGS.decode(raw(thing("a", 7, id="../../etc"))).id, "uid-a")

    def test_the_owner_is_the_controlling_one(self) -> None:
        manifest = thing("a", 7)
        manifest["metadata"]["ownerReferences"] = [
            {"uid": "u1", "kind": "Other", "name": "x"},
            {"uid": "u2", "kind": "VirtualMachine", "name": "y", "controller": True},
        ]
        self.assertEqual(THINGS.decode(raw(manifest)).owner, "u2")

    def test_labels_are_kept_where_a_kind_does_not_choose(self) -> None:
        self.assertEqual(self.labels(THINGS), {"dicot.io/id": "x", "example.io/rack": "1", "example.io/row": "2"})

    def test_keeps_the_foreign_labels_that_a_kind_names(self) -> None:
        chosen = Kind("", "v1", "things", "Thing", Thing, labels=frozenset({"example.io/row"}))
        self.assertEqual(self.labels(chosen), {"dicot.io/id": "x", "example.io/row": "2"})

    def labels(self, kind: Kind[Thing]) -> dict[str, str]:
        manifest = thing("a", 7)
        manifest["metadata"]["labels"] = {"dicot.io/id": "x", "example.io/rack": "1", "example.io/row": "2"}
        return kind.read(kind.decode(raw(manifest))).metadata.labels

    def test_a_kind_without_owners_keeps_the_controlling_one_alone(self) -> None:
        kind = Kind("", "v1", "things", "Thing", Thing, owners=False)
        rows = []
        for uid in ("u1", "u2"):
            manifest = thing("a", 7)
            manifest["metadata"]["ownerReferences"] = [{"uid": uid, "kind": "Other", "name": "x", "controller": True}]
            rows.append(kind.decode(raw(manifest)))
        self.assertEqual([row.owner for row in rows], ["u1", "u2"])
        self.assertEqual(kind.read(rows[0]).metadata.ownerReferences, ())
        self.assertFalse(rows[0].shows_as(rows[1]))

    def test_an_object_that_does_not_fit_is_refused(self) -> None:
        with self.assertRaises(msgspec.ValidationError):
            THINGS.decode(raw(thing("a", 7, size="large")))

    def test_a_new_version_alone_shows_nothing_new(self) -> None:
        old, new = (THINGS.decode(raw(thing("a", version))) for version in (9, 10))
        self.assertTrue(new.shows_as(old))

    def test_a_changed_field_shows(self) -> None:
        old, new = (THINGS.decode(raw(thing("a", 9 + size, size=size))) for size in (0, 1))
        self.assertFalse(new.shows_as(old))

    def test_a_new_object_of_the_same_name_shows(self) -> None:
        old, new = (THINGS.decode(raw(thing("a", 9, uid=uid))) for uid in ("u1", "u2"))
        self.assertFalse(new.shows_as(old))

    def test_a_version_that_is_spelt_in_an_annotation_deceives_nobody(self) -> None:
        manifests = [thing("a", 9), thing("a", 9)]
        manifests[1]["metadata"]["annotations"]["dicot.io/name"] = '"resourceVersion":"9"'
        old, new = (THINGS.decode(raw(manifest)) for manifest in manifests)
        self.assertFalse(new.shows_as(old))

    def test_what_the_row_says_is_read_with_the_body(self) -> None:
        row = THINGS.decode(raw(thing("a", 7)))
        self.assertNotIn(b"uid-a", row.body)
        meta = THINGS.read(row).metadata
        self.assertEqual((meta.namespace, meta.name, meta.uid), ("red", "a", "uid-a"))
        self.assertEqual((meta.resourceVersion, meta.creationTimestamp), ("7", "2026-01-01T00:00:00Z"))

    def test_a_new_owner_shows(self) -> None:
        manifests = [thing("a", 9), thing("a", 10)]
        manifests[1]["metadata"]["ownerReferences"] = [{"uid": "u1", "kind": "K", "name": "y", "controller": True}]
        old, new = (THINGS.decode(raw(manifest)) for manifest in manifests)
        self.assertFalse(new.shows_as(old))

    def test_metadata_without_anything_else_is_nobody_elses(self) -> None:
        kind = Kind("example.io", "v1", "bare", "Bare", Bare)
        rows = [kind.row(Bare(Meta(name=name, uid=name))) for name in "ab"]
        self.assertEqual([kind.read(row).metadata.name for row in rows], ["a", "b"])
        self.assertEqual(Bare().metadata, Meta())

    def test_metadata_without_labels_is_legal(self) -> None:
        row = THINGS.row(Thing(Meta(name="a", uid="u", resourceVersion="1")))
        self.assertEqual((row.id, row.place), ("u", "/a"))
