"""How large a claim must be for a disk (CDI 1.65.0, pkg/util, with its rounding of floats)."""

from math import ceil

BLOCK = 1 << 20
"""What sizes of disks are rounded to: 1 MiB, as qemu-img does."""
SMALLEST = 1 << 20
_SUFFIXES = ("", "k", "M", "G", "T", "P", "E")


def required(overhead: str, size: int) -> int:
    """Bytes of a file system that can hold a disk."""
    return ceil(_up(size) * (1 + float(overhead)))


def usable(overhead: str, space: int) -> int:
    """Bytes of the largest disk that a file system can hold."""
    return ceil(space / (1 + float(overhead))) // BLOCK * BLOCK


def scratch(overhead: str, other: str, space: int) -> int:
    """Bytes of a scratch space, with its ``other`` overhead, beside a claim."""
    return _up(required(other, usable(overhead, space)))


def quantity(number: int) -> str:
    """A number of bytes as Kubernetes prints it: the largest power of a thousand that leaves it whole."""
    power = 0
    while number and number % 1000 == 0 and power < len(_SUFFIXES) - 1:
        number //= 1000
        power += 1
    return f"{number}{_SUFFIXES[power]}"


def _up(number: int) -> int:
    return -(-number // BLOCK) * BLOCK
