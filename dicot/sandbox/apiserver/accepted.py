"""The forms in which clients take objects (apiserver, pkg/endpoints/handlers/negotiation)."""

import re
from dataclasses import dataclass
from typing import Literal

from .asking import Asking
from .refusals import not_acceptable
from .resource import Resource

Form = Literal["object", "table", "metadata"]
OFFERED = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
WATCHED = ("application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")
_QUALITY = re.compile(r"q=([0-9.]+)\Z")


@dataclass(frozen=True, slots=True)
class _Media:
    name: str
    form: str
    quality: float


def form(asking: Asking, resource: Resource, *, lists: bool = False) -> Form:
    """What a client wants of what we have; a list may also be a watch. Raises Refusal (406)."""
    wanted = _read(",".join(asking.headers.get("accept", ())) or "*/*")
    for media in sorted(wanted, key=lambda each: -each.quality):
        if media.name not in ("application/json", "*/*", "application/*"):
            continue
        match media.form:
            case "":
                return "object"
            case "Table":
                return "table"
            case "PartialObjectMetadata" | "PartialObjectMetadataList":
                return "metadata"
    streams = WATCHED if lists and not resource.custom else ()
    raise not_acceptable((*OFFERED, *streams), custom=resource.custom)


def _read(accept: str) -> list[_Media]:
    found = []
    for each in accept.split(","):
        name, *parameters = (part.strip() for part in each.split(";"))
        said = dict(part.partition("=")[::2] for part in parameters if "=" in part)
        quality = next((float(match[1]) for part in parameters if (match := _QUALITY.match(part))), 1.0)
        found.append(_Media(name.lower(), said.get("as", ""), quality))
    return found
