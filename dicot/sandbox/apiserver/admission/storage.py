"""What is done to claims and volumes on their way: DefaultStorageClass, StorageObjectInUseProtection,
PersistentVolumeClaimResize (kubernetes, plugin/pkg/admission/storage)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from dicot.kube.kind import Manifest
from dicot.kube.quantity import amount

from ..rights.refusals import forbidden
from ..seams import Reader, Review
from .usage import DEFAULT_CLASS as CLASS_ANNOTATION

DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
PROTECTION: Mapping[str, str] = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
}
STORAGE_CLASSES = ("storage.k8s.io", "storageclasses")
_NO_RESIZE = (
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
)


class StorageAdmission:
    """Completes claims and volumes; lets claims grow only where their class can."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def mutate(self, review: Review) -> Manifest | None:
        """The default class, and the finalizer that keeps what is in use."""
        finalizer = "" if review.resource.group else PROTECTION.get(review.resource.plural, "")
        if not finalizer or review.operation != "CREATE" or review.subresource or review.new is None:
            return None
        new = review.new
        if review.resource.plural == "persistentvolumeclaims":
            self._classify(new)
        finalizers = new["metadata"].setdefault("finalizers", [])
        if finalizer not in finalizers:
            finalizers.append(finalizer)
        return new

    def _classify(self, claim: Manifest) -> None:
        spec = claim.setdefault("spec", {})
        if spec.get("storageClassName") is not None or CLASS_ANNOTATION in (
            claim["metadata"].get("annotations") or {}
        ):
            return
        name = default_class(self._reader)
        if name:
            spec["storageClassName"] = name

    def validate(self, review: Review) -> None:
        """Raises Refusal."""
        resource = review.resource.group, review.resource.plural
        if resource != ("", "persistentvolumeclaims") or review.subresource:
            return
        new, old = review.new, review.old
        if new is not None and old is not None and _size(new) > _size(old) and not self._grows(old):
            raise forbidden(*resource, review.name, _NO_RESIZE)

    def _grows(self, claim: Manifest) -> bool:
        found = self._reader.get(*STORAGE_CLASSES, "", claim["spec"].get("storageClassName") or "")
        return found is not None and bool(found.get("allowVolumeExpansion"))


def default_class(reader: Reader) -> str:
    """The newest of the default classes, by name if they are of one age; "" where there is none."""
    classes = [each for each in reader.list(*STORAGE_CLASSES) if _is_default(each)]
    classes.sort(key=lambda each: each["metadata"]["name"])
    classes.sort(key=lambda each: str(each["metadata"].get("creationTimestamp", "")), reverse=True)
    return classes[0]["metadata"]["name"] if classes else ""


def _is_default(found: Manifest) -> bool:
    annotations = found["metadata"].get("annotations") or {}
    return any(annotations.get(each) == "true" for each in DEFAULT)


def _size(claim: Manifest) -> Decimal:
    return amount(claim["spec"]["resources"]["requests"]["storage"])
