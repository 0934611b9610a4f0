"""All objects, as JSON in memory, with one counter of versions and the last changes of them."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from msgspec import json

from dicot.kube.kind import Manifest

from .history import Event, History

Where = tuple[str, str]
"""Group and plural of a resource. Its objects are kept in one version, whichever they were written in."""
Key = str
"""namespace/name; objects of the cluster have an empty namespace. Sorted as text, as etcd sorts its keys."""


class Journal(Protocol):
    """Where it is written what must survive the process."""

    def begin(self) -> int:
        """The version at which the process before ended, 0 at the first start."""
        ...

    def objects(self) -> Iterable[tuple[Where, Key, bytes]]:
        """Everything that is kept."""
        ...

    def write(self, version: int, where: Where, key: Key, body: bytes | None) -> None:
        """Keep an object, or (None) forget it. It is kept once this returns."""
        ...

    def fill(self, version: int, objects: Iterable[tuple[Where, Key, bytes]]) -> None:
        """Keep many at once."""
        ...

    def close(self) -> None: ...


def key_of(namespace: str, name: str) -> Key:
    """Where an object is among those of its resource."""
    return f"{namespace}/{name}"


class Shelf:
    """The objects of one resource, in the order of their keys."""

    __slots__ = ("bodies", "keys")

    def __init__(self) -> None:
        self.bodies: dict[Key, bytes] = {}
        self.keys: list[Key] = []

    def within(self, namespace: str) -> list[Key]:
        """The keys of a namespace, or ("") all of them."""
        if not namespace:
            return self.keys.copy()
        # What follows "/" in the order of characters is "0".
        start, end = (bisect_left(self.keys, f"{namespace}{mark}") for mark in "/0")
        return self.keys[start:end]


_EMPTY = Shelf()


class Storage:
    """Objects by resource, namespace and name."""

    def __init__(self, journal: Journal, history: History | None = None) -> None:
        self.history = history or History()
        self._journal = journal
        self._shelves: dict[Where, Shelf] = {}
        self._listeners: list[Callable[[Event], None]] = []
        self.version = max(journal.begin(), 1)
        self._take(journal.objects())
        self.history.begin(self.version)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Tell of each change, once it is kept."""
        self._listeners.append(listener)

    def get(self, where: Where, namespace: str, name: str) -> bytes | None:
        """The JSON of an object."""
        return self._shelves.get(where, _EMPTY).bodies.get(key_of(namespace, name))

    def read(self, where: Where, namespace: str, name: str) -> Manifest | None:
        """An object, the caller's own."""
        body = self.get(where, namespace, name)
        return None if body is None else json.decode(body)

    def shelf(self, where: Where) -> Shelf:
        """All objects of a resource, not to be changed."""
        return self._shelves.get(where, _EMPTY)

    def resources(self) -> list[Where]:
        """The resources that have objects."""
        return [where for where, shelf in self._shelves.items() if shelf.keys]

    def put(self, where: Where, namespace: str, name: str, manifest: Manifest) -> bytes:
        """Keep an object under the next version, which is set in the manifest; its JSON."""
        version = self.version + 1
        manifest["metadata"]["resourceVersion"] = str(version)
        body = json.encode(manifest)
        key = key_of(namespace, name)
        self._journal.write(version, where, key, body)
        self.version = version
        shelf = self._shelves.setdefault(where, Shelf())
        old = shelf.bodies.get(key)
        if old is None:
            insort(shelf.keys, key)
        shelf.bodies[key] = body
        self._tell(Event(version, where, namespace, name, old, body, body))
        return body

    def remove(self, where: Where, namespace: str, name: str) -> bytes:
        """Forget an object; its last JSON, in the version of its end."""
        shelf, key = self._shelves[where], key_of(namespace, name)
        version = self.version + 1
        last = renumbered(shelf.bodies[key], version)
        self._journal.write(version, where, key, None)
        self.version = version
        old = shelf.bodies.pop(key)
        del shelf.keys[bisect_left(shelf.keys, key)]
        self._tell(Event(version, where, namespace, name, old, None, last))
        return last

    def fill(self, objects: Iterable[tuple[Where, str, str, Manifest]]) -> None:
        """Keep many objects that nobody has watched yet, under names that are free. Watches from before must begin
        anew."""
        self._journal.fill(self.version, self._filled(objects))
        self._sort()
        self.history.begin(self.version)

    def close(self) -> None:
        """Let go of the journal."""
        self._journal.close()

    def _filled(self, objects: Iterable[tuple[Where, str, str, Manifest]]) -> Iterator[tuple[Where, Key, bytes]]:
        for where, namespace, name, manifest in objects:
            self.version += 1
            manifest["metadata"]["resourceVersion"] = str(self.version)
            key, body = key_of(namespace, name), json.encode(manifest)
            self._add(where, key, body)
            yield where, key, body

    def _take(self, objects: Iterable[tuple[Where, Key, bytes]]) -> None:
        for where, key, body in objects:
            self._add(where, key, body)
        self._sort()

    def _add(self, where: Where, key: Key, body: bytes) -> None:
        """At the end, out of order."""
        shelf = self._shelves.setdefault(where, Shelf())
        shelf.bodies[key] = body
        shelf.keys.append(key)

    def _sort(self) -> None:
        for shelf in self._shelves.values():
            shelf.keys.sort()

    def _tell(self, event: Event) -> None:
        self.history.add(event)
        for listener in self._listeners:
            listener(event)


def renumbered(body: bytes, version: int) -> bytes:
    """An object as it was, in another version."""
    manifest = json.decode(body)
    manifest["metadata"]["resourceVersion"] = str(version)
    return json.encode(manifest)
