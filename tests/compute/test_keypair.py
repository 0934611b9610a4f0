"""Key pairs over HTTP's other side."""

import base64
from dataclasses import replace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.plan import Create, Delete
from dicot.compute.keypair import KEYPAIRS
from dicot.compute.keys import fingerprint, generated
from dicot.compute.kinds import KEYPAIR, keypair_object
from dicot.config import Config
from dicot.faults import BadRequest, Forbidden, NotFound
from dicot.kube.address import place
from dicot.names import ID, SYSTEM_NAMESPACE, derived
from tests.bench import ADMIN, USER, Workbench

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGkMTtXhXdhMtv7zNTUbIwO1L1o7w7PtVzFQ0yVgcD5x someone@somewhere"


def keypair(name: str, user: str = USER) -> dict[str, Any]:
    return {
        "metadata": {
            "name": keypair_object(user, name),
            "namespace": "dicot-system",
            "uid": f"uid-{name}",
            "creationTimestamp": "2026-11-21T10:00:00Z",
        },
        "spec": {"name": name, "userId": user, "type": "ssh", "publicKey": KEY, "fingerprint": "aa:bb"},
    }


class KeypairTests(SynchronousTestCase):
    """N-28."""

    def setUp(self) -> None:
        self.bench = Workbench(KEYPAIRS, {KEYPAIR: [keypair("b"), keypair("a"), keypair("c", "4" * 32)]})

    def ask(self, method: str, url: str, **asked: Any) -> Any:
        return self.successResultOf(self.bench.ask(method, url, **asked))

    def refusal(self, fault: type[Any], method: str, url: str, **asked: Any) -> str:
        return str(self.failureResultOf(self.bench.ask(method, url, **asked), fault).value)

    def names(self, **asked: Any) -> list[str]:
        return [pair["keypair"]["name"] for pair in self.ask("GET", "/os-keypairs", **asked).body["keypairs"]]

    def test_lists_the_callers_own_by_name(self) -> None:
        self.assertEqual(self.names(), ["a", "b"])

    def test_admins_ask_for_others(self) -> None:
        query = {"user_id": ["4" * 32]}
        self.assertEqual(self.names(caller=ADMIN, query=query, version=(2, 10)), ["c"])
        said = self.refusal(Forbidden, "GET", "/os-keypairs", query=query, version=(2, 10))
        self.assertEqual(said, "Policy doesn't allow os_compute_api:os-keypairs:index to be performed.")

    def test_users_are_no_parameter_before_2_10(self) -> None:
        self.assertEqual(self.names(query={"user_id": ["4" * 32]}), ["a", "b"])

    def test_pages_from_2_35_on(self) -> None:
        body = self.ask("GET", "/os-keypairs", query={"limit": ["1"]}, version=(2, 35)).body
        self.assertEqual(body["keypairs_links"][0]["href"].rpartition("?")[2], "limit=1&marker=a")
        self.assertEqual(self.names(query={"marker": ["a"]}, version=(2, 35)), ["b"])
        said = self.refusal(BadRequest, "GET", "/os-keypairs", query={"marker": ["z"]}, version=(2, 35))
        self.assertIn("z could not be found", said)

    def test_document(self) -> None:
        shown = self.ask("GET", "/os-keypairs/<name>", name="a", version=(2, 2)).body["keypair"]
        self.assertEqual((shown["type"], shown["created_at"]), ("ssh", "2026-11-21T10:00:00.000000"))
        self.assertIsInstance(shown["id"], int)
        self.assertNotIn("type", self.ask("GET", "/os-keypairs/<name>", name="a").body["keypair"])

    def test_one_that_another_replica_has_just_made(self) -> None:
        """The watch has not told of it yet, so Kubernetes is asked."""
        made = keypair("new")
        made["metadata"]["labels"] = {ID: derived("keypair", USER, "new")}
        self.successResultOf(Deferred.fromCoroutine(self.bench.kube.create(place(KEYPAIR, SYSTEM_NAMESPACE), made)))
        shown = self.ask("GET", "/os-keypairs/<name>", name="new").body["keypair"]
        self.assertEqual((shown["name"], shown["public_key"]), ("new", KEY))
        self.ask("DELETE", "/os-keypairs/<name>", name="new")
        [plan] = self.bench.writer.applied
        assert isinstance(plan.commit, Delete)
        self.assertEqual(plan.commit.name, keypair_object(USER, "new"))

    def test_an_unknown_name(self) -> None:
        said = self.refusal(NotFound, "GET", "/os-keypairs/<name>", name="z")
        self.assertEqual(said, f"Keypair z not found for user {USER}")

    def test_imports_a_key(self) -> None:
        body = {"keypair": {"name": "k", "public_key": KEY}}
        reply = self.ask("POST", "/os-keypairs", body=body, version=(2, 2))
        self.assertEqual(reply.code, 201)
        self.assertEqual(reply.body["keypair"]["user_id"], USER)
        self.assertNotIn("private_key", reply.body["keypair"])
        plan = self.bench.writer.applied[0]
        assert isinstance(plan.commit, Create)
        self.assertTrue(plan.commit.own)
        self.assertEqual(plan.commit.body["metadata"]["name"], keypair_object(USER, "k"))
        self.assertEqual([(claim.scope, claim.name) for claim in plan.claims], [(USER, "k")])

    def test_makes_a_key_where_none_is_sent(self) -> None:
        reply = self.ask("POST", "/os-keypairs", body={"keypair": {"name": "k"}})
        self.assertEqual(reply.code, 200)
        load_pem_private_key(reply.body["keypair"]["private_key"].encode(), None)
        self.assertEqual(
            reply.body["keypair"]["fingerprint"], fingerprint(reply.body["keypair"]["public_key"], "ssh")
        )

    def test_makes_none_from_2_92_on(self) -> None:
        said = self.refusal(BadRequest, "POST", "/os-keypairs", body={"keypair": {"name": "k"}}, version=(2, 92))
        self.assertIn("'public_key' is a required property", said)

    def test_refuses_what_is_no_key(self) -> None:
        body = {"keypair": {"name": "k", "public_key": "ssh-rsa nonsense"}}
        said = self.refusal(BadRequest, "POST", "/os-keypairs", body=body)
        self.assertEqual(said, "Keypair data is invalid: failed to generate fingerprint")

    def test_refuses_names_by_version(self) -> None:
        body = {"keypair": {"name": "a@b", "public_key": KEY}}
        self.assertIn("does not match", self.refusal(BadRequest, "POST", "/os-keypairs", body=body))
        self.assertEqual(self.ask("POST", "/os-keypairs", body=body, version=(2, 92)).code, 201)

    def test_counts_against_the_quota(self) -> None:
        full = replace(Config(), quota={**Config().quota, "key_pairs": 2})
        self.bench = Workbench(KEYPAIRS, {KEYPAIR: [keypair("b"), keypair("a")]}, full)
        said = self.refusal(Forbidden, "POST", "/os-keypairs", body={"keypair": {"name": "k", "public_key": KEY}})
        self.assertEqual(said, "Quota exceeded, too many key pairs.")

    def test_reserves_one_of_its_users(self) -> None:
        """Not of the project's: users count apart, and each over all of their projects."""
        owned = {"keypair": {"name": "k", "public_key": KEY, "user_id": "4" * 32}}
        self.ask("POST", "/os-keypairs", body={"keypair": {"name": "k", "public_key": KEY}})
        self.ask("POST", "/os-keypairs", body=owned, version=(2, 10), caller=ADMIN)
        for plan, user, used in zip(self.bench.writer.applied, (USER, "4" * 32), (2, 1), strict=True):
            reserve = plan.reserve
            assert reserve is not None
            name = f"key_pairs/{user}"
            self.assertEqual((reserve.amounts, reserve.used, reserve.limits), ({name: 1}, {name: used}, {name: 100}))
            self.assertEqual(str(reserve.refuse({})), "Quota exceeded, too many key pairs.")

    def test_deletes_the_object_then_the_claim(self) -> None:
        self.assertEqual(self.ask("DELETE", "/os-keypairs/<name>", name="a").code, 202)
        self.assertEqual(self.ask("DELETE", "/os-keypairs/<name>", name="b", version=(2, 2)).code, 204)
        plan = self.bench.writer.applied[0]
        self.assertEqual(plan.commit, Delete(KEYPAIR, "dicot-system", keypair_object(USER, "a"), "uid-a", own=True))
        self.assertEqual([claim.name for claim in plan.drops], ["a"])


