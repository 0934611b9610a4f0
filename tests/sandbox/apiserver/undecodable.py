"""Built-in objects that no Go type can hold, and what the API server says of them."""

from __future__ import annotations

from dicot.kube.kind import Manifest

_CANNOT = "json: cannot unmarshal"
_FIELD = "into Go struct field"


def _container(**more: object) -> Manifest:
    return {"spec": {"containers": [{"name": "c", "image": "i", **more}]}}


UNDECODABLE: tuple[tuple[str, Manifest, str], ...] = (
    ("pods", {"spec": {"hostNetwork": "yes"}}, f"{_CANNOT} string {_FIELD} PodSpec.spec.hostNetwork of type bool"),
    (
        "pods",
        {"spec": {"terminationGracePeriodSeconds": 1.5}},
        f"{_CANNOT} number 1.5 {_FIELD} PodSpec.spec.terminationGracePeriodSeconds of type int64",
    ),
    (
        "pods",
        {"spec": {"priority": 2**40}},
        f"{_CANNOT} number 1099511627776 {_FIELD} PodSpec.spec.priority of type int32",
    ),
    (
        "pods",
        {"spec": {"containers": {}}},
        f"{_CANNOT} object {_FIELD} PodSpec.spec.containers of type []v1.Container",
    ),
    ("pods", _container(image=5), f"{_CANNOT} number {_FIELD} Container.spec.containers.image of type string"),
    (
        "pods",
        {"spec": {"securityContext": "x"}},
        f"{_CANNOT} string {_FIELD} PodSpec.spec.securityContext of type v1.PodSecurityContext",
    ),
    (
        "pods",
        {"spec": {"nodeSelector": {"a": 1}}},
        f"{_CANNOT} number {_FIELD} PodSpec.spec.nodeSelector of type string",
    ),
    (
        "pods",
        _container(resources={"requests": {"cpu": "abc"}}),
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ),
    (
        "configmaps",
        {"metadata": {"labels": {"a": 1}}},
        f"{_CANNOT} number {_FIELD} ObjectMeta.metadata.labels of type string",
    ),
    ("configmaps", {"data": "x"}, f"{_CANNOT} string {_FIELD} ConfigMap.data of type map[string]string"),
    ("configmaps", {"data": {"a": {}}}, f"{_CANNOT} object {_FIELD} ConfigMap.data of type string"),
    ("configmaps", {"binaryData": {"a": "!!"}}, "illegal base64 data at input byte 0"),
    (
        "configmaps",
        {"metadata": {"creationTimestamp": "x"}},
        'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"',
    ),
    (
        "configmaps",
        {"metadata": {"finalizers": "x"}},
        f"{_CANNOT} string {_FIELD} ObjectMeta.metadata.finalizers of type []string",
    ),
    (
        "configmaps",
        {"metadata": {"ownerReferences": [{"apiVersion": 1}]}},
        f"{_CANNOT} number {_FIELD} OwnerReference.metadata.ownerReferences.apiVersion of type string",
    ),
    ("secrets", {"data": {"a": 5}}, f"{_CANNOT} number {_FIELD} Secret.data of type []uint8"),
    ("secrets", {"data": {"a": "!!!"}}, "illegal base64 data at input byte 0"),
    ("secrets", {"immutable": "true"}, f"{_CANNOT} string {_FIELD} Secret.immutable of type bool"),
)
"""Plural, object, and what follows the "cannot be handled"."""
