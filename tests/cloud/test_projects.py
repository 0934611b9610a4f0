"""Which namespaces count."""

import msgspec
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.identity import NAMESPACE, NAMESPACE_RECORD
from dicot.cloud.reading.projects import ProjectFacts
from dicot.names import DESCRIPTION, DOMAIN, ENABLED, NAME, PROJECT, TAGS

from .ground import BLUE, RED, Ground


class RecordTests(SynchronousTestCase):
    """A namespace is what a record says, and nothing that it says itself."""

    def setUp(self) -> None:
        self.ground = Ground()
        self.projects = self.ground.projects
        self.told: list[str] = []
        self.projects.listen(self.told.append)

    def test_record_and_namespace_make_a_project(self) -> None:
        self.ground.project("red", RED)
        self.assertEqual((self.projects.of("red"), self.projects.namespace(RED)), (RED, "red"))
        self.assertEqual([project.id for project in self.projects.all()], [RED])
        self.assertEqual(self.told, ["red"])

    def test_label_alone_makes_none(self) -> None:
        self.ground.put(NAMESPACE, "", "red", metadata={"labels": {PROJECT: "true"}})
        self.assertEqual((self.projects.of("red"), self.told), ("", []))

    def test_record_may_come_before_its_namespace(self) -> None:
        self.ground.record("red", RED)
        self.assertEqual(self.projects.of("red"), "")
        self.ground.namespace("red")
        self.assertEqual(self.projects.of("red"), RED)

    def test_a_record_is_complained_of_once_the_namespaces_are_known(self) -> None:
        stores, manifest = self.ground.stores, self.ground.manifest
        specs = [{"namespace": name, "uid": f"uid-{name}", "id": id} for name, id in (("red", RED), ("gone", BLUE))]
        records = [manifest(NAMESPACE_RECORD, "dicot-system", f"r-{spec['namespace']}", spec=spec) for spec in specs]
        with capturedLogs() as events:
            stores[NAMESPACE_RECORD].replace(map(msgspec.json.encode, records), "1")
            self.assertEqual(list(events), [])
            stores[NAMESPACE].replace([msgspec.json.encode(manifest(NAMESPACE, "", "red", uid="uid-red"))], "1")
            self.assertEqual([event["name"] for event in events], ["r-gone"])
            self.ground.record("blue", "c" * 32)
        self.assertEqual([event["name"] for event in events], ["r-gone", "r-blue"])

    def test_namespace_made_again_is_another(self) -> None:
        self.ground.project("red", RED)
        self.ground.drop(NAMESPACE, "", "red", uid="uid-red")
        self.assertIsNone(self.projects.project(RED))
        self.ground.namespace("red", uid="uid-of-another")
        self.assertEqual(self.projects.of("red"), "")
        self.assertIn("no namespace red with uid uid-red", self.projects.refused()["r-red"])

    def test_system_namespaces_are_never_projects(self) -> None:
        names = ("kube-system", "openshift-config", "kubevirt", "cdi", "dicot-system", "dicot-projects", "default")
        for number, name in enumerate(names):
            self.ground.project(name, f"{number}" * 32)
            self.assertEqual(self.projects.of(name), "", name)
        self.assertEqual(list(self.projects.all()), [])

    def test_id_must_be_one_of_keystone(self) -> None:
        self.ground.project("red", "../admin")
        self.assertEqual(list(self.projects.all()), [])

    def test_unknown_role_counts_for_nothing(self) -> None:
        self.ground.namespace("red")
        self.ground.record("red", RED, role="everything")
        self.assertEqual((self.projects.of("red"), self.projects.image_namespaces()), ("", ()))

    def test_oldest_record_wins_a_duplicate_id(self) -> None:
        self.ground.namespace("red")
        self.ground.namespace("blue")
        self.ground.record("blue", RED, created="2026-11-20T12:00:00Z")
        self.assertEqual(self.projects.namespace(RED), "blue")
        self.ground.record("red", RED, created="2026-11-20T11:00:00Z")
        self.assertEqual((self.projects.namespace(RED), self.projects.of("blue")), ("red", ""))
        self.assertIn("belongs to namespace red", self.projects.refused()["r-blue"])

    def test_duplicate_id_is_inherited_when_the_oldest_goes(self) -> None:
        self.ground.project("red", RED)
        self.ground.namespace("blue")
        self.ground.record("blue", RED, created="2026-11-21T00:00:00Z")
        self.ground.drop(NAMESPACE, "", "red", uid="uid-red")
        self.assertEqual((self.projects.namespace(RED), self.projects.of("red")), ("blue", ""))
        self.assertEqual(self.told, ["red", "red", "blue"])

    def test_record_of_a_missing_namespace_holds_no_id(self) -> None:
        self.ground.record("gone", RED, created="2020-01-01T00:00:00Z")
        self.ground.project("red", RED)
        self.assertEqual(self.projects.namespace(RED), "red")

    def test_second_record_of_a_namespace_is_refused(self) -> None:
        self.ground.project("red", RED)
        self.ground.record("red", BLUE, name="later", created="2026-11-21T00:00:00Z")
        self.assertEqual((self.projects.of("red"), self.projects.namespace(BLUE)), (RED, ""))
        self.assertEqual(self.projects.refused()["later"], "namespace red has an older record")

    def test_project_goes_with_its_record(self) -> None:
        self.ground.project("red", RED)
        self.ground.drop(NAMESPACE_RECORD, "dicot-system", "r-red")
        self.assertEqual((self.projects.of("red"), self.projects.namespace(RED)), ("", ""))
        self.assertEqual(self.told, ["red", "red"])

    def test_record_that_names_another_namespace_moves_the_project(self) -> None:
        self.ground.project("red", RED)
        self.ground.namespace("blue")
        self.ground.record("blue", RED, name="r-red")
        self.assertEqual((self.projects.namespace(RED), self.projects.of("red")), ("blue", ""))

    def test_image_namespaces_are_no_projects(self) -> None:
        self.ground.namespace("dicot-images")
        self.ground.record("dicot-images", role="images")
        self.assertEqual(self.projects.image_namespaces(), ("dicot-images",))
        self.assertEqual(self.projects.of("dicot-images"), "")
        self.assertTrue(self.projects.is_image_namespace("dicot-images"))

    def test_nothing_is_told_where_nothing_changed(self) -> None:
        self.ground.project("red", RED)
        self.ground.namespace("red")
        self.assertEqual(self.told, ["red"])

    def test_synced_with_both_kinds(self) -> None:
        synced = self.projects.synced()
        self.ground.sync(NAMESPACE)
        self.assertNoResult(synced)
        self.ground.sync(NAMESPACE_RECORD)
        self.assertIsNone(self.successResultOf(synced))


