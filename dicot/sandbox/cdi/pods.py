"""What the Pods that work for claims have in common, and the one that fetches an image (CDI 1.65.0,
import-controller)."""

from collections.abc import Mapping
from dataclasses import dataclass

from dicot.kube.kind import Manifest

from .kinds.claims import Claim
from .kinds.classes import Config
from .names import (
    APP,
    ARCHITECTURE,
    CHECKSUM,
    COMPONENT,
    CONTENT_TYPE,
    CREATED_BY,
    ENDPOINT,
    EXTRA_HEADERS,
    IMPORTER,
    PREALLOCATION,
    PRIORITY_CLASS,
    PULL_METHOD,
    RECOMMENDED,
    SCRAPED,
    SECRET,
    SERVICE_ACCOUNT,
    SOURCE,
    joined,
)
from .storage import BLOCK, KUBEVIRT

DATA, SCRATCH = "cdi-data-vol", "cdi-scratch-vol"
SCRATCH_MOUNT = {"name": SCRATCH, "mountPath": "/scratch"}
DEVICE = "/dev/cdi-block-volume"
_USER = 107
METRICS = {"name": "metrics", "containerPort": 8443, "protocol": "TCP"}
_COPIED: Mapping[str, str] = {
    "k8s.v1.cni.cncf.io/networks": "",
    "v1.multus-cni.io/default-network": "",
    "sidecar.istio.io/inject": "false",
    "linkerd.io/inject": "disabled",
    PRIORITY_CLASS: "",
    SERVICE_ACCOUNT: "",
}
"""Annotations that a Pod has of its claim, and what they are without it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all of them: the part of a file system that is lost, and what a Pod may take."""

    overhead: str
    config: Config | None

    @property
    def resources(self) -> Manifest:
        """Requests and limits of a container."""
        known = self.config.status.defaultPodResourceRequirements if self.config is not None else None
        return {"limits": dict(known.limits), "requests": dict(known.requests)} if known is not None else {}


def owned_by(claim: Claim) -> Manifest:
    """An owner reference to a claim."""
    return _owner("PersistentVolumeClaim", claim.metadata.name, claim.metadata.uid)


def owned_by_pod(name: str, uid: str) -> Manifest:
    """An owner reference to a Pod."""
    return _owner("Pod", name, uid)


def importer(claim: Claim, name: str, scratch: bool, terms: Terms) -> Manifest:
    """Fetches an image into a claim."""
    meta, notes = claim.metadata, claim.metadata.annotations
    owners = meta.ownerReferences
    container: Manifest = {
        "name": IMPORTER,
        "image": "cdi-importer",
        "imagePullPolicy": "IfNotPresent",
        "args": ["-v=1"],
        "env": _import_settings(claim, owners[0].uid if len(owners) == 1 else meta.uid, terms),
        "ports": [METRICS],
        **data_of(claim.spec.volumeMode, "/data"),
    }
    volumes = [claim_volume(DATA, meta.name)]
    if scratch:
        volumes.append(claim_volume(SCRATCH, joined(meta.name, "scratch")))
        container.setdefault("volumeMounts", []).append(SCRATCH_MOUNT)
    labels = {**APP, COMPONENT: IMPORTER, SCRAPED: "true", **RECOMMENDED, **meta.labels}
    made = pod_of(meta.namespace, name, labels, {CREATED_BY: "yes", **copied(notes)}, container, volumes, terms)
    made["metadata"]["ownerReferences"] = [owned_by(claim)]
    made["spec"] |= run_as(notes)
    return made


