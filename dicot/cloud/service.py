"""A service as data: the catalog, the mounts and the policy table are made of these."""

from collections.abc import Callable
from dataclasses import dataclass

from ..faults import Fault
from ..web.dialect import Dialect
from .resource import Resource


@dataclass(frozen=True)
class Service:
    """One OpenStack service.

    ``types`` are (catalog type, name, path under public_url) triples; empty: served but not in the catalog.
    The web knows where its routes are mounted, by the service of the dialect. ``forbidden`` words a refusal by
    policy. ``scopes`` are the kinds of token scope that its operations may be called with at all (unscoped tokens
    count as project).
    """

    name: str
    types: tuple[tuple[str, str, str], ...]
    dialect: Dialect
    resources: tuple[Resource, ...]
    forbidden: Callable[[str], Fault]
    scopes: frozenset[str] = frozenset({"project"})
