"""NamespaceLifecycle: nothing is made where no namespace is or where one ends (apiserver, admission plugin)."""

from __future__ import annotations

from dicot.kube.kind import Manifest

from ..refusal import Cause, Refusal
from ..rights.refusals import forbidden, not_found
from ..seams import Reader, Review

IMMORTAL = frozenset({"default", "kube-system", "kube-public"})
NAME_LABEL = "kubernetes.io/metadata.name"


class NamespaceAdmission:
    """Guards the life of namespaces."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def mutate(self, review: Review) -> Manifest | None:
        """A namespace has its name as a label, and from birth the finalizer of the controller that empties it."""
        if not _is_namespace(review) or review.new is None or review.subresource:
            return None
        new = review.new
        metadata = new["metadata"]
        if metadata.get("name"):
            metadata["labels"] = {**(metadata.get("labels") or {}), NAME_LABEL: metadata["name"]}
        if review.operation == "CREATE":
            own = new.get("spec") or {}
            new["spec"] = {**own, "finalizers": sorted({*(own.get("finalizers") or ()), "kubernetes"})}
        return new

    def validate(self, review: Review) -> None:
        """Raises Refusal."""
        group, plural = review.resource.group, review.resource.plural
        if _is_namespace(review):
            if review.operation == "DELETE" and review.name in IMMORTAL:
                raise forbidden(group, plural, review.name, "this namespace may not be deleted")
            return
        if not review.namespace or review.operation == "DELETE":
            return
        found = self._reader.get("", "namespaces", "", review.namespace)
        if found is None:
            raise not_found("", "namespaces", review.namespace)
        if review.operation == "CREATE" and (found.get("status") or {}).get("phase") == "Terminating":
            raise _ended(review)


def _is_namespace(review: Review) -> bool:
    return (review.resource.group, review.resource.plural) == ("", "namespaces")


def _ended(review: Review) -> Refusal:
    at = review.namespace
    why = f"unable to create new content in namespace {at} because it is being terminated"
    refusal = forbidden(review.resource.group, review.resource.plural, review.name, why)
    refusal.causes = (Cause("NamespaceTerminating", f"namespace {at} is being terminated", "metadata.namespace"),)
    return refusal
