"""The launcher of a guest, as virt-controller makes it (pkg/virt-controller/services)."""

import hashlib
import json
from collections.abc import Collection
from decimal import Decimal

from dicot.kube.kind import Manifest
from dicot.kube.quantity import amount

from . import launcher_disks as disks
from . import networks
from .launcher_disks import IMAGE, USER
from .objects import CREATED_BY, OBSERVED_VERSION, STORED_VERSION, meta, reference, status

__all__ = ["IMAGE", "launcher_pod"]
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX = 5
_LONGEST_BASE = 58
_LONGEST_LABEL = 63
_PADDING = 15
_GRACE = 30
_TIMEOUT, _JITTER = 240, 120
_MI = 2**20
_KUBEVIRT_OVERHEAD = 220 * _MI
"""The programs of a launcher: monitor, launcher, virtlogd, virtqemud, qemu."""
_FUNCTIONS = 1024 * _MI
"""All memory of a guest that has virtual functions is locked, and that for their registers."""
_EACH_CPU, _IO_THREAD, _VIDEO, _TPM = 8 * _MI, 8 * _MI, 32 * _MI, 53 * _MI
_CPU_ALLOCATION = 10
_HIDDEN = ("kubectl.kubernetes.io", STORED_VERSION, OBSERVED_VERSION)
_OBSOLETE = {"key": "node-labeller.kubevirt.io/obsolete-host-model", "operator": "DoesNotExist"}
_FREEZER = "/usr/bin/virt-freezer"


def launcher_pod(vmi: Manifest, blocks: Collection[str] = ()) -> Manifest:
    """The Pod that runs a guest; ``blocks`` are its claims that are block devices, as far as its status does not say.

    A guest has one launcher in its life, but for its migrations, and so its name follows from the guest's uid.
    """
    name, spec = meta(vmi)["name"], vmi["spec"]
    base = f"virt-launcher-{name}-"
    volumes, mounts, devices = disks.of(vmi, {*blocks, *_known_blocks(vmi)})
    grace = int(spec.get("terminationGracePeriodSeconds", _GRACE)) + _PADDING
    named = [
        each["serviceAccount"]["serviceAccountName"] for each in spec.get("volumes") or () if "serviceAccount" in each
    ]
    pod = {
        "hostname": _hostname(vmi),
        "subdomain": spec.get("subdomain"),
        "securityContext": {"fsGroup": USER, "runAsUser": USER, "runAsGroup": USER, "runAsNonRoot": True},
        "terminationGracePeriodSeconds": grace + _PADDING,
        "restartPolicy": "Never",
        "containers": [_compute(vmi, grace, mounts, devices), *disks.containers(vmi)],
        "initContainers": disks.init_containers(vmi),
        "nodeSelector": _selector(vmi),
        "volumes": volumes,
        "imagePullSecrets": disks.pull_secrets(vmi),
        "dnsConfig": spec.get("dnsConfig"),
        "dnsPolicy": spec.get("dnsPolicy"),
        "readinessGates": [{"conditionType": "kubevirt.io/virtual-machine-unpaused"}],
        "enableServiceLinks": False,
        "schedulerName": spec.get("schedulerName"),
        "tolerations": spec.get("tolerations"),
        "topologySpreadConstraints": spec.get("topologySpreadConstraints"),
        "priorityClassName": spec.get("priorityClassName"),
        "affinity": _affinity(vmi),
        "automountServiceAccountToken": bool(named),
        "serviceAccountName": named[-1] if named else None,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": base,
            "name": base[:_LONGEST_BASE] + suffix(meta(vmi)["uid"]),
            "namespace": meta(vmi)["namespace"],
            "labels": _labels(vmi),
            "annotations": _annotations(vmi),
            "ownerReferences": [reference(vmi)],
        },
        "spec": {key: value for key, value in pod.items() if value not in (None, [], "")},
    }


def _known_blocks(vmi: Manifest) -> set[str]:
    claims = [each.get("persistentVolumeClaimInfo", {}) for each in status(vmi).get("volumeStatus") or ()]
    return {each.get("claimName", "") for each in claims if each.get("volumeMode") == "Block"}


