"""OpenAPI v2, made of v3: kubectl validates the items of a ``kind: List`` by it before it sends them.

What v2 cannot say is left out as the API server does (apiextensions-apiserver, pkg/controller/openapi/v2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dicot.kube.kind import Manifest

from .openapi import PREFIX

_DEFINITIONS = "#/definitions/"
_LEFT_OUT = frozenset(("allOf", "anyOf", "default", "not", "nullable", "oneOf"))
_CONTENT = frozenset(("items", "properties"))
_PRESERVED = "x-kubernetes-preserve-unknown-fields"
_SCALARS: Mapping[str, Manifest] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": "string"},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": "string", "format": "int-or-string"},
}


def document(found: Manifest) -> Manifest:
    """The same as a document of v3 says."""
    types = found["components"]["schemas"]
    return {
        "swagger": "2.0",
        "info": found["info"],
        "paths": {path: _operations(each) for path, each in found["paths"].items()},
        "definitions": {name: _SCALARS.get(name) or schema(each) for name, each in types.items()},
    }


def schema(found: Manifest) -> Manifest:
    """A schema, and all within."""
    name = _referred(found)
    if name is not None:
        extensions = {key: value for key, value in found.items() if key.startswith("x-")}
        return {"$ref": _DEFINITIONS + name.removeprefix(PREFIX), **extensions}
    return dict(_said(found, _LEFT_OUT | _untyped(found)))


def _referred(found: Manifest) -> str | None:
    for each in (found, *found.get("allOf", ())):
        name = each.get("$ref")
        if isinstance(name, str):
            return name
    return None


def _untyped(found: Manifest) -> frozenset[str]:
    """What would keep kubectl from taking null, or a field that it does not know."""
    preserved = bool(found.get(_PRESERVED))
    if found.get("nullable") or (preserved and found.get("type") in ("array", "object")):
        return _CONTENT | {"type"}
    return _CONTENT if preserved else frozenset()


def _said(found: Manifest, left: frozenset[str]) -> Iterator[tuple[str, Any]]:
    for key, value in found.items():
        if key in left:
            continue
        match key, value:
            case "properties", dict():
                yield key, {name: schema(each) for name, each in value.items()}
            case (("items" | "additionalProperties"), dict()):
                yield key, schema(value)
            case "required", list():
                if needed := [name for name in value if not _nullable(found, name)]:
                    yield key, needed
            case _:
                yield key, value


def _nullable(found: Manifest, name: str) -> bool:
    return bool(found.get("properties", {}).get(name, {}).get("nullable"))


def _operations(found: Manifest) -> Manifest:
    return {method: _operation(each) for method, each in found.items()}


def _operation(found: Manifest) -> Manifest:
    body = found.get("requestBody")
    made = {key: value for key, value in found.items() if key.startswith("x-")}
    made["responses"] = {code: _response(each) for code, each in found["responses"].items()}
    made["produces"] = list(found["responses"]["200"]["content"])
    made["consumes"] = list(body["content"]) if body else ["*/*"]
    parameters = [_parameter(each) for each in found.get("parameters", ())]
    if body:
        content = next(iter(body["content"].values()))
        parameters.insert(0, {"name": "body", "in": "body", "required": True, "schema": schema(content["schema"])})
    if parameters:
        made["parameters"] = parameters
    return made


def _response(found: Manifest) -> Manifest:
    content = next(iter(found["content"].values()))
    return {"description": found["description"], "schema": schema(content["schema"])}


def _parameter(found: Manifest) -> Manifest:
    return {"name": found["name"], "in": found["in"], **found["schema"]}
