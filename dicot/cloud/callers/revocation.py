"""Tokens that count no longer: small objects that every replica watches, until the tokens would have expired."""

from collections.abc import Callable

from cachetools import LRUCache

from ...faults import Unavailable
from ...kube.address import place
from ...kube.client import Kube
from ...kube.errors import Doubtful, Exists, Refused, Unreachable
from ...kube.kind import Manifest
from ...kube.store import Store
from ...moments import precise
from ...names import SYSTEM_NAMESPACE, digest
from ..kinds.identity import GROUP, REVOCATION, Revocation, User
from ..kinds.identity import USER as USER_KIND
from .directory import UserFacts
from .tokens import Token

MANY = 100
"""Single revocations of one user in an hour; after that all of the user's tokens are voided at once."""
_HOUR = 3_600.0
_TRIES = 3


class Revocations:
    """Asks for and writes revocations. ``now`` is Unix time in seconds, ``clock`` is monotonic."""

    def __init__(
        self,
        store: Store[Revocation],
        users: Store[User],
        kube: Kube,
        now: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._users = users
        self._kube = kube
        self._now = now
        self._clock = clock
        self._counts: LRUCache[str, tuple[int, float]] = LRUCache(10_000)

    def void(self, token: Token) -> bool:
        """Whether a token, or the first of its chain with all that came of it, was revoked."""
        if self._store.linked(f"{SYSTEM_NAMESPACE}/{token.audit}"):
            return True
        return bool(token.parent and self._store.linked(f"{SYSTEM_NAMESPACE}/chain:{token.parent}"))

    def listen(self, listener: Callable[[], None]) -> None:
        """Tell a listener whenever something was revoked, or is no longer."""
        self._store.listen(lambda changes: listener())

    async def revoke(self, token: Token, user: UserFacts, *, chain: bool = True) -> None:
        """Voids a token, with ``chain`` also those that were made from it. Returns once the API server has it.

        Raises Unavailable.
        """
        try:
            if self._too_many(token.user):
                await self._void_all(user)
            else:
                await self._create(token, chain)
        except (Refused, Doubtful, Unreachable) as error:
            raise Unavailable("The token cannot be revoked at the moment.") from error

    def _too_many(self, user: str) -> bool:
        now = self._clock()
        count, since = self._counts.get(user, (0, now))
        if now - since >= _HOUR:
            count, since = 0, now
        self._counts[user] = (count + 1, since)
        return count >= MANY

    async def _create(self, token: Token, chain: bool) -> None:
        name = f"revocation-{digest(token.audit)}"
        body: Manifest = {
            "apiVersion": f"{GROUP}/v1",
            "kind": REVOCATION.singular,
            "metadata": {"name": name, "namespace": SYSTEM_NAMESPACE},
            "spec": {
                "formatVersion": 1,
                "auditIds": [token.audit],
                "chainIds": [token.audit] if chain else [],
                "expires": precise(token.expires / 1e6),
            },
        }
        try:
            self._store.learn(await self._settled(body))
        except Exists:
            self._store.learn(await self._kube.read(place(REVOCATION, SYSTEM_NAMESPACE, name)))

    async def _settled(self, body: Manifest) -> bytes:
        """Repeats a doubtful create: under the same name it can only have been ours."""
        for _ in range(_TRIES - 1):
            try:
                return await self._kube.create(place(REVOCATION, SYSTEM_NAMESPACE), body)
            except Doubtful:
                continue
        return await self._kube.create(place(REVOCATION, SYSTEM_NAMESPACE), body)

    async def _void_all(self, user: UserFacts) -> None:
        at = place(USER_KIND, SYSTEM_NAMESPACE, user.name_in_cluster)
        # The next microsecond: a token issued in this very one is voided too.
        after = {"spec": {"tokensValidAfter": precise(self._now() + 1e-6)}}
        self._users.learn(await self._kube.patch(at, after))
