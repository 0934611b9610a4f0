"""What belongs to an export is called, as virt-controller calls it."""

from dicot.kube.kind import Manifest

from ..machines.objects import meta, status

PREFIX = "virt-export"
LABEL = "kubevirt.io.virt-export-service"
"""Label of the Pods of exports: whose each is."""
PARAMETERS = "kubevirt.io/export.certParameters"
"""Annotation of such a Pod: how long its certificate lasts."""
_LONGEST = 63
_HASH = 10
"""Characters of a hash between two dashes."""
_OFFSET, _PRIME = 2166136261, 16777619


def joined(base: str, suffix: str) -> str:
    """A name of both, with a hash where that is too long (openshift/library-go, pkg/build/naming)."""
    name = f"{base}-{suffix}"
    if len(name) <= _LONGEST:
        return name
    left = _LONGEST - _HASH - len(suffix)
    if left <= 0:
        return f"{base[: _LONGEST - _HASH + 1]}-{_hash(name)}"
    return f"{base[:left]}-{_hash(base)}-{suffix}"


def _hash(text: str) -> str:
    """FNV-1a of 32 bits."""
    found = _OFFSET
    for each in text.encode():
        found = (found ^ each) * _PRIME % 2**32
    return f"{found:08x}"


def pod_name(export: Manifest) -> str:
    """The Pod that serves."""
    return joined(PREFIX, meta(export)["name"])


def service_name(export: Manifest) -> str:
    """The Service by which it is found."""
    suffix = meta(export)["name"].replace(".", "-")
    return joined(PREFIX, suffix[:-1] if len(suffix) == _LONGEST - _HASH else suffix)


def label_of(export: Manifest) -> str:
    """What its Pod is labelled with."""
    name: str = meta(export)["name"]
    return name if len(name) <= _LONGEST else pod_name(export)


def volume_name(claim: str) -> str:
    """What a claim is called in the Pod."""
    name = claim.replace(".", "-")
    return name if len(name) <= _LONGEST else joined(PREFIX, name)


def token_name(export: Manifest, *, may_be_made: bool) -> str | None:
    """The Secret with the token: the one that it names, or one that is made once there is something to give back."""
    given: str | None = export["spec"].get("tokenSecretRef")
    known: str | None = status(export).get("tokenSecretRef")
    if given is not None or known is not None or not may_be_made:
        return given if given is not None else known
    return joined("export-token", meta(export)["name"])


def manifest_name(export: Manifest) -> str:
    """The ConfigMap that tells of the machine."""
    return f"exporter-vm-manifest-{meta(export)['name']}"


def host(export: Manifest) -> str:
    """Where it is found in the cluster."""
    return f"{service_name(export)}.{meta(export)['namespace']}.svc"
