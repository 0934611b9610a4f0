"""What the real programs serve, as ``tests.cluster.record`` wrote it down."""

from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import json


@cache
def resources() -> dict[str, dict[str, Any]]:
    """The built-in resources, by apiVersion and plural, as discovery and Tables say them."""
    return dict(_read("resources.json"))


@cache
def types() -> dict[str, dict[str, Any]]:
    """The types of built-in objects, by the names of OpenAPI."""
    return dict(_read("types.json"))


@cache
def numbers() -> dict[str, dict[str, tuple[str, str, str]]]:
    """The fields of messages in protobuf by their numbers: JSON name ("" of what is inlined), type, label."""
    return {
        name: {key: tuple(each) for key, each in fields.items()} for name, fields in _read("numbers.json").items()
    }


def definitions() -> list[dict[str, Any]]:
    """The CustomResourceDefinitions of KubeVirt, CDI and the snapshotter. What they share is one object here."""
    shared: dict[str, Any] = _read("shared.json")
    known: dict[str, Any] = {}
    found = sorted((each for each in files(__name__).joinpath("crds").iterdir()), key=lambda each: each.name)
    return [_resolved(json.decode(each.read_bytes()), shared, known) for each in found]


def _read(name: str) -> Any:
    return json.decode(files(__name__).joinpath(name).read_bytes())


def _resolved(found: Any, shared: dict[str, Any], known: dict[str, Any]) -> Any:
    if isinstance(found, list):
        return [_resolved(each, shared, known) for each in found]
    if not isinstance(found, dict):
        return found
    name = found.get("$ref")
    if not isinstance(name, str):
        return {key: _resolved(each, shared, known) for key, each in found.items()}
    if name not in known:
        known[name] = _resolved(shared[name], shared, known)
    return known[name]
