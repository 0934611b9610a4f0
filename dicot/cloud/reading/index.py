"""Keys by a value. Free of Twisted."""


class Index:
    """The keys that share a value. A lone key stands for itself: most values have one."""

    def __init__(self) -> None:
        self._keys: dict[str, str | set[str]] = {}

    def add(self, value: str, key: str) -> None:
        """Add a key to a value's."""
        held = self._keys.get(value)
        if held is None:
            self._keys[value] = key
        elif isinstance(held, set):
            held.add(key)
        elif held != key:
            self._keys[value] = {held, key}

    def remove(self, value: str, key: str) -> None:
        """Remove a key from a value's, if it is there."""
        held = self._keys.get(value)
        if isinstance(held, set):
            held.discard(key)
            if not held:
                del self._keys[value]
        elif held == key:
            del self._keys[value]

    def count(self, value: str) -> int:
        """How many keys a value has."""
        held = self._keys.get(value)
        if held is None:
            return 0
        return len(held) if isinstance(held, set) else 1

    def find(self, value: str) -> tuple[str, ...]:
        """The keys of a value, in no order."""
        held = self._keys.get(value)
        if held is None:
            return ()
        return tuple(held) if isinstance(held, set) else (held,)
