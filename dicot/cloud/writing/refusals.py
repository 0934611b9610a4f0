"""What a client is told of Kubernetes' refusals: the plan's own words first, then one table."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...faults import BadRequest, Conflict, Fault, Forbidden, NotFound, Unavailable
from ...kube import errors
from ..plan import NameTaken, Refusals

_NO_CLUSTER = "The cluster cannot be reached now. Please try again later."
_INSTALLATION = "The cluster does not accept this service's account. Please ask an administrator."
_BUSY = "The cluster is busy. Please try again later."
_CHANGED = "The resource was changed by another request. Please try again."
_NOT_ALLOWED = "The cluster does not allow the project's role to do this."
_QUOTA = "exceeded quota"

# The wrappings in which the API server puts what admission and validation say.
_WRAPPINGS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r'admission webhook "[^"]*" denied the request(?: without explanation|: )',
        r'admission webhook "[^"]*" does not support dry run.*\Z',
        r"ValidatingAdmissionPolicy '[^']*' with binding '[^']*' denied request: ",
        r'[\w.]+ "[^"]*" is (?:invalid|forbidden): ',
        r"[\w]+ in version \"[^\"]*\" cannot be handled as a [\w]+: (?:strict decoding error: )?",
        r"Internal error occurred: ",
    )
)
_EMPTY = "The cluster refused the request."


def fault(error: Exception, refusals: Refusals, hidden: Iterable[str] = ()) -> Fault | None:
    """The fault of what a call to Kubernetes raised; None for one that only a bug of ours explains.

    ``hidden`` are names (of Nodes) that no client may read.
    """
    if isinstance(error, errors.Denied) and error.own_account:
        return Unavailable(_INSTALLATION, retry_after=30)
    for known in type(error).__mro__:
        if known in refusals:
            return refusals[known](error)
    for known in type(error).__mro__:
        if known in _TABLE:
            return _TABLE[known](error, tuple(hidden))
    return None


def readable(message: str, hidden: Iterable[str] = ()) -> str:
    """What admission or validation said, without Kubernetes' wrapping and without names of Nodes."""
    text = message.strip()
    before = ""
    while before != text:
        before = text
        for wrapping in _WRAPPINGS:
            found = wrapping.match(text)
            text = text[found.end() :] if found else text
    names = sorted((re.escape(name) for name in hidden if name in text), key=len, reverse=True)
    if names:
        text = re.sub(rf"(?<![\w.-])(?:{'|'.join(names)})(?![\w-])", "a node", text)
    return text.strip() or _EMPTY


def _unavailable(error: Exception, hidden: tuple[str, ...]) -> Fault:
    return Unavailable(_NO_CLUSTER)


def _throttled(error: Any, hidden: tuple[str, ...]) -> Fault:
    # Not the client's rate but ours is over: 429 would tell it to blame itself.
    return Unavailable(_BUSY, retry_after=max(error.retry_after, 1))


def _denied(error: Any, hidden: tuple[str, ...]) -> Fault:
    if _QUOTA in error.message:
        return Forbidden(f"Quota exceeded: {error.message.partition(_QUOTA)[2].lstrip(': ')}", kind="OverQuota")
    text = readable(error.message, hidden)
    return Forbidden(_NOT_ALLOWED if text.lower().startswith("user ") or text == error.message else text)


def _failed(error: Any, hidden: tuple[str, ...]) -> Fault | None:
    return Unavailable(_NO_CLUSTER, retry_after=max(error.retry_after, 1)) if error.code >= 500 else None


_TABLE: Mapping[type[Exception], Callable[[Any, tuple[str, ...]], Fault | None]] = {
    errors.Unreachable: _unavailable,
    errors.Doubtful: _unavailable,
    errors.Unauthenticated: lambda error, hidden: Unavailable(_INSTALLATION, retry_after=30),
    errors.Denied: _denied,
    errors.Missing: lambda error, hidden: NotFound("The resource could not be found."),
    NameTaken: lambda error, hidden: Conflict(f"The name {error.claim.name} is already in use."),
    errors.Conflict: lambda error, hidden: Conflict(_CHANGED),
    errors.Invalid: lambda error, hidden: BadRequest(readable(error.message, hidden)),
    errors.Throttled: _throttled,
    errors.Failed: _failed,
}
