"""DataVolumes that are offered to CDI's admission, and what is kept of each answer.

``recorded/refusals.json`` holds what the real program answered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.control import Answer
from tests.cluster.objects import Document
from tests.live.seen.objects import volume
from tests.sandbox.placing import placed

RECORDED = Path(__file__).with_name("recorded") / "refusals.json"
_SIZED: Document = {"resources": {"requests": {"storage": "1Gi"}}}
_HTTP: Document = {"http": {"url": "http://images.sandbox.invalid/x"}}
_BLANK: Document = {"blank": {}}


def _storage(size: str | int) -> Document:
    return {"resources": {"requests": {"storage": size}}}


def _from(source: Document, **more: object) -> Document:
    return {"source": source, "storage": _SIZED, **more}


OFFERS: Mapping[str, Document] = {
    "from a URL": _from(_HTTP),
    "from a containerDisk": _from({"registry": {"url": "docker://quay.io/x/y:z"}}),
    "blank": _from(_BLANK),
    "a number as size": {"source": _BLANK, "storage": _storage(1073741824)},
    "a claim as it is": {"source": _BLANK, "pvc": {"accessModes": ["ReadWriteOnce"], **_SIZED}},
    "neither pvc nor storage": {"source": _HTTP},
    "both pvc and storage": {"source": _HTTP, "pvc": {"accessModes": ["ReadWriteOnce"], **_SIZED}, "storage": _SIZED},
    "no size": {"source": _HTTP, "storage": {}},
    "no size of a claim": {"source": _HTTP, "pvc": {"accessModes": ["ReadWriteOnce"], "resources": {}}},
    "a size of zero": {"source": _HTTP, "storage": _storage("0")},
    "less than nothing": {"source": _HTTP, "storage": _storage("-1Gi")},
    "a small size": {"source": _HTTP, "storage": _storage("1k")},
    "a long class": {"source": _HTTP, "storage": {**_SIZED, "storageClassName": "c" * 254}},
    "a claim without access modes": {"source": _HTTP, "pvc": _SIZED},
    "a claim with two access modes": {
        "source": _HTTP,
        "pvc": {"accessModes": ["ReadWriteOnce", "ReadWriteMany"], **_SIZED},
    },
    "a claim with an odd access mode": {"source": _HTTP, "pvc": {"accessModes": ["Odd"], **_SIZED}},
    "an odd access mode": {"source": _BLANK, "storage": {"accessModes": ["ReadWriteOnce", "Odd"], **_SIZED}},
    "no source": {"storage": _SIZED},
    "an empty source": _from({}),
    "two sources": _from({**_BLANK, **_HTTP}),
    "source and sourceRef": _from(
        _BLANK, sourceRef={"kind": "DataSource", "name": "cirros", "namespace": "dicot-images"}
    ),
    "no URL": _from({"http": {"url": ""}}),
    "a URL of FTP": _from({"http": {"url": "ftp://images.sandbox.invalid/x"}}),
    "no URL at all": _from({"http": {"url": "x y"}}),
    "a path": _from({"http": {"url": "/x"}}),
    "a checksum": _from({"http": {"url": "http://images.sandbox.invalid/x", "checksum": f"md5:{'a' * 32}"}}),
    "a checksum without digits": _from({"http": {"url": "http://images.sandbox.invalid/x", "checksum": "md5:"}}),
    "a checksum of nothing": _from({"http": {"url": "http://images.sandbox.invalid/x", "checksum": "abc"}}),
    "a short checksum": _from({"http": {"url": "http://images.sandbox.invalid/x", "checksum": "md5:12"}}),
    "an odd checksum": _from({"http": {"url": "http://images.sandbox.invalid/x", "checksum": "crc:12"}}),
    "a checksum with a g": _from({"http": {"url": "http://images.sandbox.invalid/x", "checksum": f"md5:{'g' * 32}"}}),
    "an empty registry": _from({"registry": {}}),
    "a registry of HTTP": _from({"registry": {"url": "http://quay.io/x"}}),
    "a registry of an archive": _from({"registry": {"url": "docker://quay.io/x"}}, contentType="archive"),
    "an odd pull": _from({"registry": {"url": "docker://quay.io/x", "pullMethod": "odd"}}),
    "an image stream of a Pod": _from({"registry": {"imageStream": "x", "pullMethod": "pod"}}),
    "an empty image stream": _from({"registry": {"imageStream": "", "pullMethod": "node"}}),
    "a blank archive": _from(_BLANK, contentType="archive"),
    "a claim without a namespace": _from({"pvc": {"name": "x", "namespace": ""}}),
    "a claim of a namespace that is not there": _from({"pvc": {"name": "x", "namespace": "nowhere"}}),
    "a claim that is not there": _from({"pvc": {"name": "x", "namespace": "NAMESPACE"}}),
    "a snapshot without a namespace": _from({"snapshot": {"name": "x", "namespace": ""}}),
    "an odd sourceRef": {"storage": _SIZED, "sourceRef": {"kind": "Odd", "name": "x"}},
    "a sourceRef without a kind": {"storage": _SIZED, "sourceRef": {"kind": "", "name": "x"}},
    "a sourceRef without a name": {"storage": _SIZED, "sourceRef": {"kind": "DataSource", "name": ""}},
    "a DataSource that is not there": {"storage": _SIZED, "sourceRef": {"kind": "DataSource", "name": "missing"}},
    "filled by two": _from(
        _BLANK, storage={**_SIZED, "dataSource": {"kind": "Odd", "name": "x", "apiGroup": "odd.org"}}
    ),
    "filled by a nameless one": {
        "storage": {**_SIZED, "dataSourceRef": {"kind": "", "name": "", "namespace": "x"}},
    },
}


def offered(name: str, namespace: str) -> Document:
    """One of them, for a namespace."""
    return placed(volume("offered", OFFERS[name]), namespace)


def kept(answer: Answer, namespace: str) -> Document:
    """What a record holds of an answer: all of a refusal, and that a volume was taken."""
    if answer.ok:
        return {"taken": True, "token": "cdi.kubevirt.io/storage.clone.token" in notes(answer.document)}
    said: Document = json.loads(answer.content.replace(namespace.encode(), b"NAMESPACE"))
    return said


def notes(found: Document) -> Document:
    """The annotations of an object."""
    return found["metadata"].get("annotations") or {}
