"""Kubernetes quantities ("10Gi", "500m") as numbers. Free of Twisted."""

import re
from decimal import Decimal

_FORM = re.compile(r"([+-]?[0-9]*\.?[0-9]+)(?:([eE][+-]?[0-9]{1,2})|([KMGTPE]i|[numkMGTPE]))?\Z")
_SUFFIX: dict[str, Decimal] = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10) ** 3,
    **{letter: Decimal(10) ** (3 * power) for power, letter in enumerate("MGTPE", 2)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}


def amount(text: str | int | float) -> Decimal:
    """The number a quantity (apimachinery resource.Quantity) stands for. Raises ValueError where it is none."""
    found = _FORM.match(str(text)) if len(str(text)) < 64 else None
    if found is None:
        raise ValueError(f"not a quantity: {str(text)[:64]!r}")
    number, exponent, suffix = found.groups()
    return Decimal(number + (exponent or "")) * _SUFFIX[suffix or ""]


def whole(text: str | int | float) -> int:
    """A quantity rounded up to a whole number, as bytes are; 0 where it is none."""
    try:
        return int(amount(text).to_integral_value(rounding="ROUND_CEILING"))
    except ValueError:
        return 0
