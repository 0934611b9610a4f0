"""Patches as the API server applies them."""

import copy
from typing import Any

from dicot.kube.kind import Manifest


class Inapplicable(Exception):
    """A test that does not hold, or a path that leads nowhere."""


def merged(old: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    kept = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = merged(kept.get(key), value)
    return kept


def operated(old: Manifest, operations: list[Manifest]) -> Manifest:
    """RFC 6902 of test, add, replace and remove.

    As in Kubernetes a member need not be there to be replaced. Raises Inapplicable.
    """
    found = copy.deepcopy(old)
    for operation in operations:
        *parents, last = [_part(part) for part in operation["path"].split("/")[1:]]
        _operate(_followed(found, parents), last, operation)
    return found


def _part(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _followed(found: Any, parents: list[str]) -> Any:
    for part in parents:
        try:
            found = found[int(part) if isinstance(found, list) else part]
        except (KeyError, IndexError, ValueError):
            raise Inapplicable(part) from None
    return found


def _operate_on_list(parent: list[Any], last: str, operation: Manifest) -> None:
    if (operation["op"], last) == ("add", "-"):
        parent.append(operation["value"])
    elif operation["op"] == "remove" and int(last) < len(parent):
        del parent[int(last)]
    elif operation["op"] == "remove":
        raise Inapplicable(operation["path"])
    else:
        raise NotImplementedError("lists are added to at the end, and taken from")


def _operate(parent: Any, last: str, operation: Manifest) -> None:
    if isinstance(parent, list):
        _operate_on_list(parent, last, operation)
    elif operation["op"] == "test":
        if parent.get(last) != operation["value"]:
            raise Inapplicable(operation["path"])
    elif operation["op"] == "remove":
        if last not in parent:
            raise Inapplicable(operation["path"])
        del parent[last]
    else:
        parent[last] = operation["value"]
