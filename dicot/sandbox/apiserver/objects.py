"""The objects as controllers in the API server read and write them (Objects)."""

from collections.abc import Callable, Iterable, Iterator

from msgspec import json

from dicot.kube.kind import Manifest

from . import deleting
from .asked import User
from .history import Event
from .query import WriteQuery
from .refusals import no_such_resource, not_found
from .resource import Resource
from .seams import Change, Listener
from .writing import Write, Writer

CONTROLLER = User("system:kube-controller-manager", ("system:masters", "system:authenticated"))
_PLAIN = WriteQuery(dry=False, validation="Ignore", manager="")


class ServedObjects:
    """See Objects."""

    def __init__(self, writer: Writer, user: User = CONTROLLER) -> None:
        self._writer = writer
        self._user = user

    def get(self, group: str, plural: str, namespace: str, name: str) -> Manifest | None:
        """See Reader."""
        return self._writer.storage.read((group, plural), namespace, name)

    def list(self, group: str, plural: str, namespace: str = "") -> Iterator[Manifest]:
        """See Reader."""
        shelf = self._writer.storage.shelf((group, plural))
        for key in shelf.within(namespace):
            body = shelf.bodies.get(key)
            if body is not None:
                yield json.decode(body)

    def listen(self, listener: Listener) -> None:
        """See Objects."""

        def tell(event: Event) -> None:
            resource = self._writer.registry.stored(*event.where)
            if resource is not None:
                listener(Change(resource, event.namespace, event.name, event.old, event.new))

        self._writer.storage.listen(tell)

    def everything(self) -> Iterator[Change]:
        """See Objects."""
        for where in self._writer.storage.resources():
            resource = self._writer.registry.stored(*where)
            if resource is not None:
                for key, body in list(self._writer.storage.shelf(where).bodies.items()):
                    namespace, _, name = key.partition("/")
                    yield Change(resource, namespace, name, None, body)

    def create(self, group: str, plural: str, manifest: Manifest) -> Manifest:
        """See Objects."""
        resource = self._resource(group, plural)
        namespace = manifest["metadata"].get("namespace", "")
        write = self._write(resource, namespace, "")
        return _read(self._writer.create(write, {**manifest, "metadata": dict(manifest["metadata"])}).body)

    def load(self, found: Iterable[tuple[str, str, Manifest]]) -> None:
        """Keep many objects at once, each with its group and plural, that nobody is asked or told about."""
        self._writer.load((self._resource(group, plural), manifest) for group, plural, manifest in found)

    def replace(self, group: str, plural: str, manifest: Manifest, subresource: str = "") -> Manifest:
        """As PUT."""
        resource, metadata = self._resource(group, plural), manifest["metadata"]
        write = self._write(resource, metadata.get("namespace", ""), metadata["name"], subresource)
        return _read(self._writer.replace(write, {**manifest, "metadata": dict(metadata)}).body)

    def change(
        self,
        group: str,
        plural: str,
        namespace: str,
        name: str,
        change: Callable[[Manifest], Manifest | None],
        subresource: str = "",
    ) -> Manifest:
        """See Objects."""
        resource = self._resource(group, plural)
        write = self._write(resource, namespace, name, subresource)
        old, new = self._writer.read(write), self._writer.read(write)
        if old is None or new is None:
            raise not_found(resource, name)
        changed = change(new)
        if changed is None:
            return old
        self._writer.schemas.fit(resource, changed)
        return _read(self._writer.change(write, changed, old).body)

    def delete(
        self, group: str, plural: str, namespace: str, name: str, uid: str = "", propagation: str = "Background"
    ) -> None:
        """See Objects."""
        write = self._write(self._resource(group, plural), namespace, name)
        deleting.delete(self._writer, write, deleting.DeleteQuery(uid=uid, propagation=propagation))

    def _resource(self, group: str, plural: str) -> Resource:
        found = self._writer.registry.stored(group, plural)
        if found is None:
            raise no_such_resource()
        return found

    def _write(self, resource: Resource, namespace: str, name: str, subresource: str = "") -> Write:
        return Write(self._user, resource, namespace, name, _PLAIN, subresource)


def _read(body: bytes) -> Manifest:
    found: Manifest = json.decode(body)
    return found
