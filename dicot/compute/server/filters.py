"""Filters of servers (nova/db/main/api.py, ``instance_get_all_by_filters_sort``)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from ...cloud.reading.shelf import Block, Match, Places, column, each, grouped
from ..patterns import Lines, Pattern, regex
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
_FEW = 16
"""So many are searched one by one."""


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
    return lambda block, places: (piece for passed in one(block, places) for piece in other(block, passed))


def _any(ways: Sequence[Match]) -> Match:
    """What passes one of them, as servers with an address of either version do (nova/compute/api.py)."""

    def match(block: Block, places: Places) -> Iterable[Places]:
        passed: set[int] = set()
        for way in ways:
            for piece in way(block, places):
                passed.update(piece)
                yield b""
        yield bytes(sorted(passed))

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
    if wanted.since or wanted.before:
        yield _changed(wanted.since, wanted.before)
    addresses = [_found(str(PLACE[key]), wanted.texts[key]) for key in ("ip", "ip6") if key in wanted.texts]
    if addresses:
        yield _any(addresses)
    for key, value in wanted.texts.items():
        found = _of_text(key, value)
        if found is not None:
            yield found


def _of_text(key: str, value: str) -> Match | None:
    if key in ("name", "display_name"):
        return _found("name", value)
    if key == "uuid":
        return each(lambda entry: entry.id == value)
    if key in EXACT:
        return _among(EXACT[key], frozenset({value}))
    if key in PATTERNS:
        return _found(str(PLACE[PATTERNS[key]]), value)
    if key in SAME:
        return _always(SAME[key], regex(value))
    return None


def _always(held: str | None, pattern: Pattern) -> Match | None:
    """The filter by what is the same everywhere: none where all pass."""
    found = held is not None and pattern.found(held)
    return None if found else each(lambda entry: False)


def _among(key: str, values: frozenset[str]) -> Match:
    name = str(PLACE[key])

    def match(block: Block, places: Places) -> Iterable[Places]:
        known = block.known(name, grouped)
        return (_within(block, places, b"".join([known.get(value, b"") for value in values])),)

    return match


def _found(name: str, expression: str) -> Match:
    """By a pattern. What is not there is not found, whatever the pattern: SQL's NULL.

    Filters that are remembered do not hold what is compiled: so much more is only held for so many patterns.
    """
    text_of = column(name)

    def match(block: Block, places: Places) -> Iterable[Places]:
        pattern = regex(expression)
        if len(places) > _FEW:
            found = pattern.places(block.known(name, Lines))
            return found if len(places) == len(block) else (_within(block, places, piece) for piece in found)
        texts = [text_of(block.entries[place]) for place in places]
        return (bytes([place for place, text in zip(places, texts, strict=True) if text and pattern.found(text)]),)

    return match


def _of_tags(key: str, wanted: frozenset[str]) -> Match:
    name = str(PLACE["tags"])
    negative, every = key.startswith("not-"), not key.endswith("-any")

    def match(block: Block, places: Places) -> Iterable[Places]:
        known = block.known(name, _by_tag)
        held = [set(known.get(tag, b"")) for tag in wanted]
        found = set.intersection(*held) if every else set.union(*held)
        if not found:
            return (places if negative else b"",)
        return (bytes([place for place in places if (place in found) != negative]),)

    return match


def _changed(since: str, before: str) -> Match:
    name = str(PLACE["updated_at"])
    moment = column(name)

    def passes(first: str, last: str) -> bool:
        return first >= since and (not before or last <= before)

    def match(block: Block, places: Places) -> Iterable[Places]:
        first, last = block.known(name, _bounds)
        if passes(first, last):
            return (places,)
        if not passes(last, first):
            return (b"",)
        moments = [moment(entry) for entry in block.at(places)]
        return (bytes([place for place, at in zip(places, moments, strict=True) if passes(at, at)]),)

    return match


def _bounds(values: Sequence[str]) -> tuple[str, str]:
    return min(values), max(values)


def _by_tag(values: Sequence[str]) -> Mapping[str, Places]:
    """The places of what has a tag; "" is that of what has none."""
    found: dict[str, bytearray] = {}
    for place, value in enumerate(values):
        for tag in set(value.split(",")):
            found.setdefault(tag, bytearray()).append(place)
    return {tag: bytes(places) for tag, places in found.items()}


def _within(block: Block, places: Places, found: Places) -> Places:
    """Those of some places that are among others, which stand in any order."""
    if not found or len(places) == len(block) == len(found):
        return found and places
    return bytes(sorted(found if len(places) == len(block) else set(places).intersection(found)))
