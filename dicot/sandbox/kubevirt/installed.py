"""The objects that KubeVirt's operator leaves in a cluster."""

from dicot.kube.kind import Manifest

from ..apiserver.seams import Objects
from .settings import NAMESPACE

VERSION = "v1.8.4"
_KUBEVIRTS = ("kubevirt.io", "kubevirts")
_EXPORTS = "kubevirt-export-ca"
_CONDITIONS = {"Available": "True", "Progressing": "False", "Degraded": "False"}
_STATUS: Manifest = {
    "phase": "Deployed",
    "defaultArchitecture": "amd64",
    "operatorVersion": VERSION,
    "observedKubeVirtVersion": VERSION,
    "targetKubeVirtVersion": VERSION,
    "outdatedVirtualMachineInstanceWorkloads": 0,
    "conditions": [{"type": kind, "status": status, "reason": "Deployed"} for kind, status in _CONDITIONS.items()],
}


def install(objects: Objects, exports: str) -> None:
    """Make what is missing of them. ``exports`` is the certificate of those who sign for exports."""
    if objects.get("", "namespaces", "", NAMESPACE) is None:
        objects.create("", "namespaces", {"metadata": {"name": NAMESPACE}})
    if objects.get(*_KUBEVIRTS, NAMESPACE, "kubevirt") is None:
        metadata = {"name": "kubevirt", "namespace": NAMESPACE}
        objects.create(*_KUBEVIRTS, {"metadata": metadata, "spec": {"configuration": {}}})
        objects.change(*_KUBEVIRTS, NAMESPACE, "kubevirt", lambda found: {**found, "status": _STATUS}, "status")
    data = {"ca-bundle": exports}
    if objects.get("", "configmaps", NAMESPACE, _EXPORTS) is None:
        objects.create("", "configmaps", {"metadata": {"name": _EXPORTS, "namespace": NAMESPACE}, "data": data})
    else:
        objects.change("", "configmaps", NAMESPACE, _EXPORTS, lambda found: {**found, "data": data})
