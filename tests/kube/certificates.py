"""Certificates that tests make for themselves."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes


def authority(name: str) -> Issued:
    """One that signs itself and may sign others."""
    return _issue(name, None, x509.BasicConstraints(ca=True, path_length=None))


def signed(name: str, by: Issued, *, dns: str = "", ip: str = "", expired: bool = False) -> Issued:
    """One that an authority has signed, for a DNS name or an address."""
    names: list[x509.GeneralName] = [x509.DNSName(dns)] if dns else []
    names += [x509.IPAddress(ip_address(ip))] if ip else []
    return _issue(name, by, x509.SubjectAlternativeName(names or [x509.DNSName("nobody")]), expired)


def _issue(name: str, by: Issued | None, extension: x509.ExtensionType, expired: bool = False) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.now(UTC) - timedelta(days=2)
    builder = x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=x509.load_pem_x509_certificate(by.certificate).subject if by else subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=start,
        not_valid_after=start + timedelta(days=1 if expired else 30),
    ).add_extension(extension, critical=False)
    signer = serialization.load_pem_private_key(by.key, None) if by else key
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    made = builder.sign(signer, hashes.SHA256())
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Issued(made.public_bytes(serialization.Encoding.PEM), text)
