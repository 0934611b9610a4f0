"""Kubernetes in memory, as far as those who write can tell: what the API server does on one object at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from dicot.cloud.moments import written
from dicot.kube import errors
from dicot.kube.client import Account, Place
from dicot.kube.kind import Kind, Manifest
from dicot.kube.store import Store

BIRTH = 1_800_000_000.0
Key = tuple[str, str, str]


@dataclass
class Script:
    """What happens to the next calls of a verb on a plural: refused, lost on the way, lost on the way back, held."""

    verb: str
    plural: str
    refuse: Exception | None = None
    lose: bool = False
    drop: bool = False
    hold: Deferred[None] | None = None
    times: int = 1
    skip: int = 0
    name: str = ""


@dataclass(frozen=True)
class Made:
    """A call as it was made."""

    verb: str
    plural: str
    name: str
    acting_as: str
    dry: bool = False
    extra: tuple[tuple[str, str], ...] = ()
    within: float = 0.0


@dataclass
class FakeKube:
    """Fulfils Kube. ``stores`` are fed as watches would feed them, unless ``lagging``."""

    clock: Clock
    stores: Mapping[Kind[Any], Store[Any]] = field(default_factory=dict)
    lagging: bool = False
    objects: dict[Key, Manifest] = field(default_factory=dict)
    calls: list[Made] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    admit: Callable[[Place, Manifest], None] = lambda at, body: None
    review: Callable[[Manifest], bool] = lambda spec: True
    _version: int = 100
    _late: list[tuple[Store[Any], bytes]] = field(default_factory=list)

    # what tests say and ask

    def script(self, verb: str, plural: str, **what: Any) -> Script:
        """Let the next calls of a verb on a plural fare so."""
        script = Script(verb, plural, **what)
        self.scripts.append(script)
        return script

    def put(self, body: Manifest) -> Manifest:
        """An object made by somebody else."""
        kind = self._kind(body["apiVersion"], body["kind"])
        plural = kind.plural if kind else body["kind"].lower() + "s"
        group = body["apiVersion"].rpartition("/")[0]
        return self._store(Place(group, "v1", plural, body["metadata"].get("namespace", "")), copy.deepcopy(body))

    def one(self, plural: str, namespace: str, name: str) -> Manifest | None:
        """An object, by its bare plural."""
        return next((body for key, body in self._named(plural, namespace) if key[2] == name), None)

    def names(self, plural: str, namespace: str = "") -> list[str]:
        """The names of a plural's objects."""
        return sorted(key[2] for key, _ in self._named(plural, namespace))

    def remove(self, plural: str, namespace: str, name: str) -> None:
        """An object is deleted by somebody else."""
        found = next(key for key, _ in self._named(plural, namespace) if key[2] == name)
        self._drop(found)

    def catch_up(self) -> None:
        """Watches that lagged deliver what they held back."""
        late, self._late = self._late, []
        for store, line in late:
            store.apply([line])

    def verbs(self, plural: str = "") -> list[str]:
        """The calls in order, dry runs marked."""
        return [
            f"{'dry ' if made.dry else ''}{made.verb} {made.plural}"
            for made in self.calls
            if not plural or made.plural == plural
        ]

    # Kube

    async def create(
        self,
        at: Place,
        body: Manifest,
        *,
        acting_as: Account | None = None,
        dry: bool = False,
        within: float = 30.0,
    ) -> bytes:
        """POST."""
        name = str(body["metadata"]["name"]) if "metadata" in body else ""
        lost = await self._begin("create", at, name, acting_as, dry, within)
        if at.plural == "subjectaccessreviews":
            return msgspec.json.encode({**body, "status": {"allowed": self.review(body["spec"])}})
        self.admit(at, body)
        if _key(at, name) in self.objects:
            raise errors.Exists(409, "AlreadyExists", f'{at.plural} "{name}" already exists')
        if dry:
            return msgspec.json.encode(body)
        made = self._store(at, copy.deepcopy(body))
        return self._answer(lost, made)

    async def read(self, at: Place, *, acting_as: Account | None = None, within: float = 10.0) -> bytes:
        """GET."""
        await self._begin("read", at, at.name, acting_as, False, within)
        return msgspec.json.encode(self._get(at))

    async def fetch(self, path: str, *, within: float = 10.0) -> bytes:
        """Documents of the API server itself: it has none."""
        raise errors.Missing(404, "NotFound", f"the server could not find {path}")

    async def find(
        self, kind: Kind[Any], namespace: str, label: str, value: str, *, within: float = 5.0
    ) -> list[bytes]:
        """By a label, at most 2."""
        found = [
            body
            for _, body in self._named(kind.plural, namespace)
            if body["metadata"].get("labels", {}).get(label) == value
        ]
        return [msgspec.json.encode(body) for body in found[:2]]

    async def all(self, kind: Kind[Any], namespace: str = "", *, within: float = 30.0) -> list[bytes]:
        """All of a kind."""
        return [msgspec.json.encode(body) for _, body in self._named(kind.plural, namespace)]

    async def replace(
        self, at: Place, body: Manifest, *, acting_as: Account | None = None, within: float = 30.0
    ) -> bytes:
        """PUT."""
        lost = await self._begin("replace", at, at.name, acting_as, False, within)
        found = self._get(at)
        _guard(found, body["metadata"].get("resourceVersion"))
        kept = {key: found["metadata"][key] for key in ("uid", "creationTimestamp")}
        body = copy.deepcopy(body)
        body["metadata"].update(kept)
        return self._answer(lost, self._write(_key(at, at.name), body))

    async def patch(
        self,
        at: Place,
        body: Manifest | list[Manifest],
        *,
        media: str = "application/merge-patch+json",
        acting_as: Account | None = None,
        dry: bool = False,
        within: float = 30.0,
    ) -> bytes:
        """PATCH: merge patches, and JSON patches of test, add and replace."""
        lost = await self._begin("patch", at, at.name, acting_as, dry, within)
        found = copy.deepcopy(self._get(at))
        if isinstance(body, list):
            for operation in body:
                _operate(found, operation)
        else:
            _guard(found, body.get("metadata", {}).get("resourceVersion"))
            _merge(found, body)
        if dry or self._get(at) == found:
            return self._answer(lost, self._get(at))
        return self._answer(lost, self._write(_key(at, at.name), found))

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
        """DELETE; what has finalizers is only marked."""
        lost = await self._begin("delete", at, at.name, acting_as, False, within)
        found = self._get(at)
        if uid and found["metadata"]["uid"] != uid:
            raise errors.Conflict(409, "Conflict", "the UID in the precondition does not match")
        if found["metadata"].get("finalizers"):
            marked = copy.deepcopy(found)
            marked["metadata"]["deletionTimestamp"] = self._now()
            return self._answer(lost, self._write(_key(at, at.name), marked))
        self._drop(_key(at, at.name))
        return self._answer(lost, {"kind": "Status", "status": "Success"})

    async def call(
        self, at: Place, body: Manifest, *, acting_as: Account | None = None, within: float = 30.0
    ) -> bytes:
        """PUT to an action: noted in an annotation."""
        lost = await self._begin(at.subresource, at, at.name, acting_as, False, within)
        found = copy.deepcopy(self._get(Place("kubevirt.io", "v1", at.plural, at.namespace, at.name)))
        annotations = found["metadata"].setdefault("annotations", {})
        annotations["dicot.io/asked"] = f"{annotations.get('dicot.io/asked', '')} {at.subresource}".strip()
        self._write(("virtualmachines.kubevirt.io", at.namespace, at.name), found)
        if lost:
            raise errors.Doubtful("the answer was cut")
        return b""

    def server_time(self) -> float | None:
        """The clock of the tests, in another century."""
        return BIRTH + self.clock.seconds()

    # how

    async def _begin(
        self, verb: str, at: Place, name: str, acting_as: Account | None, dry: bool, within: float
    ) -> bool:
        account = acting_as.name if acting_as else ""
        extra = acting_as.extra if acting_as else ()
        self.calls.append(Made(verb, at.plural, name, account, dry, extra, within))
        for script in self.scripts:
            if (script.verb, script.plural) != (verb, at.plural) or script.name not in name or dry:
                continue
            if script.skip:
                script.skip -= 1
            elif script.times:
                return await self._play(script)
        return False

    async def _play(self, script: Script) -> bool:
        script.times -= 1
        if script.hold is not None:
            await script.hold
        if script.refuse is not None:
            raise script.refuse
        if script.lose:
            raise errors.Doubtful("the request was lost")
        return script.drop

    def _answer(self, lost: bool, body: Manifest) -> bytes:
        if lost:
            raise errors.Doubtful("the answer was cut")
        return msgspec.json.encode(body)

    def _named(self, plural: str, namespace: str) -> list[tuple[Key, Manifest]]:
        return [
            (key, body)
            for key, body in self.objects.items()
            if key[0].partition(".")[0] == plural and namespace in ("", key[1])
        ]

    def _get(self, at: Place) -> Manifest:
        found = self.objects.get(_key(at, at.name))
        if found is None:
            raise errors.Missing(404, "NotFound", f'{at.plural} "{at.name}" not found')
        return found

    def _store(self, at: Place, body: Manifest) -> Manifest:
        self._version += 1
        body["metadata"].setdefault("uid", str(UUID(int=self._version)))
        body["metadata"].setdefault("creationTimestamp", self._now())
        return self._write(_key(at, body["metadata"]["name"]), body)

    def _write(self, key: Key, body: Manifest) -> Manifest:
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)
        verb = "MODIFIED" if key in self.objects else "ADDED"
        self.objects[key] = body
        self._feed(verb, body)
        return body

    def _drop(self, key: Key) -> None:
        gone = copy.deepcopy(self.objects.pop(key))
        self._version += 1
        gone["metadata"]["resourceVersion"] = str(self._version)
        self._feed("DELETED", gone)
        uid = gone["metadata"]["uid"]
        for other, body in list(self.objects.items()):
            if any(owner["uid"] == uid for owner in body["metadata"].get("ownerReferences", ())):
                self._drop(other)

    def _feed(self, verb: str, body: Manifest) -> None:
        kind = self._kind(body["apiVersion"], body["kind"])
        if kind is None:
            return
        line = msgspec.json.encode({"type": verb, "object": body})
        if self.lagging:
            self._late.append((self.stores[kind], line))
        else:
            self.stores[kind].apply([line])

    def _kind(self, version: str, singular: str) -> Kind[Any] | None:
        return next((kind for kind in self.stores if (kind.api_version, kind.singular) == (version, singular)), None)

    def _now(self) -> str:
        return written(BIRTH + self.clock.seconds())[:19] + "Z"


def _key(at: Place, name: str) -> Key:
    return (f"{at.plural}.{at.group}" if at.group else at.plural, at.namespace, name)


def _guard(found: Manifest, version: str | None) -> None:
    if version and version != found["metadata"]["resourceVersion"]:
        raise errors.Conflict(409, "Conflict", "the object has been modified")


def _merge(found: Manifest, patch: Manifest) -> None:
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict):
            _merge(found.setdefault(key, {}), value)
        else:
            found[key] = value


def _operate(found: Any, operation: Manifest) -> None:
    *parents, last = operation["path"].strip("/").split("/")
    for part in parents:
        found = found[part]
    if operation["op"] == "test":
        if found.get(last) != operation["value"]:
            raise errors.Conflict(409, "Conflict", "the patch does not apply")
    else:
        found[last] = operation["value"]
