"""Images, as views of DataSources."""

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC
from dicot.faults import BadRequest
from dicot.image.image import body, document, entry, select
from dicot.image.query import wanted
from tests.views import Rows

SOURCE: dict[str, Any] = {
    "metadata": {
        "name": "debian-13",
        "namespace": "dicot-images",
        "uid": "6e6b7f53-0b0e-4bd8-9c4c-2f31d0f1a111",
        "creationTimestamp": "2026-11-21T10:00:00Z",
        "annotations": {"dicot.io/name": "debian-13"},
    },
    "spec": {"source": {"pvc": {"name": "debian-13", "namespace": "dicot-images"}}},
    "status": {
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T10:05:00Z"}],
    },
}
VOLUME: dict[str, Any] = {
    "metadata": {"name": "debian-13", "namespace": "dicot-images"},
    "spec": {"source": {"http": {"url": "http://x"}}, "storage": {"resources": {"requests": {"storage": "2Gi"}}}},
    "status": {"phase": "Succeeded"},
}
CLAIM: dict[str, Any] = {
    "metadata": {"name": "debian-13", "namespace": "dicot-images"},
    "spec": {"resources": {"requests": {"storage": "2276332667"}}},
    "status": {"phase": "Bound"},
}


def shown(
    source: dict[str, Any],
    volume: dict[str, Any] | None = None,
    claim: dict[str, Any] | None = None,
    project: str = "",
) -> dict[str, Any]:
    joined = {DATA_VOLUME: [volume] if volume else [], PVC: [claim] if claim else []}
    return document(Rows(DATA_SOURCE, source, joined, project=project), ("image", 0, False), 0.0)


