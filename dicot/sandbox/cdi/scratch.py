"""The claim beside another, for what is unpacked on the way (CDI 1.65.0, pkg/controller/util.go)."""

from dicot.kube.kind import Manifest

from ...kube.quantity import whole
from . import sizes
from .kinds.claims import Pod
from .names import APP, RECOMMENDED, joined
from .pods import owned_by_pod
from .storage import FILESYSTEM
from .workers import Scene


def scratch(scene: Scene, pod: Pod) -> Manifest:
    """It, which goes with the Pod that unpacks."""
    claim, meta = scene.claim, scene.claim.metadata
    kept = {key: value for key, value in meta.annotations.items() if "kubevirt.io" in key and "cdi." not in key}
    space = whole(claim.spec.resources.requests.get("storage", 0))
    overhead = scene.overhead(claim)
    other = scene.storage.overhead(claim.spec.storageClassName, FILESYSTEM)
    size = sizes.scratch(overhead, other, space)
    spec: Manifest = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": sizes.quantity(size)}}}
    if claim.spec.storageClassName:
        spec["storageClassName"] = claim.spec.storageClassName
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "namespace": meta.namespace,
            "name": joined(meta.name, "scratch"),
            "labels": {**APP, **RECOMMENDED, "velero.io/exclude-from-backup": "true"},
            "annotations": kept,
            "ownerReferences": [owned_by_pod(pod.metadata.name, pod.metadata.uid)],
        },
        "spec": spec,
    }
