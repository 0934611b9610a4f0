"""Moments as Kubernetes writes them."""

from datetime import UTC, datetime


def written(seconds: float) -> str:
    """Seconds since 1970 as RFC 3339, in whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(text: str) -> float:
    """The seconds since 1970 that a moment stands for."""
    return datetime.fromisoformat(text).timestamp()
