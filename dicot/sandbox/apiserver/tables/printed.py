"""Tables (meta.k8s.io/v1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dicot.kube.kind import Manifest

from ..resource import Column, Resource
from .builtin import ROWS, created
from .cells import Cells, custom
from .pods import DONE


class PrintedTables:
    """See Tables. ``seconds`` is the time since 1970."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._custom: dict[tuple[str, str, str], tuple[Resource, Cells]] = {}

    def table(self, resource: Resource, objects: Sequence[Manifest], include: str) -> Manifest:
        """See Tables."""
        cells, now = self._cells(resource), self._seconds()
        rows = [_row(resource, cells(each, now), each, include) for each in objects]
        columns = [_column(each) for each in resource.columns]
        return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": columns, "rows": rows}

    def _cells(self, resource: Resource) -> Cells:
        if not resource.custom:
            return ROWS.get(resource.plural, created)
        key = (resource.group, resource.version, resource.plural)
        known = self._custom.get(key)
        if known is None or known[0] is not resource:
            known = self._custom[key] = (resource, custom(resource))
        return known[1]


def _column(column: Column) -> Manifest:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    }


def _row(resource: Resource, cells: list[object], found: Manifest, include: str) -> Manifest:
    row: Manifest = {"cells": cells}
    if not resource.custom and resource.plural == "pods":
        done = DONE.get(found.get("status", {}).get("phase", ""))
        if done is not None:
            row["conditions"] = [done]
    match include:
        case "Object":
            row["object"] = found
        case "None":
            row["object"] = None
        case _:
            kind = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
            row["object"] = {**kind, "metadata": found["metadata"]}
    return row
