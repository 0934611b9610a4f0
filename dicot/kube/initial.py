"""The initial state of a kind: streamed, or by list."""

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.interfaces import IReactorTime

from .course import IDLE, Course
from .draft import Draft
from .errors import Expired, Invalid
from .event import Listing, listing
from .pace import Pace
from .part import Part
from .source import Source
from .store import Store
from .stream import Cut, Lines, Silence, Stream, Whole

QUIET = 10.0
"""Seconds of silence in a streamed list. A server that does not know them streams the objects, and no end of them."""
PAGE = "500"


class Initial:
    """Puts the state of the server in the place of a part's rows."""

    def __init__(self, store: Store[Any], part: Part, source: Source, course: Course, clock: IReactorTime) -> None:
        self._store = store
        self._part = part
        self._source = source
        self._course = course
        self._pace = Pace(clock)

    async def streamed(self, lasts: int, opened: Callable[[Stream], None]) -> Stream | None:
        """By a watch that begins with all objects and then goes on; None where the server does not do that."""
        query = {**watch_query(lasts), "sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        if self._part.version and not self._course.newest:
            query["resourceVersion"] = self._part.version
        try:
            stream = await self._source.open(query, Lines())
        except Invalid as refusal:
            self._course.fall_back(str(refusal))
            return None
        opened(stream)
        complete = False
        try:
            await self._fill(stream)
            complete = True
        except Silence as silence:
            self._course.fall_back(str(silence))
            return None
        finally:
            self._part.draft = None
            if not complete:
                stream.abort()
        return stream

    async def listed(self) -> None:
        """By list: any state that is not older than the one known, or the newest."""
        try:
            if self._course.newest:
                draft, version = await self._newest()
            else:
                draft = self._store.draft(self._part)
                version = (await self._page(draft, {"resourceVersion": self._part.version or "0"})).version
            await self._pace.walk(self._store.replacing(draft, version, self._part))
        finally:
            self._part.draft = None

    async def _fill(self, stream: Stream) -> None:
        draft = self._store.draft(self._part)
        while not draft.version:
            if not await stream.more(QUIET):
                raise Cut("the stream ended before its initial events did")
            for lines in self._pace.handfuls(stream):
                stream.give_back(draft.apply(lines))
                if draft.version:
                    break
            if stream.lines and not draft.version:
                await self._pace.breath()
        await self._pace.walk(self._store.replacing(draft, draft.version, self._part))

    async def _newest(self) -> tuple[Draft[Any], str]:
        """In pages; if the version of the first one is gone before the last, at once."""
        draft = self._store.draft(self._part)
        page = first = await self._page(draft, {"limit": PAGE})
        try:
            while page.token:
                page = await self._page(draft, {"limit": PAGE, "continue": page.token})
        except Expired:
            # The token that comes with the refusal would continue with another state.
            draft = self._store.draft(self._part)
            first = await self._page(draft, {})
        return draft, first.version

    async def _page(self, draft: Draft[Any], query: dict[str, str]) -> Listing:
        whole = Whole()
        stream = await self._source.open(query, whole)
        try:
            await stream.more(IDLE)
        finally:
            stream.abort()
        page = listing(whole.document())
        await self._pace.walk(_extending(draft, page))
        return page


def _extending(draft: Draft[Any], page: Listing) -> Iterator[None]:
    for item in page.items:
        draft.extend((item,))
        yield


def watch_query(lasts: int) -> dict[str, str]:
    """What every watch asks for."""
    return {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": str(lasts)}
