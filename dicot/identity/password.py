"""Passwords: argon2id, in Secrets that are read by name at each log-in and never listed."""

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cachetools import TTLCache

from ..cloud.kinds.storage import SECRET
from ..faults import BadRequest, Unavailable
from ..kube.address import place
from ..kube.client import Kube
from ..kube.errors import Conflict, Doubtful, Exists, Missing, Refused, Unreachable
from ..kube.kind import Manifest
from ..names import SYSTEM_NAMESPACE
from .brake import Brake

LONGEST = 4096
"""Bytes of a password; a longer one is refused before it is hashed, never cut."""
REMEMBERED = 60.0
"""Seconds in which a right password is not hashed again: command line clients log in for each command."""
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's minimum for argon2id."""
_UNREACHABLE = "The password cannot be checked at the moment."


class _Hash(msgspec.Struct, frozen=True):
    data: dict[str, str] = {}
    metadata: dict[str, Any] = {}


def secret_name(user: str) -> str:
    """The Secret that holds a user's hash, under the key ``hash``."""
    return f"user-{user}"


def secret(user: str, hashed: str) -> Manifest:
    """That Secret."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret_name(user), "namespace": SYSTEM_NAMESPACE},
        "type": "dicot.io/password-hash",
        "data": {"hash": base64.b64encode(hashed.encode()).decode()},
    }


class Passwords:
    """Checks passwords. Whether there is such a user at all makes no difference to the work that is done.

    ``run`` does what it is given in a thread; ``clock`` is monotonic.
    """

    def __init__(
        self,
        kube: Kube,
        run: Callable[[Callable[[], Any]], Awaitable[Any]],
        brake: Brake,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        hasher: PasswordHasher = HASHER,
    ) -> None:
        self._kube = kube
        self._run = run
        self._brake = brake
        self._hasher = hasher
        self._key = random(32)
        self._right: TTLCache[bytes, str] = TTLCache(1024, REMEMBERED, timer=clock)
        self._dummy = hasher.hash(random(16).hex())

    async def check(self, who: str, password: str, address: str, *, known: bool) -> bool:
        """Whether it is the password of ``who``: a user's id, or with ``known`` False what stands for nobody's.

        ``address`` is where the attempt comes from. Raises BadRequest for a password that is too long, Unavailable
        where the hash cannot be read.
        """
        raw = encoded(password)
        mark = hmac.digest(self._key, f"{len(who)} {who}".encode() + raw, hashlib.sha256)
        remembered = self._right.get(mark)
        if remembered is not None and remembered == (await self._stored(who))[0]:
            return True
        attempt = await self._brake.attempt(who, address)
        if attempt is None:
            return False
        try:
            stored, version = await self._stored(who)
            matches = await self._run(lambda: self._matches(stored or self._dummy, raw))
        except Exception:
            self._brake.open(attempt)
            raise
        if not matches or not stored or not known:
            return False
        self._brake.right(attempt)
        self._right[mark] = stored
        if self._hasher.check_needs_rehash(stored):
            await self._rehash(who, raw, version)
        return True

    async def hashed(self, password: str) -> str:
        """The PHC string of a password. Raises BadRequest."""
        raw = encoded(password)
        text: str = await self._run(lambda: self._hasher.hash(raw))
        return text

    async def store(self, user: str, password: str) -> None:
        """Makes it the user's password. Raises errors of kube."""
        body = secret(user, await self.hashed(password))
        try:
            await self._kube.create(place(SECRET, SYSTEM_NAMESPACE), body)
        except Exists:
            at = place(SECRET, SYSTEM_NAMESPACE, secret_name(user))
            await self._kube.patch(at, {"data": body["data"]})

    async def _stored(self, who: str) -> tuple[str, str]:
        """Hash and resourceVersion, "" where there is none."""
        try:
            answer = await self._kube.read(place(SECRET, SYSTEM_NAMESPACE, secret_name(who)))
        except Missing:
            return "", ""
        except (Refused, Doubtful, Unreachable) as error:
            raise Unavailable(_UNREACHABLE) from error
        found = msgspec.json.decode(answer, type=_Hash)
        text = base64.b64decode(found.data.get("hash", "")).decode("ascii", "replace")
        return text, str(found.metadata.get("resourceVersion", ""))

    def _matches(self, stored: str, raw: bytes) -> bool:
        try:
            return self._hasher.verify(stored, raw)
        except InvalidHashError:
            return self._matches(self._dummy, raw)
        except VerificationError:
            return False

    async def _rehash(self, who: str, raw: bytes, version: str) -> None:
        """Stores the hash with the parameters of today. Left for the next log-in where that does not work out."""
        hashed = await self._run(lambda: self._hasher.hash(raw))
        body = secret(who, hashed)
        body["metadata"]["resourceVersion"] = version
        try:
            await self._kube.replace(place(SECRET, SYSTEM_NAMESPACE, secret_name(who)), body)
        except (Conflict, Refused, Doubtful, Unreachable):
            return


def encoded(password: str) -> bytes:
    """The bytes of a password. Raises BadRequest for too many of them."""
    raw = password.encode("utf-8", "surrogatepass")
    if len(raw) > LONGEST:
        raise BadRequest(f"Invalid input for field 'identity/password/user/password': longer than {LONGEST} bytes.")
    return raw
