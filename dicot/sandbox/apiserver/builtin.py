"""The resources that are there without a CustomResourceDefinition."""

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from dicot.sandbox import facts

from .resource import Column, Resource

_NO_GENERATION = frozenset(
    (
        ("", "configmaps"),
        ("", "events"),
        ("", "namespaces"),
        ("", "nodes"),
        ("", "persistentvolumeclaims"),
        ("", "persistentvolumes"),
        ("", "limitranges"),
        ("", "resourcequotas"),
        ("", "secrets"),
        ("", "serviceaccounts"),
        ("", "services"),
        ("apps", "controllerrevisions"),
        ("apiregistration.k8s.io", "apiservices"),
        ("coordination.k8s.io", "leases"),
        ("rbac.authorization.k8s.io", "clusterrolebindings"),
        ("rbac.authorization.k8s.io", "clusterroles"),
        ("rbac.authorization.k8s.io", "rolebindings"),
        ("rbac.authorization.k8s.io", "roles"),
        ("storage.k8s.io", "csidrivers"),
        ("storage.k8s.io", "csinodes"),
        ("storage.k8s.io", "storageclasses"),
        ("storage.k8s.io", "volumeattachments"),
    )
)
"""Whose strategies set no metadata.generation (kubernetes, pkg/registry)."""


@cache
def built_in() -> Mapping[tuple[str, str, str], Resource]:
    """By group, version and plural."""
    return MappingProxyType({(each.group, each.version, each.plural): each for each in _read()})


@cache
def type_of(group: str, version: str, kind: str) -> str:
    """The name of a kind among the types of OpenAPI, "" where it has none."""
    said = {"group": group, "kind": kind, "version": version}
    for name, found in facts.types().items():
        kinds = found.get("x-kubernetes-group-version-kind", ())
        if said in kinds:
            return name
    return ""


def _read() -> Iterator[Resource]:
    for api_version, resources in facts.resources().items():
        group, _, version = api_version.rpartition("/")
        for plural, found in resources.items():
            yield _resource(group, version, plural, found)


def _resource(group: str, version: str, plural: str, found: Mapping[str, Any]) -> Resource:
    name = type_of(group, version, found["kind"])
    return Resource(
        group=group,
        version=version,
        plural=plural,
        singular=found["singular"],
        kind=found["kind"],
        namespaced=found["namespaced"],
        verbs=tuple(found["verbs"]),
        short_names=tuple(found.get("shortNames", ())),
        categories=tuple(found.get("categories", ())),
        subresources=frozenset(found.get("subresources", ())),
        columns=tuple(_column(each) for each in found["columns"]),
        schema=facts.types()[name] if name else None,
        generation=(group, plural) not in _NO_GENERATION,
    )


def _column(found: Mapping[str, Any]) -> Column:
    return Column(found["name"], found["type"], "", found.get("format", ""), priority=found.get("priority", 0))
