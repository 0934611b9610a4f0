"""What CDI's API server refuses of ObjectTransfers (CDI 1.65.0, pkg/apiserver/webhooks/transfer-validate.go)."""

from collections.abc import Mapping

import msgspec

from dicot.kube.kind import Manifest

from ...apiserver.seams import Reader
from ..kinds.transfers import Transfer
from ..names import GROUP

_MOVED: Mapping[str, tuple[str, str]] = {
    "DataVolume": (GROUP, "datavolumes"),
    "PersistentVolumeClaim": ("", "persistentvolumeclaims"),
}


def wrong(reader: Reader, new: Manifest, old: Manifest | None) -> str:
    """What is wrong with a transfer that is made (or changed, where there is an ``old`` one); "" if nothing is."""
    if old is not None:
        return "ObjectTransfer spec is immutable" if old.get("spec") != new.get("spec") else ""
    transfer = msgspec.convert(new, Transfer)
    spec = transfer.spec
    if spec.target.namespace is None and spec.target.name is None:
        return "Target namespace and/or target name must be supplied"
    if spec.source.kind not in _MOVED:
        return f'Unsupported kind "{spec.source.kind}"'
    namespace, name = transfer.target
    if reader.get(*_MOVED[spec.source.kind], namespace, name) is not None:
        return f'ObjectTransfer target "{namespace}/{name}" already exists'
    return ""
