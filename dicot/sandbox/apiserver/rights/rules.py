"""Rules of Roles and ClusterRoles: what they allow, and which of them cover others (rbac.authorization.k8s.io)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from dicot.kube.kind import Manifest

from ..asked import Attributes

ALL = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """A PolicyRule, with the fields and the order of its values as they are written."""

    verbs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    @classmethod
    def read(cls, written: Manifest) -> Rule:
        """One entry of ``rules``."""
        fields = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
        return cls(*(tuple(written.get(field) or ()) for field in fields))

    def takes(self, verb: str) -> bool:
        """Whether it is about a verb."""
        return verb in self.verbs or ALL in self.verbs

    def __str__(self) -> str:
        """As a refusal to escalate says it (pkg/apis/rbac/v1, CompactString)."""
        parts = (
            ("APIGroups", self.groups),
            ("Resources", self.resources),
            ("NonResourceURLs", self.urls),
            ("ResourceNames", self.names),
            ("Verbs", self.verbs),
        )
        return "{" + ", ".join(f"{name}:{quoted(values)}" for name, values in parts if values) + "}"


def quoted(values: Iterable[str]) -> str:
    """Strings as Go's %q writes a list of them."""
    return f"[{' '.join(json.dumps(each, ensure_ascii=False) for each in values)}]"


class Rules:
    """The rules of one role, found by group and resource."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.all = tuple(rules)
        self._found: dict[tuple[str, str], list[Rule]] = {}
        self._paths = tuple(rule for rule in self.all if rule.urls)
        for rule in self.all:
            for group in rule.groups:
                for resource in rule.resources:
                    self._found.setdefault((group, resource), []).append(rule)

    @classmethod
    def read(cls, role: Manifest) -> Rules:
        """The rules of a Role or ClusterRole."""
        return cls(map(Rule.read, role.get("rules") or ()))

    def allow(self, asked: Attributes, places: tuple[tuple[str, str], ...]) -> bool:
        """Whether one of them allows it; ``places`` are those of what is asked."""
        if not places:
            return any(rule.takes(asked.verb) and _reaches(rule.urls, asked.path) for rule in self._paths)
        found = self._found
        for place in places:
            if place in found:
                for rule in found[place]:
                    if rule.takes(asked.verb) and (not rule.names or asked.name in rule.names):
                        return True
        return False


def places(asked: Attributes) -> tuple[tuple[str, str], ...]:
    """Where rules about a resource may be found, by group and resource; none for a path."""
    group, resource, sub = asked.group, asked.resource, asked.subresource
    if not resource:
        return ()
    if not sub:
        return (group, resource), (group, ALL), (ALL, resource), (ALL, ALL)
    whole, every = f"{resource}/{sub}", f"*/{sub}"
    return (group, whole), (group, ALL), (group, every), (ALL, whole), (ALL, ALL), (ALL, every)


def _reaches(urls: tuple[str, ...], path: str) -> bool:
    return any(url == path or (url.endswith(ALL) and path.startswith(url.rstrip(ALL))) for url in urls)


def missing(owned: Iterable[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """What of the wanted rules the owned ones do not cover, in pieces of one verb and resource each."""
    have = tuple(owned)
    return [piece for rule in wanted for piece in _pieces(rule) if not any(_covers(each, piece) for each in have)]


def _pieces(rule: Rule) -> Iterator[Rule]:
    for group in rule.groups:
        for resource in rule.resources:
            for verb in rule.verbs:
                whole = Rule((verb,), (group,), (resource,))
                yield from [replace(whole, names=(name,)) for name in rule.names] or [whole]
    for url in rule.urls:
        for verb in rule.verbs:
            yield Rule((verb,), urls=(url,))


def _covers(owned: Rule, piece: Rule) -> bool:
    return (
        (ALL in owned.verbs or set(piece.verbs) <= set(owned.verbs))
        and (ALL in owned.groups or set(piece.groups) <= set(owned.groups))
        and (ALL in owned.resources or all(_holds(owned.resources, each) for each in piece.resources))
        and (not owned.names or (bool(piece.names) and set(piece.names) <= set(owned.names)))
        and all(_reaches(owned.urls, url) for url in piece.urls)
    )


def _holds(owned: tuple[str, ...], resource: str) -> bool:
    if resource in owned:
        return True
    _, slash, sub = resource.partition("/")
    return bool(slash) and f"*/{sub}" in owned


def compact(pieces: Iterable[Rule]) -> list[Rule]:
    """Pieces about the same resource and name as one rule with all their verbs."""
    verbs: dict[Rule, list[str]] = {}
    paths: list[Rule] = []
    for piece in pieces:
        if piece.urls:
            paths.append(piece)
        else:
            place = Rule((), piece.groups, piece.resources, piece.names)
            verbs.setdefault(place, []).extend(piece.verbs)
    merged = [Rule(tuple(held), place.groups, place.resources, place.names) for place, held in verbs.items()]
    return paths + merged


def selects(selector: Mapping[str, object], labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector (metav1) selects labels."""
    wanted = selector.get("matchLabels") or {}
    terms = selector.get("matchExpressions") or []
    assert isinstance(wanted, Mapping) and isinstance(terms, list)
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_fits(term, labels) for term in terms)


def _fits(term: Manifest, labels: Mapping[str, str]) -> bool:
    key, values = term["key"], term.get("values") or ()
    match term["operator"]:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False
