"""Lists and shows of what the shelf holds, in Neutron's manner."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from ..cloud.reading.shelf import Entry, Query, Shape, each
from ..cloud.resource import Bench, settled
from ..faults import NotFound
from ..web.call import Call, Reply, enclosed, pieces
from ..web.prefixes import PREFIXES
from .attributes import Attribute
from .collection import Wanted, answer, trimmed, wanted
from .driver import Document

EVERY = 1 << 62


@dataclass(frozen=True)
class Collection:
    """A collection whose documents lie on the shelf.

    ``missing`` is the exception's name and text of a 404; ``columns`` the place of attributes in Entry.columns.
    """

    name: str
    singular: str
    attributes: Mapping[str, Attribute]
    missing: tuple[str, str]
    columns: Mapping[str, int] = field(default_factory=dict)

    def absent(self, id: str) -> NotFound:
        """The 404 of this collection."""
        return NotFound(self.missing[1].format(id=id), kind=self.missing[0])

    def narrowed(self, want: Wanted) -> Query:
        """The part of a query that entries can answer without their documents."""
        tests = [(self.columns[key], set(values)) for key, values in want.filters.items() if key in self.columns]
        ids = set(want.filters["id"]) if "id" in want.filters else None
        names = want.filters.get("name", ())

        def passes(entry: Entry) -> bool:
            return (ids is None or entry.id in ids) and all(entry.columns[place] in values for place, values in tests)

        return Query(
            limit=EVERY,
            name=names[0] if len(names) == 1 and names[0] else "",
            match=each(passes) if tests or ids is not None else None,
        )


def register(bench: Bench, of: Collection) -> None:
    """GET of the collection and of one of its members."""
    policy = f"get_{of.singular}"

    @bench.routes.get(f"/{of.name.replace('_', '-')}", policy)
    async def index(call: Call[None]) -> Reply:
        want = wanted(call.query, of.attributes)
        shape: Shape = (of.name, 0, call.caller.admin)
        scopes = bench.reader.scopes(call.caller, everything=call.caller.admin)
        page = await settled(bench.reader.page(scopes, of.narrowed(want), shape))
        if not (want.filters or want.fields or want.sorts or want.limit):
            return Reply(enclosed(b'{"%s": [' % of.name.encode(), [page.parts], b"]}"))
        documents = [msgspec.json.decode(part, type=Document) for part in page.parts]
        url = f"{bench.config.public_url}{PREFIXES['network']}/{of.name.replace('_', '-')}"
        return Reply(answer(of.name, documents, want, url, call.query))

    @bench.routes.get(f"/{of.name.replace('_', '-')}/<id>", policy)
    async def show(call: Call[None]) -> Reply:
        id = call.names["id"]
        part = await bench.reader.show(call.caller, id, (of.name, 0, call.caller.admin))
        if part is None:
            raise of.absent(id)
        fields = tuple(field for field in call.query.get("fields", ()) if field)
        if not fields:
            return Reply(pieces(b'{"%s": ' % of.singular.encode(), part, b"}"))
        return Reply({of.singular: trimmed(msgspec.json.decode(part, type=Document), fields)})
