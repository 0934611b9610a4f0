"""Who may do what: one table, assembled from all resources, asked with facts that are ours alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...caller import Caller
from ..service import Service
from .tokens import DomainScope, ProjectScope, Scope, SystemScope

ROLES = ("reader", "member", "manager", "admin")
"""The roles that have an account in each project, the weakest first."""
_NAMED = frozenset((*ROLES, "service"))
PERSONAS = frozenset(
    (
        "any",
        *_NAMED,
        *(f"system_{role}" for role in _NAMED),
        *(f"domain_{role}" for role in _NAMED),
    )
)
"""What a token alone makes of a caller."""
RELATIONS = frozenset(("owner", "subject", "project", "domain_reader_of"))
"""What a caller is to one target: its user, the token's user, of that project, a reader of its domain.

A row that names one lets every caller as far as the operation, which asks ``decide`` with what it found stored.
"""


def personas(scope: Scope, roles: frozenset[str]) -> frozenset[str]:
    """What a token's scope and the roles held in it make of a caller.

    Role names stand for themselves within a project only. A cloud admin, by project or system, is ``admin``.
    """
    held = roles & _NAMED
    match scope:
        case ProjectScope():
            return held | {"any"}
        case SystemScope():
            return frozenset((*(f"system_{role}" for role in held), *(held & {"admin"}), "any"))
        case DomainScope():
            return frozenset((*(f"domain_{role}" for role in held), "any"))
        case _:
            return frozenset(("any",))


def strongest(roles: frozenset[str]) -> str:
    """The strongest role that has an account in each project, "" for none."""
    return next((role for role in reversed(ROLES) if role in roles), "")


@dataclass(frozen=True, slots=True)
class Rule:
    """One operation: who may, and of which service it is."""

    personas: frozenset[str]
    service: Service


class Policy:
    """The table."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self.rules = rules

    def permit(self, caller: Caller, operation: str) -> None:
        """Raises the service's own refusal unless the caller's token reaches as far as the operation.

        KeyError for an operation that no resource declares.
        """
        rule = self.rules[operation]
        if _kind_of_scope(caller) not in rule.service.scopes:
            raise rule.service.forbidden(operation)
        if not (caller.personas & rule.personas or rule.personas & RELATIONS):
            raise rule.service.forbidden(operation)

    def decide(self, caller: Caller, operation: str, relations: frozenset[str]) -> None:
        """As ``permit``, for one target: the caller's personas, or what the caller is to it, must be in the row."""
        self.permit(caller, operation)
        rule = self.rules[operation]
        if not (caller.personas | relations) & rule.personas:
            raise rule.service.forbidden(operation)


def assembled(services: Iterable[Service]) -> Policy:
    """The table of all services. Raises ValueError for a persona that nobody is, or an operation named twice."""
    rules: dict[str, Rule] = {}
    for service in services:
        for resource in service.resources:
            for operation, row in resource.policy.items():
                unknown = row - PERSONAS - RELATIONS
                if unknown or not row:
                    raise ValueError(f"{resource.name}: {operation} names {sorted(unknown) or 'nobody'}")
                if rules.setdefault(operation, Rule(row, service)) != Rule(row, service):
                    raise ValueError(f"{resource.name}: {operation} is declared twice, differently")
    return Policy(rules)


def _kind_of_scope(caller: Caller) -> str:
    if caller.system:
        return "system"
    return "domain" if caller.domain else "project"
