"""Kubernetes' times and Nova's. Free of Twisted."""

from datetime import UTC, datetime

from iso8601 import ParseError, parse_date

from ..moments import is_stamp, read, stamp


def asked_moment(text: str | None) -> float | None:
    """The POSIX time of a text in a query, read as Nova reads it (oslo_utils.timeutils); None where it is none."""
    if text is None:
        return None
    try:
        return parse_date(text).astimezone(UTC).timestamp()
    except (ParseError, OverflowError):
        return None


def seconds_of(text: str | None) -> str:
    """Any RFC 3339 text in the form of ``stamp``, "" where it is none."""
    if not text or is_stamp(text):
        return text or ""
    found = read(text)
    return "" if found is None else stamp(found)


def with_microseconds(text: str | None) -> str | None:
    """A time as Nova writes launched_at: without a zone, with six digits of fraction."""
    found = read(text)
    return None if found is None else datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
