"""Own kinds of ``identity.dicot.io``, all in ``dicot-system``; and Namespace."""

import msgspec

from ...kube.kind import Kind, Meta, Row
from ...names import SYSTEM_NAMESPACE
from .condition import Conditions

GROUP = "identity.dicot.io"


class NamespaceBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Namespace. A project's name, description, domain, tags and enabled flag are its annotations."""

    metadata: Meta = Meta()


class RecordSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """``role`` is project or images; ``uid`` pins the Namespace; ``id`` is a project's id (32 hex digits)."""

    formatVersion: int = 1
    namespace: str = ""
    uid: str = ""
    id: str = ""
    role: str = "project"


class NamespaceRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What makes a Namespace a project, or a place of public images (architecture 7: by record, not by label)."""

    metadata: Meta = Meta()
    spec: RecordSpec = RecordSpec()


class DomainSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    formatVersion: int = 1
    name: str = ""
    description: str = ""
    enabled: bool = True


class Domain(msgspec.Struct, frozen=True, omit_defaults=True):
    metadata: Meta = Meta()
    spec: DomainSpec = DomainSpec()
    status: Conditions = Conditions()


class UserSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """``tokensValidAfter`` is RFC 3339 with microseconds or ""; tokens issued before it are void."""

    formatVersion: int = 1
    name: str = ""
    domainId: str = "default"
    enabled: bool = True
    email: str = ""
    description: str = ""
    defaultProjectId: str = ""
    options: dict[str, str | bool | int] = {}
    tokensValidAfter: str = ""
    credentialGeneration: int = 0


class User(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Keystone user; the password hash lies in Secret ``user-<id>``, key ``hash``."""

    metadata: Meta = Meta()
    spec: UserSpec = UserSpec()
    status: Conditions = Conditions()


class RoleSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    formatVersion: int = 1
    name: str = ""
    domainId: str = ""
    description: str = ""


class Role(msgspec.Struct, frozen=True, omit_defaults=True):
    metadata: Meta = Meta()
    spec: RoleSpec = RoleSpec()
    status: Conditions = Conditions()


class ImpliedRoleSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    formatVersion: int = 1
    priorRoleId: str = ""
    impliedRoleId: str = ""


class ImpliedRole(msgspec.Struct, frozen=True, omit_defaults=True):
    metadata: Meta = Meta()
    spec: ImpliedRoleSpec = ImpliedRoleSpec()


class AssignmentScope(msgspec.Struct, frozen=True, omit_defaults=True):
    """Exactly one is set; ``system`` is "all"."""

    project: str = ""
    domain: str = ""
    system: str = ""


class AssignmentSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    formatVersion: int = 1
    roleId: str = ""
    userId: str = ""
    groupId: str = ""
    scope: AssignmentScope = AssignmentScope()
    inherited: bool = False


class RoleAssignment(msgspec.Struct, frozen=True, omit_defaults=True):
    metadata: Meta = Meta()
    spec: AssignmentSpec = AssignmentSpec()


class RevocationSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """Void audit ids until ``expires`` (RFC 3339); then the object is deleted.

    ``chainIds`` are audit ids of which every token derived from them is void too.
    """

    formatVersion: int = 1
    auditIds: tuple[str, ...] = ()
    chainIds: tuple[str, ...] = ()
    expires: str = ""


class Revocation(msgspec.Struct, frozen=True, omit_defaults=True):
    metadata: Meta = Meta()
    spec: RevocationSpec = RevocationSpec()


class ClaimSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """``holder`` is an id; ``place`` "plural.group namespace/name" of its object; ``held`` once it was seen."""

    formatVersion: int = 1
    kind: str = ""
    scope: str = ""
    name: str = ""
    holder: str = ""
    place: str = ""
    held: bool = False


class NameClaim(msgspec.Struct, frozen=True, omit_defaults=True):
    metadata: Meta = Meta()
    spec: ClaimSpec = ClaimSpec()


