"""metadata: what the server sets, what it keeps, what it refuses (apimachinery, pkg/api/validation/objectmeta.go)."""

import re
from collections.abc import Mapping
from typing import Any

from dicot.kube.kind import Manifest

from .refusal import Cause
from .refusals import bad_value, forbidden_field, required
from .resource import Resource

_SUBDOMAIN = (
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start"
    " and end with an alphanumeric character",
    "(e.g. 'example.com', regex used for validation is",
    253,
)
_LABEL = (
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?",
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end"
    " with an alphanumeric character",
    "(e.g. 'my-name',  or '123-abc', regex used for validation is",
    63,
)
_QUALIFIED = (
    r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]",
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is",
    63,
)
_VALUE = (
    r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start"
    " and end with an alphanumeric character",
    "(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is",
    63,
)
_ANNOTATIONS = 256 * 1024
_RBAC = "rbac.authorization.k8s.io"
_LABELLED = {("", "namespaces"), ("", "services")}
_EMPTY = ("labels", "annotations", "ownerReferences", "finalizers", "generateName", "selfLink", "managedFields")
Grammar = tuple[str, str, str, int]


def fails(grammar: Grammar, text: str, subject: str = "") -> str:
    """Why a text is none of a grammar, "" where it is one."""
    pattern, meaning, example, longest = grammar
    if len(text) > longest:
        return f"{subject}must be no more than {longest} bytes"
    if re.fullmatch(pattern, text) is None:
        return f"{subject}{meaning} {example} '{pattern}')"
    return ""


def name_fails(resource: Resource, name: str) -> str:
    """Why an object cannot have a name."""
    if resource.group == _RBAC:
        return _segment(name)
    return fails(_LABEL if (resource.group, resource.plural) in _LABELLED else _SUBDOMAIN, name)


def _segment(name: str) -> str:
    if name in (".", ".."):
        return f"may not be '{name}'"
    return next((f"may not contain '{mark}'" for mark in "/%" if mark in name), "")


def tidied(metadata: Manifest) -> Manifest:
    """metadata without what is empty, in the order in which the real one writes it."""
    return {
        name: value
        for name, value in metadata.items()
        if value is not None and not (name in _EMPTY and not value) and name != "selfLink"
    }


def born(metadata: Manifest, uid: str, now: str, namespace: str, generation: bool) -> Manifest:
    """metadata of a new object. What only the server may say is overruled."""
    kept = {name: value for name, value in metadata.items() if name not in _SERVERS}
    made = {**kept, "uid": uid, "creationTimestamp": now}
    if namespace:
        made["namespace"] = namespace
    else:
        made.pop("namespace", None)
    if generation:
        made["generation"] = 1
    return made


_SERVERS = frozenset(
    ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink")
)


def grown(new: Manifest, old: Manifest) -> None:
    """Set what an update cannot change, in place."""
    for name in ("generation", "creationTimestamp", "deletionTimestamp"):
        if name in old:
            new[name] = old[name]
        else:
            new.pop(name, None)
    new.setdefault("uid", old["uid"])
    if "deletionGracePeriodSeconds" in old:
        new.setdefault("deletionGracePeriodSeconds", old["deletionGracePeriodSeconds"])


def wrong(resource: Resource, metadata: Manifest) -> list[Cause]:
    """What is not valid."""
    name = metadata.get("name", "")
    found: list[Cause] = []
    if not name:
        found.append(required("metadata.name", "name or generateName is required"))
    elif why := name_fails(resource, name):
        found.append(bad_value("metadata.name", name, why))
    found += _labels(metadata.get("labels", {}))
    found += _annotations(metadata.get("annotations", {}))
    found += _owners(metadata.get("ownerReferences", []))
    found += [
        bad_value("metadata.finalizers", each, why)
        for each in metadata.get("finalizers", [])
        if (why := _qualified(each))
    ]
    return found


def changed_wrongly(new: Manifest, old: Manifest) -> list[Cause]:
    """What an update may not change, though nothing else is wrong with it."""
    found = [
        bad_value(f"metadata.{name}", new.get(name, ""), "field is immutable")
        for name in ("name", "namespace", "uid", "creationTimestamp")
        if new.get(name) != old.get(name)
    ]
    if "deletionTimestamp" in old:
        extra = [each for each in new.get("finalizers", []) if each not in old.get("finalizers", [])]
        if extra:
            said = "no new finalizers can be added if the object is being deleted, found new finalizers"
            listed = ", ".join(f'"{each}"' for each in sorted(extra))
            found.append(forbidden_field("metadata.finalizers", f"{said} []string{{{listed}}}"))
    return found


def _labels(labels: Mapping[str, Any]) -> list[Cause]:
    found = []
    for key, value in sorted(labels.items()):
        if why := _qualified(key):
            found.append(bad_value("metadata.labels", key, why))
        if why := fails(_VALUE, value):
            found.append(bad_value("metadata.labels", value, why))
    return found


def _annotations(annotations: Mapping[str, Any]) -> list[Cause]:
    found = [
        bad_value("metadata.annotations", key, why) for key in sorted(annotations) if (why := _qualified(key.lower()))
    ]
    if sum(len(key.encode()) + len(str(value).encode()) for key, value in annotations.items()) > _ANNOTATIONS:
        why = f"Too long: may not be more than {_ANNOTATIONS} bytes"
        found.append(Cause("FieldValueTooLong", why, "metadata.annotations"))
    return found


def _owners(owners: list[Manifest]) -> list[Cause]:
    found = []
    controllers = []
    checks: Mapping[str, str] = {
        "apiVersion": "version must not be empty",
        "kind": "must not be empty",
        "name": "must not be empty",
        "uid": "must not be empty",
    }
    for owner in owners:
        for name, why in checks.items():
            if not owner.get(name):
                found.append(bad_value(f"metadata.ownerReferences.{name}", owner.get(name, ""), why))
        if owner.get("controller"):
            controllers.append(owner.get("name", ""))
    if len(controllers) > 1:
        said = 'Only one reference can have Controller set to true. Found "true" in references for'
        found.append(bad_value("metadata.ownerReferences", owners, f"{said} {controllers[0]} and {controllers[1]}"))
    return found


def _qualified(text: str) -> str:
    """Why a text is no qualified name, "" where it is one."""
    prefix, slash, name = text.rpartition("/")
    if slash:
        if not prefix:
            return "prefix part must be non-empty"
        if "/" in prefix:
            said = "a qualified name " + _QUALIFIED[1]
            with_prefix = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            return f"{said} {_QUALIFIED[2]} '{_QUALIFIED[0]}') {with_prefix}"
        if why := fails(_SUBDOMAIN, prefix, "prefix part "):
            return why
    if not name:
        return "name part must be non-empty"
    return fails(_QUALIFIED, name, "name part ")
