"""Rows of custom resources, by their printer columns (apiextensions-apiserver, tableconvertor.go)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dicot.kube.kind import Manifest

from ..resource import Column, Resource
from .paths import Path, path, printed
from .words import since

Cells = Callable[[Manifest, float], list[Any]]
"""The cells of an object at a moment."""


def custom(resource: Resource) -> Cells:
    """The rows of a custom resource."""
    ways = [(column, path(column.path)) for column in resource.columns]
    return lambda manifest, now: [_cell(column, way, manifest, now) for column, way in ways]


def _cell(column: Column, way: Path, manifest: Manifest, now: float) -> Any:
    found = way(manifest)
    if not found:
        return None
    value = found[0]
    if column.type == "string":
        return printed(value)
    return _typed(column.type, value, now)


def _typed(type: str, value: Any, now: float) -> Any:
    """A value of a type; what is of another is not shown."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match type:
        case "integer" if number:
            return int(value)
        case "number" if number:
            return value
        case "boolean" if isinstance(value, bool):
            return value
        case "date" if isinstance(value, str):
            return since(value, now)
    return None
