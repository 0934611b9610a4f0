"""OpenAPI v3 of what is served, as far as clients look: types, and which requests take which parameters.

kubectl asks it for merge keys (apply, diff, edit), for fields (explain) and whether the server validates them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha512
from typing import Any

from msgspec import json

from dicot.kube.kind import Manifest
from dicot.sandbox import facts

from .builtin import type_of
from .resource import Resource

PREFIX = "#/components/schemas/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_JSON = "application/json"
_PATCHES = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")
_STRATEGIC = "application/strategic-merge-patch+json"
_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]
_METHODS: Mapping[str, tuple[str, str]] = {
    "get": ("get", "get"),
    "update": ("put", "put"),
    "patch": ("patch", "patch"),
    "delete": ("delete", "delete"),
}
_COLLECTION: Mapping[str, tuple[str, str]] = {
    "list": ("get", "list"),
    "create": ("post", "post"),
    "deletecollection": ("delete", "deletecollection"),
}


def place(api_version: str) -> str:
    """Where a version of a group is, without the first slash."""
    return f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"


def document(resources: Iterable[Resource]) -> Manifest:
    """All of these resources, as of one version of a group."""
    paths: dict[str, Manifest] = {}
    types: dict[str, Manifest] = {}
    for resource in resources:
        name = _named(resource)
        paths.update(_paths(resource, name))
        if resource.custom:
            types[name] = _custom(resource)
        _reach([name, *_referred(types.get(name, {}))], types)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "1.36"},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(types.items()))},
    }


def digest(content: bytes) -> str:
    """What tells one state of a document from another."""
    return sha512(content).hexdigest().upper()


def index(documents: Mapping[str, bytes]) -> bytes:
    """Where the documents are, by the places of their groups."""
    paths = {
        where: {"serverRelativeURL": f"/openapi/v3/{where}?hash={digest(content)}"}
        for where, content in documents.items()
    }
    return json.encode({"paths": paths})


def _named(resource: Resource) -> str:
    if not resource.custom:
        return type_of(resource.group, resource.version, resource.kind)
    return ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])


def _kind(resource: Resource) -> dict[str, str]:
    return {"group": resource.group, "kind": resource.kind, "version": resource.version}


def _custom(resource: Resource) -> Manifest:
    made = dict(resource.schema or {"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    properties = {**made.get("properties", {}), "apiVersion": {"type": "string"}, "kind": {"type": "string"}}
    made["properties"] = {**properties, "metadata": {"allOf": [{"$ref": PREFIX + _META}]}}
    return {**made, "x-kubernetes-group-version-kind": [_kind(resource)]}


def _referred(found: object) -> Iterator[str]:
    if isinstance(found, Mapping):
        name = found.get("$ref")
        if isinstance(name, str):
            yield name.removeprefix(PREFIX)
        for each in found.values():
            yield from _referred(each)
    elif isinstance(found, list):
        for each in found:
            yield from _referred(each)


def _reach(names: Iterable[str], types: dict[str, Manifest]) -> None:
    """Take in the types that are named, and all that they refer to."""
    known = facts.types()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in known and name not in types:
            types[name] = _said(known[name])
            waiting.extend(_referred(known[name]))


def _said(found: Any) -> Any:
    """A schema as OpenAPI has it: a reference has no siblings."""
    if isinstance(found, list):
        return [_said(each) for each in found]
    if not isinstance(found, Mapping):
        return found
    made = {name: _said(each) for name, each in found.items() if name != "$ref" or not isinstance(each, str)}
    name = found.get("$ref")
    if not isinstance(name, str):
        return made
    reference = {"$ref": PREFIX + name}
    return {"allOf": [reference], **made} if made else reference


def _paths(resource: Resource, name: str) -> Iterator[tuple[str, Manifest]]:
    root = "/" + place(resource.api_version)
    within = "/namespaces/{namespace}" if resource.namespaced else ""
    collection = f"{root}{within}/{resource.plural}"
    if operations := _operations(resource, name, _COLLECTION):
        yield collection, operations
    if operations := _operations(resource, name, _METHODS):
        yield f"{collection}/{{name}}", operations
        if "status" in resource.subresources:
            changes = {key: each for key, each in operations.items() if key != "delete"}
            yield f"{collection}/{{name}}/status", changes


def _operations(resource: Resource, name: str, methods: Mapping[str, tuple[str, str]]) -> Manifest:
    return {
        method: _operation(resource, name, action)
        for verb, (method, action) in methods.items()
        if verb in resource.verbs
    }


def _operation(resource: Resource, name: str, action: str) -> Manifest:
    reference = {"schema": {"$ref": PREFIX + name}}
    made: Manifest = {
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _kind(resource),
        "responses": {"200": {"description": "OK", "content": {_JSON: reference}}},
    }
    if action in ("post", "put", "patch"):
        made["parameters"] = _PARAMETERS
        made["requestBody"] = {"content": dict.fromkeys(_taken(resource, action), reference), "required": True}
    return made


def _taken(resource: Resource, action: str) -> tuple[str, ...]:
    if action != "patch":
        return (_JSON,)
    return _PATCHES if resource.custom else (*_PATCHES, _STRATEGIC)
