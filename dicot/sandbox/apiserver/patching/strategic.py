"""Strategic merge patches (apimachinery, pkg/util/strategicpatch): lists of objects are merged by a key.

How a list is merged stands in the schema of its resource (x-kubernetes-patch-strategy and -patch-merge-key).
"""

from typing import Any

from dicot.kube.kind import Manifest

from ..structural.node import Node
from .steps import same

_DIRECTIVE = "$patch"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"
_RETAIN = "$retainKeys"


class Unfit(Exception):
    """The patch cannot be applied; the text says why."""


def merged(document: Manifest, patch: Manifest, node: Node | None) -> Manifest:
    """The document patched. Raises Unfit."""
    return _object(document, patch, node)


def _object(document: Manifest, patch: Manifest, node: Node | None) -> Manifest:
    match patch.get(_DIRECTIVE):
        case None | "merge":
            pass
        case "replace":
            bare: Manifest = _bare({name: value for name, value in patch.items() if name != _DIRECTIVE})
            return bare
        case "delete":
            return {}
        case other:
            raise Unfit(f"Unknown patch type found: {other}")
    found = dict(document)
    if _RETAIN in patch:
        found = {name: value for name, value in found.items() if name in patch[_RETAIN]}
    for name, gone in patch.items():
        if name.startswith(_DELETE):
            member = name.removeprefix(_DELETE)
            if member in found:
                found[member] = [each for each in found[member] if each not in gone]
    for name, value in patch.items():
        if name.startswith("$"):
            continue
        if value is None:
            found.pop(name, None)
            continue
        found[name] = _member(found.get(name), value, _part(node, name))
        order = patch.get(_ORDER + name, value)
        if isinstance(order, list) and isinstance(found[name], list):
            found[name] = _woven(document.get(name) or [], found[name], order, _part(node, name))
    for name, order in patch.items():
        if name.startswith(_ORDER) and (member := name.removeprefix(_ORDER)) not in patch and member in found:
            found[member] = _woven(found[member], found[member], order, _part(node, member))
    return found


def _part(node: Node | None, name: str) -> Node | None:
    """What is known of a member."""
    return None if node is None else node.properties.get(name, node.additional)


def _strategy(node: Node | None) -> list[str]:
    """How a part is patched."""
    said: str = "" if node is None else node.schema.get("x-kubernetes-patch-strategy", "")
    return said.split(",")


def _key(node: Node | None) -> str | None:
    """What tells the items of a list apart."""
    return None if node is None else node.schema.get("x-kubernetes-patch-merge-key")


def _member(old: Any, new: Any, node: Node | None) -> Any:
    if isinstance(new, dict):
        if "replace" in _strategy(node):
            return _bare(new)
        return _object(old if isinstance(old, dict) else {}, new, node)
    if isinstance(new, list):
        return _list(old if isinstance(old, list) else [], new, node)
    return new


def _list(old: list[Any], new: list[Any], node: Node | None) -> list[Any]:
    if "merge" not in _strategy(node):
        return [_bare(each) for each in new]
    key = _key(node)
    if key is None:
        return old + [each for index, each in enumerate(new) if each not in old and each not in new[:index]]
    return _merged_list(old, new, key, None if node is None else node.items)


def _merged_list(old: list[Any], new: list[Any], key: str, node: Node | None) -> list[Any]:
    if any(isinstance(each, dict) and each.get(_DIRECTIVE) == "replace" for each in new):
        return [_bare(each) for each in new if each.get(_DIRECTIVE) != "replace"]
    found = list(old)
    for entry in new:
        if not isinstance(entry, dict) or key not in entry:
            raise Unfit(f"map: {_shown(entry)} does not contain declared merge key: {key}")
        place = next((index for index, each in enumerate(found) if same(each.get(key), entry[key])), None)
        if entry.get(_DIRECTIVE) == "delete":
            found = [each for each in found if not same(each.get(key), entry[key])]
        elif place is None:
            found.append(_object({}, entry, node))
        else:
            found[place] = _object(found[place], entry, node)
    return found


def _woven(old: list[Any], items: list[Any], order: list[Any], node: Node | None) -> list[Any]:
    """The items of a merged list, in the order that the patch has them in. Those that it does not name come before
    those that they came before, and behind what is new."""
    if "merge" not in _strategy(node):
        return items
    key = _key(node)

    def name(item: Any) -> Any:
        return item.get(key) if isinstance(item, dict) and key else item

    places = [name(each) for each in old]
    wanted = [name(each) for each in order]
    right = sorted((each for each in items if name(each) in wanted), key=lambda each: wanted.index(name(each)))
    left = [each for each in items if name(each) not in wanted]
    found: list[Any] = []
    while left and right:
        one, other = name(left[0]), name(right[0])
        known = one in places and other in places
        found.append(left.pop(0) if known and places.index(one) < places.index(other) else right.pop(0))
    return [*found, *left, *right]


def _bare(value: Any) -> Any:
    """A part of a patch without directives and nulls, as it is kept where there was nothing before."""
    if isinstance(value, dict):
        return {name: _bare(each) for name, each in value.items() if each is not None and not name.startswith("$")}
    if isinstance(value, list):
        kept = [each for each in value if not (isinstance(each, dict) and each.get(_DIRECTIVE) == "delete")]
        return [_bare(each) for each in kept]
    return value


def _shown(entry: Any) -> str:
    """A value as Go prints it."""
    if isinstance(entry, dict):
        return f"map[{' '.join(f'{name}:{_shown(value)}' for name, value in sorted(entry.items()))}]"
    return str(entry)