def noted(**annotations: str) -> dict[str, Any]:
    notes = {f"dicot.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {**SOURCE, "metadata": {**SOURCE["metadata"], "annotations": notes}}


class ViewTests(SynchronousTestCase):
    """One image."""

    def test_an_imported_disk_in_an_image_namespace_is_active_and_public(self) -> None:
        image = shown(SOURCE, VOLUME, CLAIM)
        self.assertEqual((image["status"], image["visibility"], image["owner"]), ("active", "public", None))
        self.assertEqual((image["size"], image["virtual_size"]), (2 << 30, 2 << 30))
        self.assertEqual((image["created_at"], image["updated_at"]), ("2026-11-21T10:00:00Z", "2026-11-21T10:05:00Z"))

    def test_a_tenants_image_is_private_whatever_it_says(self) -> None:
        said = noted(image_spec='{"properties": {"visibility": "public", "owner": "root", "status": "active"}}')
        image = shown(said, None, None, project="p1")
        self.assertEqual((image["status"], image["visibility"], image["owner"]), ("queued", "private", "p1"))

    def test_phases_of_cdi_are_statuses(self) -> None:
        for phase, status in (
            ("ImportInProgress", "importing"),
            ("CloneScheduled", "importing"),
            ("Failed", "killed"),
            ("UploadReady", "saving"),
            ("Succeeded", "active"),
        ):
            self.assertEqual(shown(SOURCE, {**VOLUME, "status": {"phase": phase}}, CLAIM)["status"], status, phase)

    def test_a_foreign_claim_is_queued_and_has_no_size(self) -> None:
        foreign = {**SOURCE, "spec": {"source": {"pvc": {"name": "debian-13", "namespace": "elsewhere"}}}}
        image = shown(foreign)
        self.assertEqual((image["status"], image["size"]), ("queued", None))

    def test_a_container_disk_is_active_without_a_claim(self) -> None:
        image = shown(noted(container_disk="quay.io/containerdisks/debian:13"))
        self.assertEqual(image["status"], "active")

    def test_what_is_recorded_is_shown(self) -> None:
        image = shown(
            noted(
                image_spec='{"minDisk": 3, "minRam": 64, "size": 12, "diskFormat": "qcow2", '
                '"properties": {"os_distro": "debian"}}',
                tags='["a", "b"]',
            ),
            VOLUME,
            CLAIM,
        )
        self.assertEqual((image["min_disk"], image["min_ram"], image["size"]), (3, 64, 12))
        self.assertEqual((image["disk_format"], image["os_distro"], image["tags"]), ("qcow2", "debian", ["a", "b"]))

    def test_hostile_annotations_count_as_not_said(self) -> None:
        image = shown(noted(image_spec='{"minDisk": "many"}', tags="{", name=""), VOLUME, CLAIM)
        self.assertEqual((image["name"], image["min_disk"], image["tags"]), ("debian-13", 0, []))

    def test_is_listed_by_name_and_status(self) -> None:
        listed = entry(Rows(DATA_SOURCE, SOURCE, {DATA_VOLUME: [VOLUME], PVC: [CLAIM]}), 0.0).entry
        assert listed is not None
        self.assertEqual((listed.name, listed.status, listed.scope), ("debian-13", "active", "dicot-images"))


def image(id: str, **said: object) -> dict[str, Any]:
    return {
        "id": id,
        "name": id,
        "status": "active",
        "visibility": "public",
        "os_hidden": False,
        "protected": False,
        "size": 5,
        "tags": [],
        "created_at": "2026-11-21T10:00:00Z",
        **said,
    }


class QueryTests(SynchronousTestCase):
    """Filters, sorting and pages."""

    images = (
        image("a", created_at="2026-11-21T10:00:01Z", os_distro="debian"),
        image("b", created_at="2026-11-21T10:00:03Z", size=None, tags=["t", "u"]),
        image("c", created_at="2026-11-21T10:00:02Z", visibility="private", os_hidden=True),
        image("d", created_at="2026-11-21T10:00:00Z", visibility="community"),
    )

    def ids(self, **query: list[str]) -> list[str]:
        return [found["id"] for found in select(self.images, wanted(query))[0]]

    def refusal(self, **query: list[str]) -> str:
        error: BadRequest = self.assertRaises(BadRequest, wanted, query)
        return error.message

    def test_newest_first_without_hidden_and_community(self) -> None:
        self.assertEqual(self.ids(), ["b", "a"])

    def test_ids_in_a_list(self) -> None:
        self.assertEqual(self.ids(id=["in:a,b,zz"]), ["b", "a"])
        self.assertEqual(wanted({"id": ["in:a,b"]}).ids, {"a", "b"})

    def test_quoted_names_may_hold_commas(self) -> None:
        odd = image("e", name="x, y")
        self.assertEqual(select((*self.images, odd), wanted({"name": ['in:"x, y",b']}))[0], [self.images[1], odd])
        self.assertIn("The quote is not closed", self.refusal(name=['in:"x']))

    def test_any_property_is_a_filter(self) -> None:
        self.assertEqual(self.ids(os_distro=["debian"]), ["a"])

    def test_all_tags_must_be_there(self) -> None:
        self.assertEqual(self.ids(tag=["t", "u"]), ["b"])
        self.assertEqual(self.ids(tag=["t", "v"]), [])

    def test_hidden_and_community_are_shown_when_asked_for(self) -> None:
        self.assertEqual(self.ids(os_hidden=["True"]), ["c"])
        self.assertEqual(self.ids(visibility=["community"]), ["d"])

    def test_moments_are_compared(self) -> None:
        self.assertEqual(self.ids(created_at=["gt:2026-11-21T10:00:01Z"]), ["b"])
        self.assertEqual(
            self.refusal(created_at=["about:2026-11-21T10:00:01Z"]), "Unable to filter on a unknown operator."
        )

    def test_sizes_are_bounded(self) -> None:
        self.assertEqual(self.ids(size_min=["1"]), ["a"])

    def test_sorts_in_both_spellings(self) -> None:
        self.assertEqual(self.ids(sort=["name:asc"]), ["a", "b"])
        self.assertEqual(self.ids(sort_key=["size"], sort_dir=["asc"]), ["b", "a"])
        self.assertEqual(
            self.refusal(sort=["name"], sort_key=["id"]), "Old and new sorting syntax cannot be combined"
        )

    def test_pages_link_to_the_next(self) -> None:
        page, full = select(self.images, wanted({"limit": ["1"]}))
        made = body(page, full, [("limit", "1")])
        self.assertEqual((made["first"], made["next"]), ("/v2/images?limit=1", "/v2/images?limit=1&marker=b"))
        self.assertEqual(self.ids(limit=["1"], marker=["b"]), ["a"])
        self.assertNotIn("next", body(*select(self.images, wanted({"marker": ["a"]})), []))

    def test_refusals_are_glances(self) -> None:
        self.assertEqual(self.refusal(limit=["x"]), "limit param must be an integer")
        self.assertEqual(self.refusal(limit=["-1"]), "limit param must be positive")
        self.assertEqual(self.refusal(visibility=["secret"]), "Invalid visibility value: secret")
        self.assertEqual(self.refusal(member_status=["x"]), "Invalid status: x")
        self.assertIn("Invalid sort key: colour.", self.refusal(sort=["colour"]))

    def test_documents_are_json(self) -> None:
        self.assertIn(b'"first"', msgspec.json.encode(body([], False, [])))
