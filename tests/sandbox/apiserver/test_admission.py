"""Namespaces and storage at admission."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.admission.accounts import AccountAdmission
from dicot.sandbox.apiserver.admission.namespaces import NamespaceAdmission
from dicot.sandbox.apiserver.admission.storage import DEFAULT, StorageAdmission
from dicot.sandbox.apiserver.refusal import Refusal

from .asking import review, thing
from .objects import Things


def claim(size: str = "1Gi", cls: str | None = None, **annotations: str) -> Manifest:
    spec: Manifest = {"resources": {"requests": {"storage": size}}}
    if cls is not None:
        spec["storageClassName"] = cls
    found = thing("c", spec=spec)
    found["metadata"]["annotations"] = annotations
    return found


class NamespaceTests(SynchronousTestCase):
    def setUp(self) -> None:
        things = Things()
        things.put("", "namespaces", thing("n", "", status={"phase": "Active"}))
        things.put("", "namespaces", thing("ends", "", status={"phase": "Terminating"}))
        self.admission = NamespaceAdmission(things)

    def test_a_new_one_is_alive(self) -> None:
        made = self.admission.mutate(review("namespaces", thing("new", "")))
        assert made is not None
        self.assertEqual(made["metadata"]["labels"], {"kubernetes.io/metadata.name": "new"})
        self.assertEqual(made["spec"], {"finalizers": ["kubernetes"]})

    def test_it_keeps_its_label(self) -> None:
        made = self.admission.mutate(review("namespaces", thing("n", ""), thing("n", "")))
        assert made is not None
        self.assertEqual(made["metadata"]["labels"], {"kubernetes.io/metadata.name": "n"})
        self.assertNotIn("spec", made)

    def test_some_are_immortal(self) -> None:
        for name in ("default", "kube-system", "kube-public"):
            asked = review("namespaces", None, thing(name, ""))
            refusal = self.assertRaises(Refusal, self.admission.validate, asked)
            message = f'namespaces "{name}" is forbidden: this namespace may not be deleted'
            self.assertEqual((refusal.code, refusal.message), (403, message))
        self.admission.validate(review("namespaces", None, thing("n", "")))

    def test_nothing_is_made_where_no_namespace_is(self) -> None:
        refusal = self.assertRaises(Refusal, self.admission.validate, review("pods", thing("p", "gone")))
        self.assertEqual((refusal.code, refusal.message), (404, 'namespaces "gone" not found'))

    def test_nothing_is_made_where_one_ends(self) -> None:
        refusal = self.assertRaises(Refusal, self.admission.validate, review("pods", thing("p", "ends")))
        text = 'pods "p" is forbidden: unable to create new content in namespace ends because it is being terminated'
        self.assertEqual((refusal.code, refusal.message), (403, text))
        self.assertEqual(refusal.causes[0].reason, "NamespaceTerminating")

    def test_what_is_there_may_change_and_go(self) -> None:
        found = thing("p", "ends")
        self.admission.validate(review("pods", found, found))
        self.admission.validate(review("pods", None, found))
        self.admission.validate(review("nodes", thing("w", "")))


class AccountTests(SynchronousTestCase):
    def setUp(self) -> None:
        things = Things()
        for name in ("default", "own"):
            things.put("", "serviceaccounts", thing(name))
        self.admission = AccountAdmission(things)

    def test_a_pod_runs_as_an_account(self) -> None:
        for given, taken in (({}, "default"), ({"serviceAccountName": "own"}, "own")):
            asked = review("pods", thing("p", spec=dict(given)))
            made = self.admission.mutate(asked)
            assert made is not None
            self.assertEqual(made["spec"], {"serviceAccountName": taken, "serviceAccount": taken})
            self.admission.validate(asked)

    def test_it_cannot_be_one_that_is_absent(self) -> None:
        asked = review("pods", thing("p", spec={"serviceAccountName": "gone"}))
        refusal = self.assertRaises(Refusal, self.admission.validate, asked)
        text = 'error looking up service account n/gone: serviceaccount "gone" not found'
        self.assertEqual((refusal.code, refusal.message), (403, f'pods "p" is forbidden: {text}'))

    def test_other_writes_are_let_alone(self) -> None:
        pod = thing("p", spec={})
        for asked in (review("pods", pod, pod), review("secrets", pod), review("pods", None, pod)):
            self.assertIsNone(self.admission.mutate(asked))
            self.admission.validate(asked)


class StorageTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.things = Things()
        self.admission = StorageAdmission(self.things)

    def default(self, name: str, made: str) -> None:
        found = thing(name, "", allowVolumeExpansion=name == "grows")
        found["metadata"] |= {"annotations": {DEFAULT[0]: "true"}, "creationTimestamp": made}
        self.things.put("storage.k8s.io", "storageclasses", found)

    def made(self, found: Manifest, plural: str = "persistentvolumeclaims") -> Manifest:
        made = self.admission.mutate(review(plural, found))
        assert made is not None
        return made

    def test_a_claim_gets_the_newest_default_class(self) -> None:
        self.assertNotIn("storageClassName", self.made(claim())["spec"])
        self.default("old", "2020-01-01T00:00:00Z")
        self.default("new", "2021-01-01T00:00:00Z")
        self.assertEqual(self.made(claim())["spec"]["storageClassName"], "new")
        self.assertEqual(self.made(claim(cls=""))["spec"]["storageClassName"], "")
        beta = claim(**{"volume.beta.kubernetes.io/storage-class": "x"})
        self.assertNotIn("storageClassName", self.made(beta)["spec"])

    def test_claims_and_volumes_are_protected(self) -> None:
        self.assertEqual(self.made(claim())["metadata"]["finalizers"], ["kubernetes.io/pvc-protection"])
        volume = self.made(thing("v", ""), "persistentvolumes")
        self.assertEqual(volume["metadata"]["finalizers"], ["kubernetes.io/pv-protection"])
        self.assertIsNone(self.admission.mutate(review("pods", thing("p"))))

    def test_a_claim_grows_only_where_its_class_does(self) -> None:
        self.default("grows", "2020-01-01T00:00:00Z")
        self.default("stays", "2020-01-01T00:00:00Z")
        plural = "persistentvolumeclaims"
        self.admission.validate(review(plural, claim("2Gi", "grows"), claim("1Gi", "grows")))
        self.admission.validate(review(plural, claim("1Gi", "stays"), claim("1Gi", "stays")))
        asked = review(plural, claim("2Gi", "stays"), claim("1Gi", "stays"))
        refusal = self.assertRaises(Refusal, self.admission.validate, asked)
        self.assertIn("only dynamically provisioned pvc can be resized", refusal.message)
