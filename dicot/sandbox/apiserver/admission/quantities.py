"""Quantities that are added up and written again as the API server writes them (apimachinery, pkg/api/resource)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from dicot.kube.quantity import amount

_BINARY = ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki")
_DECIMAL = ("E", "P", "T", "G", "M", "k", "", "m", "u", "n")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number, and whether it is written in powers of 1024."""

    value: Decimal = Decimal(0)
    binary: bool = False

    @classmethod
    def read(cls, text: str | int | float) -> Quantity:
        """Raises ValueError for what is none."""
        return cls(amount(text), str(text).endswith("i"))

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.value + other.value, self.binary if self.value else other.binary)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.value - other.value, self.binary if self.value else other.binary)

    def __str__(self) -> str:
        if self.binary and abs(self.value) >= 1024:
            for power, suffix in zip(range(6, 0, -1), _BINARY, strict=True):
                if self.value % 1024**power == 0:
                    return f"{int(self.value / 1024**power)}{suffix}"
            return str(int(self.value))
        for power, suffix in zip(range(6, -4, -1), _DECIMAL, strict=True):
            unit = Decimal(1000) ** power
            if self.value and self.value % unit == 0:
                return f"{int(self.value / unit)}{suffix}"
        return "0"


ONE = Quantity(Decimal(1))
Amounts = dict[str, Quantity]


def total(parts: list[Amounts]) -> Amounts:
    """The sum of several."""
    summed: Amounts = {}
    for part in parts:
        for name, quantity in part.items():
            summed[name] = summed.get(name, Quantity()) + quantity
    return summed


def shown(amounts: Amounts, names: list[str]) -> str:
    """Some of them, in order, as messages say them."""
    return ",".join(f"{name}={amounts.get(name, Quantity())}" for name in sorted(names))
