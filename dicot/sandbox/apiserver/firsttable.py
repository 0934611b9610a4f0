"""Discovery, tables and definitions in a few words, as long as nobody says more."""

from collections.abc import Mapping, Sequence

from msgspec import json

from dicot.kube.kind import Manifest

from .custom import served, stored
from .registry import Served
from .resource import Resource
from .seams import Answer, Change, Objects

_DEFINITIONS = ("apiextensions.k8s.io", "customresourcedefinitions")


class FirstTable:
    """Documents and Tables in one."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def follow(self, objects: Objects) -> None:
        """Serve what is defined, now and from now on."""
        for found in objects.list(*_DEFINITIONS):
            self._define(found)

        def changed(change: Change) -> None:
            if (change.resource.group, change.resource.plural) != _DEFINITIONS:
                return
            if change.new is not None:
                self._define(json.decode(change.new))
            elif change.old is not None:
                spec = json.decode(change.old)["spec"]
                self._served.forget(spec["group"], spec["names"]["plural"])

        objects.listen(changed)

    def _define(self, definition: Manifest) -> None:
        self._served.define(served(definition), stored(definition))

    def document(self, path: str, accept: str, query: Mapping[str, tuple[str, ...]]) -> Answer | None:
        """See Documents."""
        parts = path.strip("/").split("/")
        if path == "/version":
            return _json({"major": "1", "minor": "36", "gitVersion": "v1.36.3", "platform": "linux/amd64"})
        if path == "/api":
            return _json({"kind": "APIVersions", "versions": ["v1"]})
        if path == "/apis":
            return _json({"kind": "APIGroupList", "apiVersion": "v1", "groups": self._groups()})
        if parts[0] == "apis" and len(parts) == 2:
            return next(
                (
                    _json({"kind": "APIGroup", "apiVersion": "v1", **each})
                    for each in self._groups()
                    if each["name"] == parts[1]
                ),
                None,
            )
        if (parts[0] == "api" and len(parts) == 2) or (parts[0] == "apis" and len(parts) == 3):
            return self._versioned("/".join(parts[1:]))
        return None

    def _groups(self) -> list[Manifest]:
        groups: dict[str, list[str]] = {}
        for resource in self._served.versions():
            if resource.group:
                versions = groups.setdefault(resource.group, [])
                if resource.api_version not in versions:
                    versions.append(resource.api_version)
        return [
            {
                "name": group,
                "versions": [{"groupVersion": each, "version": each.partition("/")[2]} for each in versions],
                "preferredVersion": {"groupVersion": versions[0], "version": versions[0].partition("/")[2]},
            }
            for group, versions in groups.items()
        ]

    def _versioned(self, api_version: str) -> Answer | None:
        found = []
        for each in self._served.versions():
            if each.api_version == api_version:
                entry = {
                    "name": each.plural,
                    "singularName": each.singular,
                    "namespaced": each.namespaced,
                    "kind": each.kind,
                }
                found.append({**entry, "verbs": list(each.verbs), "shortNames": list(each.short_names)})
                found += [
                    {**entry, "name": f"{each.plural}/{sub}", "singularName": "", "verbs": ["get", "patch", "update"]}
                    for sub in each.subresources
                ]
        if not found:
            return None
        return _json({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": found})

    def table(self, resource: Resource, objects: Sequence[Manifest], include: str) -> Manifest:
        """See Tables."""
        rows = [
            {
                "cells": [each["metadata"]["name"], each["metadata"]["creationTimestamp"]],
                "object": {
                    "kind": "PartialObjectMetadata",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": each["metadata"],
                },
            }
            for each in objects
        ]
        columns = [
            {"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0},
            {"name": "Created At", "type": "date", "format": "", "description": "", "priority": 0},
        ]
        return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": columns, "rows": rows}


def _json(document: Manifest) -> Answer:
    return Answer(200, json.encode(document))
