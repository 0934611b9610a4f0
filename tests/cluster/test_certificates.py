"""Certificates and keys: what they are good for, and who may read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.certificates import Authority, Pair, new_key, new_rsa_key, private_pem, public_pem, write_secret


def load(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


class AuthorityTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.authority = Authority.make("ca", self.folder)

    def verify(self, pair: Pair, name: x509.GeneralName, authority: Authority) -> None:
        store = Store([authority.certificate])
        PolicyBuilder().store(store).build_server_verifier(name).verify(load(pair), [])  # type: ignore[arg-type]

    def test_a_server_is_trusted_under_each_of_its_names(self) -> None:
        pair = self.authority.issue("server", "server", ("127.0.0.1", "virt-api.kubevirt.svc"))
        subject = load(pair).extensions.get_extension_for_class(x509.SubjectAlternativeName)
        for name in subject.value:
            self.verify(pair, name, self.authority)
        self.assertEqual(len(list(subject.value)), 2)

    def test_another_authority_does_not_trust_it(self) -> None:
        pair = self.authority.issue("server", "server")
        other = Authority.make("other", self.folder)
        self.assertRaises(VerificationError, self.verify, pair, x509.DNSName("localhost"), other)

    def test_another_name_is_not_trusted(self) -> None:
        pair = self.authority.issue("server", "server")
        self.assertRaises(VerificationError, self.verify, pair, x509.DNSName("elsewhere"), self.authority)

    def test_the_subject_is_the_common_name(self) -> None:
        pair = self.authority.issue("client", "kubevirt.io:system:client:virt-handler")
        self.assertEqual(load(pair).subject.rfc4514_string(), "CN=kubevirt.io:system:client:virt-handler")

    def test_key_and_certificate_belong_together(self) -> None:
        pair = self.authority.issue("server", "server")
        key = load_pem_private_key(pair.key.read_bytes(), None)
        self.assertEqual(key.public_key(), load(pair).public_key())

    def test_it_is_valid_now_and_ends(self) -> None:
        certificate = load(self.authority.issue("server", "server"))
        now = datetime.now(UTC)
        self.assertLess(certificate.not_valid_before_utc, now)
        self.assertLess(certificate.not_valid_after_utc, now + timedelta(days=365))

    def test_keys_are_for_their_owner_alone(self) -> None:
        pair = self.authority.issue("server", "server")
        for path in (pair.key, self.authority.files.key):
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)

    def test_an_authority_may_have_an_rsa_key(self) -> None:
        authority = Authority.make("rsa", self.folder, new_rsa_key())
        self.assertTrue(authority.files.key.read_bytes().startswith(b"-----BEGIN RSA PRIVATE KEY-----"))
        self.verify(authority.issue("server", "server"), x509.DNSName("localhost"), authority)


class KeyTests(SynchronousTestCase):
    def test_both_halves_belong_together(self) -> None:
        for key in (new_key(), new_rsa_key()):
            public = load_pem_private_key(private_pem(key), None).public_key()
            self.assertEqual(load_pem_public_key(public_pem(key)), public)


class WriteSecretTests(SynchronousTestCase):
    def test_nobody_else_reads_it(self) -> None:
        path = Path(self.mktemp())
        write_secret(path, b"secret")
        self.assertEqual((path.read_bytes(), path.stat().st_mode & 0o777), (b"secret", 0o600))
