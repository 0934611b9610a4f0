"""What sets some built-in resources apart from the others (kubernetes, pkg/registry, each strategy.go)."""

from collections.abc import Mapping
from dataclasses import dataclass

from .resource import Resource


@dataclass(frozen=True, slots=True)
class Manner:
    """``unconditional``: may be replaced without a version. ``creates``: a replacement makes what is absent.
    ``returned``: a delete answers with what is gone. ``graceful``: a delete leaves it time to end."""

    unconditional: bool = True
    creates: bool = False
    returned: bool = False
    graceful: bool = False


_RBAC = "rbac.authorization.k8s.io"
_CUSTOM = Manner(unconditional=False)
_MAKES = Manner(creates=True)
_RETURNS = Manner(returned=True)
_GUARDED = Manner(unconditional=False)
_MANNERS: Mapping[tuple[str, str], Manner] = {
    ("", "endpoints"): _MAKES,
    ("", "events"): _MAKES,
    ("", "limitranges"): _MAKES,
    ("", "namespaces"): _RETURNS,
    ("", "persistentvolumeclaims"): _RETURNS,
    ("", "persistentvolumes"): _RETURNS,
    ("", "pods"): Manner(returned=True, graceful=True),
    ("", "podtemplates"): _RETURNS,
    ("", "resourcequotas"): _RETURNS,
    ("", "serviceaccounts"): _RETURNS,
    ("", "services"): Manner(creates=True, returned=True),
    (_RBAC, "clusterroles"): _MAKES,
    (_RBAC, "clusterrolebindings"): _MAKES,
    (_RBAC, "roles"): _MAKES,
    (_RBAC, "rolebindings"): _MAKES,
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"): _GUARDED,
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"): _GUARDED,
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"): _GUARDED,
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"): _GUARDED,
    ("apiextensions.k8s.io", "customresourcedefinitions"): _GUARDED,
    ("apiregistration.k8s.io", "apiservices"): _GUARDED,
    ("coordination.k8s.io", "leases"): Manner(unconditional=False, creates=True),
    ("node.k8s.io", "runtimeclasses"): Manner(unconditional=False, creates=True),
    ("policy", "poddisruptionbudgets"): _GUARDED,
    ("storage.k8s.io", "csidrivers"): Manner(unconditional=False, returned=True),
    ("storage.k8s.io", "csinodes"): Manner(unconditional=False, returned=True),
    ("storage.k8s.io", "csistoragecapacities"): _GUARDED,
    ("storage.k8s.io", "storageclasses"): _RETURNS,
    ("storage.k8s.io", "volumeattachments"): Manner(unconditional=False, returned=True),
}
_ORDINARY = Manner()


def manner(resource: Resource) -> Manner:
    """How a resource behaves."""
    return _CUSTOM if resource.custom else _MANNERS.get((resource.group, resource.plural), _ORDINARY)
