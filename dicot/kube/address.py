"""Addresses of Kubernetes objects as URL paths, built from checked parts only."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .errors import Invalid
from .kind import Kind

_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_DNS_LABEL = re.compile(rf"{_LABEL}\Z")
# What stands between the dots of a name may be as long as the name: only a label that is one by itself ends at 63
# (apimachinery, IsDNS1123Subdomain). The members of a VolumeGroupSnapshot have such names.
_PART = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_DNS_NAME = re.compile(rf"{_PART}(?:\.{_PART})*\Z")
_VERSION = re.compile(r"v[1-9][0-9]{0,3}(?:(?:alpha|beta)[1-9][0-9]{0,3})?\Z")
_SUBRESOURCE = re.compile(r"[a-z]{1,40}(?:/[a-z]{1,40})?\Z")
# Roles and bindings may carry any path segment as name, and those of the system have colons.
_RBAC = "rbac.authorization.k8s.io"
_RBAC_NAME = re.compile(r"[A-Za-z0-9][-A-Za-z0-9:.]{0,252}\Z")
_LABEL_VALUE = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z")
_PRINTABLE = re.compile(r"[\x20-\x7e]*\Z")
_LONGEST_PART = 253


@dataclass(frozen=True, slots=True)
class Account:
    """A ServiceAccount to act as, with the extras that the audit log shall show (key, value)."""

    namespace: str
    name: str
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where one object, one collection (name "") or one subresource is.

    Its parts are validated and encoded where they become a path.
    """

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def place(kind: Kind[Any], namespace: str, name: str = "", subresource: str = "") -> Place:
    """The place of an object of a kind."""
    return Place(kind.group, kind.version, kind.plural, namespace, name, subresource)


def path(at: Place) -> str:
    """The path of a place. Raises Invalid, before anything is sent, for a part that Kubernetes could not have."""
    head = ["api"] if not at.group else ["apis", _checked(_DNS_NAME, at.group, "group")]
    parts = [*head, _checked(_VERSION, at.version, "version")]
    if at.namespace:
        parts += ["namespaces", _checked(_DNS_LABEL, at.namespace, "namespace")]
    parts.append(_checked(_DNS_LABEL, at.plural, "resource"))
    if at.name:
        grammar = _RBAC_NAME if at.group == _RBAC else _DNS_NAME
        parts.append(_checked(grammar, at.name, "name"))
    if at.subresource:
        parts += _checked(_SUBRESOURCE, at.subresource, "subresource").split("/")
    return "/" + "/".join(quote(part, safe="") for part in parts)


def selector(label: str, value: str) -> str:
    """A label selector that asks for one value."""
    prefix, slash, name = label.rpartition("/")
    if slash:
        _checked(_DNS_NAME, prefix, "label")
    _checked(_LABEL_VALUE, name, "label")
    return f"{label}={_checked(_LABEL_VALUE, value, 'label value')}"


def user_name(account: Account) -> str:
    """The user name by which Kubernetes knows a ServiceAccount."""
    namespace = _checked(_DNS_LABEL, account.namespace, "namespace")
    return f"system:serviceaccount:{namespace}:{_checked(_DNS_NAME, account.name, 'account')}"


def impersonation(account: Account) -> dict[str, str]:
    """The headers that make a request act as an account. Keys of extras are percent-encoded, as the server asks."""
    headers = {"Impersonate-User": user_name(account)}
    for key, value in account.extra:
        headers[f"Impersonate-Extra-{quote(key, safe='').lower()}"] = _checked(_PRINTABLE, value, "extra")
    return headers


def _checked(grammar: re.Pattern[str], part: str, what: str) -> str:
    if len(part) > _LONGEST_PART or not grammar.match(part):
        raise Invalid(400, "BadRequest", f"not a {what} that Kubernetes could have")
    return part
