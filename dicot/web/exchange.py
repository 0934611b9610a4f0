"""From a routed request to its answer: version, identity, body, policy, operation, reply."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..caller import ANONYMOUS, Caller
from ..faults import BadRequest, Fault, Unauthorized
from . import door, strict
from .answer import encoded, refusal, send
from .call import Call, Gate, Reply
from .dialect import Dialect, Version
from .request import Request
from .route import Route, Variant, Variants
from .works import Works

_VERSION, _LEGACY_VERSION = b"openstack-api-version", b"x-openstack-nova-api-version"
_READABLE = ((b"x-subject-token", "x-subject-token"), (b"accept", "accept"), (b"content-type", "content-type"))
_VERSIONS = 256
"""Spellings of versions that are remembered."""
_LONGEST_VERSION = 64
"""Characters of one that is."""
_LONGEST_ACTION = 255


class Exchange:
    """What all routes of one service share."""

    log = Logger()

    def __init__(self, dialect: Dialect, gate: Gate) -> None:
        self._dialect = dialect
        self._gate = gate
        self._agreed = lru_cache(_VERSIONS)(self._negotiated)
        self.works = Works()

    async def respond(self, request: Request, route: Route, names: Mapping[str, str]) -> None:
        """Answers, whatever happens."""
        request.service, request.route = self._dialect.service, route.url
        try:
            reply = encoded(await self._reply(request, route, names))
        except Fault as fault:
            await self.refuse(request, fault)
        except Exception as error:
            if not (request.gone and isinstance(error, CancelledError)):
                await self.refuse(request, self.unexpected(request.request_id, Failure()))
        else:
            await send(request, self._dialect, reply)

    async def refuse(self, request: Request, fault: Fault) -> None:
        reply = refusal(self._dialect, fault, request.text_of(b"accept"), request.version)
        await send(request, self._dialect, encoded(reply))

    async def _reply(self, request: Request, route: Route, names: Mapping[str, str]) -> Reply:
        version = request.version = self._spoken(request.text_of(_VERSION), request.text_of(_LEGACY_VERSION))
        content: object = None
        if route.actions:
            caller = await self.identified(request)
            actions, content = self._action(request, route)
            variant = self._variant(actions, version)
        else:
            variant = self._variant(route.plain, version)
            caller = ANONYMOUS if variant.policy is None else await self.identified(request)
        if variant.bodies and not route.actions:
            content = self._content(request)
        # A wrong body is told of to those who may not, too: Nova's schemas are decorators of what asks the policy.
        body = variant.decode(content, version) if variant.bodies else None
        if variant.policy is not None:
            self._gate.permit(caller, variant.policy)
        query, headers = door.query(request.query), _headers(request)
        call = Call(caller, version, names, query, headers, body, request.request_id, request.address)
        return await self._operated(route, variant, call)

    def _spoken(self, told: str, legacy: str) -> Version:
        is_short = len(told) + len(legacy) <= _LONGEST_VERSION
        return self._agreed(told, legacy) if is_short else self._negotiated(told, legacy)

    def _negotiated(self, told: str, legacy: str) -> Version:
        given = {_VERSION.decode(): told, _LEGACY_VERSION.decode(): legacy}
        return self._dialect.negotiate({name: text for name, text in given.items() if text})

    def _variant(self, variants: Variants, version: Version) -> Variant:
        found = variants.at(version)
        if found is None:
            raise self._dialect.unversioned(version)
        return found

    async def identified(self, request: Request) -> Caller:
        token = request.text_of(b"x-auth-token")
        if not token:
            raise Unauthorized(self._dialect.words.unauthorized)
        found = self._gate.identify(token)
        request.caller = found if isinstance(found, Caller) else await found
        if request.project and request.project != request.caller.project:
            text = self._dialect.words.foreign_project
            raise BadRequest(text.format(named=request.project, held=request.caller.project))
        return request.caller

    def _content(self, request: Request) -> object:
        """The JSON of the body, in whatever shape it has."""
        words = self._dialect.words
        media = request.text_of(b"content-type").partition(";")[0].strip().lower()
        if words.accepts is not None and media not in words.accepts:
            raise words.wrong_media(words.media)
        content = request.body.getvalue()
        if words.bodiless and not content:
            return None
        try:
            return strict.read(content)
        except strict.Malformed:
            raise BadRequest(words.malformed) from None

    def _action(self, request: Request, route: Route) -> tuple[Variants, object]:
        content = self._content(request)
        if not isinstance(content, dict) or len(content) != 1:
            raise BadRequest(self._dialect.words.malformed)
        [(key, value)] = content.items()
        if key not in route.actions:
            raise BadRequest(self._dialect.words.no_such_action.format(action=key[:_LONGEST_ACTION]))
        request.route = f"{route.url} {key}"
        return route.actions[key], value

    async def _operated(self, route: Route, variant: Variant, call: Call[Any]) -> Reply:
        if route.method == "GET":
            outcome = variant.operation(call)
            return outcome if isinstance(outcome, Reply) else await outcome
        self.works.admit()
        outcome = variant.operation(call)
        if isinstance(outcome, Reply):
            return outcome
        return await self.works.shield(outcome, lambda result: self._orphaned(call.request_id, result))

    def _orphaned(self, request_id: str, result: Reply | Failure) -> None:
        """A write has ended after its client left."""
        if not isinstance(result, Failure):
            self.log.info("request {id}: {code} after its client left", id=request_id, code=result.code)
        elif isinstance(result.value, Fault):
            self.log.info("request {id}: {code} after its client left", id=request_id, code=result.value.code)
        else:
            self.unexpected(request_id, result)

    def unexpected(self, request_id: str, failure: Failure) -> Fault:
        """Logged once, with all there is; the client learns the id to ask with."""
        self.log.failure("request {id} failed", failure=failure, id=request_id)
        return Fault(f"{self._dialect.words.unexpected} (Request-ID: {request_id})")


def _headers(request: Request) -> Mapping[str, str]:
    return {name: text for key, name in _READABLE if (text := request.text_of(key))}
