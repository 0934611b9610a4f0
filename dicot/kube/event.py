"""A watch line and a list, read."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from .deep import deeply
from .errors import Refused, refusal
from .kind import HasMeta, Kind, Meta

ADDED = "ADDED"
MODIFIED = "MODIFIED"
DELETED = "DELETED"
BOOKMARK = "BOOKMARK"
ERROR = "ERROR"
INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class Garbled(Exception):
    """What came is not what a Kubernetes API server sends: no JSON, or JSON of another shape."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One line of a watch. ``body`` is the projection of an ADDED or MODIFIED object that fits it, else None."""

    type: str
    meta: Meta
    body: Any = None
    problem: str = ""


class Listing(msgspec.Struct, frozen=True):
    """A page of a list; the objects stay raw, so that one that does not fit spoils nothing but itself."""

    version: str
    token: str
    items: tuple[msgspec.Raw, ...]


class _Line(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


class _Place(msgspec.Struct, frozen=True):
    """As much of metadata as also a bookmark has, whose creationTimestamp is null in older servers."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resourceVersion: str = ""
    annotations: Mapping[str, str] | None = None


class _Placed(msgspec.Struct, frozen=True):
    metadata: _Place = _Place()


class _Code(msgspec.Struct, frozen=True):
    code: int = 500


class _ListMeta(msgspec.Struct, frozen=True):
    resourceVersion: str = ""
    token: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw] | None
    metadata: _ListMeta
    kind: str = ""


# Validation of one object; a nesting that the decoder does not follow is a fault of that object too.
_UNFIT = (msgspec.ValidationError, RecursionError)
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError)

_LINE = msgspec.json.Decoder(_Line)
_PLACED = msgspec.json.Decoder(_Placed)
_CODE = msgspec.json.Decoder(_Code)
_LIST = msgspec.json.Decoder(_List)


class Reader:
    """Reads the watch lines of a kind: one pass for the ordinary ones, two for the rest."""

    def __init__(self, kind: Kind[Any]) -> None:
        shape = msgspec.defstruct("Sight", [("type", str), ("object", kind.projection)], frozen=True)
        self._sight: msgspec.json.Decoder[Any] = msgspec.json.Decoder(shape)
        self._object: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind.projection)

    def line(self, line: bytes) -> Event:
        """One line. Raises Garbled where it is broken and Refused for an ERROR."""
        try:
            sight = self._sight.decode(line)
        except _UNFIT as error:
            return self._other(line, str(error))
        except _BROKEN as error:
            raise Garbled(f"a line that is no JSON: {error}") from error
        if sight.type == ADDED or sight.type == MODIFIED:
            return Event(sight.type, sight.object.metadata, sight.object)
        if sight.type == ERROR:
            return self._other(line, "")
        return Event(sight.type, sight.object.metadata)

    def added(self, lines: Iterable[bytes]) -> list[Any] | None:
        """The objects of lines that are all of the most usual sort, ADDED and fitting; None where any is not."""
        try:
            sights = list(map(self._sight.decode, lines))
        except (*_UNFIT, *_BROKEN):
            return None
        bodies = [sight.object for sight in sights if sight.type == ADDED and sight.object.metadata.name]
        return bodies if len(bodies) == len(sights) else None

    def object(self, raw: bytes | msgspec.Raw) -> Event:
        """One object of a list, as an ADDED."""
        try:
            body: HasMeta = self._object.decode(raw)
        except _UNFIT as error:
            return Event(ADDED, _placed(raw), None, str(error))
        except _BROKEN as error:
            raise Garbled(f"an object that is no JSON: {error}") from error
        return Event(ADDED, body.metadata, body)

    def _other(self, line: bytes, problem: str) -> Event:
        """What is not an object of this kind: a bookmark, an error, or one that does not fit."""
        try:
            rough = deeply(_LINE, line)
        except _BROKEN as error:
            raise Garbled(f"a line that is no watch event: {error}") from error
        if rough is None:
            return Event(ADDED, Meta(), None, problem)
        if rough.type == ERROR:
            raise reported(bytes(rough.object))
        return Event(rough.type, _placed(rough.object), None, problem)


def ends_initial_events(event: Event) -> bool:
    """Whether this is the bookmark after the last object of a streamed list."""
    return event.type == BOOKMARK and event.meta.annotations.get(INITIAL_EVENTS_END) == "true"


def reported(status: bytes) -> Refused:
    """The refusal in an ERROR event, whose object is a Status."""
    try:
        code = _CODE.decode(status).code
    except _BROKEN:
        code = 500
    return refusal(code, status)


def listing(document: bytes) -> Listing:
    """A list, as the API server answers it. Raises Garbled for anything else, also with code 200 (Table, Status)."""
    try:
        page = deeply(_LIST, document)
    except _BROKEN as error:
        raise Garbled(f"no list: {error}") from error
    if page is None or page.kind in ("Table", "Status") or not page.metadata.resourceVersion:
        raise Garbled("no list, but a document of another kind, or one without a resourceVersion")
    return Listing(page.metadata.resourceVersion, page.metadata.token, tuple(page.items or ()))


def _placed(raw: bytes | msgspec.Raw) -> Meta:
    try:
        found = deeply(_PLACED, raw)
    except _BROKEN as error:
        raise Garbled(f"an object without metadata: {error}") from error
    if found is None:
        return Meta()
    place = found.metadata
    return Meta(
        name=place.name,
        namespace=place.namespace,
        uid=place.uid,
        resourceVersion=place.resourceVersion,
        annotations=dict(place.annotations or {}),
    )
