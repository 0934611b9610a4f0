"""A small kind and its objects, as an API server would send them."""

import json
from typing import Any

import msgspec

from dicot.kube.kind import Kind, Meta, Row


class ThingSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a thing's spec."""

    size: int = 0
    home: str = ""


class Thing(msgspec.Struct, frozen=True, omit_defaults=True):
    """The projection: a thing with a size, and a home that it is joined by."""

    metadata: Meta
    spec: ThingSpec = ThingSpec()


def homes(row: Row, body: Thing) -> tuple[str, ...]:
    """A thing is linked by its home."""
    return (f"{row.namespace}/{body.spec.home}",) if body.spec.home else ()


THINGS = Kind("example.io", "v1", "things", "Thing", Thing, links=homes)
OPTIONAL = Kind("example.io", "v1", "things", "Thing", Thing, links=homes, optional=True)


def thing(
    name: str,
    version: int | str,
    *,
    namespace: str = "red",
    uid: str = "",
    id: str = "",
    created: str = "2026-01-01T00:00:00Z",
    **spec: Any,
) -> dict[str, Any]:
    """A thing with all the bookkeeping that real objects carry. Its uid is ``uid-<name>`` unless told otherwise."""
    return {
        "apiVersion": "example.io/v1",
        "kind": "Thing",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid or f"uid-{name}",
            "resourceVersion": str(version),
            "generation": 1,
            "creationTimestamp": created,
            "labels": {"dicot.io/id": id} if id else {},
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
                "dicot.io/name": f"Thing {name}",
            },
            "managedFields": [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {}}}],
        },
        "spec": {"size": 1, **spec},
        "status": {"seen": True},
    }


def raw(manifest: dict[str, Any]) -> bytes:
    """As it lies on the wire."""
    return json.dumps(manifest, separators=(",", ":")).encode()


def event(type: str, manifest: dict[str, Any]) -> bytes:
    """A watch line, without its newline."""
    return raw({"type": type, "object": manifest})


def added(name: str, version: int | str, **more: Any) -> bytes:
    """An ADDED line."""
    return event("ADDED", thing(name, version, **more))


def modified(name: str, version: int | str, **more: Any) -> bytes:
    """A MODIFIED line."""
    return event("MODIFIED", thing(name, version, **more))


def deleted(name: str, version: int | str, **more: Any) -> bytes:
    """A DELETED line."""
    return event("DELETED", thing(name, version, **more))


def bookmark(version: int | str, *, end: bool = False) -> bytes:
    """A BOOKMARK line, with the null creationTimestamp of older servers; ``end`` closes the initial events."""
    metadata: dict[str, Any] = {"resourceVersion": str(version), "creationTimestamp": None}
    if end:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    return event("BOOKMARK", {"kind": "Thing", "apiVersion": "example.io/v1", "metadata": metadata})


def status(code: int, reason: str, message: str = "", *, retry: int = 0, causes: tuple[str, ...] = ()) -> bytes:
    """A Status that says no."""
    document = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message or reason,
        "reason": reason,
        "details": {
            "causes": [{"reason": "ResourceVersionTooLarge", "message": cause} for cause in causes],
            "retryAfterSeconds": retry,
        },
        "code": code,
    }
    return raw(document)


def error(code: int, reason: str, **more: Any) -> bytes:
    """An ERROR line."""
    return b'{"type":"ERROR","object":' + status(code, reason, **more) + b"}"


def listed(version: int | str, *manifests: dict[str, Any], token: str = "") -> bytes:
    """A list. Its items lack kind and apiVersion, as those of some servers do."""
    items = [{key: value for key, value in each.items() if key not in ("kind", "apiVersion")} for each in manifests]
    return raw(
        {
            "kind": "ThingList",
            "apiVersion": "example.io/v1",
            "metadata": {"resourceVersion": str(version), "continue": token},
            "items": items,
        }
    )
