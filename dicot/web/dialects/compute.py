"""Nova's dialect (nova 34.0.0: api/openstack/wsgi.py, api_version_request.py, compute_req_id.py)."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...faults import Fault
from ..dialect import UNVERSIONED, Version, Words
from . import envelopes
from .common import Common
from .microversions import HEADER, agreed, asked, written

LOWEST: Version = (2, 1)
HIGHEST: Version = (2, 104)
LEGACY_HEADER = "X-OpenStack-Nova-API-Version"
_NAMES: Mapping[int, str] = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}
_WORDS = Words(
    malformed="Malformed request body",
    media="Unsupported Content-Type",
    no_such_action="There is no such action: {action}",
    foreign_project=("Malformed request URL: URL's project_id '{named}' doesn't match Context's project_id '{held}'"),
    unexpected="Unexpected API Error. Please contact the administrator",
    accepts=frozenset(("", "text/plain", "application/json", "application/vnd.openstack.compute+json")),
    bodiless=True,
    literal=True,
)


@dataclass(frozen=True, slots=True)
class Compute(Common):
    """Two families of version headers, faults named by status."""

    service = "compute"
    words = _WORDS
    id_headers = ("x-openstack-request-id", "x-compute-request-id")

    def negotiate(self, headers: Mapping[str, str]) -> Version:
        """The general header wins over Nova's own; of a repeated one the last counts; none means 2.1."""
        text = asked(headers, "compute")
        if text is None and LEGACY_HEADER.lower() in headers:
            text = headers[LEGACY_HEADER.lower()].split(",")[-1].strip()
        return LOWEST if text is None else agreed(text, LOWEST, HIGHEST)

    def stamp(self, version: Version) -> Mapping[str, str]:
        vary = f"{HEADER}, {LEGACY_HEADER}"
        if version == UNVERSIONED:
            return {"Vary": vary}
        return {HEADER: f"compute {written(version)}", LEGACY_HEADER: written(version), "Vary": vary}

    def envelope(self, fault: Fault, accept: str) -> tuple[bytes, str]:
        if fault.code == 401:
            return envelopes.keystone_error(fault), envelopes.JSON_UTF8
        return envelopes.named_fault(_NAMES, fault, retried=frozenset((413, 429))), envelopes.JSON_UTF8
