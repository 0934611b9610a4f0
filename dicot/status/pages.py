"""The pages of monitoring by path."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from prometheus_client import CollectorRegistry

from ..web.call import Reply, pieces
from . import metrics
from .page import page
from .probes import Checks, probe
from .report import Report, document

Query = Mapping[str, Sequence[str]]
Page = Callable[[Query, str], Reply]
HTML = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Vary": "Accept",
}
JSON = {"Content-Type": "application/json", "Cache-Control": "no-store", "Vary": "Accept"}


def probes(ready: Checks) -> Mapping[str, Page]:
    """What every listener answers. A process that answers at all is healthy."""
    return {"/healthz": probe(lambda: {"reactor": True}), "/readyz": probe(ready)}


def monitoring(report: Callable[[], Report], registry: CollectorRegistry) -> Mapping[str, Page]:
    """What only the listeners of monitoring answer."""
    return {"/status": status(report), "/metrics": lambda query, accept: metrics.page(registry)}


def status(report: Callable[[], Report]) -> Page:
    """JSON, or a page for those who prefer one."""

    def shown(query: Query, accept: str) -> Reply:
        found = report()
        if prefers_page(accept):
            return Reply(pieces(page(found).encode()), 200, HTML)
        return Reply(pieces(msgspec.json.encode(document(found))), 200, JSON)

    return shown


def prefers_page(accept: str) -> bool:
    """Whether an Accept header puts HTML before JSON (RFC 9110, 12.5.1); programs that say nothing get JSON."""
    return _weight(accept, "text/html") > _weight(accept, "application/json")


def _weight(accept: str, media: str) -> float:
    ranges = [part.strip().partition(";") for part in accept.lower().split(",")]
    found = {name.strip(): _quality(parameters) for name, _, parameters in ranges if name.strip()}
    kind = media.partition("/")[0]
    return next((found[name] for name in (media, f"{kind}/*", "*/*") if name in found), 0.0)


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
