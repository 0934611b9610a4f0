"""Lists: which objects, of which moment, in pages."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from .query import ListQuery
from .refusals import bad_request, expired, too_large
from .resource import Resource
from .selectors import Selection
from .storage import Key, Storage

TOKEN_VERSION = "meta.k8s.io/v1"
GONE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without"
    " the continue parameter, or use the continue token in this response to retrieve the remainder of the results."
    " Continuing with the provided token results in an inconsistent list - objects that were created, modified, or"
    " deleted between the time the first chunk was returned and now may show up in the list."
)


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list: the objects as they are kept, the version of the whole, and what continues it."""

    bodies: list[bytes]
    version: int
    token: str = ""
    remaining: int | None = None


class _Token(msgspec.Struct):
    v: str = ""
    rv: int = 0
    start: str = ""


def token(version: int, start: str) -> str:
    """What continues a list of a version after a key."""
    said = msgspec.json.encode(_Token(TOKEN_VERSION, version, start))
    return urlsafe_b64encode(said).rstrip(b"=").decode()


def _read(text: str) -> _Token:
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        found = msgspec.json.decode(raw, type=_Token)
    except (NoBase64, msgspec.DecodeError, ValueError) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from error
    if found.v != TOKEN_VERSION:
        why = f'server does not recognize this encoded version "{found.v}"'
        raise bad_request(f"invalid continue token: continue key is not valid: {why}")
    return found


def numbered(version: str) -> int:
    """A version of a query. Raises ValueError with what Go says of one that is none."""
    if not version:
        return 0
    if not version.isdecimal() or not version.isascii():
        text = f'strconv.ParseUint: parsing "{version}": invalid syntax'
        raise ValueError(f'resourceVersion: Invalid value: "{version}": {text}')
    return int(version)


def page(storage: Storage, resource: Resource, namespace: str, query: ListQuery, selection: Selection) -> Page:
    """What a list answers. Raises Refusal."""
    start, version = "", 0
    if query.token:
        found = _read(query.token)
        start, version = found.start, max(found.rv, 0)
        if found.rv == 0 and query.version not in ("", "0"):
            raise bad_request("specifying resource version is not allowed when using continue")
    else:
        version = _version(storage, query)
    where = (resource.group, resource.plural)
    if version and not storage.history.knows(version):
        if query.token:
            raise expired(GONE, token(-1, start))
        raise expired("The resourceVersion for the provided list is too old.")
    changed = storage.history.undone(where, version) if version else {}
    # A list of any version is a whole one.
    limit = 0 if query.version == "0" and not query.token else max(query.limit, 0)
    walk = _Walk(storage, where, namespace, changed, start)
    return _paged(walk, selection, version or storage.version, limit)


def _version(storage: Storage, query: ListQuery) -> int:
    """The version that is asked for exactly, 0 for the newest. Raises Refusal."""
    try:
        asked = numbered(query.version)
    except ValueError as error:
        raise bad_request(f"invalid resource version: {error}") from error
    if asked > storage.version:
        raise too_large(asked, storage.version)
    exact = query.match == "Exact" or (not query.match and query.limit > 0 and asked > 0)
    return asked if exact else 0


class _Walk:
    """The objects of a moment from a key on, in order. ``changed`` are those that were otherwise then."""

    def __init__(
        self,
        storage: Storage,
        where: tuple[str, str],
        namespace: str,
        changed: Mapping[Key, bytes | None],
        start: str,
    ) -> None:
        shelf = storage.shelf(where)
        self.keys = shelf.within(namespace)
        self._bodies = shelf.bodies
        self._then = {key: body for key, body in changed.items() if not namespace or key.startswith(f"{namespace}/")}
        if self._then:
            found = sorted({*self.keys, *self._then})
            self.keys = [key for key in found if self._then.get(key, b"") is not None]
        if start:
            del self.keys[: bisect_left(self.keys, start)]

    def body(self, key: Key) -> bytes:
        """What an object was."""
        then = self._then.get(key)
        return self._bodies[key] if then is None else then


def _paged(walk: _Walk, selection: Selection, version: int, limit: int) -> Page:
    keys = walk.keys
    if selection.everything:
        part = keys[:limit] if limit else keys
        bodies = [walk.body(key) for key in part]
        if len(part) == len(keys):
            return Page(bodies, version)
        return Page(bodies, version, token(version, part[-1] + "\0"), len(keys) - len(part))
    found: list[bytes] = []
    last = ""
    for key in keys:
        namespace, _, name = key.partition("/")
        body = walk.body(key)
        if not selection.takes(namespace, name, body):
            continue
        if limit and len(found) == limit:
            return Page(found, version, token(version, last + "\0"))
        found.append(body)
        last = key
    return Page(found, version)
