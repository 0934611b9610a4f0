"""What a token is worth at this moment."""

from collections.abc import Callable
from dataclasses import dataclass

from ...faults import Unavailable
from .directory import Directory, DomainFacts, Project, RoleFacts, UserFacts
from .keys import Keyring
from .revocation import Revocations
from .tokens import DomainScope, ProjectScope, SystemScope, Token, Tokens, UnknownKey, Unreadable, Unscoped

LOGIN_AGE = 120.0
"""Seconds since the identity watches were last heard, above which nobody may log in. An idle watch brings a bookmark
each minute and is given up after 90 s, so that less would refuse log-ins on a quiet cluster."""
READ_AGE = 1800.0
"""The same, above which known tokens are not taken any more either. Reads outlive an API server that is away; nothing
can be revoked then, so that this bounds only a replica that is cut off by itself."""

LOOK = 1.0
"""Seconds between two looks at the age for tokens."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A token that counts, with what its user, scope and roles are now.

    ``domain`` is that of a project scope's project, or the domain scope itself; None for other scopes.
    """

    token: Token
    user: UserFacts
    user_domain: DomainFacts
    project: Project | None
    domain: DomainFacts | None
    roles: tuple[RoleFacts, ...]


class Standings:
    """Weighs tokens. ``now`` is Unix time, ``age`` the seconds since the identity watches were last heard."""

    def __init__(
        self,
        tokens: Tokens,
        ring: Keyring,
        directory: Directory,
        revocations: Revocations,
        now: Callable[[], float],
        age: Callable[[], float],
    ) -> None:
        self._tokens = tokens
        self._ring = ring
        self._directory = directory
        self._revocations = revocations
        self._now = now
        self._age = age
        self._looked = float("-inf")

    def listen(self, listener: Callable[[], None]) -> None:
        """Tell a listener whenever anything but time may have ended a standing, or made it another."""
        self._ring.listen(listener)
        self._directory.listen(listener)
        self._revocations.listen(listener)

    def shown(self, text: str) -> Standing | None:
        """The standing of a token's text; None where it does not count. Raises UnknownKey, Unavailable."""
        try:
            token = self._tokens.read(text)
        except UnknownKey:
            raise
        except Unreadable:
            return None
        return self.of(token)

    async def looked_up(self, text: str) -> Standing | None:
        """As ``shown``; a key that is not known yet is looked for once."""
        try:
            return self.shown(text)
        except UnknownKey:
            await self._ring.refresh()
        try:
            return self.shown(text)
        except UnknownKey:
            return None

    def of(self, token: Token) -> Standing | None:
        """The standing of a token; None where it has expired or been revoked, or nothing is left of its basis."""
        now = self.heard()
        user = self._directory.user(token.user)
        if user is None or not user.enabled or token.expires <= now * 1e6:
            return None
        if token.issued < user.valid_after or token.generation != user.generation or self._revocations.void(token):
            return None
        user_domain = self._directory.domain(user.domain)
        if user_domain is None or not user_domain.enabled:
            return None
        return self._scoped(token, user, user_domain)

    def heard(self) -> float:
        """The time. Raises Unavailable where what is known is too old to be worth anything now."""
        now = self._now()
        if not 0 <= now - self._looked < LOOK:
            if self._age() > READ_AGE:
                raise Unavailable("The identity service has not heard from Kubernetes for too long.", retry_after=10)
            self._looked = now
        return now

    def may_log_in(self) -> None:
        """Raises Unavailable where what is known of users is too old to let anybody in by it."""
        if self._age() > LOGIN_AGE:
            raise Unavailable("The identity service has not heard from Kubernetes for too long.", retry_after=10)

    def _scoped(self, token: Token, user: UserFacts, user_domain: DomainFacts) -> Standing | None:
        project, domain = None, None
        match token.scope:
            case Unscoped():
                return Standing(token, user, user_domain, None, None, ())
            case SystemScope():
                roles = self._directory.roles_on_system(user.id)
            case ProjectScope(id):
                project = self._directory.project(id)
                if project is None or not project.enabled:
                    return None
                domain = self._directory.domain(project.domain)
                roles = self._directory.roles_on_project(user.id, project)
            case DomainScope(id):
                domain = self._directory.domain(id)
                roles = self._directory.roles_on_domain(user.id, id)
        if not roles or ((domain is None or not domain.enabled) and not isinstance(token.scope, SystemScope)):
            return None
        return Standing(token, user, user_domain, project, domain, roles)
