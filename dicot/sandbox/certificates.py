"""The authorities of a sandbox and the certificate that it serves with, made at the first start."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .logins import write_secret

LIFE = timedelta(days=3650)
_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
_ADDRESSES = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs certificates, with its own and its key."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey

    @classmethod
    def make(cls, name: str) -> "Authority":
        """A new one."""
        own, subject = generate_private_key(SECP256R1()), _name(name)
        certificate = (
            _draft(subject, subject, own)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
            .add_extension(_usage(signs=True), critical=True)
            .sign(own, hashes.SHA256())
        )
        return cls(certificate, own)

    @classmethod
    def load(cls, certificate: bytes, key: bytes) -> "Authority":
        """Of its certificate and its key in PEM. Raises ValueError for what is none."""
        loaded = load_pem_private_key(key, None)
        if not isinstance(loaded, EllipticCurvePrivateKey):
            raise ValueError("the key of an authority is no key of an elliptic curve")
        return cls(x509.load_pem_x509_certificate(certificate), loaded)

    @classmethod
    def at(cls, folder: Path, name: str) -> "Authority":
        """The one of that name in a folder, made where it is missing. Raises ValueError and OSError."""
        certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
        if not certificate.exists():
            made = cls.make(name)
            write_secret(key, made.private)
            write_secret(certificate, made.pem)
        return cls.load(certificate.read_bytes(), key.read_bytes())

    @property
    def pem(self) -> bytes:
        """The certificate that others trust."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def private(self) -> bytes:
        """Its key in PEM."""
        return _private(self.key)

    def issue(self, name: str, names: Sequence[x509.GeneralName], *, client: bool = False) -> tuple[bytes, bytes]:
        """A certificate of that common name and its key, as PEM, for a server that has ``names`` or for a client."""
        key = generate_private_key(SECP256R1())
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        draft = (
            _draft(_name(name), self.certificate.subject, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(issuer, critical=False)
        )
        if names:
            draft = draft.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return draft.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM), _private(key)


def make() -> tuple[bytes, bytes, bytes]:
    """The authority's certificate, the server's certificate, the server's key, as PEM. The authority's key is thrown
    away: nobody else gets a certificate of it."""
    authority = Authority.make("dicot-sandbox-ca")
    names = [*map(x509.DNSName, _NAMES), *(x509.IPAddress(ip_address(each)) for each in _ADDRESSES)]
    return authority.pem, *authority.issue("kube-apiserver", names)


def _private(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _draft(subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + LIFE)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
