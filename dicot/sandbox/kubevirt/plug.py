"""What KubeVirt brings to the API server."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from dicot.kube.client import Kube
from dicot.moments import stamp

from ..apiserver.seams import Admission, Aggregated, Authorizer, Reader, Registry
from ..nodes.handler import Handler
from .admission.plug import KubeVirtAdmission
from .subresources.api import Subresources

VIRT_API = "system:serviceaccount:kubevirt:kubevirt-apiserver"
VIRT_HANDLER = "system:serviceaccount:kubevirt:kubevirt-handler"


@dataclass(frozen=True, slots=True)
class Programs:
    """Who writes for virt-api: itself, and the virt-handlers that it tells what to do."""

    api: Kube
    handler: Kube


def admission(reader: Reader, seconds: Callable[[], float]) -> Admission:
    """KubeVirt's webhooks. ``seconds`` is the time since 1970."""
    return KubeVirtAdmission(reader, lambda: str(uuid4()), lambda: stamp(seconds()))


def aggregated(
    reader: Reader, registry: Registry, authorizer: Authorizer, programs: Programs, seconds: Callable[[], float]
) -> Aggregated:
    """subresources.kubevirt.io."""
    return Subresources(reader, registry, authorizer, programs.api, Handler(programs.handler, seconds))
