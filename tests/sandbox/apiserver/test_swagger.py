"""OpenAPI v2, as data and byte by byte."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver import gnostic, openapi, swagger
from dicot.sandbox.apiserver.builtin import built_in

from .definitions import resource

PRESERVED = {"x-kubernetes-preserve-unknown-fields": True}


class SwaggerTests(SynchronousTestCase):
    def test_schemas(self) -> None:
        text = {"type": "string"}
        cases: tuple[tuple[Manifest, Manifest], ...] = (
            ({"$ref": "#/components/schemas/a"}, {"$ref": "#/definitions/a"}),
            ({"allOf": [{"$ref": "#/components/schemas/a"}], "default": {}}, {"$ref": "#/definitions/a"}),
            (
                {"allOf": [{"$ref": "#/components/schemas/a"}], "x-kubernetes-map-type": "atomic"},
                {"$ref": "#/definitions/a", "x-kubernetes-map-type": "atomic"},
            ),
            ({"type": "string", "default": "a", "anyOf": [], "maxLength": 1}, {"type": "string", "maxLength": 1}),
            ({"type": "object", "nullable": True, "properties": {"a": text}}, {}),
            ({"type": "object", "properties": {"a": text}, **PRESERVED}, PRESERVED),
            ({"type": "string", **PRESERVED}, {"type": "string", **PRESERVED}),
            (
                {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "nullable": True}}},
                {"type": "object", "properties": {"a": {}}},
            ),
            ({"additionalProperties": {"default": ""}}, {"additionalProperties": {}}),
            ({"properties": {"default": text}}, {"properties": {"default": text}}),
        )
        for found, expected in cases:
            self.assertEqual(swagger.schema(found), expected)

    def test_operations(self) -> None:
        found = swagger.document(openapi.document([resource("network.dicot.io/v1", "ports")]))
        patch = found["paths"]["/apis/network.dicot.io/v1/namespaces/{namespace}/ports/{name}"]["patch"]
        self.assertEqual(patch["consumes"][0], "application/apply-patch+yaml")
        body, *others = patch["parameters"]
        self.assertEqual(body["schema"], {"$ref": "#/definitions/io.dicot.network.v1.Port"})
        self.assertIn({"name": "fieldValidation", "in": "query", "type": "string", "uniqueItems": True}, others)

    def test_what_is_text_and_number_at_once_is_text(self) -> None:
        found = swagger.document(openapi.document([built_in()["", "v1", "pods"]]))
        quantity = found["definitions"]["io.k8s.apimachinery.pkg.api.resource.Quantity"]
        self.assertEqual(quantity, {"type": "string"})


class ProtobufTests(SynchronousTestCase):
    def definition(self, schema: Manifest) -> bytes:
        """What a schema becomes, without the messages around it."""
        encoded = gnostic.encoded({"definitions": {"n": schema}})
        around = bytes([len(encoded) - 2, 10, len(encoded) - 4, 10, 1]) + b"n" + bytes([18, len(encoded) - 9])
        self.assertEqual(encoded[:9], b"\x4a" + around)
        return encoded[9:]

    def test_schemas(self) -> None:
        cases: tuple[tuple[Manifest, bytes], ...] = (
            ({"$ref": "#/definitions/a"}, b"\x0a\x0f#/definitions/a"),
            ({"type": "string", "maxLength": 300}, b"\xb2\x01\x08\x0a\x06string\x58\xac\x02"),
            ({"minimum": 1}, b"\x49\x00\x00\x00\x00\x00\x00\xf0\x3f"),
            ({"required": ["a", "b"]}, b"\x9a\x01\x01a\x9a\x01\x01b"),
            ({"enum": ["a"]}, b'\xa2\x01\x05\x12\x03"a"'),
            ({"items": {"format": "f"}}, b"\xba\x01\x05\x0a\x03\x12\x01f"),
            ({"additionalProperties": True}, b"\xaa\x01\x02\x10\x01"),
            ({"additionalProperties": {"format": "f"}}, b"\xaa\x01\x05\x0a\x03\x12\x01f"),
            ({"properties": {"p": {"format": "f"}}}, b"\xca\x01\x0a\x0a\x08\x0a\x01p\x12\x03\x12\x01f"),
            ({"x-a": 1}, b"\xfa\x01\x0a\x0a\x03x-a\x12\x03\x12\x011"),
            ({"example": 1}, b""),
        )
        for schema, expected in cases:
            self.assertEqual(self.definition(schema), expected, schema)

    def test_an_operation(self) -> None:
        query = {"name": "q", "in": "query", "type": "t", "uniqueItems": True}
        body = {"name": "b", "in": "body", "required": True, "schema": {"format": "f"}}
        cases: tuple[tuple[Manifest, bytes], ...] = (
            ({"consumes": ["c"]}, b"\x3a\x01c"),
            ({"produces": ["p"]}, b"\x32\x01p"),
            ({"x-a": 1}, b"\x6a\x0a\x0a\x03x-a\x12\x03\x12\x011"),
            ({"parameters": [body]}, b"\x42\x14\x0a\x12\x0a\x10\x12\x01b\x1a\x04body\x20\x01\x2a\x03\x12\x01f"),
            ({"parameters": [query]}, b"\x42\x16\x0a\x14\x12\x12\x1a\x10\x22\x01q\x12\x05query\x32\x01t\xa0\x01\x01"),
            (
                {"responses": {"2": {"schema": {"format": "f"}}}},
                b"\x4a\x10\x0a\x0e\x0a\x012\x12\x09\x0a\x07\x12\x05\x0a\x03\x12\x01f",
            ),
        )
        for operation, expected in cases:
            encoded = gnostic.encoded({"paths": {"/": {"get": operation}}})
            self.assertEqual(encoded[-len(expected) :], expected, operation)
            self.assertEqual(encoded[:2], bytes([66, len(encoded) - 2]), operation)