def _import_settings(claim: Claim, owner: str, terms: Terms) -> list[Manifest]:
    notes = claim.metadata.annotations
    said = {
        "IMPORTER_SOURCE": notes.get(SOURCE, "http"),
        "IMPORTER_ENDPOINT": notes.get(ENDPOINT, ""),
        "IMPORTER_CONTENTTYPE": notes.get(CONTENT_TYPE, KUBEVIRT),
        "IMPORTER_IMAGE_SIZE": size(claim),
        "OWNER_UID": owner,
        "FILESYSTEM_OVERHEAD": terms.overhead,
        "INSECURE_TLS": "false",
        "IMPORTER_PULL_METHOD": notes.get(PULL_METHOD, "") if notes.get(SOURCE) != "registry" else "",
        "PREALLOCATION": str(notes.get(PREALLOCATION) == "true").lower(),
        "IMPORTER_REGISTRY_IMAGE_ARCHITECTURE": notes.get(ARCHITECTURE, ""),
        "IMPORTER_CHECKSUM": notes.get(CHECKSUM, ""),
    }
    settings = environment({name: said.get(name, "") for name in _IMPORT_SETTINGS})
    if notes.get(SECRET):
        for name, key in (("IMPORTER_ACCESS_KEY_ID", "accessKeyId"), ("IMPORTER_SECRET_KEY", "secretKey")):
            settings.append({"name": name, "valueFrom": {"secretKeyRef": {"name": notes[SECRET], "key": key}}})
    headers = [value for key, value in notes.items() if key.startswith(f"{EXTRA_HEADERS}.")]
    return settings + environment({f"IMPORTER_EXTRA_HEADER_{index}": each for index, each in enumerate(headers)})


_IMPORT_SETTINGS = (
    "IMPORTER_SOURCE",
    "IMPORTER_ENDPOINT",
    "IMPORTER_CONTENTTYPE",
    "IMPORTER_IMAGE_SIZE",
    "OWNER_UID",
    "FILESYSTEM_OVERHEAD",
    "INSECURE_TLS",
    "IMPORTER_DISK_ID",
    "IMPORTER_UUID",
    "IMPORTER_PULL_METHOD",
    "IMPORTER_READY_FILE",
    "IMPORTER_DONE_FILE",
    "IMPORTER_BACKING_FILE",
    "IMPORTER_THUMBPRINT",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "IMPORTER_CURRENT_CHECKPOINT",
    "IMPORTER_PREVIOUS_CHECKPOINT",
    "IMPORTER_FINAL_CHECKPOINT",
    "PREALLOCATION",
    "CACHE_MODE",
    "IMPORTER_REGISTRY_IMAGE_ARCHITECTURE",
    "IMPORTER_CHECKSUM",
)


def environment(values: Mapping[str, str]) -> list[Manifest]:
    """Settings of a container; one without a value is only named."""
    return [{"name": name, "value": value} if value else {"name": name} for name, value in values.items()]


def size(claim: Claim) -> str:
    """The bytes that a claim asks for."""
    return str(claim.spec.resources.requests.get("storage", ""))


def claim_volume(name: str, claim: str) -> Manifest:
    """A volume of a Pod: a claim."""
    return {"name": name, "persistentVolumeClaim": {"claimName": claim}}


def data_of(mode: str, at: str) -> Manifest:
    """The data of a claim in a container: a device, or what is mounted there."""
    if mode == BLOCK:
        return {"volumeDevices": [{"name": DATA, "devicePath": DEVICE}]}
    return {"volumeMounts": [{"name": DATA, "mountPath": at}]}


def copied(notes: Mapping[str, str]) -> dict[str, str]:
    """Annotations of a Pod, by those of its claim."""
    said = {key: notes.get(key, unsaid) for key, unsaid in _COPIED.items()}
    return {key: value for key, value in said.items() if value}


def run_as(notes: Mapping[str, str]) -> Manifest:
    """Whose Pod it is and how urgent, by the annotations of its claim."""
    said = {"priorityClassName": notes.get(PRIORITY_CLASS), "serviceAccountName": notes.get(SERVICE_ACCOUNT)}
    return {key: value for key, value in said.items() if value}


def _owner(kind: str, name: str, uid: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def pod_of(
    namespace: str,
    name: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    container: Manifest,
    volumes: list[Manifest],
    terms: Terms,
) -> Manifest:
    """A Pod that may do nothing but its work."""
    profile = {"type": "RuntimeDefault"}
    container["securityContext"] = {
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": profile,
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "runAsUser": _USER,
    }
    container["terminationMessagePolicy"] = "FallbackToLogsOnError"
    container["resources"] = terms.resources
    security: Manifest = {"seccompProfile": profile}
    if container.get("volumeMounts"):
        security["fsGroup"] = _USER
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": namespace,
            "name": name,
            "labels": dict(labels),
            "annotations": dict(annotations),
        },
        "spec": {
            "containers": [container],
            "volumes": volumes,
            "restartPolicy": "OnFailure",
            "enableServiceLinks": False,
            "securityContext": security,
        },
    }
