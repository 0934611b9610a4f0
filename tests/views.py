"""A Joined of literal objects, for tests of views."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from dicot.config import Config
from dicot.kube.kind import Kind, Row


class Rows:
    """Fulfils ``cloud.resource.Joined`` from Kubernetes objects as plain data."""

    def __init__(
        self,
        kind: Kind[Any],
        main: Mapping[str, Any],
        joined: Mapping[Any, Sequence[Mapping[str, Any]]] | None = None,
        project: str = "p" * 32,
        config: Config | None = None,
    ) -> None:
        self.row = kind.decode(msgspec.json.encode(main))
        self.project = project
        self.config = config or Config()
        self._joined = {
            other: tuple(other.decode(msgspec.json.encode(found)) for found in objects)
            for other, objects in (joined or {}).items()
        }

    def main(self, kind: Kind[Any]) -> Any:
        return kind.read(self.row)

    def rows(self, kind: Kind[Any]) -> tuple[Row, ...]:
        return self._joined.get(kind, ())

    def all(self, kind: Kind[Any]) -> tuple[tuple[Row, Any], ...]:
        return tuple((row, kind.read(row)) for row in self._joined.get(kind, ()))

    def first(self, kind: Kind[Any]) -> tuple[Row, Any] | None:
        return next(iter(self.all(kind)), None)
