"""A world that is told of objects, as by watches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.kube.store import Change, Store
from dicot.sandbox.controller import Key

from .things import raw


class Sees(Protocol):
    """What hears of changes and says what is to be decided again."""

    @property
    def stores(self) -> Iterable[Store[Any]]: ...

    def saw(self, change: Change) -> Iterable[Key]: ...


class ToldTestCase(SynchronousTestCase):
    """What every test here needs; ``hears`` is called with the world."""

    def hears(self, world: Sees) -> None:
        """The world is told from now on."""
        self._world = world
        self.again: list[Key] = []
        self._version = 1
        for store in world.stores:
            store.listen(self._saw)

    def _saw(self, changes: tuple[Change, ...]) -> None:
        for change in changes:
            self.again += self._world.saw(change)

    def tell(self, store: Store[Any], manifest: Manifest) -> list[Key]:
        """A new state of an object; what is decided again."""
        self._version += 1
        self.again.clear()
        meta = manifest["metadata"] | {"resourceVersion": str(self._version)}
        store.learn(raw({**manifest, "metadata": meta}))
        return list(self.again)
