"""A cluster without a server: storage, admission and the controllers, on a clock."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from twisted.internet.task import Clock

from dicot.kube.kind import Manifest
from dicot.moments import stamp
from dicot.sandbox.apiserver.admission.namespaces import NamespaceAdmission
from dicot.sandbox.apiserver.admission.quota import QuotaAdmission, Usage
from dicot.sandbox.apiserver.admission.storage import StorageAdmission
from dicot.sandbox.apiserver.controllers.loop import Loop
from dicot.sandbox.apiserver.controllers.roster import roster
from dicot.sandbox.apiserver.journal import Nowhere
from dicot.sandbox.apiserver.objects import ServedObjects
from dicot.sandbox.apiserver.registry import Served
from dicot.sandbox.apiserver.schemas import Kinds
from dicot.sandbox.apiserver.seams import Admission, Change
from dicot.sandbox.apiserver.storage import Storage
from dicot.sandbox.apiserver.writing import Writer

AUTHORITY = "-----BEGIN CERTIFICATE-----"


class Cluster:
    """``happened`` says what was made, changed or taken away, as "+plural/name", "~..." and "-..."."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        served, numbers = Served(), count(1)
        admissions: list[Admission] = []
        writer = Writer(
            Storage(Nowhere()),
            served,
            Kinds({}),
            admissions,
            lambda: stamp(self.clock.seconds()),
            lambda: f"uid-{next(numbers)}",
            lambda letters: letters[0],
        )
        self.objects = ServedObjects(writer)
        usage = Usage(self.objects)
        admissions += (NamespaceAdmission(self.objects), StorageAdmission(self.objects), QuotaAdmission(usage))
        self.happened: list[str] = []
        self.objects.listen(self._note)
        controllers = roster(self.objects, served, usage, AUTHORITY, self.clock.seconds, self.clock.seconds)
        self.loop = Loop(self.objects, controllers, self.clock)
        self.loop.startService()

    def _note(self, change: Change) -> None:
        mark = "+" if change.old is None else "-" if change.new is None else "~"
        self.happened.append(f"{mark}{change.resource.plural}/{change.name}")

    def settle(self) -> None:
        """Let the controllers do all that they have to do now."""
        for _ in range(100):
            self.clock.advance(0)

    def make(self, plural: str, name: str, namespace: str = "n", group: str = "", **more: object) -> Manifest:
        """Make an object; ``meta`` adds to its metadata."""
        meta = more.pop("meta", {})
        assert isinstance(meta, dict)
        metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **meta}
        return self.objects.create(group, plural, {"metadata": metadata, **more})

    def get(self, plural: str, name: str, namespace: str = "n", group: str = "") -> Manifest | None:
        return self.objects.get(group, plural, namespace, name)

    def found(self, plural: str, name: str, namespace: str = "n", group: str = "") -> Manifest:
        found = self.get(plural, name, namespace, group)
        assert found is not None, f"{plural}/{name}"
        return found

    def change(
        self, plural: str, name: str, change: Callable[[Manifest], Manifest | None], namespace: str = "n"
    ) -> None:
        self.objects.change("", plural, namespace, name, change)

    def delete(self, plural: str, name: str, namespace: str = "n", propagation: str = "Background") -> None:
        self.objects.delete("", plural, namespace, name, "", propagation)

    def free(self, plural: str, name: str, namespace: str = "n") -> None:
        """Take the finalizers from an object."""

        def freed(found: Manifest) -> Manifest:
            del found["metadata"]["finalizers"]
            return found

        self.change(plural, name, freed, namespace)


def owner(found: Manifest, kind: str = "ConfigMap", *, blocks: bool = False) -> Manifest:
    """A reference to an owner."""
    metadata = found["metadata"]
    said = {"apiVersion": "v1", "kind": kind, "name": metadata["name"], "uid": metadata["uid"]}
    return {**said, "blockOwnerDeletion": True} if blocks else said
