"""Where two documents differ, told so that a report of it can be read."""

from __future__ import annotations

from typing import Any


def differences(mine: Any, theirs: Any, path: str = "") -> dict[str, Any]:
    """What differs by its path: mine and theirs, or of lists of other lengths what only one of them has."""
    if mine == theirs:
        return {}
    if isinstance(mine, dict) and isinstance(theirs, dict):
        keys = sorted(set(mine) | set(theirs))
        pairs = [(f"{path}.{key}", mine.get(key), theirs.get(key)) for key in keys]
    elif isinstance(mine, list) and isinstance(theirs, list):
        if len(mine) != len(theirs):
            return {path: (_without(mine, theirs), _without(theirs, mine))}
        pairs = [(f"{path}[{index}]", *pair) for index, pair in enumerate(zip(mine, theirs, strict=True))]
    else:
        return {path: (mine, theirs)}
    return {where: pair for each in pairs for where, pair in differences(each[1], each[2], each[0]).items()}


def _without(those: list[Any], others: list[Any]) -> list[Any]:
    return [each for each in those if each not in others]
