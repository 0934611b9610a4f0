"""All that monitoring is told, as data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..cloud.chores.presence import Replica
from ..cloud.features import Features
from ..kube.health import Health
from .findings import Finding
from .traffic import Served


@dataclass(frozen=True, slots=True)
class Lag:
    """How late the reactor was in the last minute, in seconds."""

    usual: float
    worst: float


@dataclass(frozen=True, slots=True)
class Told:
    """Events that were written to the cluster, and that could not be."""

    written: int
    lost: int


@dataclass(frozen=True, slots=True)
class Report:
    """One replica at one moment. ``uptime`` is in seconds, and so is ``collection``, the longest pause of the garbage
    collector in the last minute; ``checks`` are those of /readyz; ``time`` since 1970; ``left_out`` are lines about
    objects that were not logged."""

    time: float
    version: str
    replica: str
    uptime: float
    is_steward: bool
    checks: Mapping[str, bool]
    features: Features
    findings: tuple[Finding, ...]
    kinds: tuple[Health, ...]
    served: tuple[Served, ...]
    lag: Lag
    collection: float
    events: Told
    left_out: int
    replicas: tuple[Replica, ...]

    @property
    def is_ready(self) -> bool:
        """Whether every check holds."""
        return all(self.checks.values())


def document(report: Report) -> dict[str, Any]:
    """The report for programs: GET /status as JSON. Durations and ages are in seconds."""
    features = asdict(report.features)
    return {
        "time": report.time,
        "version": report.version,
        "ready": report.is_ready,
        "failing": [name for name, holds in report.checks.items() if not holds],
        "replica": {"name": report.replica, "uptime": report.uptime, "steward": report.is_steward},
        "replicas": [asdict(each) for each in report.replicas],
        "reactor_lag": asdict(report.lag),
        "garbage_collection": {"worst": report.collection},
        "events": asdict(report.events),
        "log": {"left_out": report.left_out},
        "features": {**features, "apis": sorted(features["apis"]), "gates": sorted(features["gates"])},
        "findings": [asdict(each) for each in report.findings],
        "kinds": [asdict(each) for each in report.kinds],
        "requests": [asdict(each) for each in report.served],
    }
