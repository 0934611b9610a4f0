"""Objects that clients send in protobuf, as kubectl does for what it makes itself (apimachinery, pkg/runtime).

An answer is always JSON, which every client that sends protobuf takes too.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from msgspec import json

from dicot.kube.kind import Manifest
from dicot.moments import stamp

from .. import facts

MEDIA = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_UNSIGNED, _SIGN = 1 << 64, 1 << 63
_META = "k8s.io.apimachinery.pkg.apis.meta.v1."
_ROOTS = {
    "": "k8s.io.api.core.v1.",
    "meta.k8s.io": _META,
    "apiextensions.k8s.io": "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.",
    "apiregistration.k8s.io": "k8s.io.kube_aggregator.pkg.apis.apiregistration.v1.",
}
_OF_META = frozenset(("DeleteOptions",))


class Undecodable(Exception):
    """It is no protobuf, or of a kind that nobody knows."""


def decoded(body: bytes) -> Manifest:
    """The object that was sent. Raises Undecodable."""
    try:
        return _decoded(body)
    except (IndexError, KeyError, UnicodeDecodeError, ValueError) as error:
        raise Undecodable(str(error)) from error


def _decoded(body: bytes) -> Manifest:
    if not body.startswith(_MAGIC):
        raise Undecodable("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    envelope = dict(_fields(body[len(_MAGIC) :]))
    type_ = dict(_fields(envelope[1]))
    api_version, kind = (bytes(type_.get(number, b"")).decode() for number in (1, 2))
    found = _message(_name(api_version, kind), envelope.get(2, b""))
    return {"apiVersion": api_version, "kind": kind, **found}


def _name(api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    if kind in _OF_META:
        return _META + kind
    package = _ROOTS.get(group) or f"k8s.io.api.{group.partition('.')[0]}.{version}."
    return package + kind


def _message(type_: str, raw: bytes) -> Any:
    special = _SPECIAL.get(type_.removeprefix("k8s.io.apimachinery.pkg."))
    if special is not None:
        return special(raw)
    known = facts.numbers()[type_]
    found: Manifest = {}
    for number, value in _fields(raw):
        field = known.get(str(number))
        if field is not None:
            _put(found, field, value)
    return found


def _put(found: Manifest, field: tuple[str, str, str], value: Any) -> None:
    name, type_, label = field
    if label == "map":
        entry = dict(_fields(value))
        found.setdefault(name, {})[bytes(entry.get(1, b"")).decode()] = _value(type_, entry.get(2, b""))
        return
    shown = _value(type_, value)
    if label == "repeated":
        found.setdefault(name, []).append(shown)
    elif not name:
        found.update(shown)
    elif shown not in (None, "") and (name, shown) != ("generation", 0):
        # What is empty in Go is sent, and not meant.
        found[name] = shown


def _value(type_: str, value: Any) -> Any:
    match type_:
        case "string":
            return bytes(value).decode()
        case "bytes":
            return b64encode(value).decode()
        case "bool":
            return bool(value)
        case "int32" | "int64":
            return value - _UNSIGNED if value >= _SIGN else value
    return _message(type_, value)


def _fields(raw: bytes) -> Iterator[tuple[int, Any]]:
    """Numbers and values as they come: integers, and bytes of all else."""
    at = 0
    while at < len(raw):
        key, at = _integer(raw, at)
        match key & 7:
            case 0:
                value, at = _integer(raw, at)
                yield key >> 3, value
            case 2:
                length, at = _integer(raw, at)
                if at + length > len(raw):
                    raise ValueError("unexpected EOF")
                yield key >> 3, raw[at : at + length]
                at += length
            case other:
                raise ValueError(f"proto: illegal wireType {other}")


def _integer(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _time(raw: bytes) -> str | None:
    found = dict(_fields(raw))
    seconds = _value("int64", found.get(1, 0))
    # The zero of Go's time is no time.
    return stamp(seconds) if raw and seconds > 0 else None


def _micro_time(raw: bytes) -> str | None:
    whole = _time(raw)
    nanos = dict(_fields(raw)).get(2, 0)
    return None if whole is None else f"{whole[:-1]}.{nanos // 1000:06}Z"


def _quantity(raw: bytes) -> str:
    return bytes(dict(_fields(raw)).get(1, b"")).decode()


def _int_or_string(raw: bytes) -> int | str:
    found = dict(_fields(raw))
    if found.get(1):
        return bytes(found.get(3, b"")).decode()
    return int(_value("int32", found.get(2, 0)))


def _raw(raw: bytes) -> Any:
    return json.decode(dict(_fields(raw)).get(1, b"null"))


def _verbs(raw: bytes) -> list[str]:
    return [bytes(value).decode() for _, value in _fields(raw)]


_SPECIAL = {
    "api.resource.Quantity": _quantity,
    "apis.meta.v1.FieldsV1": _raw,
    "apis.meta.v1.MicroTime": _micro_time,
    "apis.meta.v1.Time": _time,
    "apis.meta.v1.Verbs": _verbs,
    "runtime.RawExtension": _raw,
    "util.intstr.IntOrString": _int_or_string,
}
