"""Names of users and groups that mean something to Kubernetes (apiserver, pkg/authentication)."""

from __future__ import annotations

import re

from ..asked import User

AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
ACCOUNTS = "system:serviceaccounts"
ANONYMOUS = "system:anonymous"
NOBODY = User(ANONYMOUS, (UNAUTHENTICATED,))
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_NAMESPACE = re.compile(_LABEL)
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_ACCOUNT = "system:serviceaccount:"
_NODE = "system:node:"


def split_account(user: str) -> tuple[str, str] | None:
    """Namespace and name of a ServiceAccount by its user name."""
    if not user.startswith(_ACCOUNT):
        return None
    parts = user.removeprefix(_ACCOUNT).split(":")
    if len(parts) != 2 or not _NAMESPACE.fullmatch(parts[0]) or not _subdomain(parts[1]):
        return None
    return parts[0], parts[1]


def node_name(user: str) -> str | None:
    """The Node that a user is."""
    name = user.removeprefix(_NODE)
    return name if name != user and _subdomain(name) else None


def account_groups(namespace: str) -> tuple[str, ...]:
    """The groups of all accounts of a namespace."""
    return ACCOUNTS, f"{ACCOUNTS}:{namespace}"


def _subdomain(name: str) -> bool:
    return len(name) <= 253 and _NAME.fullmatch(name) is not None
