"""What volumes held at a moment: copies of their files, each made once."""

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from .contents import Contents

_log = Logger()


class Shots:
    """Copies between volumes and snapshots, by their names."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._running: dict[str, Deferred[None]] = {}

    def made(self, source: str, target: str) -> bool:
        """Whether a copy is there as a whole; it is begun where it is not. A copy that failed is begun again."""
        if target in self._running:
            return False
        if self._contents.path(target).exists():
            return True
        self._run(self._contents.copy(source, target), (target,))
        return False

    def all_made(self, pairs: Sequence[tuple[str, str]]) -> bool:
        """As ``made``, of copies that are all of one moment: where one is missing, all of them are made anew."""
        targets = tuple(target for _, target in pairs)
        if any(target in self._running for target in targets):
            return False
        if all(self._contents.path(target).exists() for target in targets):
            return True
        self._run(self._contents.copy_all(pairs), targets)
        return False

    def drop(self, target: str) -> None:
        """A snapshot is gone."""
        self._contents.drop(target)

    def _run(self, running: Deferred[None], targets: Sequence[str]) -> None:
        self._running.update(dict.fromkeys(targets, running))
        running.addBoth(self._ended, targets)

    def _ended(self, result: object, targets: Sequence[str]) -> None:
        for target in targets:
            del self._running[target]
        if isinstance(result, Failure):
            _log.failure("{targets} are not copied", result, targets=", ".join(targets))
