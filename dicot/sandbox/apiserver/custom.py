"""The resources that a CustomResourceDefinition defines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dicot.kube.kind import Manifest

from .resource import Column, Resource

VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
AGE = Column("Age", "date", ".metadata.creationTimestamp")
NAME = Column("Name", "string", ".metadata.name", "name")


def versions(definition: Manifest) -> dict[str, Resource]:
    """All versions of a resource, served or not, by their names."""
    return {each["name"]: _resource(definition, each) for each in definition["spec"]["versions"]}


def served(definition: Manifest) -> list[Resource]:
    """The versions that are served."""
    known = versions(definition)
    return [known[each["name"]] for each in definition["spec"]["versions"] if each["served"]]


def stored(definition: Manifest) -> Resource:
    """The version that objects are stored in."""
    known = versions(definition)
    return next(known[each["name"]] for each in definition["spec"]["versions"] if each["storage"])


def _resource(definition: Manifest, version: Mapping[str, Any]) -> Resource:
    spec = definition["spec"]
    names = definition.get("status", {}).get("acceptedNames") or spec["names"]
    columns = version.get("additionalPrinterColumns")
    return Resource(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        singular=names.get("singular") or names["kind"].lower(),
        kind=names["kind"],
        namespaced=spec["scope"] == "Namespaced",
        verbs=VERBS,
        short_names=tuple(names.get("shortNames", ())),
        categories=tuple(names.get("categories", ())),
        subresources=frozenset(version.get("subresources", {})),
        columns=(NAME, *(map(_column, columns) if columns else (AGE,))),
        schema=version.get("schema", {}).get("openAPIV3Schema"),
        custom=True,
    )


def _column(found: Mapping[str, Any]) -> Column:
    return Column(
        name=found["name"],
        type=found["type"],
        path=found["jsonPath"],
        format=found.get("format", ""),
        description=found.get("description", ""),
        priority=found.get("priority", 0),
    )
