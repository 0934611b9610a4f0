"""Every call that Dicot makes to Kubernetes: as whom, where, and why. The roles are generated from this table.

A call that is not in it is refused by every cluster. So whoever adds one adds a ``Right`` with it: to ``rights`` of
the resource whose operation makes the call, or, where no one resource does, to ``OWN`` (Dicot's own account) or
``MEMBER`` (the steward in a project's name) here; then ``dicot manifests --write etc/kubernetes`` writes the roles.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...kube.address import Account, Place
from ...kube.kind import Kind
from ...names import ACCOUNTS_NAMESPACE, REQUEST_ID, SYSTEM_NAMESPACE, USER_ID
from ..chores.lease import LEASE
from ..features import CDI, KUBEVIRT, SNAPSHOT_CLASS
from ..kinds.access import RBAC
from ..kinds.identity import (
    DOMAIN,
    IMPLIED_ROLE,
    LEDGER,
    NAME_CLAIM,
    NAMESPACE,
    NAMESPACE_RECORD,
    REVOCATION,
    ROLE,
    ROLE_ASSIGNMENT,
    USER,
)
from ..kinds.kubevirt import VM, VMI
from ..kinds.network import PORT, SECURITY_GROUP
from ..kinds.storage import DATA_SOURCE, DATA_VOLUME, SECRET, STORAGE_CLASS
from ..resource import Resource, Right
from ..writing.claims import claimed

OWN_ACCOUNT = "dicot"
ROLES = ("reader", "member", "manager", "admin")
"""Of projects' accounts, each with what those before it may."""
PROJECTS = "projects"
"""Where the accounts of projects act: in the namespace of their own project."""
IMPERSONATE, BIND = "impersonate", "bind"
WATCHED: tuple[Kind[Any], ...] = (
    NAMESPACE,
    NAMESPACE_RECORD,
    LEDGER,
    NAME_CLAIM,
    DOMAIN,
    USER,
    ROLE,
    IMPLIED_ROLE,
    ROLE_ASSIGNMENT,
    REVOCATION,
    VM,
    VMI,
    DATA_SOURCE,
    STORAGE_CLASS,
)
"""What cloud itself watches, whichever resources are served."""


@dataclass(frozen=True, slots=True)
class Call:
    """Calls of one kind. ``account`` is "" for Dicot's own, else the weakest role of a project that makes them.

    ``where`` is a namespace of Dicot's, "projects", or "" for all namespaces and what is in none; ``resource`` may
    have a subresource ("virtualmachines/start"), ``names`` are the only objects meant, if not all.
    """

    account: str
    where: str
    group: str
    resource: str
    verb: str
    why: str = ""
    names: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """The resource with its group, for people."""
        return f"{self.resource}.{self.group}" if self.group else self.resource

    @property
    def reach(self) -> str:
        """Where, for people."""
        return self.where or "the whole cluster"

    def __str__(self) -> str:
        return f"{self.verb} {self.what} as {self.account or 'Dicot itself'} in {self.reach}"


def _on(kind: Kind[Any], why: str, *verbs: str) -> Right:
    return Right(kind.group, kind.plural, verbs, why)


OWN: tuple[Right, ...] = (
    _on(LEDGER, "notes what is to be written before it is", "get", "create", "patch", "delete"),
    _on(NAME_CLAIM, "holds names that must be unique", "get", "create", "patch", "delete"),
    _on(NAMESPACE_RECORD, "makes a namespace count", "get", "create", "delete"),
    _on(REVOCATION, "forgets revocations that have run out", "delete"),
    _on(LEASE, "elects the steward; tells of replicas", "get", "list", "create", "update", "patch", "delete"),
    *(_on(kind, "looks what the cluster has", "list") for kind in (KUBEVIRT, CDI, SNAPSHOT_CLASS)),
    _on(NAMESPACE, "makes projects, and marks adopted namespaces", "get", "create", "patch"),
    _on(SECURITY_GROUP, "gives a project its group default", "get", "create"),
    _on(SECRET, "keeps token keys and hashes of passwords", "get", "create", "update", "patch"),
    _on(VM, "judges whether a noted write was done; shows what an action changed", "get"),
    _on(VMI, "shows what an action changed", "get"),
    Right("", "serviceaccounts", ("get", "create", "update"), "gives a project its accounts"),
    Right("", "serviceaccounts", (IMPERSONATE,), "writes as the project's account"),
    Right(RBAC, "roles", ("get", "create", "update"), "lets public images be cloned"),
    Right(RBAC, "rolebindings", ("get", "create", "update"), "binds projects' accounts; lets images be cloned"),
    Right("authorization.k8s.io", "subjectaccessreviews", ("create",), "waits until a binding is known"),
    Right("cdi.kubevirt.io", "datavolumes/source", ("create",), "may be granted only by who has it: see roles"),
)
"""What cloud itself does as Dicot's own account, beside watching."""
MEMBER: tuple[Right, ...] = (
    _on(VM, "the steward notes launches", "get", "patch"),
    _on(PORT, "the steward adopts or collects what a server was to have", "get", "patch", "delete"),
    _on(SECRET, "the steward adopts or collects what a server was to have", "get", "patch", "delete"),
    _on(DATA_VOLUME, "the steward collects what a server was to have", "get", "delete"),
)
"""What the steward does as the member account of a project: adopt, collect, note launches."""
_HOMES: Mapping[tuple[str, str], str] = {
    ("", "secrets"): SYSTEM_NAMESPACE,
    ("", "serviceaccounts"): ACCOUNTS_NAMESPACE,
}
"""Where Dicot's own account uses a namespaced resource, if not in every namespace nor as the kind itself says."""


