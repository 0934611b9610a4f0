"""What objects look like: they are made to fit, and refused where they do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dicot.kube.kind import Manifest

from .builtin import type_of
from .kinds.defaults import typed
from .kinds.table import Rule
from .refusal import Cause, Refusal
from .resource import Resource
from .structural import causes
from .structural.decoding import Undecodable, decode
from .structural.fitting import fit
from .structural.lists import Lists
from .structural.node import Node, Resolve, compiled
from .structural.rules import Rules
from .structural.validity import ABSENT, validity

_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_META_AND_TYPE = frozenset(("apiVersion", "kind"))
_BLOCKING = frozenset(
    (
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    )
)
_UNCHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete"
    " validation"
)


@dataclass(frozen=True, slots=True)
class _Custom:
    """A custom resource's schema, ready."""

    node: Node
    check: Callable[[Any, Any, str, list[Cause]], None]
    lists: Lists
    rules: Rules


class Kinds:
    """Knows all objects. Implements Schemas. ``rules`` are what is written by hand of built-in kinds."""

    def __init__(self, rules: Mapping[tuple[str, str], Rule]) -> None:
        self._rules = rules
        self._types: Resolve = typed
        self._meta = compiled({"$ref": _META}, self._types)
        self._built_in: dict[str, Node] = {}
        self._custom: dict[tuple[str, str, str], tuple[Resource, _Custom]] = {}

    def fit(self, resource: Resource, manifest: Manifest) -> list[str]:
        """See Schemas."""
        if not resource.custom:
            return self._decoded(resource, manifest)
        said = self._metadata(resource, manifest)
        if resource.schema is not None:
            said += fit(manifest, self._ready(resource).node)
        return [f'unknown field "{each}"' for each in said]

    def check(
        self,
        resource: Resource,
        subresource: str,
        new: Manifest,
        old: Manifest | None,
        before: Sequence[Cause] = (),
    ) -> None:
        """See Schemas."""
        found = self.wrong(resource, subresource, new, old, before)
        if found:
            raise invalid(resource, new, found)

    def node(self, resource: Resource) -> Node | None:
        """See Schemas."""
        if resource.custom:
            return None if resource.schema is None else self._ready(resource).node
        name = type_of(resource.group, resource.version, resource.kind)
        return self._type(name) if name else None

    def wrong(
        self,
        resource: Resource,
        subresource: str,
        new: Manifest,
        old: Manifest | None,
        before: Sequence[Cause] = (),
    ) -> list[Cause]:
        """What is not valid, behind what is known of that."""
        if not resource.custom:
            rule = self._rules.get((resource.group, resource.plural))
            return [*before, *([] if rule is None or subresource == "status" else rule(new, old))]
        if resource.schema is None:
            return [*before]
        if subresource == "status":
            # Only the status is new; its paths are those of the whole object.
            rest = {name: value for name, value in (old or {}).items() if name != "status"}
            new = {**rest, **({"status": new["status"]} if "status" in new else {})}
        return _wrong(self._ready(resource), new, old, before)

    def _decoded(self, resource: Resource, manifest: Manifest) -> list[str]:
        name = type_of(resource.group, resource.version, resource.kind)
        if not name:
            return []
        try:
            unknown = decode(manifest, self._type(name))
        except Undecodable as error:
            raise _undecodable(resource, str(error)) from error
        return [f'unknown field "{each}"' for each in unknown]

    def _type(self, name: str) -> Node:
        if name not in self._built_in:
            self._built_in[name] = compiled({"$ref": name}, self._types)
        return self._built_in[name]

    def _metadata(self, resource: Resource, manifest: Manifest) -> list[str]:
        try:
            return [f"metadata.{each}" for each in decode(manifest.get("metadata", {}), self._meta)]
        except Undecodable as error:
            raise _undecodable(resource, str(error)) from error

    def _ready(self, resource: Resource) -> _Custom:
        key = (resource.group, resource.version, resource.plural)
        known = self._custom.get(key)
        if known is None or known[0] is not resource:
            assert resource.schema is not None
            node = compiled(resource.schema)
            known = self._custom[key] = (resource, _Custom(node, validity(node).check, Lists(node), Rules(node)))
        return known[1]


def _wrong(ready: _Custom, new: Manifest, old: Manifest | None, before: Sequence[Cause]) -> list[Cause]:
    found: list[Cause] = [*before]
    ready.check(new, ABSENT if old is None else old, "", found)
    doubled = ready.lists.doubled(new)
    if doubled and (old is None or not ready.lists.doubled(old)):
        found += doubled
    if ready.rules.leads and any(each.reason in _BLOCKING for each in found):
        return [*found, causes.invalid("<nil>", None, _UNCHECKED)]
    return found + ready.rules.broken(new, old)


def _undecodable(resource: Resource, why: str) -> Refusal:
    what = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
    return Refusal(400, "BadRequest", f"{what}: {why}")


def invalid(resource: Resource, manifest: Manifest, found: list[Cause]) -> Refusal:
    """422. The message of several causes is a list in brackets, each text once."""
    name = manifest.get("metadata", {}).get("name", "")
    texts = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in found))
    said = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    full = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    message = f'{full} "{name}" is invalid: {said}'
    return Refusal(422, "Invalid", message, group=resource.group, kind=resource.kind, name=name, causes=tuple(found))
