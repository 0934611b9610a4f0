"""What virt-controller sees of exports, and what follows from it for each."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dicot.kube.kind import Kind, Manifest, Row
from dicot.kube.store import Store

from ...controller import Key
from ...steps import REST, Decision
from ..keeping.kinds import SNAPSHOTS, machine_link, snapshot_link
from ..machines.birth import Conflicting
from ..machines.kinds import CLAIMS, GUESTS, MACHINES, uid_link, volume_link, whole
from ..machines.revisions import Unknown
from . import describing, export, names, sources
from .kinds import EXPORTS, KINDS, SERVICES, USERS
from .scene import Exporting, Signing, Source
from .sources import Around, Unclear

Expand = Callable[[Row, float], Manifest]
"""A machine with what its flavor says in it. Raises Unknown, Conflicting."""


class ExportWorld:
    """A part of virt-controller's world; ``stores`` are all of it."""

    kinds = KINDS
    decided = (EXPORTS,)

    def __init__(self, stores: Mapping[Kind[Any], Store[Any]], expand: Expand, signing: Signing) -> None:
        self._stores = stores
        self._expand = expand
        self._signing = signing

    def related(self, kind: Kind[Any], row: Row) -> Iterator[Key]:
        """What must be decided again because of an object of any kind. Who else uses a claim tells nobody."""
        if kind in (USERS, SERVICES, CLAIMS):
            yield from self._linked(uid_link(row, row.owner))
        if kind is CLAIMS:
            yield from self._linked(volume_link(row.namespace, row.name))
        elif kind in (MACHINES, GUESTS):
            yield from self._linked(machine_link(row.namespace, row.name))
        elif kind is SNAPSHOTS:
            yield from self._linked(snapshot_link(row.namespace, row.name))

    def decide(self, key: Key, now: float) -> Decision:
        """What to do about an export."""
        row = self._stores[EXPORTS].one(key.namespace, key.name)
        return REST if row is None else export.decide(self._scene(row, now))

    def _scene(self, row: Row, now: float) -> Exporting:
        found = whole(EXPORTS, row)
        pod = self._one(USERS, row.namespace, names.pod_name(found))
        source: Source | None = None
        described: Manifest | None = None
        try:
            source = sources.find(found, self._around(row.namespace))
            described = self._described(found, source, now) if pod is None and source.is_given else None
        except (Unclear, Unknown, Conflicting):
            source = None
        return Exporting(
            export=found,
            source=source,
            service=self._one(SERVICES, row.namespace, names.service_name(found)),
            pod=pod,
            described=described,
            signing=self._signing,
            now=now,
        )

    def _described(self, found: Manifest, source: Source, now: float) -> Manifest | None:
        """What is told of the machine that it is of, if it is of one. Raises Unknown, Conflicting."""
        space = found["metadata"]["namespace"]
        machine = self._stores[MACHINES].one(space, source.machine or "")
        if machine is None:
            return None
        expanded = self._expand(machine, now)
        return describing.described(
            found, expanded, lambda name: self._one(CLAIMS, space, name), self._signing.authority
        )

    def _around(self, namespace: str) -> Around:
        def users(claim: str) -> list[Manifest]:
            return [whole(USERS, each) for each in self._stores[USERS].linked(volume_link(namespace, claim))]

        return Around(lambda kind, name: self._one(kind, namespace, name), users)

    def _linked(self, link: str) -> Iterator[Key]:
        yield from (Key(EXPORTS, row.namespace, row.name) for row in self._stores[EXPORTS].linked(link))

    def _one(self, kind: Kind[Any], namespace: str, name: str) -> Manifest | None:
        row = self._stores[kind].one(namespace, name)
        return whole(kind, row) if row is not None else None
