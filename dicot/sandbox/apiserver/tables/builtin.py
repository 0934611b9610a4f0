"""The rows of built-in resources (kubernetes, pkg/printers/internalversion/printers.go)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dicot.kube.kind import Manifest

from .cells import Cells
from .pods import pod
from .words import NONE, UNKNOWN, UNSET, access, labels, selector, since

_ROLE = "node-role.kubernetes.io/"
_CLASS = "volume.beta.kubernetes.io/storage-class"
_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
Between = Callable[[Manifest], Sequence[Any]]
"""The cells between an object's name and its age."""


def _plain(between: Between) -> Cells:
    """Name, what is between, age."""

    def cells(found: Manifest, now: float) -> list[Any]:
        return [found["metadata"]["name"], *between(found), _age(found, now)]

    return cells


def _age(found: Manifest, now: float) -> str:
    return since(found["metadata"].get("creationTimestamp"), now)


def created(found: Manifest, now: float) -> list[Any]:
    """The row of what has none of its own."""
    return [found["metadata"]["name"], found["metadata"].get("creationTimestamp")]


def _phase(found: Manifest) -> str:
    return "Terminating" if "deletionTimestamp" in found["metadata"] else found.get("status", {}).get("phase", "")


def _class_of(found: Manifest) -> str:
    annotated = (found["metadata"].get("annotations") or {}).get(_CLASS)
    return str(annotated if annotated is not None else found["spec"].get("storageClassName") or "")


