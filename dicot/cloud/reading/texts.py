"""Joined fragments of blocks, for lists that are asked for again and again. Free of Twisted."""

from collections import OrderedDict
from collections.abc import Sequence

from .entry import Shape
from .order import Span

BETWEEN = b", "
"""What stands between two documents of a list."""
MOST = 32 * 1024 * 1024
"""Bytes of texts that a resource keeps."""
LONGEST = 262_144
"""Bytes of one text, by its documents' mean length: a slow client may hold one that nobody else wants any more."""
_OVERHEAD = 400
"""Bytes that a span which was seen once takes, and texts beside their own."""
_Key = tuple[object, int, int, Shape]


class Texts:
    """What spans of blocks say in a shape. Those that were longest unused go first, also where their block is another
    now.

    A span's texts are kept once it was asked for twice without any change of its block: walks through everything, and
    blocks that always change, cost no memory and no joining.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[_Key, tuple[bytes, ...]] = OrderedDict()
        self.size = 0

    def of(self, span: Span, shape: Shape) -> tuple[bytes, ...]:
        """A span's texts, none where they are not known."""
        key = _key(span, shape)
        texts = self._kept.get(key, ())
        if texts:
            self._kept.move_to_end(key)
        return texts

    def offer(self, span: Span, shape: Shape, parts: Sequence[bytes]) -> None:
        """These are the fragments of a span of which there are no texts."""
        key = _key(span, shape)
        texts = _joined(parts) if key in self._kept else ()
        self.size += sum(map(len, texts)) or _OVERHEAD
        self._kept[key] = texts
        self._kept.move_to_end(key)
        while self.size > self._most:
            _, oldest = self._kept.popitem(last=False)
            self.size -= sum(map(len, oldest)) + _OVERHEAD


def _key(span: Span, shape: Shape) -> _Key:
    return span.block.stamp, span.place, len(span.entries), shape


def _joined(parts: Sequence[bytes]) -> tuple[bytes, ...]:
    many = max(1, LONGEST * len(parts) // (sum(map(len, parts)) or 1))
    return tuple(BETWEEN.join(parts[first : first + many]) for first in range(0, len(parts), many))
