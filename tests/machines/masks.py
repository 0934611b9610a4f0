"""Objects without what differs from one life to the next: ids, names of them, moments, addresses, places.

Conditions are in the order of their types: virt-controller's own comes of how often it has looked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from tests.cluster.objects import Document

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PATTERNS = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "MOMENT"),
    (re.compile(r'"resourceVersion": "\d+"'), '"resourceVersion": "VERSION"'),
    (re.compile(r'"consecutiveFailCount": \d+'), '"consecutiveFailCount": "COUNT"'),
    (re.compile(r"(virt-launcher-[a-z0-9-]+-)[a-z0-9]{5}\b"), r"\1SUFFIX"),
    (re.compile(r"(\d{1,3}\.){3}\d{1,3}"), "ADDRESS"),
    (re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}"), "MAC"),
    (re.compile(r"node-[12]\b"), "NODE"),
    (re.compile(r"zone-[12]\b"), "ZONE"),
    (re.compile(r'(?<="--qemu-timeout", ")\d+s'), "SECONDS"),
)
_COUNTED = ("VirtualMachineInstance",)
"""Kinds whose generation counts how often somebody wrote them: their status is a part like any other."""
_DROPPED = ("managedFields", "selfLink")


def masked(found: Sequence[Document], namespace: str) -> list[Document]:
    """Objects that can be compared with those of another cluster: equal ids stay equal."""
    text = json.dumps([_plain(each) for each in found], sort_keys=True).replace(namespace, "NAMESPACE")
    ids: dict[str, str] = {}
    text = _ID.sub(lambda match: ids.setdefault(match.group(), f"ID-{len(ids) + 1}"), text)
    for pattern, word in _PATTERNS:
        text = pattern.sub(word, text)
    made: list[Document] = json.loads(text)
    return made


def _plain(found: Document) -> Document:
    metadata = {key: value for key, value in found["metadata"].items() if key not in _DROPPED}
    if found.get("kind") in _COUNTED:
        del metadata["generation"]
    plain = {**found, "metadata": metadata}
    if (found.get("status") or {}).get("conditions"):
        ordered = sorted(found["status"]["conditions"], key=lambda each: str(each["type"]))
        plain["status"] = {**found["status"], "conditions": ordered}
    return plain
