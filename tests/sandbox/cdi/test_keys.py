"""What CDI signs with, kept in a folder."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtensionOID
from twisted.trial.unittest import SynchronousTestCase

from dicot.sandbox.cdi.keys import Keys
from dicot.sandbox.certificates import Authority
from dicot.sandbox.state import State, Unusable

from .things import KEYS, NOW


class KeyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def test_they_stay(self) -> None:
        """What one signed is known to the next; nobody else may read what they sign with."""
        first, second = Keys.at(self.folder), Keys.at(self.folder)
        token = first.tokens.upload("n", "c", NOW)
        self.assertIsNotNone(second.tokens.opened(token, "cdi-apiserver", NOW))
        self.assertEqual((first.servers.pem, first.clients.pem), (second.servers.pem, second.clients.pem))
        self.assertNotEqual(first.servers.pem, first.clients.pem)
        modes = {path.stat().st_mode & 0o777 for path in self.folder.iterdir()}
        self.assertEqual(modes, {0o600})

    def test_a_file_of_somebody_else(self) -> None:
        """It is said which folder it is in."""
        for name in ("cdi-tokens.key", "cdi-upload-servers.key", "cdi-upload-clients.crt"):
            Keys.at(self.folder)
            (self.folder / name).write_text("no key")
            self.assertRaises(ValueError, Keys.at, self.folder)
            error = self.assertRaises(Unusable, State(self.folder, None).volumes)
            self.assertIn(str(self.folder), str(error))
            for path in self.folder.iterdir():
                path.unlink()

    def test_an_upload_server_is_known_by_its_service(self) -> None:
        found = KEYS.server("cdi-upload-v", "n")
        certificate = x509.load_pem_x509_certificate(found["tls.crt"])
        names = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
        assert isinstance(names, x509.SubjectAlternativeName)
        wanted = ["cdi-upload-v", "cdi-upload-v.n", "cdi-upload-v.n.svc"]
        self.assertEqual(names.get_values_for_type(x509.DNSName), wanted)
        self.assertEqual(found["ca.crt"], KEYS.clients.pem)
        signed = certificate.tbs_certificate_bytes
        KEYS.servers.key.public_key().verify(certificate.signature, signed, ECDSA(SHA256()))

    def test_names_may_be_long(self) -> None:
        found = KEYS.server("s" * 63, "n" * 63)
        certificate = x509.load_pem_x509_certificate(found["tls.crt"])
        names = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
        assert isinstance(names, x509.SubjectAlternativeName)
        self.assertIn(f"{'s' * 63}.{'n' * 63}.svc", names.get_values_for_type(x509.DNSName))

    def test_only_a_key_of_a_curve_will_do(self) -> None:
        rsa, _ = KEYS.tokens.pem
        self.assertRaises(ValueError, Authority.load, KEYS.servers.pem, rsa)
