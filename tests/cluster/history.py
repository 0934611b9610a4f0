"""What has happened to the objects of a collection, read from an API server after the fact."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from .control import Control, Document

PATIENCE = (1, 2, 4, 8, 16)
"""Seconds that a watch lasts, one after the other: a busy server may not get to the end of its story in the first."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to an object: ADDED, MODIFIED or DELETED; ``version`` orders all events of a cluster."""

    type: str
    object: Document

    @property
    def version(self) -> int:
        return version(self.object)


async def history(control: Control, collection: str, since: str, name: str = "") -> list[Event]:
    """All that happened there, to one object or to any, after a version: at least up to now, in its order.

    Raises AssertionError where the server has forgotten what came after that version.
    """
    chosen = f"fieldSelector=metadata.name={name}" if name else ""
    there: list[Document] = (await control.get(f"{collection}?{chosen}"))["items"]
    newest = max((version(each) for each in there), default=0)
    told: list[Event] = []
    for seconds in PATIENCE:
        watch = f"{collection}?watch=1&timeoutSeconds={seconds}&resourceVersion={since}&{chosen}"
        told = _events((await control.ask("GET", watch)).content.splitlines())
        wrong = [each.object for each in told if each.type == "ERROR"]
        if wrong:
            raise AssertionError(f"{collection} cannot be watched from {since} on: {wrong[0]}")
        if max((each.version for each in told), default=int(since)) >= newest:
            break
    return told


def _events(lines: Sequence[bytes]) -> list[Event]:
    return [Event(each["type"], each["object"]) for each in map(json.loads, lines)]


def version(found: Document) -> int:
    """The version of the cluster in which an object came to be as it is."""
    return int(found["metadata"]["resourceVersion"])
