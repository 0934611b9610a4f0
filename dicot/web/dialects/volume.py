"""Cinder's dialect (cinder 29.0.0: api/openstack/wsgi.py, api_version_request.py)."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...faults import BadRequest, Fault
from ..dialect import UNVERSIONED, Version, Words
from . import envelopes
from .common import Common
from .microversions import HEADER, agreed, asked, written

LOWEST: Version = (3, 0)
HIGHEST: Version = (3, 71)
_NAMES: Mapping[int, str] = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    501: "notImplemented",
    503: "serviceUnavailable",
}
_WORDS = Words(
    malformed="Malformed request body",
    media="Unsupported Content-Type",
    no_such_action=(
        "There is no such action: {action}. Verify the request body and Content-Type header and try again."
    ),
    foreign_project="Malformed request url",
    unexpected="The server has either erred or is incapable of performing the requested operation.",
    accepts=frozenset(("", "text/plain", "application/json", "application/vnd.openstack.volume+json")),
)


@dataclass(frozen=True, slots=True)
class Volume(Common):
    """Nova's fault names, one version header."""

    service = "volume"
    words = _WORDS
    id_headers = ("x-openstack-request-id", "x-compute-request-id")

    def negotiate(self, headers: Mapping[str, str]) -> Version:
        """A version header that names no volume version is refused, as Cinder does."""
        if HEADER.lower() not in headers:
            return LOWEST
        text = asked(headers, "volume")
        if text is None:
            raise BadRequest(envelopes.MALFORMED)
        return agreed(text, LOWEST, HIGHEST)

    def stamp(self, version: Version) -> Mapping[str, str]:
        if version == UNVERSIONED:
            return {"Vary": HEADER}
        return {HEADER: f"volume {written(version)}", "Vary": HEADER}

    def envelope(self, fault: Fault, accept: str) -> tuple[bytes, str]:
        if fault.code == 401:
            return envelopes.keystone_error(fault), envelopes.JSON_UTF8
        return envelopes.named_fault(_NAMES, fault, retried=frozenset((413,))), envelopes.JSON
