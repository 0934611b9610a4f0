"""One request's dealings with Kubernetes: as whom, until when, and with every doubt settled."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.internet.task import deferLater

from ...kube import errors
from ...kube.address import Account, Place, place
from ...kube.deep import shallow
from ...kube.kind import Kind, Manifest, Meta, Row
from ...kube.media import JSON_PATCH
from ...names import ID, REQUEST_ID, SERVER_ID
from ..plan import Ask, Create, Delete, Patch, Step
from .cluster import Cluster, holds

T = TypeVar("T")
Asking = Callable[[], Awaitable[T]]

# One call, so that a held answer leaves time to ask again within the 30 s of a write.
LONGEST_CALL = 15.0
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 4.0
ACTIONS = "subresources.kubevirt.io"


class _Body(msgspec.Struct, frozen=True):
    metadata: Meta = Meta()


class Errand:
    """Steps carried out as the right account, until a deadline; the caches learn each answer.

    A doubtful answer is settled by asking again under the same name; where that does not help in time, Doubtful
    rises. ``mark`` is the request's id: it is noted on what is made, and by it that is known again.
    """

    def __init__(
        self, cluster: Cluster, account: Callable[[str], Account | None], until: float, mark: str = ""
    ) -> None:
        self._cluster = cluster
        self._account = account
        self.until = until
        self.mark = mark
        self._touched: dict[Kind[Any], list[Row]] = {}

    def renewed(self, seconds: float) -> "Errand":
        """An errand of the same account with that much time."""
        return Errand(self._cluster, self._account, self._cluster.now() + seconds, self.mark)

    def left(self) -> float:
        """Seconds that a call may take. Raises Unreachable where there are none."""
        left = self.until - self._cluster.now()
        if left <= 0:
            raise errors.Unreachable("no time is left")
        return min(left, LONGEST_CALL)

    async def carry_out(self, step: Step) -> Row | None:
        """One step; the row of what it wrote, None after a Delete or an Ask."""
        match step:
            case Create():
                return await self.create(step)
            case Patch():
                return await self.patch(step)
            case Delete():
                await self.delete(step)
            case Ask():
                await self.ask(step)
        return None

    async def rehearse(self, step: Step) -> None:
        """The dry run of a Create or a Patch: admission's opinion, with nothing to clean."""
        acting_as = self._acting_as(step)
        if isinstance(step, Create):
            at = place(step.kind, _namespace(step))
            body = marked(step.body, self.mark)
            await self._cluster.kube.create(at, body, acting_as=acting_as, dry=True, within=self.left())
        elif isinstance(step, Patch):
            await self._cluster.kube.patch(
                _at(step), guarded(step), media=step.media, acting_as=acting_as, dry=True, within=self.left()
            )

    async def create(self, step: Create) -> Row:
        """POST. An object of that name that carries our ids and this request's mark is the one we made."""
        acting_as = self._acting_as(step)
        at = place(step.kind, _namespace(step))
        body = marked(step.body, self.mark)

        async def post() -> bytes:
            try:
                return await self._cluster.kube.create(at, body, acting_as=acting_as, within=self.left())
            except errors.Exists:
                found = await self._read(step.kind, at.namespace, body["metadata"]["name"], acting_as)
                if found is None or not is_ours(body, found):
                    raise
                return found

        return self._learn(step.kind, await self._settled(post, post))

    async def patch(self, step: Patch) -> Row:
        """PATCH. In doubt the object is read again: it shows whether the patch arrived."""
        acting_as = self._acting_as(step)
        cached = self._cluster.row(step.kind.resource, step.namespace, step.name)
        before = step.version or (cached.version if cached else "")

        async def send() -> bytes:
            return await self._cluster.kube.patch(
                _at(step), guarded(step), media=step.media, acting_as=acting_as, within=self.left()
            )

        async def again() -> bytes:
            found = await self._cluster.kube.read(_at(step), acting_as=acting_as, within=self.left())
            version = _meta(found).resourceVersion
            if version == before:
                return await send()
            if step.media != JSON_PATCH and holds(shallow(found, dict), step.body):
                return found
            if step.version or step.media == JSON_PATCH:
                self._learn(step.kind, found)
                raise errors.Conflict(409, "Conflict", "the object was changed")
            return await send()

        return self._learn(step.kind, await self._settled(send, again))

    async def delete(self, step: Delete) -> None:
        """DELETE of one uid. In doubt, its absence is the answer."""
        acting_as = self._acting_as(step)

        async def send() -> bytes:
            return await self._cluster.kube.delete(_at(step), uid=step.uid, acting_as=acting_as, within=self.left())

        async def again() -> bytes:
            try:
                return await send()
            except (errors.Missing, errors.Conflict):
                return b""

        answer = await self._settled(send, again)
        row = self._cluster.learn_deleted(step.kind, step.namespace, step.name, step.uid, answer)
        if row is not None:
            self._touch(step.kind, row)

    async def ask(self, step: Ask) -> None:
        """PUT to an action. Asked twice in doubt, a conflict says that it is under way or done."""
        acting_as = self._acting_as(step)
        at = Place(ACTIONS, "v1", step.kind.plural, step.namespace, step.name, step.subresource)

        async def send() -> bytes:
            return await self._cluster.kube.call(at, step.body, acting_as=acting_as, within=self.left())

        async def again() -> bytes:
            try:
                return await send()
            except errors.Conflict:
                return b""

        await self._settled(send, again)
        await self.refresh(step)

    async def refresh(self, step: Step) -> None:
        """Reads what a step is about, for the cache; what cannot be read stays as it was."""
        if isinstance(step, Create):
            return
        try:
            row = await self._cluster.live(step.kind, step.namespace, step.name, within=self.left())
        except (errors.Refused, errors.Unreachable):
            return
        if row is not None:
            self._touch(step.kind, row)

    async def echo(self, patience: float) -> None:
        """Waits until the own watches have reached what was written, at most so many seconds.

        Where a kind is not watched (yet) there is nothing to wait for.
        """
        waits: list[Deferred[None]] = []
        for kind, rows in self._touched.items():
            store = self._cluster.stores.get(kind)
            if store is not None and store.is_synced:
                waits += [store.reached(row.version, row.namespace) for row in rows]
        for wait in waits:
            wait.addTimeout(patience, self._cluster.clock).addErrback(lambda failure: failure.trap(TimedOut) and None)
        if waits:
            await DeferredList(waits, consumeErrors=True)

    def _acting_as(self, step: Step) -> Account | None:
        if not isinstance(step, Ask) and step.own:
            return None
        return self._account(_namespace(step))

    async def _read(self, kind: Kind[Any], namespace: str, name: str, acting_as: Account | None) -> bytes | None:
        try:
            at = place(kind, namespace, name)
            return await self._cluster.kube.read(at, acting_as=acting_as, within=self.left())
        except errors.Missing:
            return None

    def _learn(self, kind: Kind[Any], answer: bytes) -> Row:
        row = self._cluster.learn(kind, answer)
        self._touch(kind, row)
        return row

    def _touch(self, kind: Kind[Any], row: Row) -> None:
        self._touched.setdefault(kind, []).append(row)

    async def _settled(self, first: Asking[T], again: Asking[T]) -> T:
        """The answer, asked for until there is no doubt, or no time."""
        try:
            return await first()
        except errors.Doubtful as doubt:
            pause, last = _FIRST_PAUSE, doubt
        while self.until - self._cluster.now() > pause:
            await deferLater(self._cluster.clock, pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            try:
                return await again()
            except errors.Doubtful as doubt:
                last = doubt
            except (errors.Conflict, errors.Missing):
                raise
            except (errors.Refused, errors.Unreachable) as fault:
                # The repeat was not carried out, but the first request may have been: who comes back from a restart
                # knows no rights for a moment, and a quota may be full of what was just made.
                last = errors.Doubtful(str(fault))
        raise last


def guarded(step: Patch) -> Manifest | list[Manifest]:
    """The patch's body, which holds only for the version that the step names."""
    if not step.version:
        return step.body
    if isinstance(step.body, list):
        return [{"op": "test", "path": "/metadata/resourceVersion", "value": step.version}, *step.body]
    metadata = {**step.body.get("metadata", {}), "resourceVersion": step.version}
    return {**step.body, "metadata": metadata}


def marked(body: Manifest, mark: str) -> Manifest:
    """An object to be made, with the id of the request that makes it."""
    if not mark:
        return body
    metadata = body["metadata"]
    return {**body, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), REQUEST_ID: mark}}}


def is_ours(wanted: Manifest, found: bytes) -> bool:
    """Whether an object that stands where one was to be made is that one: it has the marks, and is not going."""
    meta = _meta(found)
    labels = wanted["metadata"].get("labels", {})
    ids = {key: labels[key] for key in (ID, SERVER_ID) if key in labels}
    mark = wanted["metadata"].get("annotations", {}).get(REQUEST_ID)
    same = mark == meta.annotations.get(REQUEST_ID) and all(meta.labels.get(key) == ids[key] for key in ids)
    return bool(ids or mark) and same and meta.deletionTimestamp is None


def _meta(answer: bytes) -> Meta:
    return shallow(answer, _Body).metadata


def _namespace(step: Step) -> str:
    return str(step.body["metadata"].get("namespace", "")) if isinstance(step, Create) else step.namespace


def _at(step: Patch | Delete) -> Place:
    return place(step.kind, step.namespace, step.name)
