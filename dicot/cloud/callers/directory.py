"""Users, domains, roles and who holds which, as the watches know them at this moment."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from ...kube.kind import Kind, Row
from ...kube.store import Change, Store
from ...names import SYSTEM_NAMESPACE, is_hex_id, undashed
from ..kinds.identity import (
    DOMAIN,
    IMPLIED_ROLE,
    ROLE,
    ROLE_ASSIGNMENT,
    USER,
    AssignmentScope,
    AssignmentSpec,
    Domain,
    User,
    named,
)

DEFAULT_DOMAIN = "default"
_REMEMBERED = 20_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class UserFacts:
    """A user. Tokens issued before ``valid_after`` (microseconds of Unix time) are void, and those of another
    ``generation``. ``name_in_cluster`` is the name of the object."""

    id: str
    name_in_cluster: str
    name: str
    domain: str
    enabled: bool
    email: str
    description: str
    default_project: str
    options: Mapping[str, str | bool | int]
    valid_after: float
    generation: int


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """A domain."""

    id: str
    name: str
    description: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """A role; one that belongs to a domain only implies others and is never shown in a token."""

    id: str
    name: str
    domain: str


class Project(Protocol):
    """What is known of a project (a recorded namespace)."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def enabled(self) -> bool: ...
    @property
    def tags(self) -> tuple[str, ...]: ...


class Projects(Protocol):
    """The recorded projects."""

    def project(self, id: str) -> Project | None:
        """By its id."""
        ...

    def all(self) -> Iterable[Project]:
        """Every project."""
        ...

    def listen(self, listener: Callable[[str], None]) -> None:
        """Tell a listener of each namespace whose project came, went or changed."""
        ...


def moment(text: str) -> float:
    """RFC 3339 as microseconds of Unix time, 0 for "". What cannot be read is later than everything."""
    if not text:
        return 0.0
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1e6
    except ValueError:
        return float("inf")


def _domain_id(row: Row) -> str:
    return DEFAULT_DOMAIN if row.name == DEFAULT_DOMAIN else undashed(row.id)


