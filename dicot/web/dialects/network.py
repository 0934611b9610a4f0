"""Neutron's dialect (neutron 29.0.0: api/api_common.py, pecan_wsgi/hooks)."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from ...faults import Fault, NotFound
from ..dialect import UNVERSIONED, Version, Words
from . import envelopes

_WORDS = Words(
    malformed="Body contains invalid data",
    media=envelopes.MALFORMED,
    no_such_action=envelopes.MALFORMED,
    unexpected="Request Failed: internal server error while processing your request.",
    disallowed=envelopes.MALFORMED,
)


@dataclass(frozen=True, slots=True)
class Network:
    """Refusals carry the name of Neutron's exception."""

    public_url: str

    @property
    def service(self) -> str:
        return "network"

    @property
    def words(self) -> Words:
        return _WORDS

    @property
    def challenge(self) -> str:
        return envelopes.challenge(self.public_url)

    @property
    def id_headers(self) -> tuple[str, ...]:
        return ("x-openstack-request-id",)

    def negotiate(self, headers: Mapping[str, str]) -> Version:
        return UNVERSIONED

    def stamp(self, version: Version) -> Mapping[str, str]:
        return {}

    def envelope(self, fault: Fault, accept: str) -> tuple[bytes, str]:
        if fault.code == 401:
            return envelopes.keystone_error(fault), envelopes.JSON_UTF8
        error = {"type": fault.kind, "message": fault.message, "detail": ""}
        return msgspec.json.encode({"NeutronError": error}), envelopes.JSON

    def unversioned(self, version: Version) -> Fault:
        return NotFound(_WORDS.missing)
