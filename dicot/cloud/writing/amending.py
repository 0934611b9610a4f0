"""What turns the entries of a Ledger into others, and leaves alone what is not known of them. Free of Twisted."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ...kube.kind import Manifest
from ..kinds.identity import LedgerEntry

_ENTRIES = "/spec/entries"


def amendments(version: str, old: Sequence[LedgerEntry], new: Mapping[str, LedgerEntry]) -> list[Manifest]:
    """A JSON patch (RFC 6902) that holds only for that resourceVersion, of which ``old`` are the entries.

    It names only fields that differ: an entry may have some that a newer release wrote.
    """
    last = {entry.id: place for place, entry in enumerate(old)}
    operations: list[Manifest] = [{"op": "add", "path": "/metadata/resourceVersion", "value": version}]
    # From the end, so that whatever is removed moves none that is still to come.
    for place, entry in reversed(list(enumerate(old))):
        path = f"{_ENTRIES}/{place}"
        if entry.id not in new or last[entry.id] != place:
            operations.append({"op": "remove", "path": path})
        elif entry != new[entry.id]:
            operations += _altered(path, entry, new[entry.id])
    added = [msgspec.to_builtins(entry) for id, entry in new.items() if id not in last]
    if not old:
        # There may be no list yet.
        return [*operations, {"op": "add", "path": _ENTRIES, "value": added}]
    return [*operations, *({"op": "add", "path": f"{_ENTRIES}/-", "value": each} for each in added)]


def _altered(path: str, old: LedgerEntry, new: LedgerEntry) -> Iterator[Manifest]:
    before, after = msgspec.to_builtins(old), msgspec.to_builtins(new)
    for name in before.keys() - after.keys():
        yield {"op": "remove", "path": f"{path}/{name}"}
    for name, value in after.items():
        if before.get(name) != value:
            yield {"op": "add", "path": f"{path}/{name}", "value": value}
