"""The audit log: one line of JSON for each request of some accounts, as audit.k8s.io/v1 has events of level Metadata.

It is written once the authorizer has decided, so there is no answer in it.
"""

from pathlib import Path
from typing import Protocol

import msgspec

from .asked import Attributes, User


class Audit(Protocol):
    """Is told of each request, and whether it may be made."""

    def __call__(self, user: User, wanted: Attributes, allowed: bool) -> None: ...


def silent(user: User, wanted: Attributes, allowed: bool) -> None:
    """No audit."""


class AuditLog:
    """A file that lines are added to. Requests of users whose names begin otherwise are passed over, but for the ends
    of namespaces, with which rights end."""

    def __init__(self, path: Path, users: tuple[str, ...]) -> None:
        self._file = path.open("ab", buffering=0)
        self._users = users

    def __call__(self, user: User, wanted: Attributes, allowed: bool) -> None:
        """See Audit."""
        if not user.name.startswith(self._users) and (wanted.verb, wanted.resource) != ("delete", "namespaces"):
            return
        event = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Metadata",
            "stage": "ResponseComplete",
            "user": {"username": user.name},
            "verb": wanted.verb,
            "objectRef": {
                "apiGroup": wanted.group,
                "resource": wanted.resource,
                "subresource": wanted.subresource,
                "namespace": wanted.namespace,
                "name": wanted.name,
            },
            "annotations": {"authorization.k8s.io/decision": "allow" if allowed else "forbid"},
        }
        self._file.write(msgspec.json.encode(event) + b"\n")
