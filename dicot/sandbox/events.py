"""Events, as the recorders of controllers write them (client-go, tools/record)."""

from hashlib import sha256

from dicot.kube.kind import Manifest, Meta
from dicot.moments import stamp

from .steps import Tell

NORMAL, WARNING = "Normal", "Warning"
_ELSEWHERE = "default"
"""Where Events about objects of no namespace are."""


def tell(
    version: str, kind: str, about: Meta, sort: str, reason: str, message: str, component: str, now: float
) -> Tell:
    """An Event about an object. Said again, it is the same one: a recorder would count it."""
    said = sha256("\n".join((about.uid, sort, reason, message, component)).encode()).hexdigest()[:16]
    moment = stamp(now)
    reference = {
        "apiVersion": version,
        "kind": kind,
        "name": about.name,
        "uid": about.uid,
        "resourceVersion": about.resourceVersion,
    }
    body: Manifest = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about.name}.{said}", "namespace": about.namespace or _ELSEWHERE},
        "involvedObject": reference | ({"namespace": about.namespace} if about.namespace else {}),
        "type": sort,
        "reason": reason,
        "message": message,
        "source": {"component": component},
        "reportingComponent": component,
        "reportingInstance": "",
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }
    return Tell(body)
