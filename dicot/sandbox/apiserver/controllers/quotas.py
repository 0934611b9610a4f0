"""Keeps the status of quotas (kubernetes, pkg/controller/resourcequota). Keys are (namespace, name)."""

from __future__ import annotations

from collections.abc import Iterable

from dicot.kube.kind import Manifest

from ..admission.quota import QUOTAS, Usage, status
from ..seams import Change, Objects
from .loop import Key


class Quotas:
    """Writes down what is used."""

    def __init__(self, objects: Objects, usage: Usage) -> None:
        self._objects = objects
        self._usage = usage

    def saw(self, change: Change) -> Iterable[Key]:
        """The count has been told of the change already: it listens, too, and longer."""
        touched = self._usage.touched
        while touched:
            yield touched.pop()

    def settle(self, key: Key) -> float | None:
        """Write it where it changed."""
        namespace, name = key
        if self._objects.get("", QUOTAS, namespace, name) is not None:
            self._objects.change("", QUOTAS, namespace, name, self._counted, "status")
        return None

    def _counted(self, quota: Manifest) -> Manifest | None:
        metadata = quota["metadata"]
        told = status(quota, self._usage.of(metadata["namespace"], metadata["name"]))
        if quota.get("status") == told:
            return None
        quota["status"] = told
        return quota
