"""What KubeVirt's mutators ask of the form of an object before anything else (pkg/util/openapi).

It is the form that the CustomResourceDefinitions have too, but the mutators come first, and tell in their own words.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dicot.kube.kind import Manifest
from dicot.kube.quantity import amount

from ...apiserver.refusal import Cause
from .causes import held, listed
from .sizes import NO_QUANTITY

_ENUMS: Mapping[str, tuple[str, ...]] = {
    "dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    "nodeSelectorTerms.matchExpressions.operator": ("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"),
    "topologySpreadConstraints.whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
}
"""Values of Kubernetes' own types, which the definitions leave open, by the end of their path."""
Schema = Mapping[str, Any]
_MAPS = ("annotations", "labels", "nodeSelector")
_ZEROS: Mapping[str, str | int | bool] = {"string": "", "integer": 0, "number": 0, "boolean": False}
"""What Go's types have where nothing is said: such a value is required only in name."""


def check(found: Manifest, schema: Schema | None) -> Iterator[Cause]:
    """What is wrong with the form of an object; ``schema`` is that of the whole of it."""
    spec = found.get("spec")
    if "spec" not in found:
        yield Cause("", "spec in body is required")
    if schema is not None:
        yield from _each("spec", spec, schema["properties"]["spec"])


def _each(at: str, value: object, schema: Schema) -> Iterator[Cause]:
    if schema.get("x-kubernetes-int-or-string") or "type" not in schema:
        return
    kind = _kind(value)
    expected = schema["type"]
    if value is None and (at != "spec" or schema.get("nullable")):
        return
    if kind != expected and not (expected == "number" and kind == "integer"):
        told = "number" if kind == "integer" else kind
        yield Cause("", f'{at} in body must be of type {expected}: "{told}"')
    elif isinstance(value, dict):
        yield from _members(at, value, schema)
    elif isinstance(value, list):
        for item in value:
            yield from _each(at, item, schema.get("items", {}))
    else:
        yield from _value(at, value)


def _members(at: str, value: Manifest, schema: Schema) -> Iterator[Cause]:
    for key in schema.get("required", ()):
        if key not in value and schema["properties"].get(key, {}).get("type") not in _ZEROS:
            yield Cause("", f"{at}.{key} in body is required")
    for key, inner in schema.get("properties", {}).items():
        if key in value:
            yield from _each(f"{at}.{key}", value[key], inner)


def _value(at: str, value: object) -> Iterator[Cause]:
    for end, known in _ENUMS.items():
        if at.endswith(f".{end}") and value not in known:
            yield Cause("", f"{at} in body should be one of [{' '.join(known)}]")


def _kind(value: object) -> str:
    kinds = (
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (str, "string"),
        (dict, "object"),
        (list, "array"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")


def of_spec(schema: Schema | None) -> Schema | None:
    """The part for an object's spec."""
    return schema["properties"]["spec"] if schema is not None else None


def written(value: Manifest, schema: Schema | None) -> Manifest:
    """An object as Go's types write it: empty lists and maps are left out and zeros written where the form requires
    neither less nor more."""
    schema = schema or {}
    inner, required = schema.get("properties", {}), schema.get("required", ())
    whole = {
        key: _written(each, inner.get(key))
        for key, each in value.items()
        if key in required or not (each is None or each == [] or (each == {} and key in _MAPS))
    }
    missing = ((key, inner.get(key, {}).get("type")) for key in required if key not in whole)
    return whole | {key: _ZEROS[kind] for key, kind in missing if kind in _ZEROS}


def _written(value: object, schema: Schema | None) -> object:
    if isinstance(value, dict):
        return written(value, schema)
    return [_written(each, (schema or {}).get("items")) for each in value] if isinstance(value, list) else value


def quantities(spec: Manifest) -> str:
    """What is wrong with the first amount in a guest's spec that is none, "" where there is no such."""
    memory = held(spec, "domain", "memory")
    found = [memory[each] for each in ("guest", "maxGuest") if each in memory]
    for bound in ("requests", "limits"):
        found += held(spec, "domain", "resources", bound).values()
    for volume in listed(spec, "volumes"):
        found += [
            each["capacity"] for each in (held(volume, "emptyDisk"), held(volume, "hostDisk")) if "capacity" in each
        ]
    return next(filter(None, map(_trouble, found)), "")


def _trouble(quantity: str | int | float) -> str:
    try:
        amount(quantity)
    except ValueError:
        return NO_QUANTITY
    return ""
