"""What CDI's webhooks say, held to what the real ones said."""

from __future__ import annotations

import json
from collections.abc import Iterable

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.asked import Attributes, User
from dicot.sandbox.apiserver.refusal import Refusal
from dicot.sandbox.apiserver.resource import Resource
from dicot.sandbox.apiserver.seams import Review, Verdict
from dicot.sandbox.cdi.admission import CdiAdmission
from dicot.sandbox.cdi.names import CLONE_TOKEN, GROUP, VERSION
from dicot.sandbox.cdi.tokens import API_SERVER, Grant

from . import offers
from .things import NOW, TOKENS

RESOURCE = Resource(GROUP, VERSION, "datavolumes", "datavolume", "DataVolume")
NAMESPACES = ("n", "dicot-images")


class Objects:
    """Namespaces, an image, and a claim of nobody's."""

    def get(self, group: str, plural: str, namespace: str, name: str) -> Manifest | None:
        """See Reader."""
        if plural == "namespaces":
            return {"metadata": {"name": name}} if name in NAMESPACES else None
        if (plural, namespace, name) == ("datasources", "dicot-images", "cirros"):
            return {"spec": {"source": {"pvc": {"namespace": "dicot-images", "name": "cirros"}}}}
        taken = plural == "persistentvolumeclaims" and name == "taken"
        return {"metadata": {"name": name}} if taken else None

    def list(self, group: str, plural: str, namespace: str = "") -> Iterable[Manifest]:
        """See Reader."""
        return ()


class Rights:
    """Lets one user clone one claim."""

    def authorize(self, user: User, asked: Attributes) -> Verdict:
        """See Authorizer."""
        asks = (asked.group, asked.resource, asked.subresource, asked.namespace, asked.name)
        return Verdict(user.name == "cloner" and asks == (GROUP, "datavolumes", "source", "dicot-images", "cirros"))


def review(new: Manifest, user: str = "admin", old: Manifest | None = None) -> Review:
    """A write in the namespace ``n``."""
    name = new["metadata"]["name"]
    return Review("CREATE" if old is None else "UPDATE", User(user), RESOURCE, "", "n", name, new, old, False)


class AdmissionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.admission = CdiAdmission(Objects(), Rights(), TOKENS, lambda: NOW)

    def said(self, new: Manifest) -> Manifest:
        """The Status of a refusal, or that it was taken."""
        try:
            changed = self.admission.mutate(review(new)) or new
            self.admission.validate(review(changed))
        except Refusal as refusal:
            return json.loads(json.dumps(refusal.status()).replace('"n"', '"NAMESPACE"'))  # type: ignore[no-any-return]
        return {"taken": True, "token": CLONE_TOKEN in (changed["metadata"].get("annotations") or {})}

    def test_offers_are_answered_as_recorded(self) -> None:
        """What the schema refuses before is not asked here."""
        recorded = json.loads(offers.RECORDED.read_text())
        asked = 0
        for name, answer in recorded.items():
            if answer.get("reason") == "Invalid":
                continue
            asked += 1
            self.assertEqual(self.said(offers.offered(name, "n")), answer, name)
        self.assertGreater(asked, 30)

    def test_who_may_clone_gets_a_token(self) -> None:
        wish: Manifest = {
            "metadata": {"name": "v"},
            "spec": offers.OFFERS["blank"] | {"source": {"pvc": {"namespace": "dicot-images", "name": "cirros"}}},
        }
        self.assertRaises(Refusal, self.admission.mutate, review(wish))
        changed = self.admission.mutate(review(wish, "cloner"))
        assert changed is not None
        token = changed["metadata"]["annotations"][CLONE_TOKEN]
        self.assertEqual(TOKENS.read(token, API_SERVER, NOW), Grant("dicot-images", "cirros", "n", "v"))
        self.assertRaises(Refusal, self.admission.mutate, review(wish, old=wish))
        self.assertIsNone(self.admission.mutate(review(wish, "cloner", old=wish)))

    def test_a_spec_stays_and_a_claim_is_not_taken(self) -> None:
        old: Manifest = {"metadata": {"name": "taken"}, "spec": offers.OFFERS["blank"]}
        new = {**old, "spec": offers.OFFERS["from a URL"]}
        for one in (review(new, old=old), review(old)):
            refusal = self.assertRaises(Refusal, self.admission.validate, one)
            self.assertEqual(refusal.causes[0].reason, "FieldValueDuplicate")
        self.admission.validate(review(old, old=old))

    def test_what_is_not_simulated_is_501(self) -> None:
        sources: list[Manifest] = [{"gcs": {"url": "gs://x/y"}}, {"s3": {"url": "https://x/y"}}]
        specs = [{**offers.OFFERS["blank"], "source": source} for source in sources]
        specs.append({"source": {"pvc": {"namespace": "n", "name": "c"}}, "storage": {}})
        specs.append({**offers.OFFERS["blank"], "source": {"upload": {}}, "contentType": "archive"})
        for spec in specs:
            new = {"metadata": {"name": "v"}, "spec": spec}
            self.assertEqual(self.assertRaises(Refusal, self.admission.validate, review(new)).code, 501)
