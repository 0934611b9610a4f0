"""Kubernetes in memory: what the API server does on one object at a time. ``contract_kube`` holds it to the real one.

It knows no schemas, no rights and no controllers but the garbage collector: what those refuse, tests script.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import floor
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from dicot.kube import errors
from dicot.kube.address import Account, Place, place
from dicot.kube.kind import Kind, Manifest
from dicot.kube.media import JSON_PATCH, MERGE, STRATEGIC
from dicot.kube.store import Store
from dicot.names import ACCOUNTS_NAMESPACE, IMAGES_NAMESPACE, SYSTEM_NAMESPACE

from .etcd import Etcd, conflict, is_custom
from .patches import Inapplicable, merged, operated
from .watches import Key

BIRTH = 1_800_000_000.0
MADE_BY_PUT = frozenset({"leases", "roles", "rolebindings", "clusterroles", "clusterrolebindings"})
"""Built-in kinds that a PUT creates where there is none."""

GUARDED = frozenset({"leases"})
"""Built-in kinds that are replaced only under their version."""


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


class FakeKube:
    """Fulfils Kube. Stores are fed as watches would feed them, unless ``lagging``.

    The API server's clock is the Clock's seconds after ``birth``. ``permit`` is called with each call first, ``fail``
    with its verb and place, ``admit`` with each create, and may raise; ``review`` answers questions for access.
    ``absent`` are the resources ("plural.group") that this cluster does not serve, ``spaces`` the namespaces that are
    there without an object.
    """

    def __init__(self, clock: Clock | None = None, birth: float = BIRTH) -> None:
        self.clock = clock or Clock()
        self.birth = birth
        self.calls: list[Made] = []
        self.asked: list[tuple[str, Place]] = []
        self.scripts: list[Script] = []
        self.absent: set[str] = set()
        self.spaces = {"", SYSTEM_NAMESPACE, ACCOUNTS_NAMESPACE, IMAGES_NAMESPACE}
        self.permit: Callable[[str, Place, Account | None], None] = lambda verb, at, acting_as: None
        self.fail: Callable[[str, Place], None] = lambda verb, at: None
        self.admit: Callable[[Place, Manifest], None] = lambda at, body: None
        self.review: Callable[[Manifest], bool] = lambda spec: True
        self._etcd = Etcd(self._now)
        self._heard: tuple[float, float] | None = None

    # what tests say and ask

    def script(self, verb: str, plural: str, **what: Any) -> Script:
        """Let the next calls of a verb on a plural fare so."""
        script = Script(verb, plural, **what)
        self.scripts.append(script)
        return script

    @property
    def objects(self) -> dict[Any, Manifest]:
        """Everything, by (group, plural, namespace, name)."""
        return self._etcd.objects

    @property
    def lagging(self) -> bool:
        """Whether watches hold back what they should tell."""
        return self._etcd.lagging

    @lagging.setter
    def lagging(self, lagging: bool) -> None:
        self._etcd.lagging = lagging

    def watch(self, store: Store[Any]) -> None:
        """Lets a store see all objects of its kind, and from now on their changes."""
        self._etcd.watches.begin(store, self.objects, str(self._etcd.version))

    @contextmanager
    def by_administrator(self) -> Iterator["FakeKube"]:
        """Calls that are not Dicot's: everything is permitted."""
        permit, self.permit = self.permit, lambda verb, at, acting_as: None
        try:
            yield self
        finally:
            self.permit = permit

    def catch_up(self, only: Iterable[Store[Any]] | None = None) -> None:
        """Watches that lagged (some of them) deliver what they held back."""
        self._etcd.watches.deliver(only)

    def hear(self) -> None:
        """Some answer came: the API server's time is known."""
        self._heard = (floor(self._now()), self.clock.seconds())

    def put(self, body: Manifest) -> Manifest:
        """An object made or changed by somebody else."""
        kind = self._etcd.watches.kind(body["apiVersion"], body["kind"])
        plural = kind.plural if kind else body["kind"].lower() + "s"
        metadata = body["metadata"]
        key = Key(body["apiVersion"].rpartition("/")[0], plural, metadata.get("namespace", ""), metadata["name"])
        known = {name: metadata[name] for name in ("uid", "creationTimestamp") if name in metadata}
        return self._etcd.write(key, self._etcd.born(key, body, **known))

    def one(self, plural: str, namespace: str, name: str) -> Manifest | None:
        """An object, by its bare plural."""
        return next((body for key, body in self._etcd.named(plural, namespace) if key.name == name), None)

    def names(self, plural: str, namespace: str = "") -> list[str]:
        """The names of a plural's objects."""
        return sorted(key.name for key, _ in self._etcd.named(plural, namespace))

    def remove(self, plural: str, namespace: str, name: str) -> None:
        """An object is deleted by somebody else."""
        self._etcd.drop(next(key for key, _ in self._etcd.named(plural, namespace) if key.name == name))

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
        if at.namespace not in self.spaces and ("", "namespaces", "", at.namespace) not in self.objects:
            raise errors.Missing(404, "NotFound", f'namespaces "{at.namespace}" not found')
        key = Key(at.group, at.plural, at.namespace, name)
        held = self.objects.get(key)
        if held is not None:
            going = "object is being deleted: " if "deletionTimestamp" in held["metadata"] else ""
            raise errors.Exists(409, "AlreadyExists", f'{going}{key.resource} "{name}" already exists')
        made = self._etcd.born(key, body)
        return _answer(lost, made if dry else self._etcd.write(key, made))

    async def read(self, at: Place, *, acting_as: Account | None = None, within: float = 10.0) -> bytes:
        """GET."""
        await self._begin("read", at, at.name, acting_as, False, within)
        return msgspec.json.encode(self._held(at))

    async def fetch(self, path: str, *, within: float = 10.0) -> bytes:
        """Documents of the API server itself: it has none."""
        raise _nothing_there()

    async def find(
        self, kind: Kind[Any], namespace: str, label: str, value: str, *, within: float = 5.0
    ) -> list[bytes]:
        """By a label, at most 2."""
        await self._begin("find", place(kind, namespace), "", None, False, within)
        listed = self._etcd.listed(kind, namespace)
        found = [body for body in listed if body["metadata"].get("labels", {}).get(label) == value]
        return [msgspec.json.encode(body) for body in found[:2]]

    async def all(self, kind: Kind[Any], namespace: str = "", *, within: float = 30.0) -> list[bytes]:
        """All of a kind."""
        await self._begin("all", place(kind, namespace), "", None, False, within)
        return [msgspec.json.encode(body) for body in self._etcd.listed(kind, namespace)]

    async def replace(
        self, at: Place, body: Manifest, *, acting_as: Account | None = None, within: float = 30.0
    ) -> bytes:
        """PUT."""
        lost = await self._begin("replace", at, at.name, acting_as, False, within)
        key = _key(at)
        if key not in self.objects and at.plural in MADE_BY_PUT:
            return _answer(lost, self._etcd.write(key, self._etcd.born(key, body)))
        uid, said = self._held(at)["metadata"]["uid"], body["metadata"]
        if not said.get("resourceVersion") and (is_custom(at.group) or at.plural in GUARDED):
            raise _invalid(key.resource, at.name, "metadata.resourceVersion", "0: must be specified for an update")
        if said.get("uid", uid) != uid:
            raise conflict(key, f"Precondition failed: UID in precondition: {said['uid']}, UID in object meta: {uid}")
        return _answer(lost, self._etcd.change(key, {**body, "metadata": {"namespace": at.namespace, **said}}))

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
        """PATCH: merge patches, and JSON patches of test, add, replace and remove."""
        lost = await self._begin("patch", at, at.name, acting_as, dry, within)
        if media == STRATEGIC and is_custom(at.group):
            raise errors.Failed(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
        if media != (JSON_PATCH if isinstance(body, list) else MERGE):
            raise NotImplementedError(media)
        held = self._held(at)
        try:
            patched = operated(held, body) if isinstance(body, list) else merged(held, body)
        except Inapplicable:
            text = "the server rejected our request due to an error in our request"
            raise errors.Conflict(409, "Conflict", text) from None
        uid = patched["metadata"].get("uid")
        if uid != held["metadata"]["uid"]:
            raise _invalid(_kind(held, at), at.name, "metadata.uid", f'"{uid}": field is immutable', times=2)
        return _answer(lost, self._etcd.change(_key(at), patched, dry=dry))

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
        if at.plural == "namespaces" or propagation != "Background":
            raise NotImplementedError("a delete that takes its time")
        held, key = self._held(at), _key(at)
        found = held["metadata"]["uid"]
        if uid and uid != found:
            text = f"the UID in the precondition ({uid}) does not match the UID in record ({found})."
            named = f'Operation cannot be fulfilled on {_kind(held, at)} "{at.name}": {text}'
            raise errors.Conflict(409, "Conflict", f"{named} The object might have been deleted and then recreated")
        going = self._etcd.delete(key)
        if going is not None:
            return _answer(lost, going)
        details = {"name": at.name, "kind": at.plural, "uid": found, **({"group": at.group} if at.group else {})}
        success = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        return _answer(lost, success)

    async def call(
        self, at: Place, body: Manifest, *, acting_as: Account | None = None, within: float = 30.0
    ) -> bytes:
        """PUT to an action: noted in an annotation."""
        lost = await self._begin(at.subresource, at, at.name, acting_as, False, within)
        key = Key("kubevirt.io", at.plural, at.namespace, at.name)
        if key not in self.objects:
            text = f'{at.plural.removesuffix("s")}.kubevirt.io "{at.name}" not found'
            raise errors.Missing(404, "NotFound", text)
        asked = self.objects[key]["metadata"].get("annotations", {}).get("dicot.io/asked", "")
        note = {"metadata": {"annotations": {"dicot.io/asked": f"{asked} {at.subresource}".strip()}}}
        self._etcd.write(key, merged(self.objects[key], note))
        _answer(lost, {})
        return b""

    def server_time(self) -> float | None:
        """As an answer's ``Date`` would tell it, in whole seconds."""
        if self._heard is None:
            return None
        date, then = self._heard
        return date + self.clock.seconds() - then

    # how

    async def _begin(
        self, verb: str, at: Place, name: str, acting_as: Account | None, dry: bool, within: float
    ) -> bool:
        """Notes a call and lets it fare as scripted; whether its answer is to be lost."""
        account = acting_as.name if acting_as else ""
        extra = acting_as.extra if acting_as else ()
        self.calls.append(Made(verb, at.plural, name, account, dry, extra, within))
        self.asked.append((verb, at))
        self.permit(verb, at, acting_as)
        self.fail(verb, at)
        lost = await self._play(verb, at, name, dry)
        self.hear()
        if f"{at.plural}.{at.group}" in self.absent:
            raise _nothing_there()
        return lost

    async def _play(self, verb: str, at: Place, name: str, dry: bool) -> bool:
        for script in self.scripts:
            if (script.verb, script.plural) != (verb, at.plural) or script.name not in name or dry:
                continue
            if script.skip:
                script.skip -= 1
            elif script.times:
                script.times -= 1
                return await _played(script)
        return False

    def _held(self, at: Place) -> Manifest:
        found = self.objects.get(_key(at))
        if found is None:
            raise errors.Missing(404, "NotFound", f'{_key(at).resource} "{at.name}" not found')
        return found

    def _now(self) -> float:
        return self.birth + self.clock.seconds()


async def _played(script: Script) -> bool:
    if script.hold is not None:
        await script.hold
    if script.refuse is not None:
        raise script.refuse
    if script.lose:
        raise errors.Doubtful("the request was lost")
    return script.drop


def _key(at: Place) -> Key:
    return Key(at.group, at.plural, at.namespace, at.name)


def _kind(body: Manifest, at: Place) -> str:
    return f"{body['kind']}.{at.group}" if at.group else str(body["kind"])


def _answer(lost: bool, body: Manifest) -> bytes:
    if lost:
        raise errors.Doubtful("the answer was cut")
    return msgspec.json.encode(body)


def _invalid(what: str, name: str, where: str, text: str, times: int = 1) -> errors.Invalid:
    said = f"Invalid value: {text}"
    return errors.Invalid(422, "Invalid", f'{what} "{name}" is invalid: {where}: {said}', ((where, said),) * times)


def _nothing_there() -> errors.Missing:
    return errors.Missing(404, "", "404 page not found")
