"""How Keystone shows what is stored."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from ..cloud.callers.directory import DomainFacts, Project, RoleFacts, UserFacts
from ..cloud.callers.standing import Standing
from ..cloud.callers.tokens import METHODS, DomainScope, ProjectScope, SystemScope, Unscoped
from .desk import Catalog

Answer = dict[str, Any]


@lru_cache(maxsize=10_000)
def isotime(microseconds: int) -> str:
    """A moment as Keystone writes it, with six digits of a second."""
    whole, rest = divmod(microseconds, 1_000_000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


def token(standing: Standing, catalog: Catalog | None) -> Answer:
    """The body of POST and GET /auth/tokens; without a catalog for ``?nocatalog``."""
    said = standing.token
    answer: Answer = {
        "methods": [method for method in METHODS if method in said.methods],
        "user": {
            "domain": _domain_ref(standing.user_domain),
            "id": standing.user.id,
            "name": standing.user.name,
            "password_expires_at": None,
        },
        "audit_ids": said.audit_ids,
        "expires_at": isotime(said.expires),
        "issued_at": isotime(said.issued),
    }
    answer |= _scope(standing)
    if catalog is not None and not isinstance(said.scope, Unscoped):
        answer["catalog"] = catalog
    return {"token": answer}


def _scope(standing: Standing) -> Answer:
    project, domain = standing.project, standing.domain
    roles = [_role_ref(role) for role in standing.roles]
    match standing.token.scope:
        case SystemScope():
            return {"roles": roles, "system": {"all": True}}
        case DomainScope() if domain:
            return {"domain": _domain_ref(domain), "roles": roles}
        case ProjectScope() if project and domain:
            shown = {"domain": _domain_ref(domain), "id": project.id, "name": project.name}
            return {"project": shown, "is_domain": False, "roles": roles}
    return {}


def _domain_ref(domain: DomainFacts) -> Answer:
    return {"id": domain.id, "name": domain.name}


def _role_ref(role: RoleFacts) -> Answer:
    return {"id": role.id, "name": role.name}


def project(facts: Project, url: str) -> Answer:
    """A project. Dicot has no projects below projects: the parent is the domain."""
    return {
        "id": facts.id,
        "name": facts.name,
        "domain_id": facts.domain,
        "description": facts.description,
        "enabled": facts.enabled,
        "parent_id": facts.domain,
        "is_domain": False,
        "tags": list(facts.tags),
        "options": {},
        "links": {"self": f"{url}/projects/{facts.id}"},
    }


def domain(facts: DomainFacts, url: str) -> Answer:
    """A domain."""
    return {
        "id": facts.id,
        "name": facts.name,
        "description": facts.description,
        "enabled": facts.enabled,
        "tags": [],
        "options": {},
        "links": {"self": f"{url}/domains/{facts.id}"},
    }


def user(facts: UserFacts, url: str) -> Answer:
    """A user. What was never set is left out, as Keystone does with a user's own properties."""
    answer: Answer = {
        "id": facts.id,
        "name": facts.name,
        "domain_id": facts.domain,
        "enabled": facts.enabled,
        "password_expires_at": None,
        "options": dict(facts.options),
        "links": {"self": f"{url}/users/{facts.id}"},
    }
    optional = {
        "default_project_id": facts.default_project,
        "email": facts.email,
        "description": facts.description,
    }
    return answer | {key: value for key, value in optional.items() if value}


def collection(key: str, items: Sequence[Answer], address: str, query: Mapping[str, Sequence[str]]) -> Answer:
    """A list with Keystone's links; nothing is paged."""
    asked = urlencode([(name, value) for name, values in query.items() for value in values])
    here = f"{address}?{asked}" if asked else address
    return {key: list(items), "links": {"next": None, "self": here, "previous": None}}
