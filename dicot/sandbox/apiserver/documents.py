"""What is at paths of no resource: discovery, OpenAPI and the version. Made when somebody asks, and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import json

from dicot.kube.kind import Manifest

from . import openapi
from .discovery import Discovery
from .registry import Served
from .resource import Resource
from .seams import Aggregated, Answer

WHOLE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.3",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}
_VARY = {"Vary": "Accept"}


class ServedDocuments:
    """See Documents."""

    def __init__(self, served: Served, aggregated: Sequence[Aggregated]) -> None:
        self._served = served
        self._aggregated = aggregated
        self._changes = -1
        self._discovery = Discovery((), ())
        self._schemas: dict[str, bytes] = {}

    def document(self, path: str, accept: str, query: Mapping[str, tuple[str, ...]]) -> Answer | None:
        """See Documents."""
        self._refresh()
        match path.strip("/").split("/"):
            case ["version"]:
                return _json(VERSION)
            case ["api" | "apis" as root] if _whole(accept):
                found = self._discovery.everything(core=root == "api")
                return Answer(200, json.encode(found), WHOLE, _VARY)
            case ["api"]:
                return _json(self._discovery.core())
            case ["apis"]:
                return _json(self._discovery.all_groups())
            case ["apis", group]:
                return _json(self._discovery.group(group))
            case ["api", version]:
                return _json(self._discovery.resources("", version))
            case ["apis", group, version]:
                return _json(self._discovery.resources(group, version))
            case ["openapi", "v3"]:
                return Answer(200, openapi.index(self._documents()))
            case ["openapi", "v3", *rest]:
                content = self._documents().get("/".join(rest))
                return None if content is None else Answer(200, content)
        return None

    def _refresh(self) -> None:
        if self._changes != self._served.changes:
            self._changes = self._served.changes
            self._discovery = Discovery(self._served.versions(), self._aggregated)
            self._schemas = {}

    def _documents(self) -> Mapping[str, bytes]:
        if not self._schemas:
            groups: dict[str, list[Resource]] = {}
            for each in self._served.versions():
                groups.setdefault(openapi.place(each.api_version), []).append(each)
            self._schemas = {
                where: json.encode(openapi.document(resources)) for where, resources in sorted(groups.items())
            }
        return self._schemas


def _whole(accept: str) -> bool:
    """Whether a client would rather have all at once."""
    first = accept.partition(",")[0].replace(" ", "")
    return "as=APIGroupDiscoveryList" in first and "v=v2" in first.split(";")


def _json(document: Manifest | None) -> Answer | None:
    return None if document is None else Answer(200, json.encode(document))
