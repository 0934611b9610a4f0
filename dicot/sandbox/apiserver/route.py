"""Paths of requests, read as the API server reads them (apiserver, pkg/endpoints/request/requestinfo.go)."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from .asked import Attributes
from .query import Query, flag, one

_ONE: Mapping[str, str] = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "POST": "create"}
_PATH_VERBS: Mapping[str, str] = {**_ONE, "HEAD": "head", "OPTIONS": "options"}
_OF_NAMESPACES = frozenset(("status", "finalize"))


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes. ``resource`` is the plural; ``verb`` is what RBAC calls what is done; ``rest`` is what
    follows the subresource."""

    verb: str
    group: str
    version: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: tuple[str, ...] = ()

    @property
    def attributes(self) -> Attributes:
        """The same, for the authorizer."""
        return Attributes(
            self.verb, self.group, self.version, self.resource, self.subresource, self.namespace, self.name
        )


def path_attributes(method: str, path: str) -> Attributes:
    """What somebody wants who asks for no resource."""
    return Attributes(_PATH_VERBS.get(method, method.lower()), path=path)


def route(method: str, path: str, query: Query) -> Route | None:
    """Where a request goes, None for one that is of no resource."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if parts[0] == "api" and len(parts) >= 3:
        group, version, parts = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, parts = parts[1], parts[2], parts[3:]
    else:
        return None
    watches = parts[0] == "watch" and len(parts) > 1
    if watches:
        parts = parts[1:]
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 1:
        namespace = parts[1]
        if len(parts) > 2 and parts[2] not in _OF_NAMESPACES:
            parts = parts[2:]
    resource, name, subresource = (*parts, "", "", "")[:3]
    verb = _verb(method, name, query, watches)
    # A list of one name is of that name for the authorizer.
    if verb in ("list", "watch", "deletecollection") and not name:
        name = _named(one(query, "fieldSelector"))
    return Route(verb, group, version, resource, namespace, name, subresource, tuple(parts[3:]))


def _verb(method: str, name: str, query: Query, watches: bool) -> str:
    if watches:
        return "watch"
    if name or method not in ("GET", "DELETE"):
        return _ONE.get(method, method.lower())
    if method == "DELETE":
        return "deletecollection"
    return "watch" if flag(query, "watch") else "list"


def _named(fields: str) -> str:
    terms = [term.partition("=") for term in fields.split(",")]
    return next((value.lstrip("=") for path, mark, value in terms if mark and path == "metadata.name"), "")
