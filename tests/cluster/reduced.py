"""Schemas and discovery of a real API server, reduced to what its clients can notice.

Sentences for people are left out. What is said more than once is said once, under a name, and referred to.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.cluster.objects import Document

KEPT = (
    "type",
    "format",
    "enum",
    "required",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "default",
    "nullable",
)
EXTENSIONS = (
    "embedded-resource",
    "group-version-kind",
    "int-or-string",
    "list-map-keys",
    "list-type",
    "map-type",
    "patch-merge-key",
    "patch-strategy",
    "preserve-unknown-fields",
)
LISTS = ("allOf", "anyOf", "oneOf")
VERSION = ("name", "served", "storage", "deprecated", "deprecationWarning")
RULE = ("rule", "message", "messageExpression", "reason", "fieldPath", "optionalOldSelf")
REFERENCE = "#/components/schemas/"
WORTH_SHARING = 160
"""Characters from which on a schema that comes twice gets a name."""
LINE = 110


def schema(found: Document) -> Document:
    """A schema of OpenAPI v3, reduced."""
    made: Document = {}
    if "$ref" in found:
        made["$ref"] = found["$ref"].removeprefix(REFERENCE)
    made |= {name: found[name] for name in KEPT if name in found}
    made |= {f"x-kubernetes-{name}": value for name in EXTENSIONS if (value := found.get(f"x-kubernetes-{name}"))}
    if "x-kubernetes-validations" in found:
        rules = found["x-kubernetes-validations"]
        made["x-kubernetes-validations"] = [{name: rule[name] for name in RULE if name in rule} for rule in rules]
    if "properties" in found:
        made["properties"] = {name: schema(each) for name, each in found["properties"].items()}
    for name in ("items", "additionalProperties", "not"):
        if name in found:
            made[name] = schema(found[name]) if isinstance(found[name], dict) else found[name]
    for name in LISTS:
        if name in found:
            made[name] = [schema(each) for each in found[name]]
    # A reference with siblings is wrapped there, and said plainly here.
    if len(made.get("allOf", ())) == 1 and "$ref" in made["allOf"][0]:
        made = {**made.pop("allOf")[0], **made}
    return made


def references(found: object) -> Iterator[str]:
    """Names that a schema refers to."""
    if isinstance(found, dict):
        if isinstance(found.get("$ref"), str):
            yield found["$ref"]
        for each in found.values():
            yield from references(each)
    elif isinstance(found, list):
        for each in found:
            yield from references(each)


def reachable(types: Mapping[str, Document], roots: Iterable[str]) -> dict[str, Document]:
    """The types that are roots, and all that they refer to."""
    kept: dict[str, Document] = {}
    open_ = sorted(roots)
    while open_:
        name = open_.pop()
        if name not in kept:
            kept[name] = types[name]
            open_.extend(references(types[name]))
    return dict(sorted(kept.items()))


def resource(found: Document, subresources: Iterable[Document], columns: Iterable[Document]) -> Document:
    """An APIResource with its subresources and the columns of its Table."""
    made = {name: found[name] for name in ("kind", "namespaced", "verbs")}
    made["singular"] = found["singularName"]
    made |= {name: found[name] for name in ("shortNames", "categories") if name in found}
    said = {each["name"].partition("/")[2]: _subresource(each) for each in subresources}
    if said:
        made["subresources"] = said
    made["columns"] = [_column(each) for each in columns]
    return made


def _subresource(found: Document) -> Document:
    return {name: found[name] for name in ("kind", "group", "version", "verbs") if name in found}


def _column(found: Document) -> Document:
    made = {"name": found["name"], "type": found["type"]}
    return {**made, **{name: found[name] for name in ("format", "priority") if found.get(name)}}


def definition(found: Document) -> Document:
    """A CustomResourceDefinition as somebody would apply it."""
    spec = found["spec"]
    metadata = {"name": found["metadata"]["name"]}
    approved = {
        name: value
        for name, value in found["metadata"].get("annotations", {}).items()
        if name == "api-approved.kubernetes.io"
    }
    made: Document = {"metadata": {**metadata, "annotations": approved} if approved else metadata}
    kept = {name: spec[name] for name in ("group", "names", "scope")}
    made["spec"] = {**kept, "versions": [_version(each) for each in spec["versions"]]}
    return made


def _version(found: Document) -> Document:
    made: Document = {name: found[name] for name in VERSION if name in found}
    if "subresources" in found:
        made["subresources"] = found["subresources"]
    if "additionalPrinterColumns" in found:
        columns = found["additionalPrinterColumns"]
        made["additionalPrinterColumns"] = [
            {name: value for name, value in each.items() if name != "description"} for each in columns
        ]
    if "selectableFields" in found:
        made["selectableFields"] = found["selectableFields"]
    return {**made, "schema": {"openAPIV3Schema": schema(found["schema"]["openAPIV3Schema"])}}


class Shared:
    """Schemas that come more than once in some definitions, by names that follow from where they are."""

    def __init__(self, definitions: Iterable[Document]) -> None:
        self.types: dict[str, Document] = {}
        self._names: dict[str, str] = {}
        counted: Counter[str] = Counter()
        places: dict[str, str] = {}
        for found in definitions:
            for version in found["spec"]["versions"]:
                root = version["schema"]["openAPIV3Schema"]
                _count(root, found["spec"]["names"]["kind"], counted, places)
        self._shared = {text for text, times in counted.items() if times > 1}
        self._places = places

    def refer(self, found: Document) -> Document:
        """A schema in which what is shared is referred to."""
        text = _text(found)
        if text in self._shared:
            return {"$ref": self._names.get(text) or self._name(text, found)}
        return _with_parts(found, self.refer)

    def _name(self, text: str, found: Document) -> str:
        base = self._places[text]
        name, number = base, 1
        while name in self.types:
            number += 1
            name = f"{base}-{number}"
        self._names[text] = name
        self.types[name] = {}
        self.types[name] = _with_parts(found, self.refer)
        return name


def _count(found: Document, place: str, counted: Counter[str], places: dict[str, str]) -> None:
    text = _text(found)
    if len(text) >= WORTH_SHARING:
        counted[text] += 1
        places.setdefault(text, place)
        # What is inside of something that is shared comes once only.
        if counted[text] > 1:
            return
    for name, each in found.get("properties", {}).items():
        _count(each, name, counted, places)
    for name in ("items", "additionalProperties"):
        if isinstance(found.get(name), dict):
            _count(found[name], re.sub(r"s$", "", place), counted, places)


def _with_parts(found: Document, change: Any) -> Document:
    made = dict(found)
    if "properties" in found:
        made["properties"] = {name: change(each) for name, each in found["properties"].items()}
    for name in ("items", "additionalProperties"):
        if isinstance(found.get(name), dict):
            made[name] = change(found[name])
    return made


def _text(found: object) -> str:
    return json.dumps(found, sort_keys=True, separators=(",", ":"))


def written(found: object, indent: int = 0) -> str:
    """JSON for files: what fits stands on one line."""
    line = json.dumps(found, ensure_ascii=False)
    if len(line) + indent <= LINE or not isinstance(found, dict | list) or not found:
        return line
    inner = " " * (indent + 1)
    if isinstance(found, dict):
        parts = [f"{inner}{json.dumps(name)}: {written(each, indent + 1)}" for name, each in found.items()]
        return "{\n" + ",\n".join(parts) + "\n" + " " * indent + "}"
    parts = [inner + written(each, indent + 1) for each in found]
    return "[\n" + ",\n".join(parts) + "\n" + " " * indent + "]"
