"""What feeds, readers and resolvers stand on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IReactorTime

from ..config import Config
from ..kube.kind import Kind
from ..kube.store import Store
from .fragments import Allowance
from .projects import Projects
from .slices import Slices


@dataclass(frozen=True)
class Cache:
    """The stores of all kinds, the projects, and what all resources share: the wall clock, slices, memory."""

    stores: Mapping[Kind[Any], Store[Any]]
    projects: Projects
    config: Config
    clock: IReactorTime
    slices: Slices
    allowance: Allowance
