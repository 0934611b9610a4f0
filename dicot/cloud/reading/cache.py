"""What feeds, readers and resolvers stand on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IReactorTime

from ...config import Config
from ...kube.kind import Kind
from ...kube.store import Store
from .fragments import Allowance
from .projects import Projects
from .slices import Slices


@dataclass(frozen=True)
class Cache:
    """The stores of all kinds, the projects, and what all resources share: time, slices, memory.

    ``now`` is the wall clock, by which objects say when something was; ``clock`` is for timers and durations.
    """

    stores: Mapping[Kind[Any], Store[Any]]
    projects: Projects
    config: Config
    clock: IReactorTime
    slices: Slices
    allowance: Allowance
    now: Callable[[], float]
