"""The Pods that work for claims (CDI 1.65.0: import-controller, upload-controller, clone-controller)."""

from collections.abc import Mapping
from dataclasses import dataclass

from dicot.kube.kind import Manifest
from dicot.moments import stamp

from .kinds.claims import Claim
from .kinds.classes import Config
from .names import (
    APP,
    ARCHITECTURE,
    CHECKSUM,
    CLONE_SENDER,
    CLONE_SERVER,
    COMPONENT,
    CONTENT_TYPE,
    CREATED_BY,
    CREATED_BY_UPLOAD,
    ENDPOINT,
    EXTRA_HEADERS,
    IMPORTER,
    PREALLOCATION,
    PRIORITY_CLASS,
    PULL_METHOD,
    RECOMMENDED,
    SCRAPED,
    SECRET,
    SENDS_FOR,
    SERVICE_ACCOUNT,
    SOURCE,
    TARGET,
    UNIQUE_CLONE,
    UPLOAD_TARGET,
    joined,
    service,
)
from .storage import BLOCK, KUBEVIRT

_DATA, _SCRATCH = "cdi-data-vol", "cdi-scratch-vol"
_DEVICE = "/dev/cdi-block-volume"
_HOST = "kubernetes.io/hostname"
_USER = 107
_METRICS = {"name": "metrics", "containerPort": 8443, "protocol": "TCP"}
_DEADLINE = 12 * 3600
"""Seconds that an upload server waits."""
_CIPHERS = (
    "TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384,TLS_CHACHA20_POLY1305_SHA256,"
    "ECDHE-ECDSA-AES128-GCM-SHA256,ECDHE-RSA-AES128-GCM-SHA256,ECDHE-ECDSA-AES256-GCM-SHA384,"
    "ECDHE-RSA-AES256-GCM-SHA384,ECDHE-ECDSA-CHACHA20-POLY1305,ECDHE-RSA-CHACHA20-POLY1305,"
    "DHE-RSA-AES128-GCM-SHA256,DHE-RSA-AES256-GCM-SHA384"
)
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
        "ports": [_METRICS],
        **_data(claim.spec.volumeMode, "/data"),
    }
    volumes = [_claim(_DATA, meta.name)]
    if scratch:
        volumes.append(_claim(_SCRATCH, joined(meta.name, "scratch")))
        container.setdefault("volumeMounts", []).append({"name": _SCRATCH, "mountPath": "/scratch"})
    labels = {**APP, COMPONENT: IMPORTER, SCRAPED: "true", **RECOMMENDED, **meta.labels}
    made = _pod(meta.namespace, name, labels, {CREATED_BY: "yes", **_copied(notes)}, container, volumes, terms)
    made["metadata"]["ownerReferences"] = [owned_by(claim)]
    made["spec"] |= _run_as(notes)
    return made


def upload_server(claim: Claim, name: str, client: str, terms: Terms, now: float) -> Manifest:
    """Takes in what a clone source sends."""
    meta, notes = claim.metadata, claim.metadata.annotations
    settings = {
        "TLS_KEY_FILE": "/etc/tls/tls.key",
        "TLS_CERT_FILE": "/etc/tls/tls.crt",
        "CLIENT_CERT_FILE": "/etc/tls/ca.crt",
        "FILESYSTEM_OVERHEAD": terms.overhead,
        "UPLOAD_IMAGE_SIZE": _size(claim),
        "CLIENT_NAME": client,
        "PREALLOCATION": str(notes.get(PREALLOCATION) == "true").lower(),
        "TLS_CIPHERS": _CIPHERS,
        "TLS_MIN_VERSION": "VersionTLS12",
        "DEADLINE": stamp(now + _DEADLINE),
    }
    data = _data(claim.spec.volumeMode, "/data")
    if claim.spec.volumeMode == BLOCK:
        settings["DESTINATION"] = _DEVICE
    probe = {"httpGet": {"path": "/healthz", "port": 8443, "scheme": "HTTPS"}}
    container: Manifest = {
        "name": CLONE_SERVER,
        "image": "cdi-uploadserver",
        "imagePullPolicy": "IfNotPresent",
        "args": ["-v=1"],
        "env": _settings(settings),
        "readinessProbe": {**probe, "initialDelaySeconds": 2, "periodSeconds": 5},
        **data,
        "volumeMounts": [{"name": "tls-config", "mountPath": "/etc/tls/"}, *data.get("volumeMounts", [])],
    }
    volumes = [{"name": "tls-config", "secret": {"secretName": name}}, _claim(_DATA, meta.name)]
    own = {COMPONENT: CLONE_SERVER, "service": service(name), UPLOAD_TARGET: meta.uid}
    labels = {**APP, **own, **RECOMMENDED}
    made = _pod(meta.namespace, name, labels, {CREATED_BY_UPLOAD: "yes", **_copied(notes)}, container, volumes, terms)
    made["metadata"]["ownerReferences"] = [owned_by(claim)]
    made["spec"] |= _run_as(notes)
    return made