class FactsTests(SynchronousTestCase):
    """What annotations say, as far as it makes sense."""

    def facts(self, annotations: dict[str, str]) -> ProjectFacts:
        ground = Ground()
        ground.namespace("red", annotations=annotations)
        ground.record("red", RED)
        project = ground.projects.project(RED)
        assert project is not None
        return project

    def test_bare_namespace_is_named_as_it_is(self) -> None:
        expected = ProjectFacts(
            id=RED,
            name="red",
            namespace="red",
            domain="default",
            description="",
            enabled=True,
            tags=(),
            created="2026-11-20T10:00:00Z",
        )
        self.assertEqual(self.facts({}), expected)

    def test_annotations_are_read(self) -> None:
        said = {NAME: "Ré", DESCRIPTION: "of red", ENABLED: "false", TAGS: '["x","y"]', DOMAIN: BLUE}
        facts = self.facts(said)
        self.assertEqual(
            (facts.name, facts.description, facts.enabled, facts.tags, facts.domain),
            ("Ré", "of red", False, ("x", "y"), BLUE),
        )

    def test_hostile_values_are_cut_or_ignored(self) -> None:
        many = "[" + ",".join(f'"{number}"' for number in range(100)) + "]"
        for tags, count in ((many, 80), ("{", 0), ("[1]", 0), ("[" * 100_000, 0), ('["a/b","a,b","","c","c"]', 1)):
            self.assertEqual(len(self.facts({TAGS: tags}).tags), count, tags[:20])
        facts = self.facts({NAME: "n" * 1000, DOMAIN: "../x", ENABLED: "no idea"})
        self.assertEqual((len(facts.name), facts.domain, facts.enabled), (64, "default", False))

    def test_change_of_an_annotation_is_told(self) -> None:
        ground = Ground()
        ground.project("red", RED)
        told: list[str] = []
        ground.projects.listen(told.append)
        ground.namespace("red", annotations={NAME: "other"})
        self.assertEqual(told, ["red"])
