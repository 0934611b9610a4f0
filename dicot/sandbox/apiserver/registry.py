"""What is served: built-in resources and those of CustomResourceDefinitions."""

from collections.abc import Iterable, Mapping

from .builtin import built_in
from .resource import Resource


class Served:
    """All resources, by group, version and plural. Implements Registry."""

    def __init__(self, resources: Mapping[tuple[str, str, str], Resource] | None = None) -> None:
        self._found = dict(built_in() if resources is None else resources)
        self._stored = {(each.group, each.plural): each for each in self._found.values()}
        self.changes = 0
        """How often something came or went."""

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """See Registry."""
        return self._found.get((group, version, plural))

    def stored(self, group: str, plural: str) -> Resource | None:
        """See Registry."""
        return self._stored.get((group, plural))

    def resources(self) -> Iterable[Resource]:
        """See Registry."""
        return (each for each in list(self._stored.values()) if "list" in each.verbs)

    def versions(self) -> Iterable[Resource]:
        """Every resource in every version that is served."""
        return list(self._found.values())

    def define(self, served: Iterable[Resource], stored: Resource) -> None:
        """Serve a custom resource in these versions and in no other; ``stored`` need not be among them."""
        self.forget(stored.group, stored.plural)
        for each in served:
            self._found[each.group, each.version, each.plural] = each
        self._stored[stored.group, stored.plural] = stored

    def forget(self, group: str, plural: str) -> None:
        """Serve a custom resource no more."""
        self.changes += 1
        for key in [key for key in self._found if (key[0], key[2]) == (group, plural)]:
            del self._found[key]
        self._stored.pop((group, plural), None)