class KeyTests(SynchronousTestCase):
    """Keys themselves."""

    def test_fingerprint_is_the_md5_of_the_key(self) -> None:
        self.assertRegex(fingerprint(KEY, "ssh"), r"^([0-9a-f]{2}:){15}[0-9a-f]{2}$")

    def test_certificates_name_their_user(self) -> None:
        private, certificate = generated("x509", "someone")
        found = x509.load_pem_x509_certificate(certificate.encode())
        self.assertEqual(found.subject.rfc4514_string(), "CN=someone")
        self.assertRegex(fingerprint(certificate, "x509"), r"^([0-9a-f]{2}:){19}[0-9a-f]{2}$")
        self.assertIsNotNone(pkcs12.load_key_and_certificates(base64.b64decode(private), None)[0])

    def test_certificates_name_users_of_any_length(self) -> None:
        """As text in DER, whose length is told in one byte, two or three."""
        for user, head in (
            ("a" * 117, "0c7f"),
            ("a" * 118, "0c8180"),
            ("\u00e9" * 200, "0c82019a"),
            ("\0\n", "0c0c"),
        ):
            _, certificate = generated("x509", user)
            found = x509.load_pem_x509_certificate(certificate.encode())
            names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            [principal] = names.get_values_for_type(x509.OtherName)
            self.assertEqual(principal.value.hex(), head + f"{user}@localhost".encode().hex())