def kinds(resources: Iterable[Resource]) -> tuple[Kind[Any], ...]:
    """Every kind that is watched, each once."""
    return tuple(dict.fromkeys((*WATCHED, *(kind for resource in resources for kind in read(resource)))))


def read(resource: Resource) -> Iterator[Kind[Any]]:
    """Every kind that a resource reads."""
    for source in resource.sources:
        yield source.main
        yield from (join.kind for join in source.joins)
    yield from resource.reads


def tenant_rights(resources: Iterable[Resource]) -> Mapping[str, tuple[Right, ...]]:
    """What the account of each role may do in its project: the stronger role may what the weaker may."""
    found: dict[str, tuple[Right, ...]] = {}
    so_far: tuple[Right, ...] = ()
    listed = list(resources)
    for role in ROLES:
        own = MEMBER if role == "member" else ()
        so_far += (*own, *(right for resource in listed for right in resource.rights.get(role, ())))
        found[role] = so_far
    return found


def calls(resources: Iterable[Resource]) -> tuple[Call, ...]:
    """The whole table, each kind of call once."""
    listed = list(resources)
    found: dict[tuple[str, ...], Call] = {}
    for call in (*_own(listed), *_tenants(listed)):
        found.setdefault((call.account, call.where, call.group, call.resource, call.verb), call)
    return tuple(found.values())


def call_of(verb: str, at: Place, acting_as: Account | None) -> Call:
    """A call that is made, as the table would have it."""
    account, where = "", at.namespace if at.namespace in (SYSTEM_NAMESPACE, ACCOUNTS_NAMESPACE) else ""
    if acting_as is not None:
        account, where = acting_as.name.rpartition("-")[2], PROJECTS
    resource = f"{at.plural}/{at.subresource}" if at.subresource else at.plural
    return Call(account, where, at.group, resource, verb)


def covering(table: Iterable[Call], made: Call) -> Call | None:
    """The line of the table that a call falls under; None: it is not to be made."""
    for line in table:
        if (line.group, line.resource, line.verb) == (made.group, made.resource, made.verb) and _covers(line, made):
            return line
    return None


def _covers(line: Call, made: Call) -> bool:
    if not line.account or not made.account:
        return line.account == made.account and line.where in ("", made.where)
    return made.account in ROLES and ROLES.index(line.account) <= ROLES.index(made.account)


def _own(resources: list[Resource]) -> Iterator[Call]:
    """Dicot's own: cluster-wide what it watches everywhere, in its namespaces what is only there."""
    homes = {**_HOMES, **_homes_of((*kinds(resources), LEASE))}
    rights = [*OWN, *(right for resource in resources for right in resource.rights.get("own", ()))]
    rights += [_on(kind, "keeps what clients read", "list", "watch") for kind in kinds(resources)]
    for kind in claimed(resources):
        rights.append(_on(kind, "looks whether a name is held", "get"))
        rights.append(Right(kind.group, f"{kind.plural}/status", ("patch",), "says that a name is taken"))
    for right in rights:
        where = homes.get((right.group, right.resource.partition("/")[0]), "")
        yield from (Call("", where, right.group, right.resource, verb, right.why) for verb in right.verbs)
    bound = tuple(f"dicot:{role}" for role in ROLES)
    yield Call("", "", RBAC, "clusterroles", BIND, "binds the roles of projects without having them", bound)
    # Extras are asked for at the scope of the cluster.
    for key in (USER_ID, REQUEST_ID):
        why = "lets the audit log show who is behind a project's account"
        yield Call("", "", "authentication.k8s.io", f"userextras/{key}", IMPERSONATE, why)


def _tenants(resources: list[Resource]) -> Iterator[Call]:
    seen: set[tuple[str, str, str]] = set()
    for role, rights in tenant_rights(resources).items():
        for right in rights:
            for verb in right.verbs:
                if (right.group, right.resource, verb) not in seen:
                    seen.add((right.group, right.resource, verb))
                    yield Call(role, PROJECTS, right.group, right.resource, verb, right.why)


def _homes_of(found: Iterable[Kind[Any]]) -> dict[tuple[str, str], str]:
    return {(kind.group, kind.plural): kind.namespace for kind in found if kind.namespace == SYSTEM_NAMESPACE}
