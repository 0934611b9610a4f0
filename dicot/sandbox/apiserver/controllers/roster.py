"""The controllers that live in the API server."""

from __future__ import annotations

from collections.abc import Callable

from ..admission.quota import Usage
from ..seams import Objects, Registry
from .aggregation import Aggregation
from .garbage import Garbage
from .loop import Controller
from .namespaces import Furniture, Namespaces
from .nodes import NodeLifecycle, TaintEviction
from .protection import Protection
from .quotas import Quotas
from .volumes import Binder


def roster(
    objects: Objects,
    registry: Registry,
    usage: Usage,
    authority: str,
    seconds: Callable[[], float],
    elapsed: Callable[[], float],
) -> tuple[Controller, ...]:
    """All of them. ``authority`` is the certificate that clients in a namespace find there (PEM); ``seconds`` is the
    time of day, ``elapsed`` a clock that nobody puts forward."""
    return (
        Furniture(objects, authority),
        Aggregation(objects),
        Garbage(objects, registry),
        Namespaces(objects, registry, seconds),
        Quotas(objects, usage),
        Binder(objects, seconds),
        Protection(objects),
        NodeLifecycle(objects, seconds, elapsed),
        TaintEviction(objects, seconds, elapsed),
    )
