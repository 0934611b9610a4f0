"""Members that a JSON document has twice, of which decoders keep the last without a word."""

import json
from collections.abc import Iterator
from typing import Any


class _Pairs(list[tuple[str, Any]]):
    """An object with all its members."""


def doubled(body: bytes) -> list[str]:
    """What a strict client is told of them. The document is valid."""
    some = False

    def keep(pairs: list[tuple[str, Any]]) -> _Pairs:
        nonlocal some
        some = some or len(dict(pairs)) != len(pairs)
        return _Pairs(pairs)

    document = json.loads(body, object_pairs_hook=keep)
    return [f'duplicate field "{path}"' for path in _paths(document, "")] if some else []


def _paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, _Pairs):
        seen = set()
        for name, each in value:
            inside = f"{path}.{name}" if path else name
            if name in seen:
                yield inside
            seen.add(name)
            yield from _paths(each, inside)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _paths(each, f"{path}[{index}]")
