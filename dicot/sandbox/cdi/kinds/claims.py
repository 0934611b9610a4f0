"""Claims and what works for them, and what CDI's controllers keep of it."""

from typing import Any

import msgspec

from dicot.kube.kind import Kind, Meta, Row

from ..names import CLONE_REQUEST, COMPONENT, GROUP, SENDER_SUFFIX, TARGET, UPLOAD_SERVER
from .parts import ALL, Condition, Finalized, Resources, filling_link, link, worker_link


class ClaimSource(msgspec.Struct, frozen=True):
    """What a claim is filled from."""

    name: str = ""
    kind: str = ""
    apiGroup: str = ""
    namespace: str = ""


class ClaimSpec(msgspec.Struct, frozen=True):
    """What is kept of a PersistentVolumeClaim's spec."""

    dataSourceRef: ClaimSource | None = None
    accessModes: tuple[str, ...] = ()
    resources: Resources = Resources()
    storageClassName: str | None = None
    volumeMode: str = "Filesystem"
    volumeName: str = ""


class ClaimStatus(msgspec.Struct, frozen=True):
    """What is kept of a PersistentVolumeClaim's status."""

    phase: str = ""
    capacity: dict[str, str] = {}


class Claim(msgspec.Struct, frozen=True):
    """A PersistentVolumeClaim."""

    metadata: Finalized
    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()


class Mount(msgspec.Struct, frozen=True):
    """A volume in a container."""

    name: str
    readOnly: bool = False


class Container(msgspec.Struct, frozen=True):
    """What is kept of a container."""

    volumeMounts: tuple[Mount, ...] = ()
    volumeDevices: tuple[Mount, ...] = ()


class ClaimVolume(msgspec.Struct, frozen=True):
    """A volume's reference to a claim."""

    claimName: str
    readOnly: bool = False


class PodVolume(msgspec.Struct, frozen=True):
    """A volume of a Pod."""

    name: str
    persistentVolumeClaim: ClaimVolume | None = None


class PodSpec(msgspec.Struct, frozen=True):
    """What is kept of a Pod's spec."""

    containers: tuple[Container, ...] = ()
    volumes: tuple[PodVolume, ...] = ()


class PodStatus(msgspec.Struct, frozen=True):
    """What is kept of a Pod's status."""

    phase: str = ""
    conditions: tuple[Condition, ...] = ()
    containerStatuses: tuple[dict[str, Any], ...] = ()


class Pod(msgspec.Struct, frozen=True):
    """A Pod."""

    metadata: Meta
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Thing(msgspec.Struct, frozen=True):
    """An object of which nothing but its metadata counts."""

    metadata: Meta


def _claim_links(row: Row, claim: Claim) -> tuple[str, ...]:
    namespace, _, name = claim.metadata.annotations.get(CLONE_REQUEST, "").partition("/")
    links = [link(namespace, name)] if name else []
    source = claim.spec.dataSourceRef
    if source is not None and source.apiGroup == GROUP:
        links.append(filling_link(row.namespace, source.kind, source.name))
    return tuple(links)


def _pod_links(row: Row, pod: Pod) -> tuple[str, ...]:
    claims = [each.persistentVolumeClaim.claimName for each in pod.spec.volumes if each.persistentVolumeClaim]
    links = [link(row.namespace, name) for name in claims]
    if row.owner:
        links.append(worker_link(row.owner))
    if TARGET in pod.metadata.annotations:
        links.append(worker_link(row.name.removesuffix(SENDER_SUFFIX)))
    return tuple(links)


CLAIMS = Kind("", "v1", "persistentvolumeclaims", "persistentvolumeclaim", Claim, links=_claim_links, annotations=ALL)
PODS = Kind("", "v1", "pods", "pod", Pod, links=_pod_links, annotations=frozenset({TARGET}))
SERVICES = Kind("", "v1", "services", "service", Thing)
SECRETS = Kind("", "v1", "secrets", "secret", Thing, selector=f"{COMPONENT}={UPLOAD_SERVER}")
"""Those of upload servers alone: what is in them is kept nowhere."""
