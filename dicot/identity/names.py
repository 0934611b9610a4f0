"""Which names of identity's objects must be unique: within a domain, whatever their case."""

from typing import Any

from ..cloud.kinds.identity import DOMAIN, ROLE, USER, Domain, Role, User
from ..cloud.plan import Claim
from ..cloud.writing.claims import Claimed
from ..kube.kind import Kind, Row
from ..names import SYSTEM_NAMESPACE

_WORDS = {USER.resource: "user", DOMAIN.resource: "domain", ROLE.resource: "role"}


def claim(kind: Kind[Any], domain: str, name: str, id: str, object_name: str) -> Claim:
    """The claim that an object of a kind has on its name; ``domain`` is "" for what belongs to none."""
    place = f"{kind.resource} {SYSTEM_NAMESPACE}/{object_name}"
    return Claim(_WORDS[kind.resource], domain, name.casefold(), id, place)


def _user(row: Row, body: User) -> Claim:
    return claim(USER, body.spec.domainId, body.spec.name, row.id, row.name)


def _domain(row: Row, body: Domain) -> Claim:
    return claim(DOMAIN, "", body.spec.name, row.id, row.name)


def _role(row: Row, body: Role) -> Claim:
    return claim(ROLE, body.spec.domainId, body.spec.name, row.id, row.name)


CLAIMED: Claimed = {USER: _user, DOMAIN: _domain, ROLE: _role}
"""By kind, the claim of an object, for the steward."""