def _node(found: Manifest, now: float) -> list[Any]:
    status = found.get("status", {})
    facts = status.get("nodeInfo", {})
    ready = [each["status"] for each in status.get("conditions") or () if each["type"] == "Ready"]
    said = [("Ready" if ready[-1] == "True" else "NotReady") if ready else "Unknown"]
    said += ["SchedulingDisabled"] if found.get("spec", {}).get("unschedulable") else []
    kernel = facts.get("kernelVersion") or UNKNOWN
    return [
        found["metadata"]["name"],
        ",".join(said),
        _roles(found["metadata"].get("labels") or {}),
        _age(found, now),
        facts.get("kubeletVersion", ""),
        _address(status, "InternalIP"),
        _address(status, "ExternalIP"),
        facts.get("osImage") or UNKNOWN,
        f"{kernel} ({facts['architecture']})" if facts.get("architecture") else kernel,
        facts.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _roles(found: Mapping[str, str]) -> str:
    roles = {key.removeprefix(_ROLE) for key in found if key.startswith(_ROLE)} | {
        found.get("kubernetes.io/role", "")
    }
    return ",".join(sorted(roles - {""})) or NONE


def _address(status: Mapping[str, Any], type: str) -> str:
    return next((each["address"] for each in status.get("addresses") or () if each["type"] == type), NONE)


def _claim(found: Manifest, now: float) -> list[Any]:
    spec, status = found["spec"], found.get("status", {})
    volume = spec.get("volumeName", "")
    return [
        found["metadata"]["name"],
        _phase(found),
        volume,
        (status.get("capacity") or {}).get("storage", "0") if volume else "",
        access(status.get("accessModes") or ()) if volume else "",
        _class_of(found),
        spec.get("volumeAttributesClassName", UNSET),
        _age(found, now),
        spec.get("volumeMode", UNSET),
    ]


def _volume(found: Manifest, now: float) -> list[Any]:
    spec, claim = found["spec"], found["spec"].get("claimRef")
    return [
        found["metadata"]["name"],
        (spec.get("capacity") or {}).get("storage", "0"),
        access(spec.get("accessModes") or ()),
        spec.get("persistentVolumeReclaimPolicy", ""),
        _phase(found),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        _class_of(found),
        spec.get("volumeAttributesClassName", UNSET),
        found.get("status", {}).get("reason", ""),
        _age(found, now),
        spec.get("volumeMode", UNSET),
    ]


def _event(found: Manifest, now: float) -> list[Any]:
    involved, series = found.get("involvedObject", {}), found.get("series")
    first = since(found.get("firstTimestamp") or found.get("eventTime"), now)
    last = since(found["lastTimestamp"], now) if found.get("lastTimestamp") else first
    if series:
        last = since(series.get("lastObservedTime"), now)
    kind, name = involved.get("kind", "").lower(), involved.get("name", "")
    source = found.get("source") or {}
    component = source.get("component") or found.get("reportingComponent", "")
    host = source.get("host") or found.get("reportingInstance", "")
    return [
        last,
        found.get("type", ""),
        found.get("reason", ""),
        f"{kind}/{name}" if name else kind,
        involved.get("fieldPath", ""),
        f"{component}, {host}" if host else component,
        found.get("message", "").strip(),
        first,
        series.get("count", 0) if series else found.get("count") or 1,
        found["metadata"]["name"],
    ]


def _service(found: Manifest, now: float) -> list[Any]:
    spec = found["spec"]
    ports = ",".join(map(_port, spec.get("ports") or ()))
    return [
        found["metadata"]["name"],
        spec.get("type", ""),
        (spec.get("clusterIPs") or [NONE])[0],
        _outside(spec, found.get("status", {})),
        ports or NONE,
        _age(found, now),
        labels(spec.get("selector")),
    ]


def _port(found: Mapping[str, Any]) -> str:
    node = f":{found['nodePort']}" if found.get("nodePort") else ""
    return f"{found['port']}{node}/{found.get('protocol', 'TCP')}"


def _outside(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    given = list(spec.get("externalIPs") or ())
    match spec.get("type"):
        case "ClusterIP" | "NodePort":
            return ",".join(given) or NONE
        case "ExternalName":
            return str(spec.get("externalName", ""))
        case "LoadBalancer":
            found = (status.get("loadBalancer") or {}).get("ingress") or ()
            known = {each.get("ip") or each.get("hostname") or "" for each in found} - {""}
            return ",".join([*sorted(known), *given]) or "<pending>"
    return UNKNOWN


def _quota(found: Manifest) -> Sequence[Any]:
    status = found.get("status", {})
    hard, used = status.get("hard") or {}, status.get("used") or {}
    said: dict[bool, list[str]] = {False: [], True: []}
    for name in sorted(hard):
        said[name.startswith("limits.")].append(f"{name}: {used.get(name, '0')}/{hard[name]}")
    return ", ".join(said[False]), ", ".join(said[True])


def _binding(found: Manifest, now: float) -> list[Any]:
    subjects = found.get("subjects") or ()
    role = found["roleRef"]
    accounts = [
        f"{each.get('namespace', '')}/{each['name']}" for each in subjects if each["kind"] == "ServiceAccount"
    ]
    of = {kind: ", ".join(each["name"] for each in subjects if each["kind"] == kind) for kind in ("User", "Group")}
    head = [found["metadata"]["name"], f"{role['kind']}/{role['name']}", _age(found, now)]
    return [*head, of["User"], of["Group"], ", ".join(accounts)]


def _storage_class(found: Manifest, now: float) -> list[Any]:
    metadata = found["metadata"]
    default = any((metadata.get("annotations") or {}).get(each) == "true" for each in _DEFAULT)
    return [
        f"{metadata['name']} (default)" if default else metadata["name"],
        found.get("provisioner", ""),
        found.get("reclaimPolicy", "Delete"),
        found.get("volumeBindingMode", "Immediate"),
        found.get("allowVolumeExpansion", False),
        _age(found, now),
    ]


def _priority(found: Manifest, now: float) -> list[Any]:
    head = [found["metadata"]["name"], found.get("value", 0), found.get("globalDefault", False)]
    return [*head, _age(found, now), found.get("preemptionPolicy", "")]


def _driver(found: Manifest) -> Sequence[Any]:
    spec = found.get("spec", {})
    asked = spec.get("tokenRequests")
    return (
        spec.get("attachRequired", True),
        spec.get("podInfoOnMount", False),
        spec.get("storageCapacity", False),
        UNSET if asked is None else ",".join(each.get("audience", "") for each in asked),
        spec.get("requiresRepublish", False),
        ",".join(spec.get("volumeLifecycleModes") or ()) or NONE,
    )


def _revision(found: Manifest) -> Sequence[Any]:
    for owner in found["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            group = owner["apiVersion"].rpartition("/")[0]
            kind = f"{owner['kind']}.{group}" if group else owner["kind"]
            return f"{kind.lower()}/{owner['name']}", found["revision"]
    return NONE, found["revision"]


def _deployment(found: Manifest, now: float) -> list[Any]:
    spec, status = found["spec"], found.get("status", {})
    containers = spec["template"]["spec"]["containers"]
    return [
        found["metadata"]["name"],
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        _age(found, now),
        ",".join(each["name"] for each in containers),
        ",".join(each.get("image", "") for each in containers),
        selector(spec.get("selector")),
    ]


def _api_service(found: Manifest) -> Sequence[Any]:
    service = found.get("spec", {}).get("service")
    where = f"{service['namespace']}/{service['name']}" if service else "Local"
    for each in found.get("status", {}).get("conditions") or ():
        if each["type"] == "Available":
            true = each["status"] == "True"
            return where, "True" if true else f"{each['status']} ({each.get('reason', '')})"
    return where, "Unknown"


def _budget(found: Manifest) -> Sequence[Any]:
    spec = found.get("spec", {})
    least, most = (str(spec.get(name, "N/A")) for name in ("minAvailable", "maxUnavailable"))
    return least, most, found.get("status", {}).get("disruptionsAllowed", 0)


def _parameters(found: Manifest) -> Sequence[Any]:
    named = found["spec"].get("paramRef") or {}
    said = UNSET
    if named.get("name"):
        said = f"{named.get('namespace') or '*'}/{named['name']}"
    elif named.get("selector"):
        said = selector(named["selector"])
    return found["spec"].get("policyName", ""), said


def _policy(found: Manifest) -> Sequence[Any]:
    kind = found["spec"].get("paramKind")
    return len(found["spec"].get("validations") or ()), f"{kind['apiVersion']}/{kind['kind']}" if kind else UNSET


def _attachment(found: Manifest) -> Sequence[Any]:
    spec = found["spec"]
    source = spec.get("source", {}).get("persistentVolumeName", "")
    return spec.get("attacher", ""), source, spec.get("nodeName", ""), found.get("status", {}).get("attached", False)


ROWS: Mapping[str, Cells] = {
    "apiservices": _plain(_api_service),
    "clusterrolebindings": _binding,
    "configmaps": _plain(lambda found: (len(found.get("data") or ()) + len(found.get("binaryData") or ()),)),
    "controllerrevisions": _plain(_revision),
    "csidrivers": _plain(_driver),
    "csinodes": _plain(lambda found: (len(found.get("spec", {}).get("drivers") or ()),)),
    "deployments": _deployment,
    "events": _event,
    "leases": _plain(lambda found: (found.get("spec", {}).get("holderIdentity", ""),)),
    "namespaces": _plain(lambda found: (found.get("status", {}).get("phase", ""),)),
    "networkpolicies": _plain(lambda found: (selector(found.get("spec", {}).get("podSelector")) or NONE,)),
    "nodes": _node,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "poddisruptionbudgets": _plain(_budget),
    "pods": pod,
    "priorityclasses": _priority,
    "resourcequotas": _plain(_quota),
    "rolebindings": _binding,
    "secrets": _plain(lambda found: (found.get("type", ""), len(found.get("data") or ()))),
    "serviceaccounts": _plain(lambda found: ()),
    "services": _service,
    "storageclasses": _storage_class,
    "validatingadmissionpolicies": _plain(_policy),
    "validatingadmissionpolicybindings": _plain(_parameters),
    "volumeattachments": _plain(_attachment),
}
"""By the plural; the others show when they were created."""
