"""Who a request is from, once it acts as somebody (Authenticator)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..asked import Attributes, User
from .credentials import Credentials
from .impersonation import Impersonation, wanted


class Authentication:
    """Tokens first, then impersonation."""

    def __init__(self, credentials: Credentials, impersonation: Impersonation) -> None:
        self._credentials = credentials
        self._impersonation = impersonation

    def identify(self, headers: Mapping[str, Sequence[str]], asked: Attributes) -> User:
        """May raise Refusal."""
        asking = self._credentials.who(next(iter(headers.get("authorization", ())), None))
        user = wanted((name, value) for name, values in headers.items() for value in values)
        return asking if user is None else self._impersonation.act(asking, user, asked)
