"""First walks over many rows, side by side. Free of Twisted."""

_UNKNOWN = "~"
"""Newer than all that was ever created."""


class Front:
    """How far the walks have come, the newest rows first: who is ahead waits for who is behind.

    So an object that several resources are made of is decoded once for all of them.
    """

    def __init__(self) -> None:
        self._reached: dict[object, str] = {}

    def enter(self, walk: object) -> None:
        """A walk that is about to begin: the others wait until its first row is known."""
        self._reached[walk] = _UNKNOWN

    def may_pass(self, walk: object, created: str) -> bool:
        """Whether a walk's next row, created then, is not older than the next ones of all others."""
        self._reached[walk] = created
        return created >= max(self._reached.values())

    def leave(self, walk: object) -> None:
        """A walk that is over."""
        self._reached.pop(walk, None)
