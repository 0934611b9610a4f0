"""/metrics for Prometheus: what is read from a report; requests and the reactor's lag count by themselves."""

from collections.abc import Callable, Iterable
from dataclasses import fields

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from ..kube.health import Health
from ..web.call import Reply, pieces
from .report import Report

GAUGES = {
    "count": "objects",
    "byte_age": "silence_seconds",
    "event_age": "event_age_seconds",
    "rate": "events_per_second",
    "lag": "lag_seconds",
    "namespaces": "namespaces",
    "skipped": "skipped_objects",
}
"""Fields of Health that go up and down, and what they are called."""
_NO_METRICS = {"kind", "scope", "state", "problem", "synced", "version"}


class ReportCollector(Collector):
    """Turns the present report into metrics at each scrape."""

    def __init__(self, report: Callable[[], Report]) -> None:
        self._report = report

    def collect(self) -> Iterable[Metric]:
        """See Collector."""
        report = self._report()
        yield _gauge("dicot_ready", "Whether every check of /readyz holds.", report.is_ready)
        yield _gauge("dicot_steward", "Whether this replica holds the steward's Lease.", report.is_steward)
        yield _gauge(
            "dicot_replicas", "Replicas that were heard lately.", sum(each.alive for each in report.replicas)
        )
        yield _counter("dicot_events_written", "Events written about servers.", report.events.written)
        yield _counter("dicot_events_lost", "Events that could not be written.", report.events.lost)
        text = "Lines about objects that do not fit which were not logged."
        yield _counter("dicot_log_left_out", text, report.left_out)
        found = GaugeMetricFamily("dicot_cluster_feature", "Whether the cluster has it.", labels=("feature",))
        for finding in report.findings:
            found.add_metric((finding.name,), float(finding.state == "found"))
        yield found
        yield from watches(report.kinds)


def watches(kinds: Iterable[Health]) -> Iterable[Metric]:
    """A family for each figure of the watches, by kind."""
    listed = list(kinds)
    synced = GaugeMetricFamily("dicot_watch_synced", "Whether the kind was listed.", labels=("kind", "scope"))
    for each in listed:
        synced.add_metric((each.kind, each.scope), float(each.synced))
    yield synced
    for field in fields(Health):
        if field.name not in _NO_METRICS:
            yield _family(field.name, listed)


def _family(name: str, kinds: Iterable[Health]) -> Metric:
    text = f"{name.replace('_', ' ')}, by kind."
    family: GaugeMetricFamily | CounterMetricFamily
    if name in GAUGES:
        family = GaugeMetricFamily(f"dicot_watch_{GAUGES[name]}", text.capitalize(), labels=("kind", "scope"))
    else:
        family = CounterMetricFamily(f"dicot_watch_{name}", text.capitalize(), labels=("kind", "scope"))
    for each in kinds:
        value = getattr(each, name)
        if value is not None:
            family.add_metric((each.kind, each.scope), float(value))
    return family


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _counter(name: str, text: str, value: int) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def registry() -> CollectorRegistry:
    """A registry with the figures of the process."""
    made = CollectorRegistry()
    ProcessCollector(registry=made)
    return made


def page(found: CollectorRegistry) -> Reply:
    """The answer to a scrape, in the text format that every scraper takes."""
    return Reply(pieces(generate_latest(found)), 200, {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
