"""First walks over many rows, side by side. Free of Twisted."""

Spot = tuple[str, str]
"""Namespace and name of a row."""
_START = ("", "")
"""In front of all that there is."""


class Front:
    """How far the walks have come, in the order of places: who is ahead waits for who is behind.

    So an object that several resources are made of is decoded once for all of them: what belongs together is named
    alike.
    """

    def __init__(self) -> None:
        self._reached: dict[object, Spot] = {}

    def enter(self, walk: object) -> None:
        """A walk that is about to begin: the others wait until its first row is known."""
        self._reached[walk] = _START

    def may_pass(self, walk: object, spot: Spot) -> bool:
        """Whether a walk's next row is not behind the next ones of all others."""
        self._reached[walk] = spot
        return spot <= min(self._reached.values())

    def leave(self, walk: object) -> None:
        """A walk that is over."""
        self._reached.pop(walk, None)
