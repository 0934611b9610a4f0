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


def amount(text: str | int | float) -> Decimal | None:
    """The number a quantity stands for (k8s.io/apimachinery resource.Quantity), None where it is none."""
    found = _FORM.match(str(text)) if len(str(text)) < 64 else None
    if found is None:
        return None
    number, exponent, suffix = found.groups()
    return Decimal(number + (exponent or "")) * _SUFFIX[suffix or ""]


def whole(text: str | int | float) -> int:
    """A quantity rounded up to a whole number, as bytes are; 0 where it is none."""
    number = amount(text)
    return 0 if number is None else int(number.to_integral_value(rounding="ROUND_CEILING"))
