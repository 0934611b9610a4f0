"""The questions of a seed, in an order that is always the same."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

from .bodies import PLAIN, Maker, one_by_one
from .shapes import SHAPES
from .theirs import Asked
from .values import GOOD, NEAR, NETWORK, ODD, VOLUME, A

ACTIONS = ("os-start", "os-stop", "reboot")
MINORS = range(1, 105)


def by_chance(seed: str, each: int, minors: Sequence[int] = MINORS) -> Iterator[Asked]:
    """So many fitting bodies of every operation at every version, and twice as many with mistakes."""
    for operation in SHAPES:
        for minor in minors:
            maker, chance = Maker(operation, minor, seed), random.Random(f"{seed}/who/{operation}/{minor}")
            for number in range(3 * each):
                body = maker.fitting() if number < each else maker.mistaken()
                yield operation, minor, body, chance.random() < 0.7


def likely(seed: str, each: int, minors: Sequence[int]) -> Iterator[Asked]:
    """New servers that Nova would mostly take, and so many again with block devices."""
    for minor in minors:
        maker = Maker("create", minor, f"{seed}/likely")
        for _ in range(each):
            yield "create", minor, maker.modest(), True
            yield "create", minor, maker.with_devices(), True


def examples() -> Iterator[Asked]:
    """What chance would hardly ever make."""
    volume = {"source_type": "volume", "destination_type": "volume", "uuid": VOLUME}
    blank = {"source_type": "blank", "destination_type": "local", "boot_index": 0}
    least = {**PLAIN, "networks": "none"}
    for more in (
        {"max_count": "9" * 4301, "user_data": "a"},
        {"imageRef": "", "flavorRef": "42", "block_device_mapping_v2": [blank]},
        {"imageRef": "", "block_device_mapping_v2": [{**volume, "boot_index": 0}, volume]},
        {"networks": [{"uuid": NETWORK}, {"uuid": NETWORK}]},
        {"availability_zone": "moon:"},
        {"availability_zone": "nova:moon"},
    ):
        yield "create", 63, {"server": {**least, **more}}, True
    for hints in ({"same_host": A}, {"query": "[]"}):
        yield "create", 63, {"server": least, "os:scheduler_hints": hints}, True
    yield "create", 63, {"server": {**least, "availability_zone": "nova:node-1", "networks": [{}]}}, False


def in_turn(minor: int) -> Iterator[Asked]:
    """Every field with every value."""
    for operation in SHAPES:
        for body in one_by_one(operation, minor):
            yield operation, minor, body, True


def actions(minor: int) -> Iterator[Asked]:
    """Of servers, which are few."""
    values = (*ODD, *({"type": how} for how in (*GOOD["how"], *NEAR["how"], *ODD)), {"type": "HARD", "more": 1})
    for action in (*ACTIONS, "os-Start", ""):
        for value in values:
            yield "action", minor, {action: value}, True
        yield "action", minor, {action: None, "reboot": {"type": "SOFT"}}, True
    others: tuple[Any, ...] = (None, {}, [], [1], "os-start", 1)
    for other in others:
        yield "action", minor, other, True
