"""What is installed beside the CRDs: namespaces, Dicot's account and its rights, the roles of projects, policies."""

from collections.abc import Iterable

from ...kube.kind import Manifest
from ...names import ACCOUNTS_NAMESPACE, MANAGED, SYSTEM_NAMESPACE
from ..kinds.access import RBAC
from ..resource import Resource
from .calls import OWN_ACCOUNT, PROJECTS, ROLES, Call, calls
from .policies import policies


def manifests(resources: Iterable[Resource]) -> list[Manifest]:
    """Everything, in an order in which it can be applied."""
    table = calls(resources)
    return [
        *(_namespace(name) for name in (SYSTEM_NAMESPACE, ACCOUNTS_NAMESPACE)),
        _object("v1", "ServiceAccount", OWN_ACCOUNT, SYSTEM_NAMESPACE),
        *(_cluster_role(f"dicot:{role}", rules(_of_role(table, role))) for role in ROLES),
        *_own_roles(table),
        *policies(),
    ]


def rules(table: Iterable[Call]) -> list[Manifest]:
    """Lines of RBAC, each resource once, with those of one group and the same verbs together."""
    verbs: dict[tuple[str, str, tuple[str, ...]], set[str]] = {}
    for call in table:
        verbs.setdefault((call.group, call.resource, call.names), set()).add(call.verb)
    together: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for (group, resource, names), found in sorted(verbs.items()):
        together.setdefault((group, tuple(sorted(found)), names), []).append(resource)
    return [
        {
            "apiGroups": [group],
            "resources": resources,
            **({"resourceNames": list(names)} if names else {}),
            "verbs": list(found),
        }
        for (group, found, names), resources in together.items()
    ]


def _of_role(table: Iterable[Call], role: str) -> list[Call]:
    """What a role may, and those weaker than it."""
    weaker = ROLES[: ROLES.index(role) + 1]
    return [call for call in table if call.where == PROJECTS and call.account in weaker]


def _own_roles(table: tuple[Call, ...]) -> list[Manifest]:
    """Dicot's own rights: a ClusterRole, and a Role in each of its namespaces."""

    def held(where: str) -> list[Manifest]:
        return rules(call for call in table if not call.account and call.where == where)

    return [
        _cluster_role("dicot", held("")),
        _bound("ClusterRoleBinding", "dicot", "ClusterRole", ""),
        *(
            made
            for namespace in (SYSTEM_NAMESPACE, ACCOUNTS_NAMESPACE)
            for made in (
                {**_object(f"{RBAC}/v1", "Role", "dicot", namespace), "rules": held(namespace)},
                _bound("RoleBinding", "dicot", "Role", namespace),
            )
        ),
    ]


def _bound(kind: str, name: str, role: str, namespace: str) -> Manifest:
    return {
        **_object(f"{RBAC}/v1", kind, name, namespace),
        "roleRef": {"apiGroup": RBAC, "kind": role, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": OWN_ACCOUNT, "namespace": SYSTEM_NAMESPACE}],
    }


def _cluster_role(name: str, found: list[Manifest]) -> Manifest:
    return {**_object(f"{RBAC}/v1", "ClusterRole", name), "rules": found}


def _namespace(name: str) -> Manifest:
    """One of Dicot's own, in which no Pod may do what the restricted level forbids."""
    found = _object("v1", "Namespace", name)
    found["metadata"]["labels"] |= {
        f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")
    }
    return found


def _object(version: str, kind: str, name: str, namespace: str = "") -> Manifest:
    metadata: Manifest = {"name": name, "labels": {MANAGED: "true"}}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": version, "kind": kind, "metadata": metadata}
