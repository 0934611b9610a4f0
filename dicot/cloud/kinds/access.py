"""Who may do what, as Kubernetes has it: ServiceAccount, Role, RoleBinding."""

import msgspec

from ...kube.kind import Kind, Meta


class Bare(msgspec.Struct, frozen=True, omit_defaults=True):
    """An object of which only metadata is kept."""

    metadata: Meta = Meta()


RBAC = "rbac.authorization.k8s.io"
SERVICE_ACCOUNT = Kind("", "v1", "serviceaccounts", "ServiceAccount", Bare)
ROLE = Kind(RBAC, "v1", "roles", "Role", Bare)
ROLE_BINDING = Kind(RBAC, "v1", "rolebindings", "RoleBinding", Bare)
CLUSTER_ROLE = Kind(RBAC, "v1", "clusterroles", "ClusterRole", Bare, namespaced=False)
CLUSTER_ROLE_BINDING = Kind(RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", Bare, namespaced=False)
