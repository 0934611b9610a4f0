"""The CRDs say what the kinds read, and explain every field."""

import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import msgspec
import yaml
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds import identity
from dicot.cloud.kinds.identity import GROUP, NAMESPACE_RECORD, ROLE_ASSIGNMENT
from dicot.cloud.kinds.network import PORT, SECURITY_GROUP
from dicot.compute.kinds import KEYPAIR, SERVER_LOG
from dicot.compute.server_group import SERVER_GROUP
from dicot.kube.kind import Kind

FOLDER = Path(__file__).parent.parent.parent / "etc" / "kubernetes" / "crds"
OWN: list[Kind[Any]] = [kind for kind in vars(identity).values() if isinstance(kind, Kind) and kind.group == GROUP]
KINDS: list[Kind[Any]] = [*OWN, KEYPAIR, SERVER_GROUP, SERVER_LOG, PORT, SECURITY_GROUP]


def crd(kind: Kind[Any]) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / f"{kind.resource}.yaml").read_text())
    return content


def schema(kind: Kind[Any]) -> dict[str, Any]:
    (version,) = crd(kind)["spec"]["versions"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return found


def nodes(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in node:
            yield from nodes(node[key], f"{path}[]")


def structs(annotation: Any) -> Iterator[type[msgspec.Struct]]:
    """The Structs in a type such as tuple[LedgerEntry, ...]."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield annotation
    elif get_origin(annotation) in (tuple, dict, list, Union, types.UnionType):
        for argument in get_args(annotation):
            yield from structs(argument)


class CrdTests(SynchronousTestCase):
    """Each kind's own file."""

    def test_every_kind_has_one(self) -> None:
        files = {path.name for path in FOLDER.glob("*.yaml")}
        self.assertEqual(files, {f"{kind.resource}.yaml" for kind in KINDS})
        self.assertEqual(len(OWN), 9)

    def test_names_are_the_kinds_own(self) -> None:
        for kind in KINDS:
            content = crd(kind)
            names = content["spec"]["names"]
            self.assertEqual(content["apiVersion"], "apiextensions.k8s.io/v1")
            self.assertEqual(content["metadata"]["name"], kind.resource)
            self.assertEqual((names["plural"], names["kind"]), (kind.plural, kind.singular))
            self.assertEqual((content["spec"]["group"], content["spec"]["scope"]), (kind.group, "Namespaced"))
            (version,) = content["spec"]["versions"]
            self.assertEqual((version["name"], version["served"], version["storage"]), (kind.version, True, True))
            self.assertEqual(version["additionalPrinterColumns"][-1]["name"], "Age")

    def test_every_field_is_explained_and_has_a_type(self) -> None:
        for kind in KINDS:
            for path, node in nodes(schema(kind)):
                self.assertTrue(node.get("description", "").endswith("."), f"{kind.resource}{path}")
                self.assertTrue("type" in node or node["x-kubernetes-preserve-unknown-fields"], path)

    def test_fields_are_those_that_are_read(self) -> None:
        for kind in KINDS:
            spec = next(field for field in msgspec.structs.fields(kind.projection) if field.name == "spec")
            self.agree(kind.resource, spec.type, schema(kind)["properties"]["spec"])

    def agree(self, path: str, struct: type[msgspec.Struct], node: dict[str, Any]) -> None:
        fields = {field.name: field for field in msgspec.structs.fields(struct)}
        self.assertEqual(set(node["properties"]), set(fields), path)
        for name, field in fields.items():
            child = node["properties"][name]
            if "default" in child:
                default = list(field.default) if isinstance(field.default, tuple) else field.default
                self.assertEqual(child["default"], default, f"{path}.{name}")
            for inner in structs(field.type):
                self.agree(f"{path}.{name}", inner, child.get("items", child))

    def test_forms_have_a_version(self) -> None:
        for kind in KINDS:
            version = schema(kind)["properties"]["spec"]["properties"]["formatVersion"]
            self.assertEqual((version["type"], version["minimum"], version["default"]), ("integer", 1, 1))

    def test_every_value_has_bounds(self) -> None:
        """The API server reckons by them what rules may cost, and nobody fills its storage with one object."""
        bounds = {
            "string": {"maxLength", "pattern", "enum", "format"},
            "array": {"maxItems"},
            "integer": {"minimum", "format"},
        }
        for kind in KINDS:
            for path, node in nodes(schema(kind)["properties"]["spec"]):
                if wanted := bounds.get(node.get("type", "")):
                    self.assertTrue(wanted & set(node), f"{kind.resource}{path}")

    def test_rules_say_what_they_want(self) -> None:
        for kind in KINDS:
            for path, node in nodes(schema(kind)):
                for rule in node.get("x-kubernetes-validations", ()):
                    self.assertTrue(rule["message"].strip(), f"{kind.resource}{path}")

    def test_what_grants_cannot_be_changed(self) -> None:
        for kind in (ROLE_ASSIGNMENT, NAMESPACE_RECORD, SERVER_GROUP):
            rules = schema(kind)["properties"]["spec"]["x-kubernetes-validations"]
            self.assertIn("self == oldSelf", [rule["rule"] for rule in rules])
