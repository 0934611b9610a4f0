"""Finished bytes of each shape, under one limit of memory. Free of Twisted."""

from collections import OrderedDict
from collections.abc import Hashable

SHAPES = 4
# A bytes object's own head, and its slot in the dict.
_OVERHEAD = 120


class Cut:
    """The fragments of one shape, by key."""

    __slots__ = ("parts", "size")

    def __init__(self) -> None:
        self.parts: dict[str, bytes] = {}
        self.size = 0

    def drop(self, key: str) -> int:
        """Forget a fragment; answers the bytes that were given back."""
        part = self.parts.pop(key, None)
        if part is None:
            return 0
        freed = len(part) + _OVERHEAD
        self.size -= freed
        return freed

    def clear(self) -> int:
        """Forget all of them; answers the bytes that were given back."""
        freed, self.size = self.size, 0
        self.parts.clear()
        return freed


class Allowance:
    """The bytes that all fragments together may take. Beyond it the shape that was longest unused goes."""

    def __init__(self, limit: int = 512 * 1024 * 1024) -> None:
        self._limit = limit
        self._cuts: OrderedDict[Cut, None] = OrderedDict()
        self.used = 0

    def touch(self, cut: Cut) -> None:
        """A shape is used now."""
        self._cuts[cut] = None
        self._cuts.move_to_end(cut)

    def take(self, size: int) -> None:
        """Count bytes that were added to the shape used last."""
        self.used += size
        while self.used > self._limit and self._cuts:
            oldest, _ = self._cuts.popitem(last=False)
            self.used -= oldest.clear()

    def give(self, size: int) -> None:
        """Count bytes that were given back."""
        self.used -= size

    def retire(self, cut: Cut) -> None:
        """A shape is no longer kept."""
        self._cuts.pop(cut, None)
        self.used -= cut.clear()


class Fragments:
    """The fragments of one resource: of the four shapes that were used last."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._shapes: OrderedDict[Hashable, Cut] = OrderedDict()

    def of(self, shape: Hashable) -> dict[str, bytes]:
        """What there is of a shape, to be read only."""
        return self._cut(shape).parts

    def keep(self, shape: Hashable, key: str, part: bytes) -> None:
        """Keep a fragment that was just made."""
        cut = self._cut(shape)
        self._allowance.give(cut.drop(key))
        cut.parts[key] = part
        cut.size += len(part) + _OVERHEAD
        self._allowance.take(len(part) + _OVERHEAD)

    def forget(self, key: str) -> None:
        """Drop a key's fragments of every shape."""
        for cut in self._shapes.values():
            self._allowance.give(cut.drop(key))

    def _cut(self, shape: Hashable) -> Cut:
        cut = self._shapes.get(shape)
        if cut is None:
            cut = self._shapes[shape] = Cut()
            if len(self._shapes) > SHAPES:
                self._allowance.retire(self._shapes.popitem(last=False)[1])
        self._shapes.move_to_end(shape)
        self._allowance.touch(cut)
        return cut
