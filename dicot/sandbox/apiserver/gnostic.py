"""Documents of OpenAPI v2 in protobuf, which kubectl asks for (google/gnostic-models, openapiv2/OpenAPIv2.proto)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import pack
from typing import Any

from msgspec import json

from dicot.kube.kind import Manifest

ASKED = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
MEDIA = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""What the answer to that says it is."""

Writer = Callable[[int, Any], bytes]
"""Writes a value as the field of a number."""
Fields = Mapping[str, tuple[int, Writer]]
"""The members of an object. "x-" stands for all whose names begin so."""


def encoded(document: Manifest) -> bytes:
    """The message Document."""
    return _content(_DOCUMENT, document)


def _content(fields: Fields, found: Manifest) -> bytes:
    parts = []
    for name, value in found.items():
        if name in fields:
            number, write = fields[name]
            parts.append(write(number, value))
        elif name.startswith("x-") and "x-" in fields:
            number, write = fields["x-"]
            parts.append(write(number, {name: value}))
    return b"".join(parts)


def _integer(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)


def _whole(number: int, value: int) -> bytes:
    return _integer(number << 3) + _integer(value % (1 << 64))


def _double(number: int, value: float) -> bytes:
    return _integer(number << 3 | 1) + pack("<d", value)


def _bytes(number: int, value: bytes) -> bytes:
    return _integer(number << 3 | 2) + _integer(len(value)) + value


def _text(number: int, value: str) -> bytes:
    return _bytes(number, value.encode())


def _any(number: int, value: object) -> bytes:
    """A value of no type, in YAML, which JSON is."""
    return _bytes(number, _bytes(2, json.encode(value)))


def _message(fields: Fields) -> Writer:
    return lambda number, value: _bytes(number, _content(fields, value))


def _within(inner: int, write: Writer) -> Writer:
    """A message that holds nothing else."""
    return lambda number, value: _bytes(number, write(inner, value))


def _each(write: Writer) -> Writer:
    return lambda number, values: b"".join(write(number, value) for value in values)


def _named(write: Writer) -> Writer:
    """The entries of a map."""

    def written(number: int, entries: Mapping[str, Any]) -> bytes:
        return b"".join(_bytes(number, _text(1, name) + write(2, value)) for name, value in entries.items())

    return written


def _schema(number: int, value: Manifest) -> bytes:
    return _bytes(number, _content(_SCHEMA, value))


def _additional(number: int, value: Manifest | bool) -> bytes:
    return _bytes(number, _whole(2, value) if isinstance(value, bool) else _schema(1, value))


def _parameter(number: int, value: Manifest) -> bytes:
    """A ParametersItem."""
    if value["in"] == "body":
        made = _bytes(1, _content(_BODY, value))
    else:
        made = _bytes(2, _bytes(3, _content(_QUERY, value)))
    return _bytes(number, _bytes(1, made))


_SCHEMA: Fields = {
    "$ref": (1, _text),
    "format": (2, _text),
    "title": (3, _text),
    "description": (4, _text),
    "multipleOf": (6, _double),
    "maximum": (7, _double),
    "exclusiveMaximum": (8, _whole),
    "minimum": (9, _double),
    "exclusiveMinimum": (10, _whole),
    "maxLength": (11, _whole),
    "minLength": (12, _whole),
    "pattern": (13, _text),
    "maxItems": (14, _whole),
    "minItems": (15, _whole),
    "uniqueItems": (16, _whole),
    "maxProperties": (17, _whole),
    "minProperties": (18, _whole),
    "required": (19, _each(_text)),
    "enum": (20, _each(_any)),
    "additionalProperties": (21, _additional),
    "type": (22, _within(1, _text)),
    "items": (23, _within(1, _schema)),
    "properties": (25, _within(1, _named(_schema))),
    "x-": (31, _named(_any)),
}
_BODY: Fields = {"name": (2, _text), "in": (3, _text), "required": (4, _whole), "schema": (5, _schema)}
_QUERY: Fields = {"in": (2, _text), "name": (4, _text), "type": (6, _text), "uniqueItems": (20, _whole)}
_RESPONSE: Fields = {"description": (1, _text), "schema": (2, _within(1, _schema))}
_OPERATION: Fields = {
    "produces": (6, _each(_text)),
    "consumes": (7, _each(_text)),
    "parameters": (8, _each(_parameter)),
    "responses": (9, _within(1, _named(_within(1, _message(_RESPONSE))))),
    "x-": (13, _named(_any)),
}
_PATH: Fields = {
    "get": (2, _message(_OPERATION)),
    "put": (3, _message(_OPERATION)),
    "post": (4, _message(_OPERATION)),
    "delete": (5, _message(_OPERATION)),
    "patch": (8, _message(_OPERATION)),
}
_DOCUMENT: Fields = {
    "swagger": (1, _text),
    "info": (2, _message({"title": (1, _text), "version": (2, _text)})),
    "paths": (8, _within(2, _named(_message(_PATH)))),
    "definitions": (9, _within(1, _named(_schema))),
}
