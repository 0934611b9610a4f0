"""What makes a copy of a machine another machine: JSON patches (pkg/virt-controller/watch/clone, vm-target.go)."""

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import json

from dicot.kube.kind import Manifest

from ..machines.objects import meta
from .restored import LAST

_GUEST = "/spec/template/spec/domain"
_TEMPLATE = "/spec/template/metadata"


def patches(machine: Manifest, spec: Manifest) -> Sequence[str]:
    """The patches, each as text: new addresses and ids, fewer labels and annotations, and what the clone asks for."""
    found = [*_devices(machine, spec), *_words(machine, spec)]
    if "firmware" in machine["spec"]["template"]["spec"]["domain"]:
        found.append(_replace(f"{_GUEST}/firmware/uuid", ""))
    return [*(json.encode(each).decode() for each in found), *(spec.get("patches") or ())]


def _devices(machine: Manifest, spec: Manifest) -> Iterator[Manifest]:
    domain = machine["spec"]["template"]["spec"]["domain"]
    addresses = spec.get("newMacAddresses") or {}
    for index, each in enumerate(domain["devices"].get("interfaces") or ()):
        yield _replace(f"{_GUEST}/devices/interfaces/{index}/macAddress", addresses.get(each["name"], ""))
    if "firmware" in domain:
        yield _replace(f"{_GUEST}/firmware/serial", spec.get("newSMBiosSerial") or "")


def _words(machine: Manifest, spec: Manifest) -> Iterator[Manifest]:
    """Labels and annotations that the copy has not."""
    outer, inner = spec, spec.get("template") or {}
    template = machine["spec"]["template"].get("metadata") or {}
    notes = {key: text for key, text in (meta(machine).get("annotations") or {}).items() if key != LAST}
    yield from _without(meta(machine).get("labels") or {}, outer.get("labelFilters"), "/metadata/labels")
    yield from _without(notes, outer.get("annotationFilters"), "/metadata/annotations")
    yield from _without(template.get("labels") or {}, inner.get("labelFilters"), f"{_TEMPLATE}/labels")
    yield from _without(template.get("annotations") or {}, inner.get("annotationFilters"), f"{_TEMPLATE}/annotations")


def _without(words: Mapping[str, str], filters: Sequence[str] | None, path: str) -> Iterator[Manifest]:
    if filters is None:
        return
    wanted = [".*" if each == "*" else each for each in filters if not each.startswith("!")]
    unwanted = [each[1:] for each in filters if each.startswith("!")]
    for key in words:
        kept = any(re.search(each, key) for each in wanted) and not any(re.search(each, key) for each in unwanted)
        if not kept:
            escaped = key.replace("~", "~0").replace("/", "~1")
            yield {"op": "remove", "path": f"{path}/{escaped}", "value": None}


def _replace(path: str, value: str) -> Manifest:
    return {"op": "replace", "path": path, "value": value}
