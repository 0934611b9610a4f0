"""Words that are made by chance, out of a random UUID."""

import uuid

_DIGITS, _UPPER, _LOWER = "23456789", "ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz"
"""Nova's symbol groups: no letter that looks like another."""
_RESERVED = "0123456789abcdefghijklmnopqrstuvwxyz"
LENGTH = 12
"""Nova's [DEFAULT] password_length."""


def password(seed: str) -> str:
    """A password with a letter of each group, as Nova makes one for an instance."""
    number = uuid.UUID(seed).int
    found = []
    for group in (_DIGITS, _UPPER, _LOWER):
        number, place = divmod(number, len(group))
        found.append(group[place])
    return "".join(found) + _letters(number, _DIGITS + _UPPER + _LOWER, LENGTH - len(found))


def reservation_id(seed: str) -> str:
    """The id that servers of one request share."""
    return f"r-{_letters(uuid.UUID(seed).int, _RESERVED, 8)}"


def _letters(number: int, symbols: str, length: int) -> str:
    found = []
    for _ in range(length):
        number, place = divmod(number, len(symbols))
        found.append(symbols[place])
    return "".join(found)
