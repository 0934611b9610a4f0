"""Monitoring put together: what counts by itself, and the report of a moment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from twisted.application.service import MultiService
from twisted.internet.interfaces import IReactorTime

from ..cloud.chores.presence import Presence
from ..cloud.features import Features
from ..cloud.writing.events import Events
from ..kube.complaints import Complaints
from ..kube.health import Health
from . import metrics, pages
from .findings import findings
from .pages import Page
from .pauses import Pauses
from .report import Lag, Report, Told
from .stalls import Stalls
from .traffic import Traffic


@dataclass(frozen=True)
class Sources:
    """Where a report comes from."""

    version: str
    checks: Callable[[], Mapping[str, bool]]
    features: Callable[[], Features]
    watched: Callable[[], Sequence[Health]]
    is_steward: Callable[[], bool]
    presence: Presence
    events: Events
    complaints: Complaints


class Monitor(MultiService):
    """Counts while it runs. ``traffic`` is told of every request; ``timer`` is for what takes less than a second."""

    def __init__(
        self, sources: Sources, clock: IReactorTime, time: Callable[[], float], timer: Callable[[], float]
    ) -> None:
        super().__init__()
        self._sources = sources
        self._clock = clock
        self._time = time
        self._since = clock.seconds()
        self._registry = metrics.registry()
        self.traffic = Traffic(clock, self._registry)
        self._stalls = Stalls(clock, self._registry)
        self._stalls.setServiceParent(self)
        self._pauses = Pauses(timer, self._registry)
        self._pauses.setServiceParent(self)
        self._registry.register(metrics.ReportCollector(self.report))

    def report(self) -> Report:
        """This replica, now."""
        sources = self._sources
        watched, features = tuple(sources.watched()), sources.features()
        return Report(
            time=self._time(),
            version=sources.version,
            replica=sources.presence.identity,
            uptime=self._clock.seconds() - self._since,
            is_steward=sources.is_steward(),
            checks=sources.checks(),
            features=features,
            findings=findings(features, watched),
            kinds=watched,
            served=self.traffic.served(),
            lag=Lag(self._stalls.usual, self._stalls.worst),
            collection=self._pauses.worst,
            events=Told(sources.events.written, sources.events.lost),
            left_out=sources.complaints.left_out,
            replicas=sources.presence.replicas(),
        )

    def pages(self) -> Mapping[str, Page]:
        """/status and /metrics."""
        return pages.monitoring(self.report, self._registry)
