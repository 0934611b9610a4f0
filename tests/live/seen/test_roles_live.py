"""What KubeVirt's and CDI's roles give to the users of a cluster, by aggregation into Kubernetes' own."""

from __future__ import annotations

from dataclasses import dataclass

from tests.cluster.control import SOON
from tests.cluster.objects import Document

from .objects import KUBEVIRT, binding
from .person import account
from .test_rights_live import RightsTestCase, accounts

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
SUBRESOURCES = "subresources.kubevirt.io"
OWN = f"{KUBEVIRT}/namespaces/kubevirt/kubevirts"


@dataclass(frozen=True, slots=True)
class Ask:
    """Something that somebody wants to do."""

    verb: str
    group: str
    resource: str
    subresource: str = ""

    def review(self, user: str, namespace: str) -> Document:
        attributes = {"namespace": namespace, "verb": self.verb, "group": self.group, "resource": self.resource}
        spec = {"user": user, "resourceAttributes": {**attributes, "subresource": self.subresource}}
        return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}


GIVEN = (
    Ask("create", "kubevirt.io", "virtualmachines"),
    Ask("update", SUBRESOURCES, "virtualmachines", "start"),
    Ask("create", "cdi.kubevirt.io", "datavolumes"),
    Ask("create", "cdi.kubevirt.io", "datavolumes", "source"),
)
LACKING = (
    Ask("create", "snapshot.storage.k8s.io", "volumesnapshots"),
    Ask("get", "snapshot.storage.k8s.io", "volumesnapshots"),
    Ask("create", "", "resourcequotas"),
    Ask("create", "kubevirt.io", "virtualmachineinstancemigrations"),
    Ask("update", SUBRESOURCES, "virtualmachines", "migrate"),
)
MIGRATE = LACKING[-2:]


class AggregatedTests(RightsTestCase):
    CAST = accounts("edit", "admin", "migrator", "nobody")

    async def may(self, name: str, asked: Ask) -> bool:
        review = asked.review(account(self.namespace, name), self.namespace)
        return bool((await self.control.change("POST", REVIEWS, review))["status"]["allowed"])

    async def comes_to(self, name: str, asked: Ask) -> None:
        """Wait until the roles are aggregated, and the authorizer knows of the binding."""

        async def allowed() -> bool:
            return await self.may(name, asked)

        await self.control.until(SOON, f"{asked} for {name}", allowed)

    async def test_edit_and_admin_lack_what_our_own_roles_name(self) -> None:
        """9: machines and volumes, but neither snapshots nor quota nor migrations."""
        for name in ("edit", "admin"):
            await self.make(binding(name, "ClusterRole", name, self.namespace, name))
            for asked in GIVEN:
                await self.comes_to(name, asked)
            for asked in LACKING:
                self.assertFalse(await self.may(name, asked), f"{name}: {asked}")

    async def test_migrations_are_a_role_of_their_own(self) -> None:
        """1 and 4.3: kubevirt.io:migrate, which no other role includes."""
        await self.make(binding("migrator", "ClusterRole", "kubevirt.io:migrate", self.namespace, "migrator"))
        for asked in MIGRATE:
            await self.comes_to("migrator", asked)
        self.assertFalse(await self.may("migrator", GIVEN[0]))

    async def test_whoever_is_known_may_read_what_kubevirt_is_and_not_watch_it(self) -> None:
        """0.2: get and list by kubevirt.io:default."""
        nobody = await self.person("nobody")
        for path in (OWN, f"{OWN}/kubevirt"):
            answer = await self.until_allowed(nobody, "GET", path)
            self.assertEqual(answer.status, 200, answer.content)
        self.refused(await nobody.ask("GET", f"{OWN}?watch=1"), 403, 'cannot watch resource "kubevirts"')
