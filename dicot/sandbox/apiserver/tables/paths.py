"""The JSONPaths that printer columns use: members, places in lists and simple filters (client-go, util/jsonpath)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

_STEP = re.compile(
    r"\.(?P<name>(?:\\.|[^.\[\\])+)"
    r"|\[(?P<place>-?\d+)\]"
    r"|\[(?P<all>\*)\]"
    r"|\['(?P<quoted>(?:\\.|[^'\\])*)'\]"
    r"|\[\?\(@\.(?P<member>[\w.]+)\s*(?P<sign>==|!=)\s*(?P<mark>[\"'])(?P<value>.*?)(?P=mark)\)\]"
)
Step = Callable[[Any], Iterator[Any]]
Path = Callable[[Any], list[Any]]


class Unreadable(ValueError):
    """A path that is none, or that none of ours knows."""


def path(text: str) -> Path:
    """A path, made ready: it finds all that it leads to. Raises Unreadable."""
    steps: list[Step] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise Unreadable(f"{text} cannot be read from {text[at:]} on")
        steps.append(_step(match))
        at = match.end()

    def found(value: Any) -> list[Any]:
        values = [value]
        for step in steps:
            values = [each for one in values for each in step(one)]
        return values

    return found


def _step(match: re.Match[str]) -> Step:
    if match["place"] is not None:
        return _at(int(match["place"]))
    if match["all"] is not None:
        return _every
    if match["member"] is not None:
        return _where(match["member"].split("."), match["value"], match["sign"] == "==")
    name = match["name"] if match["name"] is not None else match["quoted"]
    return _member(re.sub(r"\\(.)", r"\1", name))


def _member(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _at(place: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= place < len(value):
            yield value[place]

    return step


def _every(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()


def _where(names: list[str], wanted: str, same: bool) -> Step:
    def step(value: Any) -> Iterator[Any]:
        for each in value if isinstance(value, list) else ():
            found = each
            for name in names:
                found = found.get(name) if isinstance(found, dict) else None
            if found is not None and (found == wanted) is same:
                yield each

    return step


def printed(value: Any) -> str:
    """A value as text."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
