"""Tokens of ServiceAccounts: JSON Web Tokens, signed with ES256 (kubernetes, pkg/serviceaccount)."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64
from typing import Any

from cachetools import LRUCache
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

ISSUER = "https://kubernetes.default.svc"
Claims = dict[str, Any]
_HALF = 32


class Forged(Exception):
    """A token with our issuer that we did not sign."""


def new_key() -> bytes:
    """A key for tokens, as PEM."""
    return generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Signer:
    """Signs claims, and knows again what it signed."""

    def __init__(self, key: bytes) -> None:
        loaded = load_pem_private_key(key, None)
        assert isinstance(loaded, EllipticCurvePrivateKey)
        self._key, self._public = loaded, loaded.public_key()
        der = self._public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        kid = _text(hashlib.sha256(der).digest())
        self._header = _text(_json({"alg": "ES256", "kid": kid}))
        self._known: LRUCache[str, Claims] = LRUCache(10_000)

    def sign(self, claims: Claims) -> str:
        """The token of these claims."""
        said = f"{self._header}.{_text(_json({**claims, 'iss': ISSUER}))}"
        r, s = decode_dss_signature(self._key.sign(said.encode(), ECDSA(hashes.SHA256())))
        return f"{said}.{_text(r.to_bytes(_HALF, 'big') + s.to_bytes(_HALF, 'big'))}"

    def read(self, token: str) -> Claims | None:
        """The claims of a token of ours, None for what is none at all."""
        known = self._known.get(token)
        if known is not None:
            return known
        parts = token.split(".")
        if len(parts) != 3:
            return None
        try:
            claims = json.loads(_bytes(parts[1]))
            signature = _bytes(parts[2])
        except (NoBase64, ValueError):
            return None
        if not isinstance(claims, dict) or claims.get("iss") != ISSUER:
            return None
        self._verify(f"{parts[0]}.{parts[1]}".encode(), signature)
        self._known[token] = claims
        return claims

    def _verify(self, said: bytes, signature: bytes) -> None:
        r, s = (int.from_bytes(half, "big") for half in (signature[:_HALF], signature[_HALF:]))
        try:
            self._public.verify(encode_dss_signature(r, s), said, ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise Forged("go-jose/go-jose: error in cryptographic primitive") from None


def _json(document: Claims) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
