"""Tokens of CDI. Clones: who may make a volume may copy what it names, once CDI's API server has said so. Uploads:
who may ask for a token may write to a claim.

A signed JWT (PS256) as of CDI 1.65.0, pkg/token: the API server's lives for five minutes, and the controller makes
one of ten years of it, bound to the uid of what it is written to.
"""

import base64
from binascii import Error
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

API_SERVER, CONTROLLER = "cdi-apiserver", "cdi-deployment"
CLAIMS, SNAPSHOTS = "persistentvolumeclaims", "volumesnapshots"
_GROUPS = {CLAIMS: "", SNAPSHOTS: "snapshot.storage.k8s.io"}
SHORT, LONG = 300, 10 * 365 * 24 * 3600
"""Seconds that the tokens of either live."""
_HEADER = '{"alg":"PS256"}'
_DIGEST = hashes.SHA256()
_SIGN = padding.PSS(padding.MGF1(_DIGEST), padding.PSS.DIGEST_LENGTH)
_READ = padding.PSS(padding.MGF1(_DIGEST), padding.PSS.AUTO)


@dataclass(frozen=True, slots=True)
class Grant:
    """A claim (or snapshot) that may be copied, and into which; ``uid`` is that of the volume or claim that holds the
    token."""

    namespace: str
    name: str
    target_namespace: str
    target_name: str
    uid: str = ""
    resource: str = CLAIMS


class Claims(msgspec.Struct):
    """What a token says: who made it, from when until when, and what may be done to which object."""

    iss: str
    exp: int
    nbf: int
    operation: str
    name: str
    namespace: str
    resource: dict[str, str]
    params: dict[str, str] = {}


class Tokens:
    """Signs and reads them with one RSA key."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key
        self._public = key.public_key()

    @classmethod
    def load(cls, pem: bytes) -> "Tokens":
        """Of a private key in PEM. Raises ValueError for what is none."""
        key = serialization.load_pem_private_key(pem, None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("the key of clone tokens is no RSA key")
        return cls(key)

    def grant(self, grant: Grant, issuer: str, now: float) -> str:
        """A token."""
        life = SHORT if issuer == API_SERVER else LONG
        params = {"targetName": grant.target_name, "targetNamespace": grant.target_namespace}
        claims: Mapping[str, object] = {
            "name": grant.name,
            "namespace": grant.namespace,
            "operation": "Clone",
            "params": {**params, "uid": grant.uid} if grant.uid else params,
            "resource": {"group": _GROUPS[grant.resource], "resource": grant.resource, "version": "v1"},
        }
        return self._signed(claims, issuer, life, now)

    def upload(self, namespace: str, name: str, now: float) -> str:
        """A token for an upload to a claim."""
        resource = {"group": "", "resource": CLAIMS, "version": "v1"}
        claims = {"name": name, "namespace": namespace, "operation": "Upload", "resource": resource}
        return self._signed(claims, API_SERVER, SHORT, now)

    def _signed(self, claims: Mapping[str, object], issuer: str, life: int, now: float) -> str:
        claims = {**claims, "exp": int(now) + life, "iat": int(now), "iss": issuer, "nbf": int(now)}
        said = f"{_encode(_HEADER.encode())}.{_encode(msgspec.json.encode(claims))}"
        return f"{said}.{_encode(self._key.sign(said.encode(), _SIGN, _DIGEST))}"

    def read(self, token: str, issuer: str, now: float) -> Grant | None:
        """What a token of that issuer grants now; None where it grants nothing."""
        claims = self.opened(token, issuer, now)
        if claims is None or claims.operation != "Clone":
            return None
        resource = claims.resource.get("resource", "")
        if resource not in _GROUPS:
            return None
        params = claims.params
        target = params.get("targetNamespace", ""), params.get("targetName", "")
        return Grant(claims.namespace, claims.name, *target, params.get("uid", ""), resource)

    def opened(self, token: str, issuer: str, now: float, leeway: float = 0.0) -> Claims | None:
        """What a token of that issuer says, whatever it is for; None for one that does not hold now, give or take
        ``leeway`` seconds."""
        said, _, signature = token.rpartition(".")
        try:
            self._public.verify(_decode(signature), said.encode(), _READ, _DIGEST)
            claims = msgspec.json.decode(_decode(said.partition(".")[2]), type=Claims)
        except (InvalidSignature, msgspec.DecodeError, Error, ValueError):
            return None
        held = claims.iss == issuer and claims.nbf - leeway <= now <= claims.exp + leeway
        return claims if held else None

    @property
    def pem(self) -> tuple[bytes, bytes]:
        """The key in PEM, and the public one that belongs to it."""
        public = serialization.PublicFormat.SubjectPublicKeyInfo
        return _private(self._key), self._public.public_bytes(serialization.Encoding.PEM, public)


def new_key() -> bytes:
    """A private key in PEM."""
    return _private(rsa.generate_private_key(65537, 2048))


def _private(key: rsa.RSAPrivateKey) -> bytes:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
