"""Filters of servers (nova/db/main/api.py, ``instance_get_all_by_filters_sort``)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from ...cloud.reading.shelf import Entry, Match, each
from ..patterns import Pattern, regex
from .columns import PLACE

TAG_FILTERS = ("tags", "tags-any", "not-tags", "not-tags-any")
EXACT: Mapping[str, str] = MappingProxyType(
    {
        "user_id": "user_id",
        "image": "image",
        "image_ref": "image",
        "vm_state": "vm_state",
        "task_state": "task_state",
        "host": "host",
        "flavor": "flavor",
    }
)
PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        "node": "host",
        "display_description": "description",
        **{
            name: name
            for name in (
                *("hostname", "key_name", "power_state", "reservation_id", "launched_at", "availability_zone"),
                *("config_drive", "access_ip_v4", "access_ip_v6", "created_at", "launch_index", "locked_by"),
                "auto_disk_config",
            )
        },
    }
)
SAME: Mapping[str, str | None] = MappingProxyType(
    {"kernel_id": "", "ramdisk_id": "", "progress": "0", "root_device_name": "/dev/vda", "terminated_at": None}
)
"""What is the same of every server of ours; None is found by no pattern."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters, checked. ``since`` and ``before`` are times as Nova writes them."""

    texts: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    states: frozenset[str] = field(default_factory=frozenset)
    tasks: frozenset[str] = field(default_factory=frozenset)
    since: str = ""
    before: str = ""
    locked: bool | None = None


def matching(wanted: Wanted) -> Match | None:
    """All filters as one, None where there are none."""
    match: Match | None = None
    for found in _filters(wanted):
        match = found if match is None else _both(match, found)
    return match


def _both(one: Match, other: Match) -> Match:
    return lambda entries: (piece for passed in one(entries) for piece in other(passed))


def _any(ways: Sequence[Match]) -> Match:
    """What passes one of them, as servers with an address of either version do (nova/compute/api.py)."""

    def match(entries: Sequence[Entry]) -> Iterable[Sequence[Entry]]:
        passed: set[int] = set()
        for way in ways:
            for piece in way(entries):
                passed.update(map(id, piece))
                yield ()
        yield [entry for entry in entries if id(entry) in passed]

    return ways[0] if len(ways) == 1 else match


def _filters(wanted: Wanted) -> Iterator[Match]:
    """The cheapest first."""
    if wanted.states:
        yield _among("vm_state", wanted.states)
    if wanted.tasks:
        yield _among("task_state", wanted.tasks)
    if wanted.locked is not None:
        yield _among("locked", frozenset({str(wanted.locked)}))
    for key, tags in wanted.tags.items():
        yield _of_tags(key, frozenset(tags))
    if wanted.since:
        yield each(lambda entry: entry.columns[PLACE["updated_at"]] >= wanted.since)
    if wanted.before:
        yield each(lambda entry: entry.columns[PLACE["updated_at"]] <= wanted.before)
    addresses = [_found(PLACE[key], regex(wanted.texts[key])) for key in ("ip", "ip6") if key in wanted.texts]
    if addresses:
        yield _any(addresses)
    for key, value in wanted.texts.items():
        found = _of_text(key, value)
        if found is not None:
            yield found


def _of_text(key: str, value: str) -> Match | None:
    if key in ("name", "display_name"):
        return _named(regex(value))
    if key == "uuid":
        return each(lambda entry: entry.id == value)
    if key in EXACT:
        return _among(EXACT[key], frozenset({value}))
    if key in PATTERNS:
        return _found(PLACE[PATTERNS[key]], regex(value))
    if key in SAME:
        return _always(SAME[key], regex(value))
    return None


def _always(held: str | None, pattern: Pattern) -> Match | None:
    """The filter by what is the same everywhere: none where all pass."""
    found = held is not None and pattern.found(held)
    return None if found else each(lambda entry: False)


def _among(column: str, values: frozenset[str]) -> Match:
    place = PLACE[column]
    return lambda entries: ([entry for entry in entries if entry.columns[place] in values],)


def _named(pattern: Pattern) -> Match:
    def match(entries: Sequence[Entry]) -> Iterable[Sequence[Entry]]:
        for places in pattern.places([entry.name for entry in entries]):
            yield [entries[at] for at in places]

    return match


def _found(place: int, pattern: Pattern) -> Match:
    """What is not there is not found, whatever the pattern: SQL's NULL."""

    def match(entries: Sequence[Entry]) -> Iterable[Sequence[Entry]]:
        texts = [entry.columns[place] for entry in entries]
        for places in pattern.places(texts):
            yield [entries[at] for at in places if texts[at]]

    return match


def _of_tags(key: str, wanted: frozenset[str]) -> Match:
    place = PLACE["tags"]
    negative, every = key.startswith("not-"), not key.endswith("-any")

    def test(entry: Entry) -> bool:
        text = entry.columns[place]
        if not text and "" not in wanted:
            return negative
        held = set(text.split(","))
        found = wanted <= held if every else bool(wanted & held)
        return found != negative

    return each(test)
