"""What the API server serves: a resource in one version, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column: ``path`` is a JSONPath without braces, ``priority`` above 0 shows only in wide output."""

    name: str
    type: str
    path: str
    format: str = ""
    description: str = ""
    priority: int = 0


@dataclass(frozen=True)
class Resource:
    """A resource in one version. ``custom`` ones come from a CustomResourceDefinition.

    ``schema`` is a structural schema in OpenAPI v3's words (of the whole object), None where anything is taken. It
    keeps what patches and apply read: x-kubernetes-list-type, -list-map-keys, -map-type, -patch-strategy and
    -patch-merge-key.
    ``subresources`` are names such as "status" and "scale"; with "status" among them a write to the object keeps its
    status and a write to the status keeps the rest. ``generation`` says whether metadata.generation is kept.
    """

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool = True
    verbs: tuple[str, ...] = ALL_VERBS
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: frozenset[str] = frozenset()
    columns: tuple[Column, ...] = ()
    schema: Mapping[str, Any] | None = None
    custom: bool = False
    generation: bool = True

    @property
    def api_version(self) -> str:
        """group/version as objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """plural.group, as messages and RBAC name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural
