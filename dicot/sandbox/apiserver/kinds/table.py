"""The rules of built-in kinds that Dicot and the controllers can meet, by group and plural."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from dicot.kube.kind import Manifest

from ..refusal import Cause
from . import access, core, storage

Rule = Callable[[Manifest, Manifest | None], Iterator[Cause]]
"""What the API server's own code finds wrong with an object, or with what it became."""

_RBAC = "rbac.authorization.k8s.io"
_POLICIES = "admissionregistration.k8s.io"
RULES: Mapping[tuple[str, str], Rule] = {
    ("", "configmaps"): core.config_map,
    ("", "events"): core.event,
    ("", "persistentvolumeclaims"): storage.claim,
    ("", "persistentvolumes"): storage.volume,
    ("", "pods"): core.pod,
    ("", "secrets"): core.secret,
    ("", "services"): core.service,
    ("apiextensions.k8s.io", "customresourcedefinitions"): access.definition,
    ("apps", "controllerrevisions"): access.revision,
    ("coordination.k8s.io", "leases"): access.lease,
    ("scheduling.k8s.io", "priorityclasses"): access.priority_class,
    ("storage.k8s.io", "storageclasses"): storage.storage_class,
    (_POLICIES, "validatingadmissionpolicies"): access.policy,
    (_POLICIES, "validatingadmissionpolicybindings"): access.policy_binding,
    (_RBAC, "clusterrolebindings"): access.cluster_role_binding,
    (_RBAC, "clusterroles"): access.cluster_role,
    (_RBAC, "rolebindings"): access.role_binding,
    (_RBAC, "roles"): access.role,
}
