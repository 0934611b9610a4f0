"""The refusals that the API server itself knows, with its texts (apimachinery, pkg/api/errors)."""

import json

from .refusal import Cause, Refusal
from .resource import Resource

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
NO_APPLYING = "the server rejected our request due to an error in our request"


def bad_request(message: str) -> Refusal:
    """400."""
    return Refusal(400, "BadRequest", message)


def plain(code: int, message: str) -> Refusal:
    """An error that has no reason of its own."""
    return Refusal(code, "", message)


def not_found(resource: Resource, name: str) -> Refusal:
    """404 of an object."""
    message = f'{resource.name} "{name}" not found'
    return Refusal(404, "NotFound", message, group=resource.group, kind=resource.plural, name=name)


def no_such_resource() -> Refusal:
    """404 of a resource in a version that is served."""
    return _generic(404, "NotFound", "the server could not find the requested resource")


def not_allowed() -> Refusal:
    """405."""
    return _generic(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def exists(resource: Resource, name: str, going: bool) -> Refusal:
    """409 of a name that is taken."""
    message = f'{resource.name} "{name}" already exists'
    text = f"object is being deleted: {message}" if going else message
    return Refusal(409, "AlreadyExists", text, group=resource.group, kind=resource.plural, name=name)


def conflict(resource: Resource, name: str, why: str, kind: str = "") -> Refusal:
    """409 of a precondition; where it is of a delete, ``kind`` stands in the place of the resource."""
    shown = kind or resource.plural
    full = f"{shown}.{resource.group}" if resource.group else shown
    message = f'Operation cannot be fulfilled on {full} "{name}": {why}'
    return Refusal(409, "Conflict", message, group=resource.group, kind=shown, name=name)


def invalid(kind: str, group: str, name: str, causes: list[Cause]) -> Refusal:
    """422. The message of several causes is a list in brackets, each text once."""
    texts = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    said = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    full = f"{kind}.{group}" if group else kind
    message = f'{full} "{name}" is invalid: {said}'
    return Refusal(422, "Invalid", message, group=group, kind=kind, name=name, causes=tuple(causes))


def bad_value(field: str, value: object, why: str) -> Cause:
    """A value that is not valid."""
    shown = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Cause("FieldValueInvalid", f"Invalid value: {shown}: {why}", field)


def required(field: str, why: str) -> Cause:
    """A value that is missing."""
    return Cause("FieldValueRequired", f"Required value: {why}" if why else "Required value", field)


def unsupported(field: str, value: object, supported: tuple[str, ...]) -> Cause:
    """A value that is none of those that there are."""
    listed = ", ".join(f'"{each}"' for each in supported)
    message = f"Unsupported value: {json.dumps(value)}: supported values: {listed}"
    return Cause("FieldValueNotSupported", message, field)


def forbidden_field(field: str, why: str) -> Cause:
    """A value that must not be there."""
    return Cause("FieldValueForbidden", f"Forbidden: {why}", field)


def bad_options(kind: str, *causes: Cause) -> Refusal:
    """422 of a query."""
    return invalid(kind, "meta.k8s.io", "", list(causes))


def unsupported_media(accepted: tuple[str, ...]) -> Refusal:
    """415."""
    message = (
        f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    )
    return Refusal(415, "UnsupportedMediaType", message)


def expired(message: str, token: str = "") -> Refusal:
    """410."""
    return Refusal(410, "Expired", message, token=token)


def too_large(asked: int, version: int) -> Refusal:
    """504 of a version that has not come yet."""
    return Refusal(
        504,
        "Timeout",
        f"Timeout: Too large resource version: {asked}, current: {version}",
        causes=(Cause("ResourceVersionTooLarge", "Too large resource version"),),
        retry_after=1,
    )


def not_implemented(what: str) -> Refusal:
    """501: the real one can, and this one says so."""
    return Refusal(501, "NotImplemented", f"the sandbox does not know {what}")


def _generic(code: int, reason: str, message: str) -> Refusal:
    return Refusal(code, reason, message, bare=True)


def not_acceptable(offered: tuple[str, ...], *, custom: bool) -> Refusal:
    """406. Of built-in resources another layer says it."""
    listed = ", ".join(offered)
    if custom:
        return Refusal(406, "NotAcceptable", f"only the following media types are accepted: {listed}")
    return Refusal(406, "NotAcceptable", f"406: Not Acceptable\n\nAvailable representations: {listed}", bare=True)


def too_heavy(limit: int) -> Refusal:
    """413."""
    return Refusal(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}")
