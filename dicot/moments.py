"""Moments as Kubernetes and Nova write them (RFC 3339). A leaf, importable by all."""

import re
from datetime import UTC, datetime
from functools import lru_cache

_STAMP_LENGTH = len("2026-01-01T00:00:00Z")
_STAMP = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def seconds(text: str) -> float:
    """Seconds since 1970 of an RFC 3339 time. Raises ValueError for what is none, such as one without a zone."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return found.timestamp()


def read(text: str | None) -> float | None:
    """As ``seconds``, of a text that others wrote; None for what is none."""
    try:
        return seconds(text or "")
    except ValueError:
        return None


def is_stamp(text: str) -> bool:
    """Whether it is a moment in the form of ``stamp``, in which Kubernetes writes nearly all of them."""
    return len(text) == _STAMP_LENGTH and _is_stamp(text)


# What belongs to one object often happened in one second.
@lru_cache(1024)
def _is_stamp(text: str) -> bool:
    return _STAMP.fullmatch(text) is not None and read(text) is not None


def stamp(at: float) -> str:
    """To the second, Kubernetes' Time."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def precise(at: float) -> str:
    """With microseconds, Kubernetes' MicroTime."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
