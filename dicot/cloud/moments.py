"""Moments as Kubernetes writes them. Free of Twisted."""

from datetime import UTC, datetime


def written(seconds: float) -> str:
    """RFC 3339 with microseconds, Kubernetes' MicroTime."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read(text: str) -> float | None:
    """Seconds since 1970 of an RFC 3339 time; None for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None
