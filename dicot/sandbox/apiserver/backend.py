"""Takes a request to whoever answers it: who asks, what for, whether that may be, and then the verb."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from . import bodies
from .asking import Asking, Following, Reply, document, text
from .audit import Audit, silent
from .query import WriteQuery
from .refusals import no_such_resource, not_allowed, not_found, not_implemented
from .resource import Resource
from .rights.refusals import denied
from .route import Route, path_attributes, route
from .seams import Aggregated, Answer, Authenticator, Authorizer, Call, Documents, Posted, Poster, Registry
from .verbs import Verbs

ALWAYS_OK = frozenset(("/healthz", "/livez", "/readyz"))


class Special(Protocol):
    """A subresource that does something of its own."""

    def answer(self, asking: Asking, route: Route, resource: Resource) -> Reply: ...


Page = Callable[[Asking], Reply]
"""Answers at paths that are of no resource. May raise Refusal."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Who decides and who answers. ``posters`` are by group and plural (with its subresource), ``specials`` by group,
    plural and subresource, ``aggregated`` by group and version, ``pages`` by the first segment of their paths."""

    authenticator: Authenticator
    authorizer: Authorizer
    registry: Registry
    documents: Documents
    verbs: Verbs
    posters: Mapping[tuple[str, str], Poster]
    specials: Mapping[tuple[str, str, str], Special]
    aggregated: Sequence[Aggregated]
    pages: Mapping[str, Page]
    audit: Audit = silent


class ApiBackend:
    """The API server behind its HTTP side."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._aggregated = {(each.group, version): each for each in parts.aggregated for version in each.versions}

    async def answer(self, asking: Asking) -> Reply | Following:
        """See Backend."""
        parts = self._parts
        way = route(asking.method, asking.path, asking.query)
        wanted = path_attributes(asking.method, asking.path) if way is None else way.attributes
        user = parts.authenticator.identify(asking.headers, wanted)
        asking = replace(asking, user=user)
        verdict = parts.authorizer.authorize(user, wanted)
        parts.audit(user, wanted, verdict.allowed)
        if not verdict.allowed:
            raise denied(user, wanted, verdict.reason)
        if way is not None and (found := self._aggregated.get((way.group, way.version))) is not None:
            return await self._elsewhere(found, asking, way)
        return self._page(asking) if way is None else self._resource(asking, way)

    async def _elsewhere(self, program: Aggregated, asking: Asking, way: Route) -> Reply:
        prefix = f"/apis/{way.group}/{way.version}"
        path, accept = asking.path.removeprefix(prefix), asking.header("accept", "*/*")
        call = Call(asking.user, asking.method, path, asking.query, asking.body, accept)
        return _replied(await program.answer(way.version, call))

    def _page(self, asking: Asking) -> Reply:
        """What is of no resource."""
        if asking.path in ALWAYS_OK:
            return Reply(200, (b"ok",), "text/plain; charset=utf-8", {"X-Content-Type-Options": "nosniff"})
        page = self._parts.pages.get(asking.path[1:].partition("/")[0])
        if page is not None:
            return page(asking)
        found = self._parts.documents.document(asking.path, asking.header("accept"), asking.query)
        if found is None:
            return text(404, "404 page not found")
        if asking.method != "GET":
            raise not_allowed()
        return _replied(found)

    def _resource(self, asking: Asking, way: Route) -> Reply | Following:
        parts = self._parts
        full = f"{way.resource}/{way.subresource}" if way.subresource else way.resource
        poster = parts.posters.get((way.group, full))
        if poster is not None:
            return self._posted(poster, asking, way)
        resource = parts.registry.find(way.group, way.version, way.resource)
        if resource is None or not _fits(way, resource):
            return self._unknown(way)
        if not resource.namespaced:
            # A namespace is in itself only for the authorizer.
            way = replace(way, namespace="")
        special = parts.specials.get((way.group, way.resource, way.subresource))
        if special is not None and not resource.custom:
            return special.answer(asking, way, resource)
        if way.rest or (way.subresource and way.subresource not in resource.subresources):
            raise not_found(resource, way.name) if resource.custom else no_such_resource()
        if way.subresource not in ("", "status"):
            raise not_implemented(f"{resource.name}/{way.subresource}")
        return parts.verbs.answer(asking, way, resource)

    def _posted(self, poster: Poster, asking: Asking, way: Route) -> Reply:
        if way.verb != "create":
            raise not_allowed()
        query = WriteQuery.read(asking.query, "CreateOptions")
        sent = bodies.options(asking.media, asking.body)
        return document(201, poster(Posted(asking.user, way.namespace, way.name, sent, query.dry)))

    def _unknown(self, way: Route) -> Reply:
        """Built-in groups say it in a Status, others in words."""
        path = f"/apis/{way.group}/{way.version}" if way.group else f"/api/{way.version}"
        if self._parts.documents.document(path, "", {}) is None or (
            "." in way.group and not way.group.endswith(".k8s.io")
        ):
            return text(404, "404 page not found")
        raise no_such_resource()


def _replied(answer: Answer) -> Reply:
    return Reply(answer.code, (answer.body,), answer.media if answer.body else "", answer.headers, answer.stream)


def _fits(way: Route, resource: Resource) -> bool:
    """Whether the path has a namespace where the resource is in one; all can be listed and watched at once."""
    if not resource.namespaced:
        return not way.namespace or (resource.group, resource.plural) == ("", "namespaces")
    return bool(way.namespace) or way.verb in ("list", "watch")
