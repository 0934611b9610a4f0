"""What is installed beside the CRDs: namespaces, Dicot's account and its rights, the roles of projects, policies."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...kube.kind import Kind, Manifest
from ...names import ACCOUNTS_NAMESPACE, MANAGED, REQUEST_ID, SYSTEM_NAMESPACE, USER_ID
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
from ..kinds.storage import DATA_SOURCE, SECRET, STORAGE_CLASS
from ..resource import Resource, Right
from ..writing.claims import claimed
from .bootstrap import ROLES
from .policies import OWN_ACCOUNT, policies

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
_READ = ("get", "list", "watch")


def _on(kind: Kind[Any], *verbs: str) -> Right:
    return Right(kind.group, kind.plural, verbs)


OWN: tuple[Right, ...] = (
    _on(LEDGER, "create", "update", "delete"),
    _on(NAME_CLAIM, "create", "patch", "delete"),
    _on(NAMESPACE_RECORD, "create", "delete"),
    _on(REVOCATION, "delete"),
    _on(LEASE, "get", "list", "create", "update", "patch", "delete"),
    # What the cluster has (features): read each minute, not watched.
    *(_on(kind, "list") for kind in (KUBEVIRT, CDI, SNAPSHOT_CLASS)),
    _on(NAMESPACE, "create", "patch"),
    _on(SECURITY_GROUP, "get", "create"),
    _on(SECRET, "get", "patch", "delete"),
    Right("", "serviceaccounts", ("get", "create", "update", "impersonate")),
    Right(RBAC, "roles", ("get", "create", "update")),
    Right(RBAC, "rolebindings", ("get", "create", "update")),
    Right("authorization.k8s.io", "subjectaccessreviews", ("create",)),
    # Nobody may grant what he may not do: the Roles by which public images are cloned.
    Right("cdi.kubevirt.io", "datavolumes/source", ("create",)),
)
"""What cloud itself writes as Dicot's own account."""
MEMBER: tuple[Right, ...] = (
    _on(VM, "get", "patch"),
    _on(PORT, "get", "patch", "delete"),
    _on(SECRET, "get", "patch", "delete"),
)
"""What the steward does as the member account of a project: adopt, collect, note launches."""
# Where Dicot's own account uses a namespaced resource, if not in every namespace.
_HOMES: Mapping[tuple[str, str], str] = {
    ("", "secrets"): SYSTEM_NAMESPACE,
    ("", "serviceaccounts"): ACCOUNTS_NAMESPACE,
}


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


def manifests(resources: Iterable[Resource]) -> list[Manifest]:
    """Everything, in an order in which it can be applied."""
    listed = list(resources)
    return [
        *(_namespace(name) for name in (SYSTEM_NAMESPACE, ACCOUNTS_NAMESPACE)),
        _object("v1", "ServiceAccount", OWN_ACCOUNT, SYSTEM_NAMESPACE),
        *(_cluster_role(f"dicot:{role}", rules(rights)) for role, rights in tenant_rights(listed).items()),
        *_own_roles(listed),
        *policies(),
    ]


def rules(rights: Iterable[Right]) -> list[Manifest]:
    """Lines of RBAC, each resource once, with those of one group and the same verbs together."""
    verbs: dict[tuple[str, str], set[str]] = {}
    for right in rights:
        verbs.setdefault((right.group, right.resource), set()).update(right.verbs)
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), found in sorted(verbs.items()):
        together.setdefault((group, tuple(sorted(found))), []).append(resource)
    return [
        {"apiGroups": [group], "resources": resources, "verbs": list(found)}
        for (group, found), resources in together.items()
    ]


def _own_roles(resources: list[Resource]) -> list[Manifest]:
    """Dicot's own rights: cluster-wide what it watches everywhere, in its namespaces what is only there."""
    homes = {**_HOMES, **_homes_of((*kinds(resources), LEASE))}
    rights = [*OWN, *(_on(kind, *_READ) for kind in kinds(resources))]
    rights += [right for resource in resources for right in resource.rights.get("own", ())]
    rights += [Right(kind.group, f"{kind.plural}/status", ("patch",)) for kind in claimed(resources)]
    placed: dict[str, list[Right]] = {"": [], SYSTEM_NAMESPACE: [], ACCOUNTS_NAMESPACE: []}
    for right in rights:
        placed[homes.get((right.group, right.resource.partition("/")[0]), "")].append(right)
    return [
        _cluster_role("dicot", [*rules(placed.pop("")), _binds(), _extras()]),
        _bound("ClusterRoleBinding", "dicot", "ClusterRole", ""),
        *(
            made
            for namespace, held in placed.items()
            for made in (
                {**_object(f"{RBAC}/v1", "Role", "dicot", namespace), "rules": rules(held)},
                _bound("RoleBinding", "dicot", "Role", namespace),
            )
        ),
    ]


def _homes_of(found: Iterable[Kind[Any]]) -> dict[tuple[str, str], str]:
    return {(kind.group, kind.plural): kind.namespace for kind in found if kind.namespace == SYSTEM_NAMESPACE}


def _binds() -> Manifest:
    """The roles that Dicot may bind without having them itself."""
    names = [f"dicot:{role}" for role in ROLES]
    return {"apiGroups": [RBAC], "resources": ["clusterroles"], "resourceNames": names, "verbs": ["bind"]}


def _extras() -> Manifest:
    """What may be said of the user behind a project's account: extras are asked for at the scope of the cluster."""
    resources = [f"userextras/{key}" for key in (USER_ID, REQUEST_ID)]
    return {"apiGroups": ["authentication.k8s.io"], "resources": resources, "verbs": ["impersonate"]}


def _bound(kind: str, name: str, role: str, namespace: str) -> Manifest:
    return {
        **_object(f"{RBAC}/v1", kind, name, namespace),
        "roleRef": {"apiGroup": RBAC, "kind": role, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": OWN_ACCOUNT, "namespace": SYSTEM_NAMESPACE}],
    }


def _cluster_role(name: str, found: list[Manifest]) -> Manifest:
    return {**_object(f"{RBAC}/v1", "ClusterRole", name), "rules": found}


def _namespace(name: str) -> Manifest:
    return _object("v1", "Namespace", name)


def _object(version: str, kind: str, name: str, namespace: str = "") -> Manifest:
    metadata: Manifest = {"name": name, "labels": {MANAGED: "true"}}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": version, "kind": kind, "metadata": metadata}
