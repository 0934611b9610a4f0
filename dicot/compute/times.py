"""Kubernetes' times and Nova's. Free of Twisted."""

from datetime import UTC, datetime

from iso8601 import ParseError, parse_date


def moment(text: str | None) -> float | None:
    """The POSIX time of an RFC 3339 text, None where it is none."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def asked_moment(text: str | None) -> float | None:
    """The POSIX time of a text in a query, read as Nova reads it (oslo_utils.timeutils); None where it is none."""
    if text is None:
        return None
    try:
        return parse_date(text).astimezone(UTC).timestamp()
    except (ParseError, OverflowError):
        return None


def stamp(now: float) -> str:
    """A POSIX time as Kubernetes and Nova write it, to the second."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(text: str | None) -> str:
    """Any RFC 3339 text in the form of ``stamp``, "" where it is none."""
    found = moment(text)
    return "" if found is None else stamp(found)


def with_microseconds(text: str | None) -> str | None:
    """A time as Nova writes launched_at: without a zone, with six digits of fraction."""
    found = moment(text)
    return None if found is None else datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
