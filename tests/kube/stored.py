"""A store that a test listens to."""

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.store import Change, Store
from dicot.names import derived

from .things import THINGS, Thing

ID = derived("the id")


class StoreTestCase(SynchronousTestCase):
    """A store that writes down what it tells."""

    def setUp(self) -> None:
        self.store = self.new_store()
        self.told: list[tuple[Change, ...]] = []
        self.store.listen(self.told.append)

    def new_store(self) -> Store[Thing]:
        """A store that knows nothing yet."""
        return Store(THINGS)

    def names(self) -> list[str]:
        return sorted(row.name for row in self.store.rows())

    def version_of(self, name: str) -> str | None:
        row = self.store.one("red", name)
        return None if row is None else row.version

    def changes(self) -> list[Change]:
        """All that was told since the last time, flat."""
        flat = [change for step in self.told for change in step]
        self.told.clear()
        return flat

    def heard(self) -> list[tuple[str | None, str | None]]:
        """The versions before and after, of all that was told since the last time, flat."""
        return [
            (
                None if change.old is None else change.old.version,
                None if change.new is None else change.new.version,
            )
            for change in self.changes()
        ]
