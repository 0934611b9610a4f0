"""Bodies of writes: JSON (or YAML) of an object of the right kind."""

import re
from typing import Any

import yaml
from msgspec import DecodeError, json

from dicot.kube.kind import Manifest

from .protobuf import Undecodable, decoded
from .refusals import bad_request, bad_value, invalid, unsupported_media
from .resource import Resource

MEDIA = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
LONGEST_SUMMARY = 30
_SCHEME = 'in scheme "pkg/runtime/scheme.go:111"'
_GO_TYPES = {list: "array", str: "string", bool: "bool", int: "number", float: "number"}
_WANTED = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'


def sent(resource: Resource, media: str, body: bytes) -> Manifest:
    """The object of a POST or PUT. Raises Refusal."""
    if media not in ("", *MEDIA):
        raise unsupported_media(MEDIA)
    found = _decoded(resource, body, media)
    _is_of(resource, found, body)
    if not isinstance(found.get("metadata"), dict):
        found["metadata"] = {}
    return found


def options(media: str, body: bytes) -> Manifest:
    """The options of a DELETE, which may be left out. Raises Refusal."""
    if not body:
        return {}
    try:
        found = _any(media, body)
    except (DecodeError, yaml.YAMLError, Undecodable) as error:
        raise bad_request(f"couldn't get version/kind; json parse error: {error}") from error
    if not isinstance(found, dict):
        raise bad_request("couldn't get version/kind; json parse error: json: cannot unmarshal")
    return found


def _any(media: str, body: bytes) -> Any:
    """A body of one of the media types."""
    if media == MEDIA[2]:
        return decoded(body)
    return yaml.safe_load(body) if media == MEDIA[1] else json.decode(body)


def _decoded(resource: Resource, body: bytes, media: str) -> Manifest:
    try:
        found = _any(media, body)
    except Undecodable as error:
        text = f"the object provided is unrecognized (must be of type {resource.kind}): {error} ({_summary(body)})"
        raise bad_request(text) from error
    except (DecodeError, yaml.YAMLError) as error:
        raise _unrecognized(resource, _go_error(body, str(error)), body) from error
    if not isinstance(found, dict):
        kind = _GO_TYPES.get(type(found), "null")
        raise _unrecognized(resource, f"json: cannot unmarshal {kind} into Go value of type {_WANTED}", body)
    return found


def _unrecognized(resource: Resource, why: str, body: bytes) -> Exception:
    text = f"couldn't get version/kind; json parse error: {why}"
    return bad_request(
        f"the object provided is unrecognized (must be of type {resource.kind}): {text} ({_summary(body)})"
    )


def _summary(body: bytes) -> str:
    if not body:
        return "<empty>"
    shown = body if body.startswith(b"{") else body.hex().encode()
    cut = shown[:LONGEST_SUMMARY] if body.startswith(b"{") else body[:LONGEST_SUMMARY].hex().encode()
    return cut.decode(errors="replace") + (" ..." if len(body) > LONGEST_SUMMARY else "")


def _go_error(body: bytes, said: str) -> str:
    """What Go says of the commonest faults."""
    if not body.strip() or "truncated" in said:
        return "unexpected end of JSON input"
    place = re.search(r"\(byte (\d+)\)", said)
    if place is None:
        return said
    mark = body[int(place[1]) : int(place[1]) + 1].decode(errors="replace")
    before = body[: int(place[1])].rstrip()
    what = "beginning of object key string" if before.endswith((b"{", b",")) else "beginning of value"
    return f"invalid character '{mark}' looking for {what}"


def _is_of(resource: Resource, found: Manifest, body: bytes) -> None:
    """Raises Refusal for an object of another kind."""
    version, kind = found.get("apiVersion") or "", found.get("kind") or ""
    if resource.custom and not kind:
        raise bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): Object 'Kind' is missing in"
            f" '{body.decode(errors='replace')}' ({_summary(body)})"
        )
    if version != resource.api_version and (version or resource.custom):
        if resource.custom:
            expected = f"does not match the expected API version ({resource.api_version})"
            raise bad_request(f"the API version in the data ({version}) {expected}")
        what = f'{kind} in version "{version.rpartition("/")[2]}" cannot be handled as a {resource.kind}'
        raise bad_request(f'{what}: no kind "{kind}" is registered for version "{version}" {_SCHEME}')
    if kind and kind != resource.kind:
        what = f'{kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
        if resource.custom:
            wrong = bad_value("kind", kind, f"must be {resource.kind}")
            raise invalid(kind, resource.group, (found.get("metadata") or {}).get("name", ""), [wrong])
        package = resource.group.partition(".")[0] or "core"
        why = f"converting ({resource.version}.{kind}) to ({package}.{resource.kind}): unknown conversion"
        raise bad_request(f"{what}: {why}")
    found["apiVersion"], found["kind"] = resource.api_version, resource.kind