class Named(msgspec.Struct, frozen=True, omit_defaults=True):
    """An object that a Ledger entry names: "plural.group", namespace, name."""

    resource: str = ""
    namespace: str = ""
    name: str = ""


class LedgerEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """The intent of one write: what will be its commit, what is made before it, what it takes of the quota.

    ``batch`` is the same for all entries of a request of which fewer than ``least`` commits are none; "" once nothing
    is left to be decided. An entry that names its commit as pending was decided against.
    """

    id: str = ""
    commit: Named = Named()
    pending: tuple[Named, ...] = ()
    amounts: dict[str, int] = {}
    at: str = ""
    batch: str = ""
    least: int = 0


class LedgerSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    formatVersion: int = 1
    project: str = ""
    entries: tuple[LedgerEntry, ...] = ()


class Ledger(msgspec.Struct, frozen=True, omit_defaults=True):
    """One for each project, in ``dicot-system``."""

    metadata: Meta = Meta()
    spec: LedgerSpec = LedgerSpec()


def named(namespace: str, domain: str, name: str) -> str:
    """The link by which a user, or a domain (``domain`` is "" then), is found by name; Keystone folds the case."""
    return f"{namespace}/{domain}\0{name.casefold()}"


def by_user_name(row: Row, body: User) -> tuple[str, ...]:
    """By the name within the domain."""
    return (named(row.namespace, body.spec.domainId, body.spec.name),)


def by_domain_name(row: Row, body: Domain) -> tuple[str, ...]:
    """By the name."""
    return (named(row.namespace, "", body.spec.name),)


def by_audit(row: Row, body: Revocation) -> tuple[str, ...]:
    """By each void audit id, and "chain:" and the id for each whose descendants are void."""
    alone = [f"{row.namespace}/{audit}" for audit in body.spec.auditIds]
    return (*alone, *(f"{row.namespace}/chain:{audit}" for audit in body.spec.chainIds))


def by_user(row: Row, body: RoleAssignment) -> tuple[str, ...]:
    """By the user or group that holds the assignment."""
    return (f"{row.namespace}/{body.spec.userId or body.spec.groupId}",)


def by_prior(row: Row, body: ImpliedRole) -> tuple[str, ...]:
    """By the role that implies."""
    return (f"{row.namespace}/{body.spec.priorRoleId}",)


def by_namespace(row: Row, body: NamespaceRecord) -> tuple[str, ...]:
    """By the namespace recorded."""
    return (f"{row.namespace}/{body.spec.namespace}",)


NAMESPACE = Kind("", "v1", "namespaces", "Namespace", NamespaceBody, namespaced=False)
NAMESPACE_RECORD = Kind(
    GROUP, "v1", "namespacerecords", "NamespaceRecord", NamespaceRecord, by_namespace, namespace=SYSTEM_NAMESPACE
)
DOMAIN = Kind(GROUP, "v1", "domains", "Domain", Domain, by_domain_name, namespace=SYSTEM_NAMESPACE)
USER = Kind(GROUP, "v1", "users", "User", User, by_user_name, namespace=SYSTEM_NAMESPACE)
ROLE = Kind(GROUP, "v1", "roles", "Role", Role, namespace=SYSTEM_NAMESPACE)
IMPLIED_ROLE = Kind(GROUP, "v1", "impliedroles", "ImpliedRole", ImpliedRole, by_prior, namespace=SYSTEM_NAMESPACE)
ROLE_ASSIGNMENT = Kind(
    GROUP, "v1", "roleassignments", "RoleAssignment", RoleAssignment, by_user, namespace=SYSTEM_NAMESPACE
)
REVOCATION = Kind(GROUP, "v1", "revocations", "Revocation", Revocation, by_audit, namespace=SYSTEM_NAMESPACE)
NAME_CLAIM = Kind(GROUP, "v1", "nameclaims", "NameClaim", NameClaim, namespace=SYSTEM_NAMESPACE)
LEDGER = Kind(GROUP, "v1", "ledgers", "Ledger", Ledger, namespace=SYSTEM_NAMESPACE)
