"""Watches of stores on objects that are held in memory."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from dicot.kube.kind import Kind, Manifest
from dicot.kube.store import Store


class Key(NamedTuple):
    """Where an object is."""

    group: str
    plural: str
    namespace: str
    name: str

    @property
    def resource(self) -> str:
        """plural.group, as errors name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def is_of(self, kind: Kind[Any]) -> bool:
        """Whether watches of a kind tell of it."""
        if (self.group, self.plural) != (kind.group, kind.plural):
            return False
        return kind.namespace in (None, self.namespace) and kind.name in (None, self.name)


class Watches:
    """Each store with the lines that it has not been given yet, in order."""

    def __init__(self) -> None:
        self._owed: list[tuple[Store[Any], list[bytes]]] = []

    def begin(self, store: Store[Any], objects: Mapping[Key, Manifest], version: str) -> None:
        """The first list; from now on the store is owed every change."""
        store.replace([msgspec.json.encode(body) for key, body in objects.items() if key.is_of(store.kind)], version)
        self._owed.append((store, []))

    def tell(self, event: str, key: Key, body: Manifest) -> None:
        """A change."""
        line = msgspec.json.encode({"type": event, "object": body})
        for store, owed in self._owed:
            if key.is_of(store.kind):
                owed.append(line)

    def deliver(self, only: Iterable[Store[Any]] | None = None) -> None:
        """Gives (some) stores what they are owed."""
        wanted = None if only is None else {id(store) for store in only}
        for store, owed in self._owed:
            if owed and (wanted is None or id(store) in wanted):
                lines, owed[:] = list(owed), []
                store.apply(lines)

    def kind(self, version: str, singular: str) -> Kind[Any] | None:
        """The watched kind of an object's apiVersion and kind."""
        kinds = (store.kind for store, _ in self._owed)
        return next((kind for kind in kinds if (kind.api_version, kind.singular) == (version, singular)), None)
