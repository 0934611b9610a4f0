"""Changes of machines and instances that are there, by somebody who is not KubeVirt."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.cluster.control import Answer
from tests.cluster.objects import Document

from . import admissions

CHANGES: Mapping[str, tuple[str, Document]] = {
    "a label of a machine": ("vm", {"metadata": {"labels": {"a": "b"}}}),
    "another strategy": ("vm", {"spec": {"runStrategy": "Manual"}}),
    "an unknown strategy": ("vm", {"spec": {"runStrategy": "Sometimes"}}),
    "another instancetype": ("vm", {"spec": {"instancetype": {"name": "m1.small"}}}),
    "an instancetype that is not there": ("vm", {"spec": {"instancetype": {"name": "absent"}}}),
    "no template": ("vm", {"spec": {"template": None}}),
    "memory beside the instancetype": (
        "vm",
        {"spec": {"template": {"spec": {"domain": {"memory": {"guest": "1Gi"}}}}}},
    ),
    "reserved labels of guests": (
        "vm",
        {"spec": {"template": {"metadata": {"labels": {"kubevirt.io/created-by": "me"}}}}},
    ),
    "a binding that is gone": (
        "vm",
        {"spec": {"template": {"spec": {"domain": {"devices": {"interfaces": [{"name": "private", "slirp": {}}]}}}}}},
    ),
    "a status of a machine": ("vm", {"status": {"printableStatus": "Mine"}}),
    "a label of an instance": ("vmi", {"metadata": {"labels": {"a": "b"}}}),
    "a reserved label of an instance": ("vmi", {"metadata": {"labels": {"kubevirt.io/nodeName": "elsewhere"}}}),
    "a spec of an instance": ("vmi", {"spec": {"terminationGracePeriodSeconds": 7}}),
    "a status of an instance": ("vmi", {"status": {"phase": "Failed"}}),
}


def kept(answer: Answer, namespace: str) -> Document:
    """What a record holds of an answer: of an object what the changes are about."""
    found = json.loads(answer.content.replace(namespace.encode(), b"NAMESPACE"))
    if not answer.ok:
        return admissions.refusal(answer.status, found)
    template = found["spec"].get("template", {})
    return {
        "labels": {key: value for key, value in found["metadata"].get("labels", {}).items() if key == "a"},
        "strategy": found["spec"].get("runStrategy"),
        "instancetype": found["spec"].get("instancetype"),
        "architecture": template.get("spec", {}).get("architecture"),
        "shows": found["status"].get("printableStatus") or found["status"].get("phase"),
    }
