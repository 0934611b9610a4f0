"""Objects known to be deleted."""

from collections.abc import Mapping

from .versions import is_newer

MOST = 10_000


class Graves:
    """Tombstones by uid, so that nothing older revives an object; the oldest are given up beyond 10,000.

    One whose deletion only its own answer has told, and not yet the watch, has no version: it is awaited.
    """

    def __init__(self) -> None:
        self._versions: dict[str, str] = {}
        self._namespaces: dict[str, str] = {}

    @property
    def versions(self) -> Mapping[str, str]:
        """The version of each deletion, "" for those that are awaited."""
        return self._versions

    def bury(self, uid: str, namespace: str, version: str) -> None:
        """An object of a namespace was deleted at that version; "" where the watch will tell."""
        self._versions.pop(uid, None)
        self._versions[uid], self._namespaces[uid] = version, namespace
        if len(self._versions) > MOST:
            self._open(next(iter(self._versions)))

    def hold(self, uid: str, version: str) -> bool:
        """Whether that version of an object is not newer than its deletion."""
        deleted_at = self._versions.get(uid)
        return deleted_at is not None and not (deleted_at and is_newer(version, deleted_at))

    def awaits(self, namespace: str | None) -> bool:
        """Whether the watch has yet to tell of a delete, in a namespace or at all."""
        return any(not self._versions[uid] for uid in self._within(namespace))

    def settle(self, namespace: str | None) -> None:
        """A list of a namespace, or of all, has shown what is there: nothing is awaited any more."""
        for uid in self._within(namespace):
            if not self._versions[uid]:
                self._open(uid)

    def clear(self, namespace: str | None) -> None:
        """The server went back in time, or does not serve the kind: no deletion of a namespace, or of all, counts."""
        for uid in self._within(namespace):
            self._open(uid)

    def _within(self, namespace: str | None) -> list[str]:
        return [uid for uid, place in self._namespaces.items() if namespace in (None, place)]

    def _open(self, uid: str) -> None:
        del self._versions[uid], self._namespaces[uid]
