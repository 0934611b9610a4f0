"""What feeds, readers and resolvers stand on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.interfaces import IReactorTime

from ...config import Config
from ...kube.complaints import Complaints
from ...kube.kind import Kind
from ...kube.store import Store
from ..resource import Tallied
from .fragments import Allowance
from .front import Front
from .projects import Projects
from .slices import Slices
from .tally import Tally


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
    tallies: dict[Tallied, Tally] = field(default_factory=dict)
    front: Front = field(default_factory=Front)
    complaints: Complaints = field(default_factory=Complaints)

    def tally(self, tallied: Tallied) -> Tally:
        """The one of its kind."""
        if tallied not in self.tallies:
            stores = self.stores[tallied.kind], self.stores[tallied.part]
            self.tallies[tallied] = Tally(tallied, *stores, self.slices)
        return self.tallies[tallied]
