"""A cloud of literal objects: fakes of ``Known``, ``Joined`` and ``Reader`` over them."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from dicot.caller import Caller
from dicot.cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, NODE, VM
from dicot.cloud.kinds.network import SECURITY_GROUP
from dicot.cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC
from dicot.cloud.reading.shelf import Entry, Page, Query, Shape, Text, UnknownMarker
from dicot.cloud.resource import Bench, Join, Tallied
from dicot.compute.kinds import KEYPAIR
from dicot.compute.server.columns import entry
from dicot.compute.server.joined import JOINS
from dicot.compute.server.view import document
from dicot.config import Config
from dicot.kube.kind import HasMeta, Kind, Manifest, Row
from dicot.web.call import Call, Pieces, Reply
from dicot.web.dialect import Version
from tests.bench import Operations, Plans

from .objects import (
    NAMESPACE,
    NOW,
    OTHER_NAMESPACE,
    OTHER_PROJECT,
    PROJECT,
    USER,
    claim_object,
    disk_object,
    flavor_object,
    group_object,
    image_object,
    keypair_object_of,
    node_object,
)

P = TypeVar("P", bound=HasMeta)


def caller(*, admin: bool = False, namespace: str = NAMESPACE, project: str = PROJECT) -> Caller:
    """A member of a project, or a cloud admin."""
    return Caller(
        user=USER,
        user_name="demo",
        project=project,
        project_name=namespace,
        namespace=namespace,
        roles=frozenset({"admin" if admin else "member"}),
        personas=frozenset(),
        admin=admin,
        role_account="admin" if admin else "member",
        audit="",
        expires=NOW + 3600,
    )


MEMBER, ADMIN = caller(), caller(admin=True)
STRANGER = caller(namespace=OTHER_NAMESPACE, project=OTHER_PROJECT)


class World:
    """Objects by kind, in the order in which they were added."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config(public_url="https://cloud.example")
        self.projects = {PROJECT: NAMESPACE, OTHER_PROJECT: OTHER_NAMESPACE}
        self._rows: dict[Kind[Any], list[Row]] = {}

    def add(self, kind: Kind[Any], manifest: Manifest) -> Row:
        """An object; one of its place that was there before is gone."""
        row = kind.decode(json.dumps(manifest).encode())
        self.remove(kind, row.place)
        self._rows.setdefault(kind, []).append(row)
        return row

    def remove(self, kind: Kind[Any], place: str) -> None:
        self._rows[kind] = [row for row in self._rows.get(kind, []) if row.place != place]

    def rows(self, kind: Kind[Any]) -> list[Row]:
        return self._rows.get(kind, [])

    def kinds(self) -> tuple[Kind[Any], ...]:
        return tuple(self._rows)

    def known(self, who: Caller = MEMBER) -> "Sight":
        return Sight(self, who)

    def joined(self, row: Row) -> "Meeting":
        return Meeting(self, row)

    def document(self, row: Row, shape: Shape, now: float = NOW) -> dict[str, Any]:
        """A server's document as a client would get it."""
        found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document(self.joined(row), shape, now)))
        return found


class Sight:
    """Fulfils ``Known``: own namespace, cluster kinds, and images of the namespace for them."""

    def __init__(self, world: World, who: Caller) -> None:
        self.caller = who
        self._world = world

    @property
    def config(self) -> Config:
        return self._world.config

    def find(self, kind: Kind[P], id: str) -> tuple[Row, P] | None:
        everything = self._world.rows(kind) if self.caller.admin else []
        found = [row for row in (*self._seen(kind), *everything) if row.id == id]
        return (found[0], kind.read(found[0])) if found else None

    def named(self, kind: Kind[P], name: str, namespace: str | None = None) -> tuple[Row, P] | None:
        own = kind.namespace or (self.caller.namespace if kind.namespaced else "")
        wanted = own if namespace is None else namespace
        if wanted not in (own, "dicot-images"):
            return None
        found = [row for row in self._world.rows(kind) if row.place == f"{wanted}/{name}"]
        return (found[0], kind.read(found[0])) if found else None

    def linked(self, kind: Kind[P], value: str, *, everywhere: bool = False) -> tuple[tuple[Row, P], ...]:
        pairs = [(row, kind.read(row)) for row in self._seen(kind)]
        return tuple(pair for pair in pairs if f"{pair[0].namespace}/{value}" in kind.links(*pair))

    def rows(self, kind: Kind[P], *, everywhere: bool = False) -> Iterable[tuple[Row, P]]:
        return [(row, kind.read(row)) for row in self._seen(kind)]

    def project(self, namespace: str) -> str:
        return next((id for id, place in self._world.projects.items() if place == namespace), "")

    def tally(self, tallied: Tallied) -> Mapping[str, Mapping[str, int]]:
        sums: dict[str, Counter[str]] = {}
        for row in self._world.rows(tallied.kind):
            if row.namespace == self.caller.namespace:
                parts = [part for part in self._world.rows(tallied.part) if part.owner == row.uid]
                read = partial(tallied.part.read, parts[0]) if parts else lambda: None
                owner, amounts = tallied.measure(tallied.kind.read(row), read)
                sums.setdefault(owner, Counter()).update(amounts)
        return sums

    def project_ids(self) -> Mapping[str, str]:
        return self._world.projects

    def _seen(self, kind: Kind[Any]) -> list[Row]:
        shared = {"dicot-images"} if kind in (DATA_SOURCE, DATA_VOLUME, PVC) else set()
        places = {self.caller.namespace if kind.namespaced else "", *shared}
        return [row for row in self._world.rows(kind) if row.namespace in places]


