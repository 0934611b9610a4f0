"""Neutron's dialect (neutron 29.0.0: api/api_common.py, pecan_wsgi/hooks)."""

from dataclasses import dataclass

import msgspec

from ...faults import Fault
from ..dialect import Words
from . import envelopes
from .common import Common

_WORDS = Words(
    malformed="Body contains invalid data",
    media=envelopes.MALFORMED,
    no_such_action=envelopes.MALFORMED,
    unexpected="Request Failed: internal server error while processing your request.",
    disallowed=envelopes.MALFORMED,
)


@dataclass(frozen=True, slots=True)
class Network(Common):
    """Refusals carry the name of Neutron's exception."""

    service = "network"
    words = _WORDS

    def envelope(self, fault: Fault, accept: str) -> tuple[bytes, str]:
        if fault.code == 401:
            return envelopes.keystone_error(fault), envelopes.JSON_UTF8
        error = {"type": fault.kind, "message": fault.message, "detail": ""}
        return msgspec.json.encode({"NeutronError": error}), envelopes.JSON
