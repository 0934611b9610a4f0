"""How far one watch has come."""

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred

from .barrier import Barrier
from .draft import Draft
from .health import Tally
from .kind import Kind


class Part:
    """The share of a store that one watch feeds: all of it, or one namespace. Kept by the store.

    ``kind`` says where the watch is. ``skipped`` are the uids of objects that do not fit. A part that is over changes
    nothing any more.
    """

    def __init__(self, kind: Kind[Any], namespace: str | None = None) -> None:
        self.kind = kind if namespace is None else replace(kind, namespace=namespace)
        self.namespace = namespace
        self.tally = Tally()
        self.skipped: set[str] = set()
        self.barrier = Barrier()
        self.draft: Draft[Any] | None = None
        self.is_synced = False
        self.is_over = False

    @property
    def version(self) -> str:
        """The version that the watch has applied last, "" before the first list."""
        return self.barrier.version

    def reached(self, version: str) -> Deferred[None]:
        """Fires when the watch has passed that version. May be cancelled."""
        return self.barrier.reached(version)