class Meeting:
    """Fulfils ``Joined`` by the joins that servers declare."""

    def __init__(self, world: World, row: Row) -> None:
        self.row = row
        self._world = world

    @property
    def config(self) -> Config:
        return self._world.config

    @property
    def project(self) -> str:
        return self._world.known().project(self.row.namespace)

    def main(self, kind: Kind[P]) -> P:
        return kind.read(self.row)

    def rows(self, kind: Kind[Any]) -> tuple[Row, ...]:
        return tuple(row for row, _ in self.all(kind))

    def all(self, kind: Kind[P]) -> tuple[tuple[Row, P], ...]:
        join = next(each for each in JOINS if each.kind == kind)
        keys = self._keys(join)
        found = []
        for row in self._world.rows(kind):
            body = kind.read(row)
            links = (row.place,) if join.by_name else kind.links(row, body)
            if keys & set(links) and (join.fits is None or join.fits(self.row, row)):
                found.append((row, body))
        return tuple(found)

    def first(self, kind: Kind[P]) -> tuple[Row, P] | None:
        return next(iter(self.all(kind)), None)

    def _keys(self, join: Join) -> set[str]:
        if join.via is None:
            return set(join.ours(self.row, VM.read(self.row)))
        return {key for row, body in self.all(join.via) for key in join.ours(row, body)}


class Pages:
    """Fulfils ``Reader``: entries in order, filtered by the query's own test."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.missed: list[str] = []
        self.shapes: list[Shape] = []

    async def show(self, who: Caller, id: str, shape: Shape) -> bytes | None:
        self.shapes.append(shape)
        found = self._world.known(who).find(VM, id)
        if found is None:
            self.missed.append(id)
            return None
        return msgspec.json.encode(self._world.document(found[0], shape))

    def page(self, scopes: Sequence[str], query: Query, shape: Shape) -> Page:
        self.shapes.append(shape)
        pairs = [(row, self._entry(row)) for row in self._world.rows(VM) if row.namespace in scopes]
        pairs = sorted((pair for pair in pairs if query.wants(pair[1])), key=lambda pair: pair[1].order)
        if query.marker:
            places = [place for place, (row, _) in enumerate(pairs) if row.id == query.marker]
            if not places:
                raise UnknownMarker(query.marker)
            pairs = pairs[places[0] + 1 :]
        page = pairs[: query.limit]
        parts = [msgspec.json.encode(self._world.document(row, shape)) for row, _ in page]
        return Page(parts, len(pairs) > query.limit, page[-1][0].id if page else "")

    def text(self, scopes: Sequence[str], query: Query, shape: Shape) -> Text:
        page = self.page(scopes, query, shape)
        return Text([page.parts], len(page.parts), page.more, page.last)

    def _entry(self, row: Row) -> Entry:
        found = entry(self._world.joined(row), NOW).entry
        assert found is not None
        return found

    def scopes(self, who: Caller, *, everything: bool = False) -> tuple[str, ...]:
        if everything and who.admin:
            return tuple(sorted({row.namespace for row in self._world.rows(VM)}))
        return (who.namespace,) if who.namespace else ()


def bench_of(world: World, table: Operations, pages: Pages, plans: Plans) -> Bench:
    """A bench over fakes; ids count up."""
    made = iter(f"{number:08x}-0000-4000-8000-000000000000" for number in range(1, 10_000))

    async def verify(kind: Kind[Any], who: Caller, id: str) -> bool:
        pages.missed.append(id)
        return False

    return Bench(
        routes=table,
        reader=pages,
        writer=plans,
        known=world.known,
        verify=verify,
        new_id=lambda: next(made),
        now=lambda: NOW,
        config=world.config,
    )


def call(
    body: Any = None,
    *,
    who: Caller = MEMBER,
    version: Version = (2, 100),
    query: Mapping[str, Sequence[str]] | None = None,
    **names: str,
) -> Call[Any]:
    """A request that has been decoded."""
    return Call(who, version, names, query or {}, {}, body, "req-1")


def payload(reply: Reply) -> Any:
    """The body of a reply as a client would read it."""
    if isinstance(reply.body, Pieces):
        return json.loads(reply.body.joined())
    return json.loads(msgspec.json.encode(reply.body))


def furnished(config: Config | None = None) -> World:
    """A flavor, an image with its disk, a group, a key and a node."""
    world = World(config)
    world.add(CLUSTER_INSTANCETYPE, flavor_object())
    world.add(DATA_SOURCE, image_object())
    world.add(DATA_VOLUME, disk_object())
    world.add(PVC, claim_object())
    world.add(SECURITY_GROUP, group_object())
    world.add(KEYPAIR, keypair_object_of())
    world.add(NODE, node_object())
    return world
