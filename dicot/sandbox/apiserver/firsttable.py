"""A small registry: a few built-in resources, and whatever CustomResourceDefinitions define; nothing is checked."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import json

from dicot.kube.kind import Manifest

from .resource import Resource
from .seams import Answer, Objects

_GROUPS: Mapping[str, str] = {
    "v1": "ConfigMap! Secret! Event! Endpoints!endpoints Service*! ServiceAccount! Pod*! PersistentVolumeClaim*!"
    " ResourceQuota*! LimitRange! PodTemplate! ReplicationController*! Namespace* Node* PersistentVolume*",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition*+",
    "apiregistration.k8s.io/v1": "APIService*",
    "admissionregistration.k8s.io/v1": "MutatingWebhookConfiguration+ ValidatingWebhookConfiguration+"
    " ValidatingAdmissionPolicy*+ ValidatingAdmissionPolicyBinding+",
    "apps/v1": "Deployment*!+ DaemonSet*!+ ReplicaSet*!+ StatefulSet*!+ ControllerRevision!",
    "batch/v1": "Job*!+ CronJob*!+",
    "coordination.k8s.io/v1": "Lease!",
    "discovery.k8s.io/v1": "EndpointSlice!+",
    "networking.k8s.io/v1": "NetworkPolicy!+ Ingress*!+ IngressClass+",
    "policy/v1": "PodDisruptionBudget*!+",
    "rbac.authorization.k8s.io/v1": "Role! RoleBinding! ClusterRole ClusterRoleBinding",
    "scheduling.k8s.io/v1": "PriorityClass+",
    "storage.k8s.io/v1": "StorageClass CSIDriver+ CSINode VolumeAttachment*+ CSIStorageCapacity!",
}


def _built_in(api_version: str, words: str) -> Iterable[Resource]:
    group, _, version = api_version.rpartition("/")
    for word in words.split():
        kind = word.rstrip("*!+").partition("!")[0].rstrip("*")
        marks = word[len(kind) :]
        lower = kind.lower()
        plural = lower if lower.endswith("ts") and kind == "Endpoints" else _plural(lower)
        yield Resource(
            group,
            version,
            plural,
            lower,
            kind,
            namespaced="!" in marks,
            subresources=frozenset(("status",) if "*" in marks else ()),
            generation="+" in marks,
        )


def _plural(lower: str) -> str:
    if lower.endswith("y"):
        return f"{lower[:-1]}ies"
    return f"{lower}es" if lower.endswith("s") else f"{lower}s"


class FirstTable:
    """Registry, Schemas, Documents and Tables in one."""

    def __init__(self) -> None:
        self._served: dict[tuple[str, str, str], Resource] = {}
        self._stored: dict[tuple[str, str], Resource] = {}
        for api_version, words in _GROUPS.items():
            for resource in _built_in(api_version, words):
                self._served[resource.group, resource.version, resource.plural] = resource
                self._stored[resource.group, resource.plural] = resource

    def follow(self, objects: Objects) -> None:
        """Serve what is defined, now and from now on."""
        for found in objects.list("apiextensions.k8s.io", "customresourcedefinitions"):
            self._define(found)

        def changed(change: object) -> None:
            if change.resource.plural == "customresourcedefinitions" and change.new:  # type: ignore[attr-defined]
                self._define(json.decode(change.new))  # type: ignore[attr-defined]

        objects.listen(changed)

    def _define(self, definition: Manifest) -> None:
        spec, names = definition["spec"], definition["spec"]["names"]
        for version in spec["versions"]:
            resource = Resource(
                spec["group"],
                version["name"],
                names["plural"],
                names.get("singular") or names["kind"].lower(),
                names["kind"],
                namespaced=spec["scope"] == "Namespaced",
                short_names=tuple(names.get("shortNames", ())),
                subresources=frozenset(version.get("subresources") or ()),
                custom=True,
            )
            self._served[resource.group, resource.version, resource.plural] = resource
            if version["storage"]:
                self._stored[resource.group, resource.plural] = resource

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """See Registry."""
        return self._served.get((group, version, plural))

    def stored(self, group: str, plural: str) -> Resource | None:
        """See Registry."""
        return self._stored.get((group, plural))

    def resources(self) -> Iterable[Resource]:
        """See Registry."""
        return list(self._stored.values())

    def fit(self, resource: Resource, manifest: Manifest) -> list[str]:
        """See Schemas. A definition is established at once."""
        if resource.plural == "customresourcedefinitions":
            names = manifest["spec"]["names"]
            conditions = [
                {
                    "type": type_,
                    "status": "True",
                    "reason": reason,
                    "message": "",
                    "lastTransitionTime": "2000-01-01T00:00:00Z",
                }
                for type_, reason in (("NamesAccepted", "NoConflicts"), ("Established", "InitialNamesAccepted"))
            ]
            stored = [each["name"] for each in manifest["spec"]["versions"] if each["storage"]]
            manifest["status"] = {"conditions": conditions, "acceptedNames": names, "storedVersions": stored}
        return []

    def check(self, resource: Resource, subresource: str, new: Manifest, old: Manifest | None) -> None:
        """See Schemas."""

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
        for resource in self._served.values():
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
        for each in self._served.values():
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
