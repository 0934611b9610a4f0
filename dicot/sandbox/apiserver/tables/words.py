"""How Tables say durations, labels and access modes."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

NONE, UNSET, UNKNOWN = "<none>", "<unset>", "<unknown>"
_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 86400 * 365
_STEPS = (
    (2 * _MINUTE, (1, "s"), (0, "")),
    (10 * _MINUTE, (_MINUTE, "m"), (1, "s")),
    (3 * _HOUR, (_MINUTE, "m"), (0, "")),
    (8 * _HOUR, (_HOUR, "h"), (_MINUTE, "m")),
    (2 * _DAY, (_HOUR, "h"), (0, "")),
    (8 * _DAY, (_DAY, "d"), (_HOUR, "h")),
    (2 * _YEAR, (_DAY, "d"), (0, "")),
    (8 * _YEAR, (_YEAR, "y"), (_DAY, "d")),
)
"""Up to how many seconds a duration is said in which units (apimachinery, pkg/util/duration)."""


def lasting(seconds: float) -> str:
    """A duration as people say it."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(whole, 0)
    for limit, (unit, word), (small, rest) in _STEPS:
        if whole < limit:
            said = f"{whole // unit}{word}"
            over = whole % unit // small if small else 0
            return f"{said}{over}{rest}" if over else said
    return f"{whole // _YEAR}y"


def since(moment: str | None, now: float) -> str:
    """How long ago a moment was."""
    if not moment:
        return UNKNOWN
    try:
        return lasting(now - datetime.fromisoformat(moment).timestamp())
    except ValueError:
        return "<invalid>"


def access(modes: Iterable[str]) -> str:
    """Access modes, short and in order."""
    found = set(modes)
    return ",".join(short for mode, short in _MODES.items() if mode in found)


def labels(found: Mapping[str, str] | None) -> str:
    """Labels, or that there are none."""
    return ",".join(f"{key}={value}" for key, value in sorted((found or {}).items())) or NONE


def selector(found: Mapping[str, Any] | None) -> str:
    """A label selector as requests write it, "" for one that chooses all."""
    said = [(key, f"{key}={value}") for key, value in ((found or {}).get("matchLabels") or {}).items()]
    said += [(each["key"], _expression(each)) for each in (found or {}).get("matchExpressions") or ()]
    return ",".join(text for _, text in sorted(said))


def _expression(found: Mapping[str, Any]) -> str:
    key, values = found["key"], ",".join(sorted(found.get("values") or ()))
    match found["operator"]:
        case "In":
            return f"{key} in ({values})"
        case "NotIn":
            return f"{key} notin ({values})"
        case "Exists":
            return str(key)
    return f"!{key}"
