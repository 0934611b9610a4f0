"""What each verb does with a resource."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from msgspec import json
from twisted.internet.interfaces import IReactorTime

from dicot.kube.kind import Manifest

from ..marks import FAULT
from . import accepted, bodies, deleting, shape
from .asking import JSON, Asking, Following, Reply, document, raw
from .doubled import doubled
from .listing import numbered, page
from .patches import patch
from .query import ListQuery, WriteQuery, one
from .refusal import Refusal
from .refusals import bad_request, not_allowed, not_found, plain, too_large
from .resource import Resource
from .route import Route
from .seams import Tables
from .selectors import Selection, selection
from .watching import Pieces, Printer, Sink, View, Watch, Watches, present
from .writing import Write, Writer

SHORTEST_WATCH = 1800
"""Seconds that a watch lasts at least which does not say; up to twice as long by chance."""
_TOO_OLD = "too old resource version: {} ({})"
Answer = Reply | Following


class Verbs:
    """The verbs of stored resources."""

    def __init__(self, writer: Writer, watches: Watches, tables: Tables) -> None:
        self._writer = writer
        self._storage = writer.storage
        self._watches = watches
        self._tables = tables
        self._verbs: Mapping[str, Callable[[Asking, Route, Resource], Answer]] = {
            "get": self._get,
            "list": self._list,
            "watch": self._watch,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "deletecollection": self._delete_all,
        }

    def answer(self, asking: Asking, route: Route, resource: Resource) -> Answer:
        """Raises Refusal."""
        verb = self._verbs.get(route.verb)
        if verb is None or _misplaced(route):
            raise not_allowed()
        return verb(asking, route, resource)

    # reads

    def _get(self, asking: Asking, route: Route, resource: Resource) -> Answer:
        form = accepted.form(asking, resource)
        self._reach(one(asking.query, "resourceVersion"))
        body = self._storage.get((resource.group, resource.plural), route.namespace, route.name)
        if body is None:
            raise not_found(resource, route.name)
        return self._object(asking, resource, form, 200, body)

    def _reach(self, version: str) -> None:
        """Raises Refusal for a version that has not come yet."""
        try:
            asked = numbered(version)
        except ValueError as error:
            raise bad_request(f"invalid resource version: {error}") from error
        if asked > self._storage.version:
            raise too_large(asked, self._storage.version)

    def _list(self, asking: Asking, route: Route, resource: Resource) -> Answer:
        form = accepted.form(asking, resource, lists=True)
        query = ListQuery.read(asking.query)
        found = page(self._storage, resource, route.namespace, query, self._selection(route, resource, query))
        metadata: Manifest = {"resourceVersion": str(found.version)}
        if found.token:
            metadata["continue"] = found.token
        if found.remaining:
            metadata["remainingItemCount"] = found.remaining
        if form == "table":
            shown = self._table(asking, resource, found.bodies)
            return document(200, {**shown, "metadata": metadata})
        if form == "metadata":
            head = shape.list_head("PartialObjectMetadataList", shape.METADATA_GROUP, metadata)
            return Reply(200, shape.listed(head, map(shape.metadata_alone, found.bodies)))
        head = shape.list_head(f"{resource.kind}List", resource.api_version, metadata)
        return Reply(200, shape.listed(head, (shape.item(resource, body) for body in found.bodies)))

    def _selection(self, route: Route, resource: Resource, query: ListQuery) -> Selection:
        found = selection(query.labels, query.fields, (resource.group, resource.plural))
        if route.verb == "watch" and route.name and not found.name:
            return selection(query.labels, f"metadata.name={route.name}", (resource.group, resource.plural))
        return found

    def _table(self, asking: Asking, resource: Resource, found: list[bytes]) -> Manifest:
        include = one(asking.query, "includeObject", "Metadata")
        objects = [json.decode(shape.alone(resource, body)) for body in found]
        return self._tables.table(resource, objects, include)

    def _object(self, asking: Asking, resource: Resource, form: accepted.Form, code: int, body: bytes) -> Reply:
        return raw(code, self._formed(asking, resource, form, body))

    def _formed(self, asking: Asking, resource: Resource, form: accepted.Form, body: bytes) -> bytes:
        if form == "metadata":
            return shape.metadata_alone(body)
        if form == "table":
            shown = self._table(asking, resource, [body])
            version = json.decode(body)["metadata"].get("resourceVersion", "")
            return json.encode({**shown, "metadata": {"resourceVersion": version}})
        return shape.alone(resource, body)

    # watches

    def _watch(self, asking: Asking, route: Route, resource: Resource) -> Answer:
        form = accepted.form(asking, resource, lists=True)
        query = ListQuery.read(asking.query if "watch" in asking.query else {**asking.query, "watch": ("1",)})
        chosen = self._selection(route, resource, query)
        printer: Printer | None = None
        if form != "object":
            printer = self._printer(asking, resource, form)
        view = View(resource, route.namespace, chosen, printer)
        try:
            version = numbered(query.version)
        except ValueError as error:
            raise plain(500, str(error)) from error
        # From "" or 0 on a watch begins with what there is, unless it was asked not to.
        begins = query.initial if query.initial is not None else not version
        if query.initial and version > self._storage.version:
            raise too_large(version, self._storage.version)
        if not begins and version and not self._storage.history.knows(version):
            said = _TOO_OLD.format(version, self._storage.history.floor)
            return Following(lambda sink, clock, ended, pieces: _refused(sink, ended, pieces, said))
        lasts = float(query.timeout or SHORTEST_WATCH * (1 + random.random()))

        def begin(sink: Sink, clock: IReactorTime, ended: Callable[[], None], pieces: Pieces) -> Callable[[], None]:
            def over() -> None:
                self._watches.remove(watch)
                ended()

            watch = Watch(view, sink, clock, over, pieces)
            now = self._storage.version
            if begins:
                ends = now if query.initial and query.bookmarks else None
                first = present(self._storage, view, route.namespace, ends)
            else:
                first = self._since(view, version or now)
            self._watches.add(watch)
            watch.start(first, lasts, (lambda: self._storage.version) if query.bookmarks else None)

            def stop() -> None:
                self._watches.remove(watch)
                watch.stopProducing()

            return stop

        return Following(begin)

    def _since(self, view: View, version: int) -> Iterator[bytes]:
        lines = [view.line(event) for event in self._storage.history.since(version) if event.where == view.where]
        return iter([line for line in lines if line])

    def _printer(self, asking: Asking, resource: Resource, form: accepted.Form) -> Printer:
        told = False

        def print_(body: bytes) -> bytes:
            nonlocal told
            if form == "metadata":
                return shape.metadata_alone(body)
            shown = json.decode(self._formed(asking, resource, form, body))
            # Only the first line of a watch names its columns.
            if told:
                shown["columnDefinitions"] = None
            told = True
            return json.encode(shown)

        return print_

    # writes

    def _write(self, asking: Asking, route: Route, resource: Resource, kind: str) -> Write:
        query = WriteQuery.read(asking.query, kind)
        return Write(asking.user, resource, route.namespace, route.name, query, route.subresource, asking.warnings)

    def _whole(self, asking: Asking, route: Route, resource: Resource, kind: str) -> tuple[Write, Manifest]:
        """A write of a whole object."""
        write = self._write(asking, route, resource, kind)
        sent = bodies.sent(resource, asking.media, asking.body)
        if write.query.validation != "Ignore" and asking.media == JSON:
            write = replace(write, doubled=doubled(asking.body))
        return write, sent

    def _create(self, asking: Asking, route: Route, resource: Resource) -> Answer:
        form = accepted.form(asking, resource)
        write, sent = self._whole(asking, route, resource, "CreateOptions")
        if asking.mark:
            _mark(sent["metadata"], asking.mark)
        written = self._writer.create(write, sent)
        return self._object(asking, resource, form, 201, written.body)

    def _update(self, asking: Asking, route: Route, resource: Resource) -> Answer:
        form = accepted.form(asking, resource)
        write, sent = self._whole(asking, route, resource, "UpdateOptions")
        written = self._writer.replace(write, sent)
        return self._object(asking, resource, form, 201 if written.created else 200, written.body)

    def _patch(self, asking: Asking, route: Route, resource: Resource) -> Answer:
        form = accepted.form(asking, resource)
        write = self._write(asking, route, resource, "PatchOptions")
        written = patch(self._writer, write, asking.media, asking.body)
        return self._object(asking, resource, form, 201 if written.created else 200, written.body)

    def _delete(self, asking: Asking, route: Route, resource: Resource) -> Answer:
        query = deleting.DeleteQuery.read(asking.query, bodies.options(asking.media, asking.body))
        write = _deleting(asking, route, resource, query, route.name)
        deleted = deleting.delete(self._writer, write, query)
        code = 202 if not deleted.gone and query.orphans is False else 200
        if deleting.answers_status(write, deleted):
            return document(code, deleting.success(resource, route.name, deleted.body))
        return raw(code, shape.alone(resource, deleted.body))

    def _delete_all(self, asking: Asking, route: Route, resource: Resource) -> Answer:
        options = deleting.DeleteQuery.read(asking.query, bodies.options(asking.media, asking.body))
        query = replace(ListQuery.read({**asking.query, "watch": ("0",)}), watch=False)
        found = page(self._storage, resource, route.namespace, query, self._selection(route, resource, query))
        for body in found.bodies:
            metadata = json.decode(body)["metadata"]
            here = replace(route, namespace=metadata.get("namespace", ""))
            write = _deleting(asking, here, resource, options, metadata["name"])
            try:
                deleting.delete(self._writer, write, options)
            except Refusal as refusal:
                if refusal.code != 404:
                    raise
        head = shape.list_head(f"{resource.kind}List", resource.api_version, {"resourceVersion": str(found.version)})
        return Reply(200, shape.listed(head, (shape.item(resource, body) for body in found.bodies)))


def _misplaced(route: Route) -> bool:
    """Whether it is a verb of objects on a collection, or the other way round."""
    return route.verb == "create" if route.name else route.verb in ("update", "patch")


def _mark(metadata: Manifest, mark: str) -> None:
    """Add the fault that a switch has for it; what is no object is refused later."""
    annotations = metadata.get("annotations") or {}
    if isinstance(annotations, dict):
        metadata["annotations"] = {**annotations, FAULT: mark}


def _deleting(asking: Asking, route: Route, resource: Resource, query: deleting.DeleteQuery, name: str) -> Write:
    how = WriteQuery(query.dry, "Ignore", "")
    return Write(asking.user, resource, route.namespace, name, how, route.subresource, asking.warnings)


def _refused(sink: Sink, ended: Callable[[], None], pieces: Pieces, said: str) -> Callable[[], None]:
    """A watch that ends at once, since its version is gone."""
    for piece in pieces(Refusal(410, "Expired", said).line()):
        sink.write(piece)
    ended()
    return lambda: None
