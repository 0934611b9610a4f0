"""What built-in objects have from the start (kubernetes, pkg/registry, PrepareForCreate of each strategy.go)."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from copy import deepcopy
from zlib import crc32

from dicot.kube.kind import Manifest

from .resource import Resource


def at_birth(resource: Resource, made: Manifest) -> None:
    """Give a new object what its kind has, in place."""
    change = _BIRTHS.get((resource.group, resource.plural))
    if change is not None:
        change(made)


def as_kept(resource: Resource, made: Manifest) -> None:
    """Bring what clients write for their ease into the form that is kept, in place."""
    if (resource.group, resource.plural) == ("", "secrets"):
        _secret(made)


def _namespace(made: Manifest) -> None:
    made["status"] = {"phase": "Active"}


def _pending(made: Manifest) -> None:
    made["status"] = {"phase": "Pending"}


def _volume(made: Manifest) -> None:
    made["spec"].setdefault("persistentVolumeReclaimPolicy", "Retain")
    made["spec"].setdefault("volumeMode", "Filesystem")
    made["status"] = {"phase": "Pending", "lastPhaseTransitionTime": made["metadata"]["creationTimestamp"]}


def _claim(made: Manifest) -> None:
    made["spec"].setdefault("volumeMode", "Filesystem")
    _source(made["spec"])
    _pending(made)


_SOURCES = (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot"))


def _source(spec: Manifest) -> None:
    """What is said of a source in one place stands in both (pkg/api/persistentvolumeclaim, NormalizeDataSources)."""
    old, new = spec.get("dataSource"), spec.get("dataSourceRef")
    if new is None and old is not None and (old.get("apiGroup") or "", old["kind"]) not in _SOURCES:
        del spec["dataSource"]
    elif new is None and old is not None:
        spec["dataSourceRef"] = dict(old)
    elif old is None and new is not None and not new.get("namespace"):
        spec["dataSource"] = dict(new)


_POD: Manifest = {
    "dnsPolicy": "ClusterFirst",
    "enableServiceLinks": True,
    "preemptionPolicy": "PreemptLowerPriority",
    "priority": 0,
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "serviceAccount": "default",
    "serviceAccountName": "default",
    "terminationGracePeriodSeconds": 30,
}
_CONTAINER: Manifest = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_LONG_ENOUGH = 300


def _pod(made: Manifest) -> None:
    """With what its defaults and the admission of a cluster give to a Pod; the volume with its token is left out."""
    spec = made["spec"]
    for name, value in _POD.items():
        spec.setdefault(name, deepcopy(value))
    spec["serviceAccount"] = spec["serviceAccountName"]
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        for name, value in _CONTAINER.items():
            container.setdefault(name, deepcopy(value))
        container.setdefault("imagePullPolicy", _pull(container.get("image", "")))
        _requested(container["resources"])
        for probe in (container[name] for name in _PROBES if name in container):
            for name, value in _PROBE.items():
                probe.setdefault(name, value)
    for volume in spec.get("volumes", ()):
        if "secret" in volume:
            volume["secret"].setdefault("defaultMode", 0o644)
    given = spec.get("tolerations", [])
    known = {each.get("key") for each in given}
    spec["tolerations"] = given + [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _LONG_ENOUGH}
        for key in _TOLERATED
        if key not in known
    ]
    made["status"] = {"phase": "Pending", "qosClass": _quality(spec.get("containers", []))}


_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE: Mapping[str, int] = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


def _pull(image: str) -> str:
    """An image whose tag may change is pulled each time."""
    if "@" in image:
        return "IfNotPresent"
    _, colon, tag = image.rpartition("/")[2].partition(":")
    return "Always" if not colon or tag == "latest" else "IfNotPresent"


def _requested(resources: Manifest) -> None:
    """What is limited is requested too."""
    limits = resources.get("limits")
    if limits:
        resources["requests"] = {**limits, **resources.get("requests", {})}


def _quality(containers: list[Manifest]) -> str:
    """The quality of service that follows from what is requested (kubernetes, pkg/apis/core/v1/helper/qos)."""
    amounts = [
        (each["resources"].get("requests", {}).get(name), each["resources"].get("limits", {}).get(name))
        for each in containers
        for name in ("cpu", "memory")
    ]
    if all(limit is not None and request == limit for request, limit in amounts):
        return "Guaranteed"
    return "Burstable" if any(each is not None for pair in amounts for each in pair) else "BestEffort"


def _node(made: Manifest) -> None:
    """Nothing is scheduled there until it says that it is ready."""
    taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    taints = made.setdefault("spec", {}).setdefault("taints", [])
    if taint not in taints:
        taints.append(taint)


def _service(made: Manifest) -> None:
    """With an address of its own, unless it wants none."""
    spec = made.setdefault("spec", {})
    for name, value in _SERVICE.items():
        spec.setdefault(name, deepcopy(value))
    for port in spec.get("ports", ()):
        port.setdefault("targetPort", port.get("port"))
    if spec["type"] != "ExternalName":
        third, fourth = (
            crc32(made["metadata"]["uid"].encode()) % 254 + 1,
            crc32(made["metadata"]["name"].encode()) % 254,
        )
        spec.setdefault("clusterIP", f"10.96.{third}.{fourth + 1}")
        spec.setdefault("clusterIPs", [spec["clusterIP"]])
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        spec.setdefault("internalTrafficPolicy", "Cluster")
    made["status"] = {"loadBalancer": {}}


_SERVICE: Manifest = {"sessionAffinity": "None", "type": "ClusterIP"}


def _secret(made: Manifest) -> None:
    made.setdefault("type", "Opaque")
    plain = made.pop("stringData", None)
    if plain:
        data = made.setdefault("data", {})
        data.update({name: b64encode(text.encode()).decode() for name, text in plain.items()})


_BIRTHS: Mapping[tuple[str, str], Callable[[Manifest], None]] = {
    ("", "namespaces"): _namespace,
    ("", "nodes"): _node,
    ("", "persistentvolumeclaims"): _claim,
    ("", "persistentvolumes"): _volume,
    ("", "pods"): _pod,
    ("", "services"): _service,
}
