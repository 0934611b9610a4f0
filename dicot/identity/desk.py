"""What identity's operations work with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..cloud.callers.directory import Directory
from ..cloud.callers.keys import Keyring
from ..cloud.callers.policy import Policy
from ..cloud.callers.revocation import Revocations
from ..cloud.callers.standing import Standings
from ..cloud.callers.tokens import Tokens
from .password import Passwords

Catalog = tuple[Mapping[str, Any], ...]
TOOL = "identity"
"""The key of ``Bench.tools`` under which the desk lies."""


@dataclass(frozen=True)
class Desk:
    """One for each daemon. ``now`` is Unix time in seconds, ``url`` the public address of Keystone's v3."""

    ring: Keyring
    tokens: Tokens
    standings: Standings
    directory: Directory
    revocations: Revocations
    passwords: Passwords
    policy: Policy
    catalog: Catalog
    url: str
    now: Callable[[], float]
