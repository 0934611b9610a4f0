"""resourceVersions of one kind, compared."""


def is_number(version: str) -> bool:
    """Whether the version has the shape that is ordered: ``[1-9][0-9]*``."""
    return version.isascii() and version.isdigit() and version[0] != "0"


def compare(one: str, other: str) -> int | None:
    """-1, 0 or 1 as ``one`` is older than, equal to or newer than ``other``; None where they have no order.

    Kubernetes promises an order by number since 1.35 (KEP-5504); with etcd behind it, it always held.
    """
    if one == other:
        return 0
    if not (is_number(one) and is_number(other)):
        return None
    if len(one) != len(other):
        return 1 if len(one) > len(other) else -1
    return 1 if one > other else -1


def is_newer(one: str, other: str) -> bool:
    """Whether ``one`` is known to be newer."""
    return compare(one, other) == 1
