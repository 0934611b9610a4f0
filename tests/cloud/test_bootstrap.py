"""Tests of how a namespace comes to count."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.reading.projects import Projects
from dicot.cloud.resource import Right
from dicot.cloud.tenancy.bootstrap import Bootstrap, NewProject
from dicot.faults import BadRequest, Conflict, NotFound
from dicot.kube import errors
from dicot.kube.kind import Manifest

from .site import Died, Replica, Site

ID = "0123456789abcdef0123456789abcdef"
UID = "11111111-2222-4333-8444-555555555555"
NEW = NewProject(ID, "Blue Sky", "for ships")
SPACE = "blue-sky-01234567"
RIGHTS = {
    role: (Right("kubevirt.io", "virtualmachines", ("get",)),) for role in ("reader", "member", "manager", "admin")
}


class BootstrapCase(SynchronousTestCase):
    """A site without projects."""

    def setUp(self) -> None:
        self.site = Site()
        self.kube = self.site.kube
        self.projects = Projects(self.site.stores)

    def bootstrap(self, replica: Replica | None = None) -> Bootstrap:
        return Bootstrap((replica or self.site.replica).cluster, RIGHTS)

    def make(self, wanted: NewProject = NEW, replica: Replica | None = None) -> Deferred[str]:
        return self.site.start(self.bootstrap(replica).project(wanted))

    def one(self, plural: str, namespace: str, name: str) -> Manifest:
        found = self.kube.one(plural, namespace, name)
        assert found is not None
        return found

    def namespace(self, name: str, **labels: str) -> None:
        """One that somebody else made."""
        metadata = {"name": name, "uid": UID, "labels": labels}
        self.kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


class ProjectTests(BootstrapCase):
    """A project of its own namespace."""

    def test_its_namespace_is_named_by_its_name_and_id(self) -> None:
        self.assertEqual(self.successResultOf(self.make()), SPACE)
        found = self.one("namespaces", "", SPACE)["metadata"]
        self.assertEqual(found["labels"], {"dicot.io/id": ID, "dicot.io/project": "true", "dicot.io/managed": "true"})
        self.assertEqual(found["annotations"], {"dicot.io/name": "Blue Sky", "dicot.io/description": "for ships"})

    def test_it_counts_at_once(self) -> None:
        self.successResultOf(self.make())
        project = self.projects.project(ID)
        assert project is not None
        self.assertEqual((project.name, project.namespace, project.description), ("Blue Sky", SPACE, "for ships"))

    def test_it_has_four_accounts_each_bound_to_its_role(self) -> None:
        self.successResultOf(self.make())
        roles = ("admin", "manager", "member", "reader")
        self.assertEqual(self.kube.names("serviceaccounts", "dicot-projects"), [f"{ID}-{role}" for role in roles])
        for role in roles:
            bound = self.one("rolebindings", SPACE, f"dicot:{role}")
            self.assertEqual((bound["roleRef"]["kind"], bound["roleRef"]["name"]), ("ClusterRole", f"dicot:{role}"))
            self.assertEqual(
                bound["subjects"],
                [{"kind": "ServiceAccount", "name": f"{ID}-{role}", "namespace": "dicot-projects"}],
            )

    def test_it_has_the_security_group_default(self) -> None:
        self.successResultOf(self.make())
        [name] = self.kube.names("securitygroups", SPACE)
        group = self.one("securitygroups", SPACE, name)
        id = group["metadata"]["labels"]["dicot.io/id"]
        rules = [(rule["direction"], rule["etherType"], rule.get("remoteGroupId")) for rule in group["spec"]["rules"]]
        self.assertEqual(
            rules,
            [("egress", "IPv4", None), ("egress", "IPv6", None), ("ingress", "IPv4", id), ("ingress", "IPv6", id)],
        )
        self.assertEqual(len({rule["id"] for rule in group["spec"]["rules"]}), 4)

    def test_a_domain_is_a_label(self) -> None:
        self.successResultOf(self.make(NewProject(ID, "x", domain="d" * 32)))
        self.assertEqual(self.one("namespaces", "", "x-01234567")["metadata"]["labels"]["dicot.io/domain"], "d" * 32)

    def test_it_waits_until_the_authorizer_knows(self) -> None:
        known = False
        self.kube.review = lambda spec: known
        making = self.make()
        self.site.clock.advance(0.1)
        self.assertNoResult(making)
        known = True
        self.site.clock.advance(0.1)
        self.successResultOf(making)

    def test_it_asks_for_each_account(self) -> None:
        asked: list[Manifest] = []

        def review(spec: Manifest) -> bool:
            asked.append(spec)
            return True

        self.kube.review = review
        self.successResultOf(self.make())
        users = [f"system:serviceaccount:dicot-projects:{ID}-{role}" for role in RIGHTS]
        self.assertEqual([spec["user"] for spec in asked], users)
        self.assertEqual(asked[0]["resourceAttributes"]["namespace"], SPACE)

    def test_it_waits_five_seconds_at_most(self) -> None:
        self.kube.review = lambda spec: False
        making = self.make()
        for _ in range(51):
            self.site.clock.advance(0.1)
        self.successResultOf(making)

    def test_done_twice_it_changes_nothing(self) -> None:
        self.successResultOf(self.make())
        before = dict(self.kube.objects)
        self.successResultOf(self.make())
        self.assertEqual(self.kube.objects, before)

    def test_broken_off_anywhere_it_is_finished_by_the_next_try(self) -> None:
        self.successResultOf(self.make())
        met, whole = self.site.replica.fuse.met, sorted(self.kube.objects)
        for point, name in enumerate(met):
            with self.subTest(f"{point} {name}"):
                self.setUp()
                self.site.replica.fuse.at = point
                self.failureResultOf(self.make(), Died)
                self.successResultOf(self.make(replica=self.site.another()))
                self.assertEqual(sorted(self.kube.objects), whole)

    def test_a_lost_answer_anywhere_is_settled(self) -> None:
        for plural in ("namespaces", "namespacerecords", "serviceaccounts", "rolebindings", "securitygroups"):
            with self.subTest(plural):
                self.setUp()
                self.kube.script("create", plural, drop=True)
                making = self.make()
                self.site.clock.advance(0.25)
                self.successResultOf(making)

    def test_a_foreign_namespace_is_not_taken(self) -> None:
        self.namespace("theirs")
        self.failureResultOf(self.make(NewProject(ID, "x", namespace="theirs")), Conflict)
        self.assertEqual(self.kube.names("namespacerecords"), [])

    def test_a_cluster_that_is_away_says_so(self) -> None:
        self.kube.script("read", "namespaces", refuse=errors.Unreachable("away"))
        self.failureResultOf(self.make(), errors.Unreachable)


class AdoptTests(BootstrapCase):
    """Namespaces that are there."""

    def adopt(self, name: str = "demo") -> Deferred[str]:
        return self.site.start(self.bootstrap().adopt(name))

    def test_its_id_is_its_uid(self) -> None:
        self.namespace("demo")
        self.assertEqual(self.successResultOf(self.adopt()), UID.replace("-", ""))

    def test_or_that_on_its_label(self) -> None:
        self.namespace("demo", **{"dicot.io/id": ID})
        self.assertEqual(self.successResultOf(self.adopt()), ID)

    def test_it_counts_by_its_record_and_keeps_its_id_in_a_label(self) -> None:
        self.namespace("demo")
        id = self.successResultOf(self.adopt())
        self.assertEqual(self.projects.of("demo"), id)
        self.assertEqual(self.one("namespaces", "", "demo")["metadata"]["labels"]["dicot.io/id"], id)
        self.assertEqual(self.one("namespacerecords", "dicot-system", f"project-{id}")["spec"]["uid"], UID)

    def test_it_has_what_every_project_has(self) -> None:
        self.namespace("demo")
        self.successResultOf(self.adopt())
        self.assertEqual(len(self.kube.names("serviceaccounts", "dicot-projects")), 4)
        self.assertEqual(len(self.kube.names("rolebindings", "demo")), 4)
        self.assertEqual(len(self.kube.names("securitygroups", "demo")), 1)

    def test_a_forged_id_is_not_its_own(self) -> None:
        self.successResultOf(self.make())
        self.namespace("forged", **{"dicot.io/id": ID})
        self.assertEqual(self.successResultOf(self.adopt("forged")), UID.replace("-", ""))
        self.assertEqual((self.projects.of(SPACE), self.projects.namespace(ID)), (ID, SPACE))

    def test_an_id_that_another_namespace_is_recorded_with_is_refused(self) -> None:
        self.successResultOf(self.make())
        self.kube.remove("namespaces", "", SPACE)
        self.namespace("forged", **{"dicot.io/id": ID})
        self.failureResultOf(self.adopt("forged"), Conflict)
        self.assertEqual(self.projects.of("forged"), "")

    def test_one_that_was_restored_keeps_its_id_under_a_new_record(self) -> None:
        self.successResultOf(self.make())
        self.kube.remove("namespaces", "", SPACE)
        self.namespace(SPACE, **{"dicot.io/id": ID})
        self.assertEqual(self.projects.of(SPACE), "")
        self.assertEqual(self.successResultOf(self.adopt(SPACE)), ID)
        self.assertEqual(self.projects.of(SPACE), ID)

    def test_one_that_is_not_there_cannot_be_adopted(self) -> None:
        self.failureResultOf(self.adopt("nowhere"), NotFound)

    def test_the_systems_cannot(self) -> None:
        for name in ("kube-system", "default", "dicot-system", "dicot-projects", "kubevirt"):
            self.namespace(name)
            self.failureResultOf(self.adopt(name), BadRequest)

    def test_a_namespace_of_images_is_recorded_and_is_no_project(self) -> None:
        for name, there in (("dicot-images", False), ("golden", True)):
            with self.subTest(name):
                if there:
                    self.namespace(name)
                self.successResultOf(self.site.start(self.bootstrap().images(name)))
                self.assertTrue(self.projects.is_image_namespace(name))
                self.assertEqual(self.projects.of(name), "")
