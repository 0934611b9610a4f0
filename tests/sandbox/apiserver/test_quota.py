"""Quotas: quantities, usage, refusals."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.admission.quantities import Quantity
from dicot.sandbox.apiserver.admission.quota import QuotaAdmission, Usage, status
from dicot.sandbox.apiserver.admission.usage import source, used
from dicot.sandbox.apiserver.refusal import Refusal

from .asking import Stored, review, thing


def claim(name: str, size: str, cls: str = "fast") -> Manifest:
    return thing(name, spec={"storageClassName": cls, "resources": {"requests": {"storage": size}}})


def container(name: str, requests: Manifest | None = None, limits: Manifest | None = None, **more: str) -> Manifest:
    return {"name": name, "resources": {"requests": requests or {}, "limits": limits or {}}, **more}


class QuantityTests(SynchronousTestCase):
    def test_sums_are_written_as_kubernetes_does(self) -> None:
        table = (
            (("6Gi",), "6Gi"),
            (("512Mi", "512Mi"), "1Gi"),
            (("1536Mi",), "1536Mi"),
            (("600m", "300m"), "900m"),
            (("700m", "300m"), "1"),
            (("1000Mi", "1k"), "1048577000"),
            (("1000",), "1k"),
            (("100Ki", "24Ki"), "124Ki"),
            (("0",), "0"),
            (("0", "1Gi"), "1Gi"),
            (("1500000",), "1500k"),
        )
        for texts, written in table:
            summed = Quantity.read(texts[0])
            for text in texts[1:]:
                summed += Quantity.read(text)
            self.assertEqual(str(summed), written)


class UsedTests(SynchronousTestCase):
    def written(self, plural: str, found: Manifest, group: str = "") -> dict[str, str]:
        return {name: str(each) for name, each in used(group, plural, found).items()}

    def test_everything_is_counted(self) -> None:
        self.assertEqual(
            self.written("virtualmachines", thing("v"), "kubevirt.io"), {"count/virtualmachines.kubevirt.io": "1"}
        )
        self.assertEqual(self.written("secrets", thing("s")), {"count/secrets": "1", "secrets": "1"})

    def test_a_claim_uses_storage_in_all_and_of_its_class(self) -> None:
        suffix = "fast.storageclass.storage.k8s.io"
        self.assertEqual(
            self.written("persistentvolumeclaims", claim("c", "6Gi")),
            {
                "count/persistentvolumeclaims": "1",
                "persistentvolumeclaims": "1",
                "requests.storage": "6Gi",
                f"{suffix}/persistentvolumeclaims": "1",
                f"{suffix}/requests.storage": "6Gi",
            },
        )

    def test_a_pod_uses_what_its_containers_ask_for(self) -> None:
        spec = {
            "containers": [
                container("a", {"cpu": "600m"}, {"memory": "200Mi"}),
                container("b", {}, {"cpu": "300m", "memory": "200Mi"}),
            ],
            "initContainers": [
                container("i", {"memory": "1Gi"}),
                container("s", {"cpu": "1"}, restartPolicy="Always"),
            ],
        }
        found = self.written("pods", thing("p", spec=spec))
        self.assertEqual((found["requests.cpu"], found["requests.memory"]), ("1900m", "1Gi"))
        self.assertEqual((found["limits.cpu"], found["limits.memory"], found["pods"]), ("300m", "400Mi", "1"))
        ended = self.written("pods", thing("p", spec=spec, status={"phase": "Succeeded"}))
        self.assertEqual(ended, {"count/pods": "1"})

    def test_services_use_ports_and_balancers(self) -> None:
        ports = [{"port": 1}, {"port": 2}]
        node = self.written("services", thing("s", spec={"type": "NodePort", "ports": ports}))
        self.assertEqual(node["services.nodeports"], "2")
        balanced = self.written("services", thing("s", spec={"type": "LoadBalancer", "ports": ports}))
        self.assertEqual((balanced["services.loadbalancers"], balanced["services.nodeports"]), ("1", "2"))

    def test_names_lead_to_what_uses_them(self) -> None:
        table = (
            ("count/virtualmachines.kubevirt.io", ("kubevirt.io", "virtualmachines")),
            ("count/pods", ("", "pods")),
            ("pods", ("", "pods")),
            ("requests.cpu", ("", "pods")),
            ("limits.memory", ("", "pods")),
            ("requests.storage", ("", "persistentvolumeclaims")),
            ("a.storageclass.storage.k8s.io/requests.storage", ("", "persistentvolumeclaims")),
            ("services.loadbalancers", ("", "services")),
            ("secrets", ("", "secrets")),
            ("example.com/thing", None),
        )
        for name, found in table:
            self.assertEqual(source(name), found, name)


class AdmissionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stored = Stored()
        self.usage = Usage(self.stored)
        self.admission = QuotaAdmission(self.usage)

    def limit(self, name: str = "q", **hard: str) -> None:
        written = {key.replace("_", "."): value for key, value in hard.items()}
        self.stored.write("", "resourcequotas", thing(name, spec={"hard": written}))

    def make(self, plural: str, found: Manifest) -> None:
        self.admission.validate(review(plural, found))
        self.stored.write("", plural, found)

    def refused(self, plural: str, new: Manifest, old: Manifest | None = None) -> str:
        refusal = self.assertRaises(Refusal, self.admission.validate, review(plural, new, old))
        return f"{refusal.code} {refusal.message}"

    def test_what_exceeds_a_quota_is_refused(self) -> None:
        self.limit(secrets="1")
        self.make("secrets", thing("a"))
        said = (
            'secrets "b" is forbidden: exceeded quota: q, requested: secrets=1, used: secrets=1, limited: secrets=1'
        )
        self.assertEqual(self.refused("secrets", thing("b")), f"403 {said}")
        self.stored.forget("", "secrets", "n", "a")
        self.make("secrets", thing("b"))

    def test_all_that_is_exceeded_is_told(self) -> None:
        self.limit(requests_storage="10Gi", persistentvolumeclaims="1")
        self.make("persistentvolumeclaims", claim("a", "6Gi"))
        said = (
            "requested: persistentvolumeclaims=1,requests.storage=6Gi, used: persistentvolumeclaims=1,"
            "requests.storage=6Gi, limited: persistentvolumeclaims=1,requests.storage=10Gi"
        )
        self.assertIn(said, self.refused("persistentvolumeclaims", claim("b", "6Gi")))

    def test_what_was_there_before_counts(self) -> None:
        self.stored.write("", "secrets", thing("a"))
        self.limit(secrets="1")
        self.assertIn("used: secrets=1", self.refused("secrets", thing("b")))

    def test_an_update_needs_only_what_it_adds(self) -> None:
        self.limit(requests_storage="10Gi", persistentvolumeclaims="1")
        self.make("persistentvolumeclaims", claim("a", "6Gi"))
        self.admission.validate(review("persistentvolumeclaims", claim("a", "10Gi"), claim("a", "6Gi")))
        said = self.refused("persistentvolumeclaims", claim("a", "11Gi"), claim("a", "6Gi"))
        self.assertIn(
            "requested: requests.storage=5Gi, used: requests.storage=6Gi, limited: requests.storage=10Gi", said
        )

    def test_containers_must_say_what_is_limited(self) -> None:
        self.limit(limits_memory="1Gi", requests_cpu="1")
        said = self.refused("pods", thing("p", spec={"containers": [container("a"), container("b", {"cpu": "1"})]}))
        self.assertIn("failed quota: q: must specify limits.memory for: a,b; requests.cpu for: a", said)

    def test_a_pod_that_ends_gives_back_what_it_used(self) -> None:
        self.limit(pods="1")
        pod = thing("p", spec={"containers": []})
        self.make("pods", pod)
        self.assertIn("exceeded", self.refused("pods", thing("o", spec={"containers": []})))
        self.stored.write("", "pods", {**pod, "status": {"phase": "Failed"}})
        self.make("pods", thing("o", spec={"containers": []}))

    def test_other_namespaces_are_free(self) -> None:
        self.limit(secrets="0")
        self.admission.validate(review("secrets", thing("a", "m")))

    def test_the_status_says_what_is_used(self) -> None:
        self.limit(secrets="2", pods="3")
        self.make("secrets", thing("a"))
        quota = thing("q", spec={"hard": {"secrets": "2", "pods": "3"}})
        told = status(quota, self.usage.of("n", "q"))
        self.assertEqual(told, {"hard": {"secrets": "2", "pods": "3"}, "used": {"secrets": "1", "pods": "0"}})
        self.assertIn(("n", "q"), self.usage.touched)

    def test_a_quota_that_goes_limits_nothing(self) -> None:
        self.limit(secrets="0")
        self.stored.forget("", "resourcequotas", "n", "q")
        self.make("secrets", thing("a"))

    def test_scopes_are_not_served(self) -> None:
        quota = thing("q", spec={"hard": {}, "scopes": ["Terminating"]})
        self.assertEqual(self.refused("resourcequotas", quota)[:3], "501")
