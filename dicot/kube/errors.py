"""What Kubernetes refused. Only this package reads a Status."""

import re
from collections.abc import Mapping

import msgspec


class Refused(Exception):
    """Final: nothing was written.

    ``reason`` is Status.reason, ``message`` Status.message, ``causes`` the (field, message) pairs of Status.details.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        causes: tuple[tuple[str, str], ...] = (),
        retry_after: int = 0,
    ) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.causes = causes
        self.retry_after = retry_after


class Missing(Refused):
    """404: no such object, or no such kind."""


class Conflict(Refused):
    """409: the resourceVersion or another precondition is stale, or the state does not allow it."""


class Exists(Conflict):
    """409 AlreadyExists."""


class Denied(Refused):
    """403: by RBAC, quota or admission.

    ``own_account`` is True where not the tenant was refused but Dicot's own account (or its right to impersonate):
    a fault of the installation.
    """

    own_account: bool = False


class OverQuota(Denied):
    """403: a ResourceQuota leaves too little (k8s.io/apiserver, plugin/pkg/admission/resourcequota)."""

    @property
    def exceeded(self) -> Mapping[str, tuple[str, str, str]]:
        """Of each resource that is exceeded: what was requested, is used, and is the limit."""
        found = _EXCEEDED.search(self.message)
        if found is None:
            return {}
        requested, used, limited = (dict(re.findall(r"([^=,]+)=([^,]+)", part)) for part in found.groups())
        return {name: (asked, used.get(name, ""), limited.get(name, "")) for name, asked in requested.items()}


class Unauthenticated(Refused):
    """401: the credential was not accepted, also after it was read again."""


class Invalid(Refused):
    """400, 413 or 422: the object or the patch is wrong."""


class Expired(Refused):
    """410: the version or the continue token is gone."""


class Throttled(Refused):
    """429 beyond what was waited for; ``retry_after`` in seconds."""


class Failed(Refused):
    """Any other 4xx or a 5xx that says for certain that nothing was written."""


class Doubtful(Exception):
    """Nobody knows whether it was written: a cut answer, a timeout after sending, a 500, 502 or 504."""


class Unreachable(Exception):
    """It was never sent: no connection. For a read also: no whole answer came in time."""


Headers = Mapping[str, str]

_BY_CODE: Mapping[int, type[Refused]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Denied,
    404: Missing,
    409: Conflict,
    410: Expired,
    413: Invalid,
    422: Invalid,
    429: Throttled,
}
# A JSON patch whose test (or path) does not hold is answered so, with neither causes nor a name: nothing but the
# object's state was wrong. What validation or a webhook refuses names the object or the webhook.
_PATCH_DOES_NOT_APPLY = "the server rejected our request due to an error in our request"
# virt-api wraps this plain error into a 500 (pkg/virt-api/rest/lifecycle.go, getChangeRequestJson).
_UNDERWAY = "unable to complete request: stop/start already underway"
# The two shapes in which the authorizer and the escalation check name whom they refused.
_REFUSED_USER = re.compile(r"forbidden: [Uu]ser \"([^\"]*)\"")
_EXCEEDED = re.compile(r"exceeded quota: [^,]*, requested: (\S+), used: (\S+), limited: (\S+)")
_LONGEST_MESSAGE = 4096


class _Cause(msgspec.Struct, frozen=True):
    field: str = ""
    message: str = ""


class _Details(msgspec.Struct, frozen=True):
    causes: list[_Cause] | None = None
    retryAfterSeconds: int = 0


class _Status(msgspec.Struct, frozen=True):
    kind: str = ""
    reason: str = ""
    message: str = ""
    details: _Details | None = None


def refusal(code: int, body: bytes, *, retry_after: str = "", tenant: str = "") -> Refused:
    """The refusal that an answer of 300 or more stands for.

    ``retry_after`` is the header's text, ``tenant`` the user name that the request impersonated, if any.
    """
    status = _status(body)
    details = status.details or _Details()
    causes = tuple((cause.field, cause.message) for cause in details.causes or ())
    seconds = max(int(retry_after) if retry_after.isdecimal() else 0, details.retryAfterSeconds)
    message = status.message[:_LONGEST_MESSAGE] or f"answer {code} without a reason"
    if _UNDERWAY in message or (message == _PATCH_DOES_NOT_APPLY and not causes):
        return Conflict(409, "Conflict", message, causes, seconds)
    kind = _BY_CODE.get(code, Failed)
    if code == 409 and status.reason == "AlreadyExists":
        kind = Exists
    if code == 403 and "exceeded quota: " in message:
        kind = OverQuota
    refused = kind(code, status.reason, message, causes, seconds)
    if isinstance(refused, Denied):
        refused.own_account = _names_another(message, tenant)
    return refused


def nothing_written(refused: Refused) -> bool:
    """Whether a refusal says for certain that nothing was written.

    Any 4xx does. Of the 5xx it is an answer that is given before the request is carried out: the API server's own
    503 (overload, shutdown, no backend), an API service that could not be dialled, a webhook that could not be
    called. What a proxy says of a connection that broke later says nothing.
    """
    text = refused.message
    if refused.code == 500:
        return "failed calling webhook" in text
    if refused.code == 503:
        own = refused.reason == "ServiceUnavailable" and "error trying to reach service" not in text
        return own or text == "service unavailable" or "dial tcp" in text
    return refused.code < 500 or refused.code == 501


def _status(body: bytes) -> _Status:
    """The Status, or what stands for it: virt-api and proxies on the way also answer with plain text."""
    try:
        status = msgspec.json.decode(body, type=_Status)
    except (msgspec.DecodeError, RecursionError):
        text = body[:_LONGEST_MESSAGE].decode("utf-8", "replace").strip()
        return _Status(message="" if text.startswith(("<", "{")) else text)
    return status if status.kind == "Status" else _Status()


def _names_another(message: str, tenant: str) -> bool:
    """Whether it names a refused user who is not the tenant, or refuses to impersonate."""
    named = _REFUSED_USER.search(message)
    return named is not None and (named[1] != tenant or "cannot impersonate" in message)
