"""Error bodies that more than one service sends."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from ...faults import Fault

JSON = "application/json"
JSON_UTF8 = "application/json; charset=UTF-8"
MALFORMED = "The server could not comply with the request since it is either malformed or otherwise incorrect."
"""webob's explanation of a 400."""


def challenge(public_url: str) -> str:
    """Where a client gets a token (keystonemiddleware/auth_token)."""
    return f'Keystone uri="{public_url.rstrip("/")}/identity"'


def phrase(code: int) -> str:
    """The reason phrase of a status code."""
    return HTTPStatus(code).phrase


def keystone_error(fault: Fault) -> bytes:
    """Keystone's error body, which is also keystonemiddleware's for a 401 in front of any service."""
    body = {"error": {"code": fault.code, "title": phrase(fault.code), "message": fault.message}}
    return msgspec.json.encode(body)


def named_fault(names: Mapping[int, str], fault: Fault, *, retried: frozenset[int]) -> bytes:
    """Nova's and Cinder's error body: the fault's name by status, else computeFault (wsgi.Fault in both)."""
    content: dict[str, object] = {"code": fault.code, "message": fault.message}
    if fault.code in retried and "Retry-After" in fault.headers:
        content["retryAfter"] = fault.headers["Retry-After"]
    return msgspec.json.encode({names.get(fault.code, "computeFault"): content})
