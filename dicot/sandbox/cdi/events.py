"""Events, as the recorders of CDI's controllers write them."""

from dicot.kube.kind import Meta

from ..events import NORMAL, WARNING, tell
from ..steps import Tell
from .names import GROUP, VERSION

__all__ = ["NORMAL", "WARNING", "event"]
_VERSIONS = {"DataVolume": f"{GROUP}/{VERSION}", "PersistentVolumeClaim": "v1"}


def event(kind: str, about: Meta, sort: str, reason: str, message: str, component: str, now: float) -> Tell:
    """An Event about an object."""
    return tell(_VERSIONS[kind], kind, about, sort, reason, message, component, now)
