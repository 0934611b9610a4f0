"""Filters of servers as tests of entries (nova/db/main/api.py, ``instance_get_all_by_filters_sort``)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from ...cloud.reading.shelf import Entry
from ..validation import regex
from .columns import PLACE

TAG_FILTERS = ("tags", "tags-any", "not-tags", "not-tags-any")
Columns = Sequence[str]
Test = Callable[[Entry, Columns], bool]

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
                *("description", "config_drive", "access_ip_v4", "access_ip_v6", "created_at", "launch_index"),
                "locked_by",
            )
        },
    }
)
ABSENT = frozenset({"kernel_id", "ramdisk_id", "terminated_at"})
"""Columns that are empty in every server of ours, so that no pattern finds them."""


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


def matching(wanted: Wanted) -> Callable[[Entry], bool] | None:
    """One test of all filters, None where there is nothing to test."""
    tests = tuple(_tests(wanted))
    if not tests:
        return None

    def match(entry: Entry) -> bool:
        columns = entry.columns.split("\0")
        return all(test(entry, columns) for test in tests)

    return match


def _tests(wanted: Wanted) -> Iterator[Test]:
    for key, value in wanted.texts.items():
        test = _of_text(key, value)
        if test is not None:
            yield test
    for key, tags in wanted.tags.items():
        yield _of_tags(key, frozenset(tags))
    if wanted.states:
        yield _among("vm_state", wanted.states)
    if wanted.tasks:
        yield _among("task_state", wanted.tasks)
    if wanted.since:
        yield lambda entry, columns: columns[PLACE["updated_at"]] >= wanted.since
    if wanted.before:
        yield lambda entry, columns: columns[PLACE["updated_at"]] <= wanted.before
    if wanted.locked is not None:
        yield _among("locked", frozenset({str(wanted.locked)}))


def _of_text(key: str, value: str) -> Test | None:
    if key in ("name", "display_name"):
        pattern = regex(value)
        return lambda entry, columns: pattern.search(entry.name) is not None
    if key == "uuid":
        return lambda entry, columns: entry.id == value
    if key in ("ip", "ip6"):
        return _of_addresses(key, value)
    if key in EXACT:
        return _among(EXACT[key], frozenset({value}))
    if key in PATTERNS:
        return _found(PATTERNS[key], value)
    if key in ABSENT:
        return lambda entry, columns: False
    return None


def _among(column: str, values: frozenset[str]) -> Test:
    place = PLACE[column]
    return lambda entry, columns: columns[place] in values


def _found(column: str, value: str) -> Test:
    """What is not there is not found, whatever the pattern: SQL's NULL."""
    place, pattern = PLACE[column], regex(value)
    return lambda entry, columns: columns[place] != "" and pattern.search(columns[place]) is not None


def _of_addresses(column: str, value: str) -> Test:
    place, pattern = PLACE[column], regex(value)
    return lambda entry, columns: any(pattern.search(text) for text in columns[place].split())


def _of_tags(key: str, wanted: frozenset[str]) -> Test:
    place = PLACE["tags"]
    negative, every = key.startswith("not-"), not key.endswith("-any")

    def test(entry: Entry, columns: Columns) -> bool:
        held = set(columns[place].split(","))
        found = wanted <= held if every else bool(wanted & held)
        return found != negative

    return test