class Directory:
    """The directory, computed from the stores; what was computed is forgotten at each event of theirs."""

    def __init__(self, stores: Mapping[Kind[Any], Store[Any]], projects: Projects) -> None:
        self._users: Store[User] = stores[USER]
        self._domains: Store[Domain] = stores[DOMAIN]
        self._roles = stores[ROLE]
        self._implied = stores[IMPLIED_ROLE]
        self._assignments = stores[ROLE_ASSIGNMENT]
        self._projects = projects
        self._known: dict[tuple[str, ...], Any] = {}
        for store in (self._users, self._domains, self._roles, self._implied, self._assignments):
            store.listen(self._changed)

    def listen(self, listener: Callable[[], None]) -> None:
        """Tell a listener whenever anybody, or what anybody may reach, is not what it was."""
        for store in (self._users, self._domains, self._roles, self._implied, self._assignments):
            store.listen(lambda changes: listener())
        self._projects.listen(lambda namespace: listener())

    def user(self, id: str) -> UserFacts | None:
        """A user by id."""
        # Whoever logs in may name anything: what can be no id is not remembered.
        return self._remember(("user", id), lambda: self._user(_row(self._users, id))) if is_hex_id(id) else None

    def user_named(self, domain: str, name: str) -> UserFacts | None:
        """A user by name within a domain. Of several, the oldest: a later object cannot take a name over."""
        return self._user(_oldest(self._users.linked(named(SYSTEM_NAMESPACE, domain, name))))

    def domain(self, id: str) -> DomainFacts | None:
        """A domain by id."""
        if id != DEFAULT_DOMAIN and not is_hex_id(id):
            return None
        return self._remember(("domain", id), lambda: self._domain(self._domain_row(id)))

    def domain_named(self, name: str) -> DomainFacts | None:
        """A domain by name; of several the oldest."""
        return self._domain(_oldest(self._domains.linked(named(SYSTEM_NAMESPACE, "", name))))

    def project(self, id: str) -> Project | None:
        """A project by id."""
        return self._projects.project(id)

    def projects(self) -> tuple[Project, ...]:
        """All projects."""
        return tuple(self._projects.all())

    def project_named(self, domain: str, name: str) -> Project | None:
        """A project by name within a domain."""
        folded = name.casefold()
        return next(
            (
                project
                for project in self._projects.all()
                if project.domain == domain and project.name.casefold() == folded
            ),
            None,
        )

    def domains(self) -> tuple[DomainFacts, ...]:
        """All domains."""
        return tuple(filter(None, map(self._domain, self._domains.rows(SYSTEM_NAMESPACE))))

    def role(self, id: str) -> RoleFacts | None:
        """A role by id."""
        row = _row(self._roles, id)
        if row is None:
            return None
        spec = self._roles.read(row).spec
        return RoleFacts(undashed(row.id), spec.name, spec.domainId)

    def roles_on_project(self, user: str, project: Project) -> tuple[RoleFacts, ...]:
        """The roles that a user holds on a project, its domain's inherited ones and implied ones included."""

        def granted(spec: AssignmentSpec) -> bool:
            if spec.inherited:
                return spec.scope == AssignmentScope(domain=project.domain)
            return spec.scope == AssignmentScope(project=project.id)

        key = ("project", user, project.id, project.domain)
        return self._remember(key, lambda: self._effective(user, granted))

    def roles_on_domain(self, user: str, domain: str) -> tuple[RoleFacts, ...]:
        """The roles that a user holds on a domain itself."""
        scope = AssignmentScope(domain=domain)
        return self._remember(
            ("scope", user, domain),
            lambda: self._effective(user, lambda spec: spec.scope == scope and not spec.inherited),
        )

    def roles_on_system(self, user: str) -> tuple[RoleFacts, ...]:
        """The roles that a user holds on the system."""
        scope = AssignmentScope(system="all")
        return self._remember(
            ("system", user), lambda: self._effective(user, lambda spec: spec.scope == scope and not spec.inherited)
        )

    def projects_of(self, user: str) -> tuple[Project, ...]:
        """The projects that a user holds any role on, by id."""
        held = (project for project in self._projects.all() if self.roles_on_project(user, project))
        return tuple(sorted(held, key=lambda project: project.id))

    def domains_of(self, user: str) -> tuple[DomainFacts, ...]:
        """The domains that a user holds any role on, by id."""
        held = (domain for domain in self.domains() if self.roles_on_domain(user, domain.id))
        return tuple(sorted(held, key=lambda domain: domain.id))

    def _effective(self, user: str, granted: Callable[[AssignmentSpec], bool]) -> tuple[RoleFacts, ...]:
        """By name: what is assigned and what that implies, without the roles that belong to a domain."""
        if not is_hex_id(user):
            return ()
        specs = (self._assignments.read(row).spec for row in self._assignments.linked(f"{SYSTEM_NAMESPACE}/{user}"))
        open_ = [spec.roleId for spec in specs if spec.userId == user and _scoped(spec.scope) and granted(spec)]
        held: dict[str, RoleFacts] = {}
        seen: set[str] = set()
        while open_:
            id = open_.pop()
            if id in seen:
                continue
            seen.add(id)
            role = self.role(id)
            if role is not None:
                held[role.id] = role
                open_ += self._implies(id)
        return tuple(sorted((role for role in held.values() if not role.domain), key=lambda role: role.name))

    def _implies(self, role: str) -> list[str]:
        rows = self._implied.linked(f"{SYSTEM_NAMESPACE}/{role}")
        return [self._implied.read(row).spec.impliedRoleId for row in rows]

    def _user(self, row: Row | None) -> UserFacts | None:
        if row is None:
            return None
        spec = self._users.read(row).spec
        return UserFacts(
            id=undashed(row.id),
            name_in_cluster=row.name,
            name=spec.name,
            domain=spec.domainId,
            enabled=spec.enabled,
            email=spec.email,
            description=spec.description,
            default_project=spec.defaultProjectId,
            options=spec.options,
            valid_after=moment(spec.tokensValidAfter),
            generation=spec.credentialGeneration,
        )

    def _domain_row(self, id: str) -> Row | None:
        return self._domains.one(SYSTEM_NAMESPACE, id) if id == DEFAULT_DOMAIN else _row(self._domains, id)

    def _domain(self, row: Row | None) -> DomainFacts | None:
        if row is None:
            return None
        spec = self._domains.read(row).spec
        return DomainFacts(_domain_id(row), spec.name, spec.description, spec.enabled)

    def _remember(self, key: tuple[str, ...], find: Callable[[], T]) -> T:
        """What was found for a key since the last event."""
        if key in self._known:
            found: T = self._known[key]
            return found
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        found = self._known[key] = find()
        return found

    def _changed(self, changes: tuple[Change, ...]) -> None:
        self._known.clear()


def _row(store: Store[Any], id: str) -> Row | None:
    """By an id of 32 hex digits: the label's, or the uid of an object that has no label."""
    if not is_hex_id(id):
        return None
    dashed = f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}"
    return store.by_id(SYSTEM_NAMESPACE, id) or store.by_id(SYSTEM_NAMESPACE, dashed)


def _scoped(scope: AssignmentScope) -> bool:
    """Whether it is one scope: neither none, which would equal every absent one, nor several."""
    return sum(1 for part in (scope.project, scope.domain, scope.system) if part) == 1


def _oldest(rows: tuple[Row, ...]) -> Row | None:
    return min(rows, key=lambda row: (row.created, row.uid), default=None)
