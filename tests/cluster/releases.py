"""What releases of Kubernetes say otherwise than the one that the sandbox is like, by the first that does.

Since 1.37 more of what is required or immutable is told by declarative validation: after what is told by hand, in
words that are the same for all kinds (k8s.io/apimachinery, pkg/api/validate).
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.cluster.control import Control
from tests.cluster.objects import Document

Release = tuple[int, int]
ZONED: Release = (1, 35)
"""A Pod gets the zone of its node as a label (PodTopologyLabelsAdmission)."""
CONSTRAINED: Release = (1, 36)
"""The right to act as an account may be for one verb alone, and impersonation is refused in other words
(ConstrainedImpersonation)."""
LATELY: Release = (1, 36)
"""Service accounts are listed without a count of their Secrets; a fraction in the place of a number is a cause for
CEL as well; what breaks a rule of CEL's is told by its value where that is a scalar, no more by its type. 1.34 does
otherwise, 1.35 was not asked."""
COMPRESSING: Release = (1, 37)
"""Streamed lists are compressed for clients that accept gzip (WatchListCompression)."""
UNUSED: Release = (1, 37)
"""A claim has a condition that tells since when no pod uses it."""
_ZONE = "topology.kubernetes.io/zone"
_BEFORE: Mapping[str, str] = {
    "pkg/runtime/scheme.go:111": "pkg/runtime/scheme.go:110",
    "Invalid value: Either userId": 'Invalid value: "object": Either userId',
    "Invalid value: It cannot be changed": 'Invalid value: "object": It cannot be changed',
    "Invalid value: exactly one of volume": 'Invalid value: "object": exactly one of volume',
    "Invalid value: Illegal AccessMode": 'Invalid value: "array": Illegal AccessMode',
    '"b": persistentVolumeClaimName is immutable': '"string": persistentVolumeClaimName is immutable',
}
"""What was said until LATELY."""
WORDS: Mapping[Release, Mapping[str, str]] = {
    (1, 37): {
        ": cannot change roleRef": ": field is immutable",
        "Required value: at least one validation action is required": "Required value",
        "[rules[0].verbs: Required value: verbs must contain at least one value, ": "[",
        "at least one api group]": "at least one api group, rules[0].verbs: Required value]",
        "subjects[1].name: Required value, subjects[1].kind:": "subjects[1].kind:",
        '"ServiceAccount", "User", "Group"]': '"ServiceAccount", "User", "Group", subjects[1].name: Required value]',
        'spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":"get"}: '
        "cannot be specified in combination with resourceAttributes": (
            'spec: Invalid value: {"Path":"/x","Verb":"get"}: '
            "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        ),
        "spec.resourceAttributes: Invalid value: null: exactly one of": "spec: Invalid value: null: exactly one of",
    }
}


async def release(control: Control) -> Release:
    """That of a server."""
    version = await control.get("/version")
    return int(version["major"]), int(version["minor"].rstrip("+"))


def claim_before(here: Release, claim: Document) -> Document:
    """A claim as it was told of before UNUSED."""
    status = claim.get("status", {})
    if here < UNUSED or "conditions" not in status:
        return claim
    others = [each for each in status["conditions"] if each["type"] != "Unused"]
    rest = {key: value for key, value in status.items() if key != "conditions"}
    return {**claim, "status": rest | ({"conditions": others} if others else {})}


def pod_of(here: Release, pod: Document) -> Document:
    """What was told of a Pod since ZONED, as a release tells it."""
    if here >= ZONED:
        return pod
    labels = {key: value for key, value in pod["metadata"]["labels"].items() if key != _ZONE}
    return {**pod, "metadata": {**pod["metadata"], "labels": labels}}


def worded(here: Release, text: str) -> str:
    """A refusal in the words of a release."""
    for new, old in _BEFORE.items() if here < LATELY else ():
        text = text.replace(new, old)
    for since, words in WORDS.items():
        if here >= since:
            for old, new in words.items():
                text = text.replace(old, new)
    return text
