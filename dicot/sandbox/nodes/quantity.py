"""Amounts as Kubernetes writes them."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

_UNITS: Mapping[str, Decimal] = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}


def amount(text: str) -> Decimal:
    """The number that a quantity stands for. Raises ValueError."""
    digits = text.rstrip("numkKMGTPEi")
    unit = text[len(digits) :]
    if unit == "" or unit not in _UNITS:
        # "1E3" is a number, "1E" is a quantity of exa.
        digits, unit = text, ""
    try:
        return Decimal(digits) * _UNITS.get(unit, Decimal(1))
    except InvalidOperation:
        raise ValueError(f"not a quantity: {text!r}") from None