def upload_service(claim: Claim, name: str) -> Manifest:
    """Leads to an upload server."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "namespace": claim.metadata.namespace,
            "name": name,
            "annotations": {CREATED_BY_UPLOAD: "yes"},
            "labels": {**APP, COMPONENT: CLONE_SERVER, **RECOMMENDED},
            "ownerReferences": [owned_by(claim)],
        },
        "spec": {
            "clusterIP": "None",
            "ports": [{"protocol": "TCP", "port": 8443, "targetPort": 8443}],
            "selector": {"service": name},
        },
    }


def clone_source(target: Claim, source: Claim, name: str, terms: Terms) -> Manifest:
    """Sends a claim's content to the upload server of another."""
    meta, notes = target.metadata, target.metadata.annotations
    block = source.spec.volumeMode == BLOCK
    mounted = _DEVICE if block else "/var/run/cdi/clone/source"
    upload = f"{service(joined('cdi-upload', meta.name))}.{meta.namespace}.svc:8443"
    owner = next((each.uid for each in meta.ownerReferences if each.controller and each.kind == "DataVolume"), "")
    keys = {"CLIENT_KEY": "tls.key", "CLIENT_CERT": "tls.crt"}
    secrets = [
        {"name": key, "valueFrom": {"secretKeyRef": {"name": name, "key": value}}} for key, value in keys.items()
    ]
    settings = {
        "SERVER_CA_CERT": "",
        "UPLOAD_URL": f"https://{upload}/v1beta1/upload",
        "OWNER_UID": owner,
        "PREALLOCATION": notes.get(PREALLOCATION, ""),
        "VOLUME_MODE": "block" if block else "filesystem",
        "MOUNT_POINT": mounted,
    }
    data = _data(source.spec.volumeMode, mounted)
    if not block:
        data["volumeMounts"][0]["readOnly"] = True
    container: Manifest = {
        "name": CLONE_SENDER,
        "image": "cdi-cloner",
        "imagePullPolicy": "IfNotPresent",
        "env": [*secrets, *_settings(settings)],
        "ports": [_METRICS],
        **data,
    }
    own = {COMPONENT: CLONE_SENDER, UNIQUE_CLONE: name, SENDS_FOR: source.metadata.uid, SCRAPED: "true"}
    annotations = {CREATED_BY: "yes", TARGET: f"{meta.namespace}/{meta.name}", **_copied(notes)}
    volumes = [_claim(_DATA, source.metadata.name)]
    made = _pod(
        source.metadata.namespace, name, {**APP, **own, **RECOMMENDED}, annotations, container, volumes, terms
    )
    made["spec"]["affinity"] = {"podAffinity": _beside(target, source)}
    return made


def _beside(target: Claim, source: Claim) -> Manifest:
    """On the node that has the source's volume, and rather on that of the target."""

    def term(key: str, value: str, namespace: str) -> Manifest:
        one = {"key": key, "operator": "In", "values": [value]}
        return {"labelSelector": {"matchExpressions": [one]}, "namespaces": [namespace], "topologyKey": _HOST}

    rather = term(UPLOAD_TARGET, target.metadata.uid, target.metadata.namespace)
    wish: Manifest = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": rather}]}
    if source.spec.accessModes == ("ReadWriteOnce",):
        must = term(SENDS_FOR, source.metadata.uid, source.metadata.namespace)
        wish["requiredDuringSchedulingIgnoredDuringExecution"] = [must]
    return wish


def _import_settings(claim: Claim, owner: str, terms: Terms) -> list[Manifest]:
    notes = claim.metadata.annotations
    said = {
        "IMPORTER_SOURCE": notes.get(SOURCE, "http"),
        "IMPORTER_ENDPOINT": notes.get(ENDPOINT, ""),
        "IMPORTER_CONTENTTYPE": notes.get(CONTENT_TYPE, KUBEVIRT),
        "IMPORTER_IMAGE_SIZE": _size(claim),
        "OWNER_UID": owner,
        "FILESYSTEM_OVERHEAD": terms.overhead,
        "INSECURE_TLS": "false",
        "IMPORTER_PULL_METHOD": notes.get(PULL_METHOD, "") if notes.get(SOURCE) != "registry" else "",
        "PREALLOCATION": str(notes.get(PREALLOCATION) == "true").lower(),
        "IMPORTER_REGISTRY_IMAGE_ARCHITECTURE": notes.get(ARCHITECTURE, ""),
        "IMPORTER_CHECKSUM": notes.get(CHECKSUM, ""),
    }
    settings = _settings({name: said.get(name, "") for name in _IMPORT_SETTINGS})
    if notes.get(SECRET):
        for name, key in (("IMPORTER_ACCESS_KEY_ID", "accessKeyId"), ("IMPORTER_SECRET_KEY", "secretKey")):
            settings.append({"name": name, "valueFrom": {"secretKeyRef": {"name": notes[SECRET], "key": key}}})
    headers = [value for key, value in notes.items() if key.startswith(f"{EXTRA_HEADERS}.")]
    return settings + _settings({f"IMPORTER_EXTRA_HEADER_{index}": each for index, each in enumerate(headers)})


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


def _settings(values: Mapping[str, str]) -> list[Manifest]:
    return [{"name": name, "value": value} if value else {"name": name} for name, value in values.items()]


def _size(claim: Claim) -> str:
    return str(claim.spec.resources.requests.get("storage", ""))


def _claim(name: str, claim: str) -> Manifest:
    return {"name": name, "persistentVolumeClaim": {"claimName": claim}}


def _data(mode: str, at: str) -> Manifest:
    if mode == BLOCK:
        return {"volumeDevices": [{"name": _DATA, "devicePath": _DEVICE}]}
    return {"volumeMounts": [{"name": _DATA, "mountPath": at}]}


def _copied(notes: Mapping[str, str]) -> dict[str, str]:
    said = {key: notes.get(key, unsaid) for key, unsaid in _COPIED.items()}
    return {key: value for key, value in said.items() if value}


def _run_as(notes: Mapping[str, str]) -> Manifest:
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


def _pod(
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
