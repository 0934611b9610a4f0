"""Namespaces, their furniture, quotas, roles: what the cluster's own controllers keep in order."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest

from .cluster import AUTHORITY, Cluster
from .objects import GROUP, rule


class ClusterTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.cluster = Cluster()
        self.cluster.make("namespaces", "n", "")
        self.cluster.settle()


class FurnitureTests(ClusterTestCase):
    def test_a_namespace_gets_its_account_and_certificate(self) -> None:
        self.cluster.found("serviceaccounts", "default")
        self.assertEqual(self.cluster.found("configmaps", "kube-root-ca.crt")["data"], {"ca.crt": AUTHORITY})

    def test_they_come_back(self) -> None:
        self.cluster.delete("serviceaccounts", "default")
        self.cluster.change("configmaps", "kube-root-ca.crt", lambda found: {**found, "data": {}})
        self.cluster.settle()
        self.cluster.found("serviceaccounts", "default")
        self.assertEqual(self.cluster.found("configmaps", "kube-root-ca.crt")["data"], {"ca.crt": AUTHORITY})


class NamespaceTests(ClusterTestCase):
    def conditions(self) -> dict[str, tuple[str, str]]:
        status = self.cluster.found("namespaces", "n", "")["status"]
        return {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}

    def test_an_empty_one_goes(self) -> None:
        self.cluster.make("secrets", "s")
        self.cluster.delete("namespaces", "n", "")
        self.assertEqual(self.cluster.found("namespaces", "n", "")["status"]["phase"], "Terminating")
        self.cluster.settle()
        self.assertIsNone(self.cluster.get("namespaces", "n", ""))
        self.assertEqual(list(self.cluster.objects.list("", "serviceaccounts", "n")), [])

    def test_it_waits_for_what_has_finalizers(self) -> None:
        self.cluster.make("configmaps", "held", meta={"finalizers": ["example.com/held"]})
        self.cluster.delete("namespaces", "n", "")
        self.cluster.settle()
        told = self.conditions()
        self.assertEqual(told["NamespaceContentRemaining"], ("True", "SomeResourcesRemain"))
        self.assertEqual(told["NamespaceFinalizersRemaining"], ("True", "SomeFinalizersRemain"))
        self.assertEqual(told["NamespaceDeletionContentFailure"], ("False", "ContentDeleted"))
        self.cluster.free("configmaps", "held")
        self.cluster.settle()
        self.assertIsNone(self.cluster.get("namespaces", "n", ""))

    def test_pods_go_first(self) -> None:
        self.cluster.make("pods", "p", meta={"finalizers": ["example.com/held"]}, spec={})
        self.cluster.make("secrets", "s")
        self.cluster.delete("namespaces", "n", "")
        self.cluster.settle()
        self.cluster.found("secrets", "s")
        self.cluster.free("pods", "p")
        self.cluster.settle()
        self.assertIsNone(self.cluster.get("namespaces", "n", ""))

    def test_another_is_left_alone(self) -> None:
        self.cluster.make("namespaces", "m", "")
        self.cluster.settle()
        self.cluster.delete("namespaces", "n", "")
        self.cluster.settle()
        self.cluster.found("serviceaccounts", "default", "m")


class QuotaTests(ClusterTestCase):
    def test_the_status_follows_what_is_used(self) -> None:
        self.cluster.make("resourcequotas", "q", spec={"hard": {"count/secrets": "2"}})
        self.cluster.settle()
        for name in ("a", "b"):
            self.cluster.make("secrets", name)
        self.cluster.settle()
        told = {"hard": {"count/secrets": "2"}, "used": {"count/secrets": "2"}}
        self.assertEqual(self.cluster.found("resourcequotas", "q")["status"], told)
        self.cluster.delete("secrets", "a")
        self.cluster.settle()
        self.assertEqual(self.cluster.found("resourcequotas", "q")["status"]["used"], {"count/secrets": "1"})


class AggregationTests(ClusterTestCase):
    def role(self, name: str, *rules: Manifest, **meta: object) -> None:
        self.cluster.make("clusterroles", name, "", GROUP, meta=meta, rules=list(rules))

    def rules(self) -> list[str]:
        self.cluster.settle()
        return [each["verbs"][0] for each in self.cluster.found("clusterroles", "all", "", GROUP).get("rules", ())]

    def test_a_role_is_gathered_from_others(self) -> None:
        chosen = {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}
        self.cluster.make("clusterroles", "all", "", GROUP, aggregationRule=chosen, rules=[rule("list", "x")])
        self.assertEqual(self.rules(), [])
        self.role("two", rule("get", "pods"), rule("watch", "pods"), labels={"a": "b"})
        self.role("one", rule("get", "pods"), labels={"a": "b"})
        self.role("none", rule("delete", "pods"))
        self.assertEqual(self.rules(), ["get", "watch"])
        self.cluster.objects.delete(GROUP, "clusterroles", "", "two")
        self.assertEqual(self.rules(), ["get"])
