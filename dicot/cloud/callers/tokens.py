"""Tokens: sealed, stateless, in exactly one spelling each.

``base64url(version 1 | key id 4 | nonce 12 | AES-256-GCM(payload))`` without padding; version and key id are
authenticated with it.
"""

import base64
import hashlib
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag

from .keys import Keyring

VERSION = b"\x01"
METHODS = ("password", "token")
_PAYLOAD = struct.Struct(">16sB16sBQQ16s16sI")
_RAW = 1 + 4 + 12 + _PAYLOAD.size + 16
LENGTH = (_RAW * 8 + 5) // 6
"""Characters of a token."""
_SHAPE = re.compile(rf"[A-Za-z0-9_-]{{{LENGTH}}}\Z")
_NOTHING = bytes(16)
_DEFAULT_DOMAIN = "default"
_CACHED = 10_000


@dataclass(frozen=True, slots=True)
class Unscoped:
    """No scope."""


@dataclass(frozen=True, slots=True)
class ProjectScope:
    """A project, by its id."""

    id: str


@dataclass(frozen=True, slots=True)
class DomainScope:
    """A domain, by its id."""

    id: str


@dataclass(frozen=True, slots=True)
class SystemScope:
    """The whole system."""


Scope = Unscoped | ProjectScope | DomainScope | SystemScope
_KINDS: tuple[type[Scope], ...] = (Unscoped, ProjectScope, DomainScope, SystemScope)


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says: who, for what, how proven, and when, in microseconds of Unix time. Never which roles.

    ``audit`` is its own audit id; ``parent`` that of the first token of its chain, "" for the first one.
    """

    user: str
    scope: Scope
    methods: frozenset[str]
    issued: int
    expires: int
    audit: str
    parent: str
    generation: int

    @property
    def audit_ids(self) -> list[str]:
        """As Keystone shows them: its own, then that of the chain."""
        return [self.audit, self.parent] if self.parent else [self.audit]


class Unreadable(Exception):
    """Not a token of ours."""


class UnknownKey(Unreadable):
    """Of the right form, but sealed with a key that is not (or no longer, or not yet) known here."""


def audit_id(raw: bytes) -> str:
    """16 bytes as 22 characters."""
    return base64.urlsafe_b64encode(raw)[:22].decode()


def derive(fresh: Token, parent: Token | None) -> Token:
    """The token that may be issued in the place of ``fresh`` by somebody who showed ``parent``.

    The one place where tokens come from tokens: expiry never grows, methods add up, the chain is kept.
    """
    if parent is None:
        return fresh
    return Token(
        fresh.user,
        fresh.scope,
        fresh.methods | parent.methods,
        fresh.issued,
        min(fresh.expires, parent.expires),
        fresh.audit,
        parent.parent or parent.audit,
        fresh.generation,
    )


class Tokens:
    """Seals and opens tokens."""

    def __init__(self, ring: Keyring, random: Callable[[int], bytes], life: int) -> None:
        self._ring = ring
        self._random = random
        self._life = life
        self._read: dict[bytes, Token] = {}
        ring.listen(self._read.clear)

    def fresh(self, user: str, scope: Scope, methods: frozenset[str], generation: int, now: float) -> Token:
        """A token of full life (to the second, as Keystone's), with an audit id of its own."""
        expires = int(now + self._life) * 1_000_000
        audit = audit_id(self._random(16))
        return Token(user, scope, methods, int(now * 1_000_000), expires, audit, "", generation)

    def write(self, token: Token) -> str:
        """The text of a token. Raises Unavailable without a key."""
        id, box = self._ring.sealing
        head = VERSION + id
        nonce = self._random(12)
        return _text(head + nonce + box.encrypt(nonce, _packed(token), head))

    def read(self, text: str) -> Token:
        """What a token says, if it is one; whether it still counts is not asked. Raises Unreadable, UnknownKey."""
        if _SHAPE.match(text) is None:
            raise Unreadable
        digest = hashlib.sha256(text.encode()).digest()
        token = self._read.get(digest)
        if token is None:
            token = self._open(text)
            if len(self._read) >= _CACHED:
                del self._read[next(iter(self._read))]
            self._read[digest] = token
        return token

    def _open(self, text: str) -> Token:
        raw = base64.urlsafe_b64decode(text + "=" * (-LENGTH % 4))
        # Python's decoder ignores stray bits at the end; only what it would write itself counts.
        if _text(raw) != text or raw[:1] != VERSION:
            raise Unreadable
        box = self._ring.opening(raw[1:5])
        if box is None:
            raise UnknownKey
        try:
            payload = box.decrypt(raw[5:17], raw[17:], raw[:5])
        except InvalidTag:
            raise Unreadable from None
        return _unpacked(payload)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _packed(token: Token) -> bytes:
    return _PAYLOAD.pack(
        bytes.fromhex(token.user),
        _KINDS.index(type(token.scope)),
        _scope_id(token.scope),
        sum(1 << bit for bit, method in enumerate(METHODS) if method in token.methods),
        token.issued,
        token.expires,
        _audit_bytes(token.audit),
        _audit_bytes(token.parent) if token.parent else _NOTHING,
        token.generation,
    )


def _unpacked(payload: bytes) -> Token:
    user, kind, id, bits, issued, expires, audit, parent, generation = _PAYLOAD.unpack(payload)
    return Token(
        user.hex(),
        _scope(kind, id),
        frozenset(method for bit, method in enumerate(METHODS) if bits & 1 << bit),
        issued,
        expires,
        audit_id(audit),
        "" if parent == _NOTHING else audit_id(parent),
        generation,
    )


def _scope_id(scope: Scope) -> bytes:
    match scope:
        case ProjectScope(id):
            return bytes.fromhex(id)
        case DomainScope(id):
            return _NOTHING if id == _DEFAULT_DOMAIN else bytes.fromhex(id)
        case _:
            return _NOTHING


def _scope(kind: int, id: bytes) -> Scope:
    if _KINDS[kind] is ProjectScope:
        return ProjectScope(id.hex())
    if _KINDS[kind] is DomainScope:
        return DomainScope(_DEFAULT_DOMAIN if id == _NOTHING else id.hex())
    return SystemScope() if _KINDS[kind] is SystemScope else Unscoped()


def _audit_bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")
