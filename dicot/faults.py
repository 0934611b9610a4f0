"""What a client may be told. The one vocabulary of refusals; each service's dialect gives it an envelope."""

from collections.abc import Mapping
from typing import ClassVar


class Fault(Exception):
    """A refusal the client is meant to read.

    ``kind`` is the exception name that Neutron puts into its envelope; other services do not show it.
    ``headers`` are sent with the answer.
    """

    code: ClassVar[int] = 500
    default_kind: ClassVar[str] = "HTTPInternalServerError"

    def __init__(self, message: str, *, kind: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind or self.default_kind
        self.headers: Mapping[str, str] = headers or {}


class BadRequest(Fault):
    """The request is wrong in itself."""

    code = 400
    default_kind = "HTTPBadRequest"


class Unauthorized(Fault):
    """No token, or none that counts; the door adds ``WWW-Authenticate``."""

    code = 401
    default_kind = "HTTPUnauthorized"


class Forbidden(Fault):
    """The token counts but does not reach this far, or a quota is used up."""

    code = 403
    default_kind = "PolicyNotAuthorized"


class NotFound(Fault):
    """Nothing of that name that the caller may see."""

    code = 404
    default_kind = "HTTPNotFound"


class MethodNotAllowed(Fault):
    """The path exists, the method does not; ``Allow`` names those that do."""

    code = 405
    default_kind = "HTTPMethodNotAllowed"


class NotAcceptable(Fault):
    """A microversion outside the served range."""

    code = 406
    default_kind = "HTTPNotAcceptable"


class RequestTimeout(Fault):
    """The request did not arrive in time."""

    code = 408
    default_kind = "HTTPRequestTimeout"


class Conflict(Fault):
    """The state of the resource does not allow it now."""

    code = 409
    default_kind = "HTTPConflict"


class TooLarge(Fault):
    """A body over the limit."""

    code = 413
    default_kind = "HTTPRequestEntityTooLarge"


class UriTooLong(Fault):
    """A request line over the limit."""

    code = 414
    default_kind = "HTTPRequestURITooLong"


class UnsupportedMedia(Fault):
    """A content type or encoding that is not served."""

    code = 415
    default_kind = "HTTPUnsupportedMediaType"


class TooManyRequests(Fault):
    """The caller is over a rate; ``Retry-After`` says until when."""

    code = 429
    default_kind = "HTTPTooManyRequests"


class HeadersTooLarge(Fault):
    """A header block over the limit."""

    code = 431
    default_kind = "HTTPRequestHeaderFieldsTooLarge"


class NotImplemented_(Fault):
    """The cluster or this release cannot do it, and says so as OpenStack would."""

    code = 501
    default_kind = "HTTPNotImplemented"


class Unavailable(Fault):
    """Kubernetes cannot be reached now, or refused Dicot's own account. Sent with ``Retry-After``."""

    code = 503
    default_kind = "HTTPServiceUnavailable"

    def __init__(self, message: str, *, retry_after: int = 1, kind: str | None = None) -> None:
        super().__init__(message, kind=kind, headers={"Retry-After": str(retry_after)})
