"""A Kubernetes of dictionaries: just enough of it for identity's objects, and of watches that lag when told to."""

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from dicot.kube.client import MERGE, Account, Place
from dicot.kube.errors import Conflict, Exists, Missing
from dicot.kube.kind import Kind, Manifest
from dicot.kube.store import Store

Key = tuple[str, str, str, str]


def merged(old: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict) or not isinstance(old, dict):
        return patch
    kept = {key: value for key, value in old.items() if key not in patch}
    return kept | {key: merged(old.get(key), value) for key, value in patch.items() if value is not None}


class Memory:
    """Fulfils ``kube.client.Kube``. ``fail`` is called with each verb and place first, and may raise."""

    def __init__(self) -> None:
        self.objects: dict[Key, Manifest] = {}
        self.asked: list[tuple[str, Place]] = []
        self.fail: Callable[[str, Place], None] = lambda verb, at: None
        self._versions = itertools.count(100)
        self._watches: list[tuple[Store[Any], list[bytes]]] = []
        self.lagging = False

    def watch(self, store: Store[Any]) -> None:
        """Lets a store see all objects of its kind, and from now on their changes."""
        store.replace([msgspec.json.encode(each) for each in self._of(store.kind)], str(next(self._versions)))
        self._watches.append((store, []))

    def flush(self, only: Iterable[Store[Any]] | None = None) -> None:
        """Delivers what watches owe (to some stores)."""
        wanted = None if only is None else {id(store) for store in only}
        for store, owed in self._watches:
            if wanted is None or id(store) in wanted:
                lines, owed[:] = list(owed), []
                store.apply(lines)

    async def create(
        self, at: Place, body: Manifest, *, acting_as: Account | None = None, dry: bool = False, within: float = 30.0
    ) -> bytes:
        name = body["metadata"]["name"]
        self._ask("create", at)
        key = (at.group, at.plural, at.namespace, name)
        if key in self.objects:
            raise Exists(409, "AlreadyExists", f"{at.plural} {name!r} already exists")
        number = next(self._versions)
        meta = {
            **body["metadata"],
            "namespace": at.namespace,
            "uid": f"00000000-0000-4000-8000-{number:012d}",
            "creationTimestamp": "2026-11-21T10:00:00Z",
        }
        return self._store(key, {**body, "metadata": meta}, "ADDED", number)

    async def read(self, at: Place, *, acting_as: Account | None = None, within: float = 10.0) -> bytes:
        self._ask("read", at)
        return msgspec.json.encode(self._held(at))

    async def fetch(self, path: str, *, within: float = 10.0) -> bytes:
        raise NotImplementedError

    async def find(
        self, kind: Kind[Any], namespace: str, label: str, value: str, *, within: float = 5.0
    ) -> list[bytes]:
        found = [each for each in self._of(kind) if each["metadata"].get("labels", {}).get(label) == value]
        return [msgspec.json.encode(each) for each in found if each["metadata"]["namespace"] == namespace][:2]

    async def all(self, kind: Kind[Any], namespace: str = "", *, within: float = 30.0) -> list[bytes]:
        return [msgspec.json.encode(each) for each in self._of(kind)]

    async def replace(
        self, at: Place, body: Manifest, *, acting_as: Account | None = None, within: float = 30.0
    ) -> bytes:
        self._ask("replace", at)
        held = self._held(at)
        if body["metadata"].get("resourceVersion", "") not in ("", held["metadata"]["resourceVersion"]):
            raise Conflict(409, "Conflict", "the object has been modified")
        return self._store(_key(at), body, "MODIFIED", next(self._versions))

    async def patch(
        self,
        at: Place,
        body: Manifest | list[Manifest],
        *,
        media: str = MERGE,
        acting_as: Account | None = None,
        dry: bool = False,
        within: float = 30.0,
    ) -> bytes:
        self._ask("patch", at)
        return self._store(_key(at), merged(self._held(at), body), "MODIFIED", next(self._versions))

    async def delete(
        self,
        at: Place,
        *,
        uid: str = "",
        propagation: str = "Background",
        grace: int | None = None,
        acting_as: Account | None = None,
        within: float = 30.0,
    ) -> bytes:
        self._ask("delete", at)
        held = self._held(at)
        if uid and uid != held["metadata"]["uid"]:
            raise Conflict(409, "Conflict", "the UID in the precondition does not match")
        del self.objects[_key(at)]
        held["metadata"]["resourceVersion"] = str(next(self._versions))
        self._send(_key(at), "DELETED", held)
        return b'{"kind":"Status","status":"Success"}'

    async def call(
        self, at: Place, body: Manifest, *, acting_as: Account | None = None, within: float = 30.0
    ) -> bytes:
        raise NotImplementedError

    def server_time(self) -> float | None:
        return None

    def _ask(self, verb: str, at: Place) -> None:
        self.asked.append((verb, at))
        self.fail(verb, at)

    def _held(self, at: Place) -> Manifest:
        try:
            return self.objects[_key(at)]
        except KeyError:
            raise Missing(404, "NotFound", f"{at.plural} {at.name!r} not found") from None

    def _store(self, key: Key, body: Manifest, event: str, number: int) -> bytes:
        held = {**body, "metadata": {**body["metadata"], "resourceVersion": str(number)}}
        self.objects[key] = held
        self._send(key, event, held)
        return msgspec.json.encode(held)

    def _send(self, key: Key, event: str, body: Manifest) -> None:
        for store, owed in self._watches:
            if _watched(store.kind, key):
                owed.append(msgspec.json.encode({"type": event, "object": body}))
        if not self.lagging:
            self.flush()

    def _of(self, kind: Kind[Any]) -> list[Manifest]:
        return [body for key, body in self.objects.items() if _watched(kind, key)]


def _key(at: Place) -> Key:
    return (at.group, at.plural, at.namespace, at.name)


def _watched(kind: Kind[Any], key: Key) -> bool:
    group, plural, namespace, name = key
    if (group, plural) != (kind.group, kind.plural):
        return False
    return kind.namespace in (None, namespace) and kind.name in (None, name)
