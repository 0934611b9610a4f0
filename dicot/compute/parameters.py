"""Schemas of values that several Nova resources take (facts of nova/api/validation/parameter_types.py).

The keywords stand in Nova's order: the first that a value breaks is told.
"""

from collections.abc import Mapping
from typing import Any

from .letters import TEXT

Schema = Mapping[str, Any]

NAME: Schema = {"type": "string", "format": "name", "minLength": 1, "maxLength": 255}
NAME_OR_NONE: Schema = {"oneOf": [{"type": "string", "minLength": 1, "maxLength": 255}, {"type": "null"}]}
DESCRIPTION: Schema = {"type": ["string", "null"], "pattern": TEXT, "minLength": 0, "maxLength": 255}
HOSTNAME: Schema = {
    "type": "string",
    "pattern": "^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$",
    "minLength": 2,
    "maxLength": 63,
}
FQDN: Schema = {"type": "string", "pattern": "^[a-zA-Z0-9-._]*$", "minLength": 1, "maxLength": 255}
TRUE = (True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes")
FALSE = (False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no")
BOOLEAN: Schema = {"type": ["boolean", "string"], "enum": [*TRUE, *FALSE]}
MAX_DIGITS = 4300
"""What Python reads as a number. Nova has no bound, and breaks on longer ones."""
POSITIVE_INTEGER: Schema = {
    "type": ["integer", "string"],
    "pattern": "^[0-9]*$",
    "minimum": 1,
    "minLength": 1,
    "maxLength": MAX_DIGITS,
}
NON_NEGATIVE_INTEGER: Schema = {**POSITIVE_INTEGER, "minimum": 0}
UUID: Schema = {"type": "string", "format": "uuid"}
UUID_OR_EMPTY: Schema = {"oneOf": [UUID, {"type": "string", "maxLength": 0}]}
FLAVOR_REF: Schema = {"type": ["string", "integer"], "minLength": 1}
METADATA_KEY, LONGEST_VALUE = "^[a-zA-Z0-9-_:. ]{1,255}$", 255
METADATA: Schema = {
    "type": "object",
    "patternProperties": {METADATA_KEY: {"type": "string", "maxLength": LONGEST_VALUE}},
    "additionalProperties": False,
}
IPV4: Schema = {"type": "string", "format": "ipv4"}
IPV6: Schema = {"type": "string", "format": "ipv6"}
IP_ADDRESS: Schema = {"type": "string", "oneOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
VOLUME_SIZE: Schema = {
    "type": ["integer", "string"],
    "pattern": "^[0-9]+$",
    "minimum": 1,
    "maximum": 0x7FFFFFFF,
}
DISK_CONFIG: Schema = {"type": "string", "enum": ["AUTO", "MANUAL"]}
USER_DATA: Schema = {"type": "string", "format": "base64", "maxLength": 65535}
LONGEST_TAG, MOST_TAGS = 60, 50
TAG: Schema = {"type": "string", "pattern": "^[^,/]*$", "minLength": 1, "maxLength": LONGEST_TAG}
TAGS: Schema = {"type": "array", "items": TAG, "maxItems": MOST_TAGS}
TRUSTED_CERTS: Schema = {
    "type": ["array", "null"],
    "minItems": 1,
    "maxItems": 50,
    "uniqueItems": True,
    "items": {"type": "string", "minLength": 1},
}
PERSONALITY: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"path": {"type": "string"}, "contents": {"type": "string", "format": "base64"}},
        "additionalProperties": False,
    },
}

TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
"""A query parameter, as often as it likes."""
REGEXES: Schema = {"type": "array", "items": {"type": "string", "format": "regex"}}
MOMENTS: Schema = {"type": "array", "items": {"type": "string", "format": "date-time"}}
PAGING: Schema = {"limit": {"type": "array", "items": NON_NEGATIVE_INTEGER}, "marker": TEXTS}


def truth(value: object) -> bool:
    """What a BOOLEAN says."""
    return any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in TRUE)
