"""/status for people: one page without scripts, light or dark as the browser is, wide or narrow."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from .report import Report
from .style import STYLE

REFRESH = 10
"""Seconds after which a browser asks again."""


def page(report: Report) -> str:
    """The whole document."""
    sections = (_summary(report), _findings(report), _requests(report), _kinds(report))
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="refresh" content="{REFRESH}"><title>Dicot: {_word(report)}</title>'
        f"<style>{STYLE}</style></head><body><main>{''.join(sections)}</main></body></html>\n"
    )


def _word(report: Report) -> str:
    return "ready" if report.is_ready else "not ready"


def _summary(report: Report) -> str:
    failing = [name for name, holds in report.checks.items() if not holds]
    waiting = f"<p>It waits for {escape(', '.join(failing))}.</p>" if failing else ""
    at = datetime.fromtimestamp(report.time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    facts = (
        ("Replica", report.replica + (" (steward)" if report.is_steward else "")),
        ("Up for", span(report.uptime)),
        ("Replicas", ", ".join(_replica(each.name, each.alive, each.silent) for each in report.replicas) or "-"),
        ("Reactor lag", f"{milliseconds(report.lag.usual)}, at worst {milliseconds(report.lag.worst)}"),
        ("Garbage collection", f"at worst {milliseconds(report.collection)}"),
        ("Requests", f"{sum(each.rate for each in report.served):.1f}/s over the last minute"),
        ("Objects", f"{sum(each.count for each in report.kinds):,}"),
    )
    listed = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in facts)
    state = "good" if report.is_ready else "bad"
    head = (
        f'<h1>Dicot <small>{escape(report.version)}</small> {_badge(state, _word(report))}</h1><p class="at">{at}</p>'
    )
    return f"<header>{head}</header>{waiting}<dl>{listed}</dl>"


def _replica(name: str, alive: bool, silent: float) -> str:
    return name if alive else f"{name} (silent for {span(silent)})"


def _findings(report: Report) -> str:
    colours = {"found": "good", "limited": "fair", "missing": "bad"}
    rows = [
        (escape(each.name), _badge(colours[each.state], each.state), escape(each.detail), escape(each.remedy))
        for each in report.findings
    ]
    return _table("The cluster", ("Part", "State", "Detail", "What to do"), rows)


def _kinds(report: Report) -> str:
    rows = [
        (
            escape(each.kind + (f" ({each.scope})" if each.scope else "")),
            _badge("good" if each.state == "watching" else "fair" if each.synced else "bad", each.state),
            f"{each.count:,}",
            ago(each.event_age),
            ago(each.byte_age),
            f"{each.events:,}",
            f"{each.relists:,}",
            escape(each.problem),
        )
        for each in sorted(report.kinds, key=lambda each: (each.kind, each.scope))
    ]
    heads = ("Kind", "State", "Objects", "Last event", "Last heard", "Events", "Relists", "Problem")
    return _table("Watches", heads, rows, numbers=(2, 3, 4, 5, 6))


def _requests(report: Report) -> str:
    rows = [
        (
            f"<code>{escape(each.route)}</code>",
            f"{each.rate:.1f}",
            f"{each.requests:,}",
            f"{each.refused:,}",
            f"{each.failed:,}",
            _bound(each.median),
            _bound(each.p99),
        )
        for each in report.served
    ]
    heads = ("Route", "Per second", "Requests", "4xx", "5xx", "Median", "99 %")
    return _table("Requests", heads, rows, numbers=(1, 2, 3, 4, 5, 6))


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    marks = [' class="n"' if column in numbers else "" for column in range(len(heads))]
    head = "".join(f"<th{mark}>{escape(text)}</th>" for mark, text in zip(marks, heads, strict=True))
    body = "".join(f"<tr>{_cells(heads, marks, row)}</tr>" for row in rows)
    shown = body or f'<tr><td colspan="{len(heads)}">Nothing yet.</td></tr>'
    return (
        f'<section><h2>{escape(title)}</h2><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{shown}</tbody></table></div></section>"
    )


def _cells(heads: Sequence[str], marks: Sequence[str], row: Sequence[str]) -> str:
    """A row's cells. Each says under which head it stands, for where there is no room for a table."""
    return "".join(
        f'<td{mark} data-head="{escape(head)}">{cell}</td>'
        for head, mark, cell in zip(heads, marks, row, strict=True)
    )


def _badge(colour: str, text: str) -> str:
    return f'<span class="badge {colour}">{escape(text)}</span>'


def _bound(seconds: float | None) -> str:
    return "-" if seconds is None else f"≤ {milliseconds(seconds)}"


def milliseconds(seconds: float) -> str:
    """A short time."""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def ago(seconds: float | None) -> str:
    """How long something is past."""
    return "-" if seconds is None else span(seconds)


def span(seconds: float) -> str:
    """A time in its two largest units."""
    whole = int(seconds)
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // part} {smaller}"
    return f"{whole} s"
