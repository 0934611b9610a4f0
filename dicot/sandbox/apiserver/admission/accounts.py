"""Pods run as an account of their namespace, and only as one that there is (kubernetes, admission plugin
ServiceAccount). Its token is not mounted: nothing runs in the Pods of a sandbox."""

from __future__ import annotations

import json

from dicot.kube.kind import Manifest

from ..rights.refusals import forbidden
from ..seams import Reader, Review

DEFAULT = "default"


class AccountAdmission:
    """Gives new Pods their account."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def mutate(self, review: Review) -> Manifest | None:
        """The old name of the field says the same."""
        if not _new_pod(review) or review.new is None:
            return None
        spec = review.new.setdefault("spec", {})
        spec["serviceAccountName"] = spec["serviceAccount"] = spec.get("serviceAccountName") or DEFAULT
        return review.new

    def validate(self, review: Review) -> None:
        """Raises Refusal."""
        if not _new_pod(review) or review.new is None:
            return
        name = review.new["spec"]["serviceAccountName"]
        if self._reader.get("", "serviceaccounts", review.namespace, name) is None:
            why = f"error looking up service account {review.namespace}/{name}: "
            raise forbidden("", "pods", review.name, f"{why}serviceaccount {json.dumps(name)} not found")


def _new_pod(review: Review) -> bool:
    kind = review.resource.group, review.resource.plural
    return kind == ("", "pods") and review.operation == "CREATE" and not review.subresource
