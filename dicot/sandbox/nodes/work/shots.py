"""What volumes held at a moment: copies of their files, each made once."""

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
        running = self._contents.copy(source, target)
        self._running[target] = running
        running.addBoth(self._ended, target)
        return False

    def drop(self, target: str) -> None:
        """A snapshot is gone."""
        self._contents.drop(target)

    def _ended(self, result: object, target: str) -> None:
        del self._running[target]
        if isinstance(result, Failure):
            _log.failure("{target} is not copied", result, target=target)
