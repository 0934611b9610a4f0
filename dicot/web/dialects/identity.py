"""Keystone's dialect (keystone 30.0.0: server/flask/application.py, request_processing/json_body.py)."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...faults import BadRequest, Fault
from ..dialect import Version, Words
from . import envelopes
from .common import Common

_EXPECTED = (
    "Expecting to find {} in {}. The server could not comply with the request since it is either malformed or"
    " otherwise incorrect. The client is assumed to be in error."
)
_MISSING = (
    "The requested URL was not found on the server. If you entered the URL manually please check your spelling"
    " and try again."
)
_WORDS = Words(
    malformed=_EXPECTED.format("valid JSON", "request body"),
    media=_EXPECTED.format("application/json", "Content-Type header"),
    no_such_action=_EXPECTED.format("valid JSON", "request body"),
    unexpected="An unexpected error prevented the server from fulfilling your request.",
    missing=_MISSING,
    disallowed="The method is not allowed for the requested URL.",
    wrong_media=BadRequest,
    accepts=frozenset(("", "application/json")),
)


@dataclass(frozen=True, slots=True)
class Identity(Common):
    """No versions, and answers that vary by token."""

    service = "identity"
    words = _WORDS

    def stamp(self, version: Version) -> Mapping[str, str]:
        return {"Vary": "X-Auth-Token"}

    def envelope(self, fault: Fault, accept: str) -> tuple[bytes, str]:
        return envelopes.keystone_error(fault), envelopes.JSON
