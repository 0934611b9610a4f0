"""Who a token stands for, and tokens for ServiceAccounts on request (authentication.k8s.io TokenRequest)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

from dicot.kube.kind import Manifest
from dicot.moments import read, stamp

from ..asked import User
from ..seams import Reader
from .names import AUTHENTICATED, NOBODY, account_groups
from .rbac import account
from .refusals import bad_request, conflict, invalid, not_found, unauthorized
from .rules import quoted
from .tokens import ISSUER, Claims, Forged, Signer

AUDIENCES = (ISSUER,)
LIFE = 3600
SHORTEST, LONGEST = 600, 1 << 32
LEEWAY = 60.0
"""Seconds for which the tokens of an account hold once its deletion has begun."""
_EXTRA = "authentication.kubernetes.io"
_TOKEN_REQUEST = ("authentication.k8s.io", "TokenRequest")
_BOUND = {"Pod": "pods", "Node": "nodes", "Secret": "secrets"}
_TOO_SHORT = "may not specify a duration less than 10 minutes"
_TOO_LONG = "may not specify a duration larger than 2^32 seconds"


class Rejected(Exception):
    """A token that stands for nobody, and why (the reason is for reviews only)."""


@dataclass(frozen=True, slots=True)
class Known:
    """Who a token stands for, and for which of the audiences that were asked for."""

    user: User
    audiences: tuple[str, ...]


class Credentials:
    """Static tokens and the tokens of ServiceAccounts."""

    def __init__(
        self, static: Mapping[str, User], signer: Signer, reader: Reader, seconds: Callable[[], float]
    ) -> None:
        self._static = {token: _authenticated(user) for token, user in static.items()}
        self._signer = signer
        self._reader = reader
        self._seconds = seconds

    def who(self, authorization: str | None) -> User:
        """The user of a request by its Authorization header; 401 for a token that stands for nobody."""
        scheme, _, token = (authorization or "").strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            return NOBODY
        try:
            return self.know(token, AUDIENCES).user
        except Rejected:
            raise unauthorized() from None

    def know(self, token: str, audiences: tuple[str, ...]) -> Known:
        """Who a token stands for. Raises Rejected."""
        static = self._static.get(token)
        if static is not None and set(AUDIENCES) & set(audiences):
            return Known(static, AUDIENCES)
        try:
            claims = self._signer.read(token)
            known = None if claims is None else self._account(claims, audiences)
        except Forged as forged:
            raise Rejected(f"[invalid bearer token, {forged}]") from None
        if known is None:
            raise Rejected("invalid bearer token")
        return known

    def _account(self, claims: Claims, audiences: tuple[str, ...]) -> Known:
        fit = tuple(each for each in claims["aud"] if each in audiences)
        if not fit:
            wrong = f"token audiences {quoted(claims['aud'])} is invalid for the target audiences {quoted(audiences)}"
            raise Rejected(f"[invalid bearer token, {wrong}]")
        why = self._void(claims)
        if why:
            raise Rejected(f"[invalid bearer token, {why}]")
        own = claims["kubernetes.io"]
        namespace, name = own["namespace"], own["serviceaccount"]
        user = User(account(namespace, name["name"]), account_groups(namespace), name["uid"], _extra(claims))
        return Known(_authenticated(user), fit)

    def _void(self, claims: Claims) -> str:
        """Why a token no longer holds."""
        if self._seconds() > claims["exp"] + LEEWAY:
            return "service account token has expired"
        own = claims["kubernetes.io"]
        namespace, ref = own["namespace"], own["serviceaccount"]
        found = self._reader.get("", "serviceaccounts", namespace, ref["name"])
        if found is None:
            return f"serviceaccounts {json.dumps(ref['name'])} not found"
        uid = found["metadata"]["uid"]
        if uid != ref["uid"]:
            return f"service account UID ({uid}) does not match claim ({ref['uid']})"
        if self._deleted(found):
            return f"service account {namespace}/{ref['name']} has been deleted"
        return self._loose(own)

    def _loose(self, own: Claims) -> str:
        for kind, plural in _BOUND.items():
            ref = own.get(kind.lower())
            if ref is None or (kind == "Node" and "pod" in own):
                continue
            namespace = "" if kind == "Node" else own["namespace"]
            found = self._reader.get("", plural, namespace, ref["name"])
            if found is None or self._deleted(found):
                return "service account token has been invalidated"
            uid = found["metadata"]["uid"]
            if uid != ref["uid"]:
                said = kind if kind != "Pod" else "pod"
                return f"{said} UID ({uid}) does not match service account {kind.lower()} ref claim ({ref['uid']})"
        return ""

    def _deleted(self, found: Manifest) -> bool:
        at = read(found["metadata"].get("deletionTimestamp"))
        return at is not None and at < self._seconds() - LEEWAY

    def request(self, namespace: str, name: str, body: Manifest) -> Manifest:
        """The answer to a TokenRequest for an account."""
        found = self._reader.get("", "serviceaccounts", namespace, name)
        if found is None:
            raise not_found("", "serviceaccounts", name)
        own = body.get("metadata") or {}
        spec = body.get("spec") or {}
        _same(own, namespace, name, found["metadata"]["uid"])
        audiences = spec.get("audiences") or list(AUDIENCES)
        life = LIFE if spec.get("expirationSeconds") is None else spec["expirationSeconds"]
        _lasting(life)
        bound = spec.get("boundObjectRef")
        claims = self._claims(namespace, found, audiences, life)
        if bound is not None:
            claims["kubernetes.io"] |= self._bind(namespace, name, bound)
        now = claims["iat"]
        metadata = {"name": name, "namespace": namespace, "uid": found["metadata"]["uid"]}
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {**metadata, "creationTimestamp": stamp(now)},
            "spec": {"audiences": audiences, "expirationSeconds": life, "boundObjectRef": bound},
            "status": {"token": self._signer.sign(claims), "expirationTimestamp": stamp(now + life)},
        }

    def _claims(self, namespace: str, found: Manifest, audiences: list[str], life: int) -> Claims:
        metadata, now = found["metadata"], int(self._seconds())
        ref = {"name": metadata["name"], "uid": metadata["uid"]}
        return {
            "aud": audiences,
            "exp": now + life,
            "iat": now,
            "jti": str(uuid4()),
            "kubernetes.io": {"namespace": namespace, "serviceaccount": ref},
            "nbf": now,
            "sub": account(namespace, metadata["name"]),
        }

    def _bind(self, namespace: str, name: str, bound: Manifest) -> Claims:
        kind, version = bound.get("kind", ""), bound.get("apiVersion", "")
        if version != "v1" or kind not in _BOUND:
            group, _, short = version.rpartition("/")
            raise bad_request(f"cannot bind token to object of type {group}/{short}, Kind={kind}")
        plural = _BOUND[kind]
        found = self._reader.get("", plural, "" if kind == "Node" else namespace, bound["name"])
        if found is None:
            raise not_found("", plural, bound["name"])
        uid = found["metadata"]["uid"]
        if bound.get("uid", uid) != uid:
            stale = f"the UID in the bound object reference ({bound['uid']}) does not match the UID in record."
            raise conflict("", kind, bound["name"], f"{stale} The object might have been deleted and then recreated")
        claims: Claims = {kind.lower(): {"name": bound["name"], "uid": uid}}
        return claims if kind != "Pod" else {**claims, **self._pod(name, found)}

    def _pod(self, name: str, pod: Manifest) -> Claims:
        """A token of a Pod says on which Node it is."""
        if pod["spec"].get("serviceAccountName", "") != name:
            other = "pod running with different serviceaccount name."
            raise bad_request(f"cannot bind token for serviceaccount {json.dumps(name)} to {other}")
        node = pod["spec"].get("nodeName")
        if not node:
            return {}
        found = self._reader.get("", "nodes", "", node)
        return {"node": {"name": node} | ({} if found is None else {"uid": found["metadata"]["uid"]})}


def _same(own: Manifest, namespace: str, name: str, uid: str) -> None:
    """What a TokenRequest says of its account must be so."""
    for field, value in (("name", name), ("namespace", namespace)):
        if own.get(field, value) != value:
            why = f"must match the service account {field} if specified"
            raise invalid(*_TOKEN_REQUEST, name, [(f"metadata.{field}", own[field], why)])
    if own.get("uid", uid) != uid:
        pair = f"({own['uid']}) does not match the UID of the service account ({uid})"
        raise conflict(*_TOKEN_REQUEST, name, f"the UID in the token request {pair}")


def _lasting(life: int) -> None:
    for wrong, why in ((life < SHORTEST, _TOO_SHORT), (life > LONGEST, _TOO_LONG)):
        if wrong:
            raise invalid(*_TOKEN_REQUEST, "", [("spec.expirationSeconds", life, why)])


def _authenticated(user: User) -> User:
    groups = user.groups
    return user if AUTHENTICATED in groups else replace(user, groups=(*groups, AUTHENTICATED))


def _extra(claims: Claims) -> Mapping[str, tuple[str, ...]]:
    extra = {f"{_EXTRA}/credential-id": (f"JTI={claims['jti']}",)}
    for kind in ("node", "pod"):
        ref = claims["kubernetes.io"].get(kind)
        if ref is not None:
            extra[f"{_EXTRA}/{kind}-name"] = (ref["name"],)
            if "uid" in ref:
                extra[f"{_EXTRA}/{kind}-uid"] = (ref["uid"],)
    return extra
