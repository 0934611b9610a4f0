"""Which requests a policy is about (apiserver, pkg/admission/plugin/policy/matching)."""

from __future__ import annotations

from collections.abc import Mapping

from dicot.kube.kind import Manifest

from ..rights.rules import selects
from ..seams import Review

ALL = "*"


def matches(constraints: Manifest, review: Review, namespace: Manifest | None) -> bool:
    """Whether a request is meant. Without rules of its own a binding means all."""
    rules = constraints.get("resourceRules")
    if rules is not None and not any(_meant(rule, review) for rule in rules):
        return False
    if any(_meant(rule, review) for rule in constraints.get("excludeResourceRules") or ()):
        return False
    return _labelled(constraints, review, namespace)


def _labelled(constraints: Manifest, review: Review, namespace: Manifest | None) -> bool:
    where = constraints.get("namespaceSelector") or {}
    own = review.new or review.old if _is_namespace(review) else namespace
    if where and own is not None and not selects(where, _labels(own)):
        return False
    what = constraints.get("objectSelector") or {}
    return not what or any(selects(what, _labels(each)) for each in (review.new, review.old) if each is not None)


def _meant(rule: Manifest, review: Review) -> bool:
    resource = review.resource
    scope = rule.get("scope") or ALL
    names = rule.get("resourceNames") or ()
    return (
        _holds(rule["apiGroups"], resource.group)
        and _holds(rule["apiVersions"], resource.version)
        and _holds(rule["operations"], review.operation)
        and any(_is_resource(each, resource.plural, review.subresource) for each in rule["resources"])
        and (scope == ALL or (scope == "Namespaced") == _lies_in_namespace(review))
        and (not names or review.name in names)
    )


def _is_resource(written: str, plural: str, subresource: str) -> bool:
    name, _, sub = written.partition("/")
    return name in (ALL, plural) and sub in ((subresource, ALL) if subresource else ("", ALL))


def _lies_in_namespace(review: Review) -> bool:
    return review.resource.namespaced and not _is_namespace(review)


def _is_namespace(review: Review) -> bool:
    return (review.resource.group, review.resource.plural) == ("", "namespaces")


def _holds(values: list[str], value: str) -> bool:
    return ALL in values or value in values


def _labels(found: Manifest) -> Mapping[str, str]:
    labels: Mapping[str, str] = found["metadata"].get("labels") or {}
    return labels
