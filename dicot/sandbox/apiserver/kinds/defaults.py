"""What built-in objects have where nobody says otherwise (kubernetes, pkg/apis, each defaults.go)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from dicot.sandbox import facts

_CORE = "io.k8s.api.core.v1."
_STORAGE = "io.k8s.api.storage.v1."
_POLICY = "io.k8s.api.admissionregistration.v1."
_RBAC = "io.k8s.api.rbac.v1."
_NETWORK = "io.k8s.api.networking.v1."
RBAC_GROUP = "rbac.authorization.k8s.io"
_MODE = 0o644
_VOLUME = {"defaultMode": _MODE}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    f"{_CORE}PodSpec": {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "securityContext": {},
        "enableServiceLinks": True,
    },
    f"{_CORE}Container": {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"},
    f"{_CORE}Probe": {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
    f"{_CORE}HTTPGetAction": {"path": "/", "scheme": "HTTP"},
    f"{_CORE}SecretVolumeSource": _VOLUME,
    f"{_CORE}ConfigMapVolumeSource": _VOLUME,
    f"{_CORE}DownwardAPIVolumeSource": _VOLUME,
    f"{_CORE}ProjectedVolumeSource": _VOLUME,
    f"{_CORE}ServiceAccountTokenProjection": {"expirationSeconds": 3600},
    f"{_CORE}HostPathVolumeSource": {"type": ""},
    f"{_CORE}ObjectFieldSelector": {"apiVersion": "v1"},
    f"{_CORE}PersistentVolumeClaimSpec": {"volumeMode": "Filesystem"},
    f"{_CORE}PersistentVolumeSpec": {"volumeMode": "Filesystem", "persistentVolumeReclaimPolicy": "Retain"},
    f"{_CORE}ServiceSpec": {"sessionAffinity": "None", "type": "ClusterIP"},
    f"{_CORE}Secret": {"type": "Opaque"},
    f"{_STORAGE}StorageClass": {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"},
    f"{_STORAGE}CSIDriverSpec": {
        "attachRequired": True,
        "podInfoOnMount": False,
        "storageCapacity": False,
        "fsGroupPolicy": "ReadWriteOnceWithFSType",
        "volumeLifecycleModes": ["Persistent"],
        "requiresRepublish": False,
        "seLinuxMount": False,
    },
    "io.k8s.api.scheduling.v1.PriorityClass": {"preemptionPolicy": "PreemptLowerPriority"},
    f"{_POLICY}ValidatingAdmissionPolicySpec": {"failurePolicy": "Fail"},
    f"{_POLICY}MatchResources": {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}},
    f"{_POLICY}NamedRuleWithOperations": {"scope": "*"},
    f"{_RBAC}RoleRef": {"apiGroup": RBAC_GROUP},
    f"{_NETWORK}NetworkPolicyPort": {"protocol": "TCP"},
    "io.k8s.api.apps.v1.DeploymentSpec": {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
    },
}
"""By the type of OpenAPI and the field."""


def _pull(container: dict[str, Any]) -> None:
    image = container.get("image", "")
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    always = tag == "latest" or (not tag and "@" not in image)
    container.setdefault("imagePullPolicy", "Always" if always else "IfNotPresent")


def _target(port: dict[str, Any]) -> None:
    port.setdefault("targetPort", port.get("port", 0))


def _subject(subject: dict[str, Any]) -> None:
    if subject.get("kind") in ("User", "Group"):
        subject.setdefault("apiGroup", RBAC_GROUP)


def _directions(spec: dict[str, Any]) -> None:
    """What a network policy is about follows from whether it says something of egress."""
    spec.setdefault("policyTypes", ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])


def _inside(spec: dict[str, Any]) -> None:
    if spec.get("type") in ("ClusterIP", "NodePort", "LoadBalancer"):
        spec.setdefault("internalTrafficPolicy", "Cluster")


DERIVED: Mapping[str, Callable[[dict[str, Any]], None]] = {
    f"{_CORE}Container": _pull,
    f"{_CORE}ServicePort": _target,
    f"{_CORE}ServiceSpec": _inside,
    f"{_RBAC}Subject": _subject,
    f"{_NETWORK}NetworkPolicySpec": _directions,
}
"""What follows from the other fields of a type."""


@cache
def typed(name: str) -> Mapping[str, Any]:
    """A type of OpenAPI with its defaults in it."""
    found = facts.types()[name]
    given = DEFAULTS.get(name, {})
    if not given:
        return found
    said = {field: {**found["properties"][field], "default": default} for field, default in given.items()}
    return {**found, "properties": {**found["properties"], **said}}
