"""The objects that CDI's operator leaves in a cluster."""

from base64 import b64encode
from collections.abc import Mapping

from dicot.kube.kind import Manifest

from ..apiserver.seams import Objects
from .keys import Keys
from .names import CONFIG_AUTHORITY

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


def install(objects: Objects, keys: Keys, authority: str, upload_proxy: str) -> None:
    """Make what is missing of them, and say where uploads go now: ``upload_proxy``, a host and a port, whose
    certificate is of that ``authority``. Status is a plain part of CDI's own object."""
    if objects.get("", "namespaces", "", NAMESPACE) is None:
        objects.create("", "namespaces", {"metadata": {"name": NAMESPACE}})
    private, public = keys.tokens.pem
    _keep(objects, "secrets", "cdi-api-signing-key", {"id_rsa": _encoded(private), "id_rsa.pub": _encoded(public)})
    for name, trusted in (
        ("cdi-uploadproxy-signer-bundle", authority),
        ("cdi-uploadserver-signer-bundle", keys.servers.pem.decode()),
        ("cdi-uploadserver-client-signer-bundle", keys.clients.pem.decode()),
    ):
        _keep(objects, "configmaps", name, {"ca-bundle.crt": trusted})
    if objects.get(*_CDIS, "", "cdi") is None:
        objects.create(*_CDIS, _leading_to({"metadata": {"name": "cdi"}, "status": _STATUS}, upload_proxy))
    else:
        objects.change(*_CDIS, "", "cdi", lambda found: _leading_to(found, upload_proxy))


def _leading_to(found: Manifest, upload_proxy: str) -> Manifest:
    """CDI's own object, with its configuration as it is but for where uploads go."""
    spec, meta = found.get("spec") or {}, found["metadata"]
    config = {**(spec.get("config") or {}), "uploadProxyURLOverride": upload_proxy}
    # Without the annotation this configuration is no one's.
    notes = {**(meta.get("annotations") or {}), CONFIG_AUTHORITY: ""}
    return {**found, "metadata": {**meta, "annotations": notes}, "spec": {**spec, "config": config}}


def _keep(objects: Objects, plural: str, name: str, data: Mapping[str, str]) -> None:
    """A ConfigMap or Secret of CDI with that data."""
    if objects.get("", plural, NAMESPACE, name) is None:
        objects.create("", plural, {"metadata": {"name": name, "namespace": NAMESPACE}, "data": dict(data)})
    else:
        objects.change("", plural, NAMESPACE, name, lambda found: {**found, "data": dict(data)})


def _encoded(content: bytes) -> str:
    return b64encode(content).decode()
