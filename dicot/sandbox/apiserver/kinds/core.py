"""What core objects may not be (kubernetes, pkg/apis/core/validation)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dicot.kube.kind import Manifest
from dicot.kube.quantity import amount

from ..refusal import Cause
from ..structural import causes
from . import pods

_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',"
    "  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_LARGEST = 1024 * 1024
_FROZEN = "field is immutable when `immutable` is set"
IMMUTABLE = "field is immutable"
PORTS = "must be between 1 and 65535, inclusive"
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}
_ACCOUNT = "kubernetes.io/service-account.name"


def _keys(where: str, names: Iterable[str]) -> Iterator[Cause]:
    for name in names:
        field = f"{where}[{name}]"
        if len(name) > 253:
            yield causes.invalid(field, name, "must be no more than 253 bytes")
        elif not _KEY.fullmatch(name):
            yield causes.invalid(field, name, _KEY_TEXT)
        elif name in (".", ".."):
            yield causes.invalid(field, name, f"must not be '{name}'")
        elif name.startswith(".."):
            yield causes.invalid(field, name, "must not start with '..'")


def _frozen(new: Manifest, old: Manifest | None, *fields: str) -> Iterator[Cause]:
    """What an object that is immutable keeps."""
    if old is None or not old.get("immutable"):
        return
    if not new.get("immutable"):
        yield causes.forbidden("immutable", _FROZEN)
    for field in fields:
        if (new.get(field) or {}) != (old.get(field) or {}):
            yield causes.forbidden(field, _FROZEN)


def config_map(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A ConfigMap."""
    data, binary = new.get("data") or {}, new.get("binaryData") or {}
    yield from _keys("data", data)
    for name in data:
        if name in binary:
            yield causes.invalid(f"data[{name}]", name, "duplicate of key present in binaryData")
    yield from _keys("binaryData", binary)
    size = sum(len(each.encode()) for each in data.values()) + sum(_bytes(each) for each in binary.values())
    if size > _LARGEST:
        yield causes.too_long("[]", _LARGEST)
    yield from _frozen(new, old, "data", "binaryData")


def _bytes(text: str) -> int:
    """How many bytes a text in base64 stands for."""
    return len(text) // 4 * 3 - text[-2:].count("=")


def secret(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A Secret."""
    data, type_ = new.get("data") or {}, new.get("type", "Opaque")
    yield from _keys("data", data)
    if sum(map(_bytes, data.values())) > _LARGEST:
        yield causes.too_long("data", _LARGEST)
    for name in _NEEDED.get(type_, ()):
        if name not in data:
            yield causes.required(f"data[{name}]")
    annotations = new["metadata"].get("annotations") or {}
    if type_ == "kubernetes.io/service-account-token" and not annotations.get(_ACCOUNT):
        yield causes.required(f"metadata.annotations[{_ACCOUNT}]")
    if old is not None and type_ != old.get("type", "Opaque"):
        yield causes.invalid("type", type_, IMMUTABLE)
    yield from _frozen(new, old, "data")


def pod(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A Pod, as far as controllers can go wrong with one."""
    spec = new.get("spec") or {}
    volumes = [each.get("name", "") for each in spec.get("volumes") or ()]
    yield from _unique("spec.volumes", volumes)
    containers = spec.get("containers") or ()
    if not containers:
        yield causes.required("spec.containers")
    for where in ("containers", "initContainers"):
        found = spec.get(where) or ()
        for place, each in enumerate(found):
            yield from _container(f"spec.{where}[{place}]", each, volumes)
        yield from _unique(f"spec.{where}", [each.get("name", "") for each in found])
    policy = spec.get("restartPolicy", "Always")
    if policy not in ("Always", "OnFailure", "Never"):
        yield causes.unsupported("spec.restartPolicy", policy, ("Always", "OnFailure", "Never"))
    if old is not None:
        yield from pods.changed(new, old)


def _unique(where: str, names: Sequence[str]) -> Iterator[Cause]:
    for place, name in enumerate(names):
        if name and name in names[:place]:
            yield causes.duplicate(f"{where}[{place}].name", name)


def _container(where: str, found: Mapping[str, Any], volumes: Sequence[str]) -> Iterator[Cause]:
    for name in ("name", "image"):
        if not found.get(name):
            yield causes.required(f"{where}.{name}")
    for place, each in enumerate(found.get("volumeMounts") or ()):
        if each.get("name", "") not in volumes:
            yield causes.not_found(f"{where}.volumeMounts[{place}].name", each.get("name", ""))
    for kind in ("limits", "requests"):
        for name, quantity in ((found.get("resources") or {}).get(kind) or {}).items():
            if amount(quantity) < 0:
                why = "must be greater than or equal to 0"
                yield causes.invalid(f"{where}.resources.{kind}[{name}]", quantity, why)


def service(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """A Service, minimally."""
    spec = new.get("spec") or {}
    type_, ports = spec.get("type", "ClusterIP"), spec.get("ports") or ()
    kinds = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
    if type_ not in kinds:
        yield causes.unsupported("spec.type", type_, kinds)
    if type_ == "ExternalName":
        if not spec.get("externalName"):
            yield causes.required("spec.externalName")
    elif not ports and spec.get("clusterIP") != "None":
        yield causes.required("spec.ports")
    for place, each in enumerate(ports):
        if len(ports) > 1 and not each.get("name"):
            yield causes.required(f"spec.ports[{place}].name")
        for name in ("port", "targetPort"):
            value = each.get(name, 0)
            if isinstance(value, int) and not 1 <= value <= 65535:
                yield causes.invalid(f"spec.ports[{place}].{name}", value, PORTS)


def event(new: Manifest, old: Manifest | None) -> Iterator[Cause]:
    """An Event is where what it is about is."""
    about = (new.get("involvedObject") or {}).get("namespace", "")
    where = new["metadata"].get("namespace", "")
    if about and about != where:
        yield causes.invalid("involvedObject.namespace", about, "does not match event.namespace")
