"""ClusterRoles that are gathered from others (kubernetes, pkg/controller/clusterroleaggregation). Keys are names."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import json

from dicot.kube.kind import Manifest

from ..rights.rbac import GROUP
from ..rights.rules import selects
from ..seams import Change, Objects
from .loop import Key

ROLES = (GROUP, "clusterroles")


class Aggregation:
    """Rewrites the rules of roles that aggregate, whenever one of those that they gather may have changed."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._gathering: set[str] = set()

    def saw(self, change: Change) -> Iterable[Key]:
        """Any ClusterRole."""
        if (change.resource.group, change.resource.plural) != ROLES:
            return
        if change.new is not None and _selectors(json.decode(change.new)):
            self._gathering.add(change.name)
        else:
            self._gathering.discard(change.name)
        for name in sorted(self._gathering):
            yield (name,)

    def settle(self, key: Key) -> float | None:
        """Gather anew."""
        if self._objects.get(*ROLES, "", key[0]) is not None:
            rules = gathered(self._selected(key[0]))
            self._objects.change(*ROLES, "", key[0], lambda role: _ruled(role, rules))
        return None

    def _selected(self, name: str) -> list[Manifest]:
        roles = sorted(self._objects.list(*ROLES), key=lambda each: str(each["metadata"]["name"]))
        selectors = next((_selectors(each) for each in roles if each["metadata"]["name"] == name), [])
        return [
            role
            for selector in selectors
            for role in roles
            if role["metadata"]["name"] != name and selects(selector, role["metadata"].get("labels") or {})
        ]


def gathered(roles: list[Manifest]) -> list[Manifest]:
    """Their rules, each once."""
    rules: list[Manifest] = []
    for role in roles:
        rules += [rule for rule in role.get("rules") or () if rule not in rules]
    return rules


def _selectors(role: Manifest) -> list[Manifest]:
    return (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or []


def _ruled(role: Manifest, rules: list[Manifest]) -> Manifest | None:
    if (role.get("rules") or []) == rules:
        return None
    role["rules"] = rules
    return role
