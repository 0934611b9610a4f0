"""Images: DataSources, shown and listed."""

from collections.abc import Iterable
from urllib.parse import urlencode

import msgspec

from ..cloud.images import facts
from ..cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC, sources
from ..cloud.reading.shelf import Entry, Query, Shape, each, newest_first
from ..cloud.resource import READER, Bench, Join, Joined, Listed, Resource, Source, settled
from ..faults import BadRequest, NotFound
from ..web.call import Call, Reply, pieces
from .query import Document, Wanted, wanted

EVERY = 1 << 62
SHAPE: Shape = ("image", 0, False)


def document(joined: Joined, shape: Shape, now: float) -> Document:
    """An image as Glance shows it (glance/api/v2/images.py, ResponseSerializer)."""
    found = facts(joined)
    spec = found.spec
    return {
        **found.properties,
        **({"description": found.description} if found.description else {}),
        "id": found.id,
        "name": found.name,
        "status": found.status,
        "visibility": "private" if joined.project else "public",
        "owner": joined.project or None,
        "protected": spec.protected,
        "os_hidden": spec.hidden,
        "disk_format": spec.diskFormat or "raw",
        "container_format": spec.containerFormat or "bare",
        "min_disk": spec.minDisk,
        "min_ram": spec.minRam,
        "size": spec.size if spec.size is not None else found.virtual_size,
        "virtual_size": found.virtual_size,
        "checksum": spec.checksum,
        "os_hash_algo": spec.hashAlgo,
        "os_hash_value": spec.hashValue,
        "tags": list(found.tags),
        "created_at": joined.row.created,
        "updated_at": found.updated,
        "self": f"/v2/images/{found.id}",
        "file": f"/v2/images/{found.id}/file",
        "schema": "/v2/schemas/image",
    }


def entry(joined: Joined, now: float) -> Listed:
    """An image, listed."""
    row, found = joined.row, facts(joined)
    return Listed(
        Entry(
            place=row.place,
            scope=row.namespace,
            id=row.id,
            order=newest_first(row.created, row.id),
            name=found.name,
            status=found.status,
        )
    )


def select(documents: Iterable[Document], want: Wanted) -> tuple[list[Document], bool]:
    """The images of a page, and whether it is full."""
    found = [image for image in documents if all(test(image) for test in want.tests)]
    found.sort(key=lambda image: str(image["id"]), reverse=True)
    for key, ascending in reversed(want.sorts):
        found.sort(key=lambda image: (image[key] is not None, image[key]), reverse=not ascending)
    if want.marker:
        places = [place for place, image in enumerate(found) if image["id"] == want.marker]
        if not places:
            raise BadRequest(f"No image found with ID {want.marker}")
        found = found[places[0] + 1 :]
    page = found[: want.limit]
    return page, len(page) == want.limit and bool(page)


def body(page: list[Document], full: bool, query: list[tuple[str, str]]) -> Document:
    """The body of a list, with Glance's relative links."""
    kept = [(key, value) for key, value in query if key != "marker"]
    links: Document = {"first": f"/v2/images?{urlencode(kept)}" if kept else "/v2/images"}
    if full:
        links["next"] = f"/v2/images?{urlencode([*kept, ('marker', page[-1]['id'])])}"
    return {"images": page, **links, "schema": "/v2/schemas/images"}


def routes(bench: Bench) -> None:
    """G-02, and the reading half of G-04."""

    @bench.routes.get("/images", "get_images")
    async def index(call: Call[None]) -> Reply:
        want = wanted(call.query)
        ids = want.ids
        match = None if ids is None else each(lambda entry: entry.id in ids)
        scopes = bench.reader.scopes(call.caller, everything=call.caller.admin)
        found = await settled(bench.reader.page(scopes, Query(limit=EVERY, match=match), SHAPE))
        page, full = select((msgspec.json.decode(part, type=Document) for part in found.parts), want)
        query = [(key, value) for key, values in call.query.items() for value in values]
        return Reply(body(page, full, query))

    @bench.routes.get("/images/<id>", "get_image")
    async def show(call: Call[None]) -> Reply:
        part = await bench.reader.show(call.caller, call.names["id"], SHAPE)
        if part is None:
            raise NotFound(f"No image found with ID {call.names['id']}")
        return Reply(pieces(part))


IMAGES = Resource(
    name="images",
    register=routes,
    sources=(
        Source(
            DATA_SOURCE,
            entry,
            document,
            (Join(DATA_VOLUME, sources, by_name=True), Join(PVC, sources, by_name=True)),
        ),
    ),
    scope="images",
    policy={"get_images": READER, "get_image": READER},
)