def suffix(uid: str) -> str:
    """As an API server makes a name unique."""
    digest = hashlib.sha256(uid.encode()).digest()
    return "".join(_LETTERS[each % len(_LETTERS)] for each in digest[:_SUFFIX])


def _hostname(vmi: Manifest) -> str:
    name: str = vmi["spec"].get("hostname") or meta(vmi)["name"].partition(".")[0]
    return name[:_LONGEST_LABEL].rstrip("-")


def _labels(vmi: Manifest) -> dict[str, str]:
    return {
        **meta(vmi).get("labels", {}),
        "kubevirt.io": "virt-launcher",
        CREATED_BY: meta(vmi)["uid"],
        "vm.kubevirt.io/name": _hostname(vmi),
        "vmi.kubevirt.io/id": _id(meta(vmi)["name"]),
    }


def _id(name: str) -> str:
    if len(name) <= _LONGEST_LABEL:
        return name
    return f"{name[: _LONGEST_LABEL - 9]}-{hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:8]}"


def _annotations(vmi: Manifest) -> dict[str, str]:
    name, namespace = meta(vmi)["name"], meta(vmi)["namespace"]
    theirs = {key: text for key, text in meta(vmi).get("annotations", {}).items() if not key.startswith(_HIDDEN)}
    made = {
        "kubevirt.io/domain": name,
        **theirs,
        "kubectl.kubernetes.io/default-container": "compute",
        "kubevirt.io/migrationTransportUnix": "true",
        "descheduler.alpha.kubernetes.io/request-evict-only": "",
        "pre.hook.backup.velero.io/container": "compute",
        "pre.hook.backup.velero.io/command": _freezer("--freeze", name, namespace),
        "pre.hook.backup.velero.io/timeout": "60s",
        "post.hook.backup.velero.io/container": "compute",
        "post.hook.backup.velero.io/command": _freezer("--unfreeze", name, namespace),
    }
    return made | networks.at_start(vmi)


def _freezer(action: str, name: str, namespace: str) -> str:
    return json.dumps([_FREEZER, action, "--name", name, "--namespace", namespace])


def _selector(vmi: Manifest) -> dict[str, str]:
    spec = vmi["spec"]
    chosen = {"kubevirt.io/schedulable": "true"}
    if spec.get("architecture"):
        chosen["kubernetes.io/arch"] = spec["architecture"]
    chosen |= spec.get("nodeSelector") or {}
    cpu = spec["domain"].get("cpu") or {}
    if cpu.get("dedicatedCpuPlacement"):
        chosen["cpumanager"] = "true"
    if cpu.get("model", "host-model") not in ("", "host-model", "host-passthrough"):
        chosen[f"cpu-model.node.kubevirt.io/{cpu['model']}"] = "true"
    for each in cpu.get("features") or ():
        if each.get("policy", "") in ("", "require"):
            chosen[f"cpu-feature.node.kubevirt.io/{each['name']}"] = "true"
    machine = status(vmi).get("machine") or spec["domain"].get("machine") or {}
    if machine.get("type"):
        chosen[f"machine-type.node.kubevirt.io/{machine['type']}"] = "true"
    return chosen


def _affinity(vmi: Manifest) -> Manifest | None:
    """What the guest says; and no node whose own model is obsolete, where that is the guest's."""
    said: Manifest = dict(vmi["spec"].get("affinity") or {})
    cpu = vmi["spec"]["domain"].get("cpu") or {}
    if cpu.get("model", "host-model") not in ("", "host-model"):
        return said or None
    wanted = "requiredDuringSchedulingIgnoredDuringExecution"
    node = dict(said.get("nodeAffinity") or {})
    terms = (node.get(wanted) or {}).get("nodeSelectorTerms") or [{}]
    both = [{**each, "matchExpressions": [*(each.get("matchExpressions") or ()), _OBSOLETE]} for each in terms]
    return {**said, "nodeAffinity": {**node, wanted: {"nodeSelectorTerms": both}}}


