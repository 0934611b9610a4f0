"""Names that Kubernetes takes, and how it tells of others (apimachinery, pkg/util/validation)."""

import re
from collections.abc import Iterator

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\Z")
_PORT = re.compile(r"[-a-z0-9]+\Z")
_BAD_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_BAD_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_BAD_NAME = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def label(name: str) -> Iterator[str]:
    """What is wrong with a DNS label."""
    if len(name) > 63:
        yield "must be no more than 63 characters"
    if not _LABEL.match(name):
        yield _BAD_LABEL


def subdomain(name: str) -> Iterator[str]:
    """What is wrong with a DNS subdomain."""
    if len(name) > 253:
        yield "must be no more than 253 characters"
    if not _SUBDOMAIN.match(name):
        yield _BAD_SUBDOMAIN


def key(name: str) -> Iterator[str]:
    """What is wrong with the key of a label."""
    prefix, slash, rest = name.rpartition("/")
    if slash:
        if not prefix:
            yield "prefix part must be non-empty"
        else:
            yield from (f"prefix part {each}" for each in subdomain(prefix))
    if not rest:
        yield "name part must be non-empty"
    elif len(rest) > 63:
        yield "name part must be no more than 63 characters"
    if not _QUALIFIED.match(rest):
        yield _BAD_NAME


def is_port(name: str) -> bool:
    """Whether a port may be named so."""
    letters = any(character.isalpha() for character in name)
    return len(name) <= 15 and bool(_PORT.match(name)) and letters and "--" not in name and name.strip("-") == name
