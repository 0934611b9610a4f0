"""How Nova and Cinder read a version (api_version_request.py in both)."""

import re
from collections.abc import Mapping

from ...faults import BadRequest, NotAcceptable
from ..dialect import Version

HEADER = "OpenStack-API-Version"
_SPELLED = re.compile(r"([1-9][0-9]{0,8})\.([1-9][0-9]{0,8}|0)")


def parsed(text: str) -> Version:
    """The version that a text spells, or BadRequest."""
    found = _SPELLED.fullmatch(text)
    if found is None:
        raise BadRequest(
            f"API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum.",
            kind="InvalidAPIVersionString",
        )
    return int(found[1]), int(found[2])


def agreed(text: str, lowest: Version, highest: Version) -> Version:
    """The version that is served for what was asked, or NotAcceptable with the range."""
    if text == "latest":
        return highest
    version = parsed(text)
    if not lowest <= version <= highest:
        raise NotAcceptable(
            f"Version {written(version)} is not supported by the API. "
            f"Minimum is {written(lowest)} and maximum is {written(highest)}.",
            kind="InvalidGlobalAPIVersion",
        )
    return version


def written(version: Version) -> str:
    """A version as it is spelled in headers."""
    return f"{version[0]}.{version[1]}"


def asked(headers: Mapping[str, str], service: str) -> str | None:
    """The last entry for a service in OpenStack-API-Version (as microversion_parse reads it)."""
    for entry in reversed(headers.get(HEADER.lower(), "").split(",")):
        named, _, version = entry.strip().partition(" ")
        if named.lower() == service and version.strip():
            return version.strip()
    return None