def _compute(vmi: Manifest, grace: int, mounts: list[Manifest], devices: list[Manifest]) -> Manifest:
    container = {
        "name": "compute",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": _command(vmi, grace),
        "env": [*disks.ENVIRONMENT, {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "resources": _resources(vmi),
        "securityContext": disks.security(group=True, add=["NET_BIND_SERVICE"]),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }
    return {**container, "volumeDevices": devices} if devices else container


def _command(vmi: Manifest, grace: int) -> list[str]:
    uid = meta(vmi)["uid"]
    timeout = _TIMEOUT + int(hashlib.sha256(uid.encode()).hexdigest()[:8], 16) % _JITTER
    options = {
        "qemu-timeout": f"{timeout}s",
        "name": meta(vmi)["name"],
        "uid": uid,
        "namespace": meta(vmi)["namespace"],
        "kubevirt-share-dir": "/var/run/kubevirt",
        "ephemeral-disk-dir": "/var/run/kubevirt-ephemeral-disks",
        "container-disk-dir": disks.CONTAINER_DISKS,
        "grace-period-seconds": str(grace),
        "hook-sidecars": "0",
        "ovmf-path": "/usr/share/OVMF",
        "disk-memory-limit": "2097152000",
        "hypervisor": "kvm",
    }
    words = [word for key, value in options.items() for word in (f"--{key}", value)]
    return ["/usr/bin/virt-launcher-monitor", *words, "--run-as-nonroot"]


def _resources(vmi: Manifest) -> Manifest:
    domain = vmi["spec"]["domain"]
    asked = domain.get("resources") or {}
    requests, limits = dict(asked.get("requests") or {}), dict(asked.get("limits") or {})
    if "memory" not in requests:
        requests["memory"] = limits.get("memory") or (domain.get("memory") or {}).get("guest") or "0"
    overhead = _overhead(domain, asked)
    if not asked.get("overcommitGuestOverhead"):
        requests["memory"] = _written(amount(requests["memory"]) + overhead)
    if "memory" in limits:
        limits["memory"] = _written(amount(limits["memory"]) + overhead)
    requests.setdefault("cpu", f"{_cpus(domain) * 1000 // _CPU_ALLOCATION}m")
    requests["ephemeral-storage"] = "50M"
    devices = {f"devices.kubevirt.io/{each}": "1" for each in _devices(domain)}
    return {"requests": {**requests, **devices}, "limits": {**limits, **devices}}


def _devices(domain: Manifest) -> list[str]:
    """What the node's plugins give: network devices where an interface wants one (vmispec, RequiresTunDevice...)."""
    devices = domain["devices"]
    models = [each.get("model", "") for each in devices.get("interfaces") or ()]
    networked = bool(models) or devices.get("autoattachPodInterface") is not False
    virtio = any(each in ("", "virtio") for each in models)
    return ["kvm", *(["tun"] if networked else []), *(["vhost-net"] if virtio else [])]


def _cpus(domain: Manifest) -> int:
    cpu = domain.get("cpu") or {}
    return int((cpu.get("cores") or 1) * (cpu.get("sockets") or 1) * (cpu.get("threads") or 1))


def _overhead(domain: Manifest, asked: Manifest) -> Decimal:
    """What a launcher takes beside its guest (pkg/hypervisor/kvm, GetMemoryOverhead)."""
    total = Decimal(_KUBEVIRT_OVERHEAD + _EACH_CPU * _cpus(domain) + _IO_THREAD)
    total += amount((asked.get("requests") or {}).get("memory", "0")) // 512
    devices = domain.get("devices") or {}
    if devices.get("autoattachGraphicsDevice") is not False:
        total += _VIDEO
    if disks.has_functions(devices):
        total += _FUNCTIONS
    if "tpm" in devices and (devices["tpm"] or {}).get("enabled") is not False:
        total += _TPM
    return total


def _written(number: Decimal) -> str:
    """A quantity of bytes."""
    whole = int(number)
    return f"{whole // _MI}Mi" if whole % _MI == 0 else str(whole)
