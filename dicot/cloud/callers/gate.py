"""Token -> Caller, and whether the caller may: what web asks of identity."""

from collections.abc import Awaitable
from hashlib import blake2s

from ...caller import Caller
from ...faults import Unauthorized
from .policy import Policy, personas, strongest
from .standing import Standing, Standings
from .tokens import DomainScope, SystemScope, UnknownKey

REFUSAL = "The request you have made requires authentication."
"""Keystone's text for every reason there is: which one it was is nobody's business."""
_REMEMBERED = 10_000


class TokenGate:
    """Fulfils ``web.call.Gate``. Nothing of it waits, unless a token's key was never seen here.

    Who showed a token is remembered by the token's digest until anything happens to users, roles, domains, projects,
    keys or revocations; the token's end and the age of the watches are looked at each time.
    """

    def __init__(self, standings: Standings, policy: Policy) -> None:
        self._standings = standings
        self._policy = policy
        self._known: dict[bytes, Caller] = {}
        standings.listen(self._known.clear)

    def identify(self, token: str) -> Caller | Awaitable[Caller]:
        """The caller, with the roles of this moment. Raises Unauthorized, Unavailable."""
        now = self._standings.heard()
        # As strong as SHA-256, and costs half as much in the midst of a request.
        digest = blake2s(token.encode()).digest()
        known = self._known.get(digest)
        if known is not None and now < known.expires:
            return known
        try:
            standing = self._standings.shown(token)
        except UnknownKey:
            return self._looked_up(token)
        return self._remembered(digest, standing)

    def _remembered(self, digest: bytes, standing: Standing | None) -> Caller:
        self._known.pop(digest, None)
        caller = _caller(standing)
        if len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[digest] = caller
        return caller

    def permit(self, caller: Caller, operation: str) -> None:
        """Raises Forbidden in the words of the operation's service."""
        self._policy.permit(caller, operation)

    async def _looked_up(self, token: str) -> Caller:
        return _caller(await self._standings.looked_up(token))


def _caller(standing: Standing | None) -> Caller:
    if standing is None:
        raise Unauthorized(REFUSAL)
    return caller_of(standing)


def caller_of(standing: Standing) -> Caller:
    """Who asks, by a token that counts."""
    token, project = standing.token, standing.project
    roles = frozenset(role.name for role in standing.roles)
    what = personas(token.scope, roles)
    return Caller(
        user=standing.user.id,
        user_name=standing.user.name,
        project=project.id if project else "",
        project_name=project.name if project else "",
        namespace=project.namespace if project else "",
        roles=roles,
        personas=what,
        admin="admin" in what,
        role_account=strongest(roles) if project else "",
        audit=token.audit,
        expires=token.expires / 1e6,
        domain=token.scope.id if isinstance(token.scope, DomainScope) else "",
        system=isinstance(token.scope, SystemScope),
        user_domain=standing.user.domain,
        project_domain=project.domain if project else "default",
    )
