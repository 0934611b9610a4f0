"""Keys as Nova makes and names them (nova/crypto.py)."""

import base64
import binascii
import hashlib
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..faults import BadRequest

RSA_BITS = 2048
PRINCIPAL_NAME = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
"""Microsoft's user principal name, by which WinRM knows a certificate's user."""
LIFE = timedelta(days=3650)


def pairs(digits: str) -> str:
    """Hex digits in pairs."""
    return ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))


def fingerprint(public_key: str, type: str) -> str:
    """MD5 of an SSH key, SHA-1 of a certificate. Raises BadRequest for what is neither."""
    try:
        if type == "x509":
            certificate = x509.load_pem_x509_certificate(public_key.encode())
            return pairs(certificate.fingerprint(hashes.SHA1()).hex())
        serialization.load_ssh_public_key(public_key.encode())
        raw = base64.b64decode(public_key.split(" ")[1])
        return pairs(hashlib.md5(raw, usedforsecurity=False).hexdigest())
    except (ValueError, IndexError, TypeError, binascii.Error, UnsupportedAlgorithm) as error:
        told = f"failed to generate X509 fingerprint. Error message: {error}"
        what = told if type == "x509" else "failed to generate fingerprint"
        raise BadRequest(f"Keypair data is invalid: {what}") from None


def generated(type: str, user: str) -> tuple[str, str]:
    """A fresh private key and its public half, as Nova makes them for clients that send none."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return certified(key, user) if type == "x509" else plain(key)


def plain(key: rsa.RSAPrivateKey) -> tuple[str, str]:
    """An SSH key: PEM, and OpenSSH's line."""
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode(), f"{public.decode()} Generated-by-Nova"


def certified(key: rsa.RSAPrivateKey, user: str) -> tuple[str, str]:
    """A key with a certificate for log-in over WinRM: PKCS 12 in base64, and the certificate as PEM."""
    # A common name has at most 64 bytes here (RFC 5280, ub-common-name, counts characters).
    short = user.encode()[:64].decode(errors="ignore")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, short)])
    now = datetime.now(UTC)
    principal = x509.OtherName(PRINCIPAL_NAME, _utf8_string(f"{user}@localhost"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + LIFE)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([principal]), critical=False)
        .sign(key, hashes.SHA256())
    )
    bundle = pkcs12.serialize_key_and_certificates(None, key, certificate, None, serialization.NoEncryption())
    return base64.b64encode(bundle).decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


def _utf8_string(text: str) -> bytes:
    """A UTF8String as DER has it (X.690, 8.1.3): a length from 128 on is told by the number of its bytes first."""
    content = text.encode()
    size = len(content)
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return b"\x0c" + (length if size < 128 else bytes([0x80 | len(length)]) + length) + content
