"""PATCH: from the object that is there and what the client sent to the object as it shall be."""

from collections.abc import Callable

from msgspec import DecodeError, json

from dicot.kube.kind import Manifest
from dicot.kube.media import JSON_PATCH, MERGE, STRATEGIC

from .applying import apply
from .patching import strategic
from .patching.merge import merged
from .patching.steps import Unfit, patched
from .refusal import Refusal
from .refusals import NO_APPLYING, bad_options, bad_request, bad_value, forbidden_field, not_found, unsupported_media
from .structural.node import Node
from .writing import Write, Writer, Written, named, within

APPLY = "application/apply-patch+yaml"
MOST_STEPS = 10_000
_CUSTOM = (JSON_PATCH, MERGE, APPLY)
_BUILT_IN = (JSON_PATCH, MERGE, STRATEGIC, APPLY)


def patch(writer: Writer, write: Write, media: str, body: bytes) -> Written:
    """PATCH, of whichever type. Raises Refusal."""
    if media == APPLY:
        return apply(writer, write, body)
    if write.query.force is not None:
        raise bad_options("PatchOptions", forbidden_field("force", "may not be specified for non-apply patch"))
    change = _changing(writer, write, media, body)
    old = writer.read(write)
    if old is None:
        raise not_found(write.resource, write.name)
    before = writer.read(write)
    assert before is not None
    new = change(before)
    shown = json.encode(new).decode() if media != STRATEGIC else _go(json.decode(body))
    writer.fitted(write, new, lambda said: _strict(shown, said))
    if not isinstance(new.get("metadata"), dict):
        new["metadata"] = {}
    new["metadata"].setdefault("name", write.name)
    named(write, new)
    within(write, new)
    return writer.change(write, new, old)


def _changing(writer: Writer, write: Write, media: str, body: bytes) -> Callable[[Manifest], Manifest]:
    """What the patch does. Raises Refusal for one that is none."""
    if media not in (_CUSTOM if write.resource.custom else _BUILT_IN):
        if write.resource.custom:
            raise unsupported_media(_CUSTOM)
        raise Refusal(415, "UnsupportedMediaType", "415: Unsupported Media Type", bare=True)
    try:
        sent = json.decode(body)
    except DecodeError as error:
        raise bad_request(f"error decoding patch: {error}") from error
    if media == JSON_PATCH:
        return _steps(sent)
    if not isinstance(sent, dict):
        kind = _GO_TYPES.get(type(sent), "string")
        said = f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
        raise bad_request(f"error decoding patch: {said}")
    if media == MERGE:
        return lambda old: _object(merged(old, sent))
    node = writer.schemas.node(write.resource)
    return lambda old: _strategic(node, old, sent)


_GO_TYPES = {list: "array", dict: "object", str: "string", bool: "bool", int: "number", float: "number"}


def _steps(sent: object) -> Callable[[Manifest], Manifest]:
    if not isinstance(sent, list) or not all(isinstance(step, dict) for step in sent):
        kind = _GO_TYPES.get(type(sent), "string")
        said = f"json: cannot unmarshal {kind} into Go value of type []handlers.jsonPatchOp"
        raise bad_request(f"error decoding patch: {said}")
    if len(sent) > MOST_STEPS:
        said = f"The allowed maximum operations in a JSON patch is {MOST_STEPS}, got {len(sent)}"
        raise Refusal(413, "RequestEntityTooLarge", f"Request entity too large: {said}")

    def change(old: Manifest) -> Manifest:
        try:
            return _object(patched(old, sent))
        except Unfit as unfit:
            raise Refusal(422, "Invalid", NO_APPLYING, bare=True) from unfit

    return change


def _strategic(node: Node | None, old: Manifest, sent: Manifest) -> Manifest:
    try:
        return strategic.merged(old, sent, node)
    except strategic.Unfit as unfit:
        raise bad_request(str(unfit)) from unfit


def _object(document: object) -> Manifest:
    if not isinstance(document, dict):
        raise bad_request("the patched object is no object")
    return document


def _strict(shown: str, said: list[str]) -> Refusal:
    """Of which object, the real one does not say here."""
    cause = bad_value("patch", shown, f"strict decoding error: {', '.join(said)}")
    message = f' "" is invalid: {cause.field}: {cause.message}'
    return Refusal(422, "Invalid", message, causes=(cause,))


def _go(value: object) -> str:
    """A value as Go prints it."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{_go(each)}' for name, each in sorted(value.items()))}]"
    if isinstance(value, list):
        return f"[{' '.join(_go(each) for each in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "<nil>" if value is None else str(value)
