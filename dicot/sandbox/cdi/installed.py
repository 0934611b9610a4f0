"""The objects that CDI's operator leaves in a cluster."""

from dicot.kube.kind import Manifest

from ..apiserver.seams import Objects

VERSION = "v1.65.0"
NAMESPACE = "cdi"
_CDIS = ("cdi.kubevirt.io", "cdis")
_CONDITIONS = {"Available": "True", "Progressing": "False", "Degraded": "False"}
_STATUS: Manifest = {
    "phase": "Deployed",
    "operatorVersion": VERSION,
    "observedVersion": VERSION,
    "targetVersion": VERSION,
    "conditions": [{"type": kind, "status": status, "reason": "Deployed"} for kind, status in _CONDITIONS.items()],
}


def install(objects: Objects) -> None:
    """Make what is missing of them. Status is a plain part of this object."""
    if objects.get("", "namespaces", "", NAMESPACE) is None:
        objects.create("", "namespaces", {"metadata": {"name": NAMESPACE}})
    if objects.get(*_CDIS, "", "cdi") is None:
        objects.create(*_CDIS, {"metadata": {"name": "cdi"}, "spec": {}, "status": _STATUS})
