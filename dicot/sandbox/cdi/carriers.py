"""The Pods that carry bytes from one place into a claim: upload servers, and the sources of clones (CDI 1.65.0,
upload-controller and clone-controller)."""

from base64 import b64encode
from collections.abc import Mapping

from dicot.kube.kind import Manifest
from dicot.moments import stamp

from .kinds.claims import Claim, Pod
from .names import (
    APP,
    CLONE_SENDER,
    COMPONENT,
    CREATED_BY,
    CREATED_BY_UPLOAD,
    PREALLOCATION,
    RECOMMENDED,
    SCRAPED,
    SENDS_FOR,
    TARGET,
    UNIQUE_CLONE,
    UPLOAD_REQUEST,
    UPLOAD_SERVER,
    UPLOAD_TARGET,
    joined,
    service,
)
from .pods import (
    DATA,
    DEVICE,
    METRICS,
    SCRATCH,
    SCRATCH_MOUNT,
    Terms,
    claim_volume,
    copied,
    data_of,
    environment,
    owned_by,
    owned_by_pod,
    pod_of,
    run_as,
    size,
)
from .storage import BLOCK

_HOST = "kubernetes.io/hostname"
_DEADLINE = 12 * 3600
"""Seconds that an upload server waits."""
_CIPHERS = (
    "TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384,TLS_CHACHA20_POLY1305_SHA256,"
    "ECDHE-ECDSA-AES128-GCM-SHA256,ECDHE-RSA-AES128-GCM-SHA256,ECDHE-ECDSA-AES256-GCM-SHA384,"
    "ECDHE-RSA-AES256-GCM-SHA384,ECDHE-ECDSA-CHACHA20-POLY1305,ECDHE-RSA-CHACHA20-POLY1305,"
    "DHE-RSA-AES128-GCM-SHA256,DHE-RSA-AES256-GCM-SHA384"
)


def upload_server(claim: Claim, name: str, client: str, terms: Terms, now: float) -> Manifest:
    """Takes in what somebody of that name sends: a clone source, or the upload proxy, which needs a scratch space."""
    meta, notes = claim.metadata, claim.metadata.annotations
    settings = {
        "TLS_KEY_FILE": "/etc/tls/tls.key",
        "TLS_CERT_FILE": "/etc/tls/tls.crt",
        "CLIENT_CERT_FILE": "/etc/tls/ca.crt",
        "FILESYSTEM_OVERHEAD": terms.overhead,
        "UPLOAD_IMAGE_SIZE": size(claim),
        "CLIENT_NAME": client,
        "PREALLOCATION": str(notes.get(PREALLOCATION) == "true").lower(),
        "TLS_CIPHERS": _CIPHERS,
        "TLS_MIN_VERSION": "VersionTLS12",
        "DEADLINE": stamp(now + _DEADLINE),
    }
    data = data_of(claim.spec.volumeMode, "/data")
    if claim.spec.volumeMode == BLOCK:
        settings["DESTINATION"] = DEVICE
    probe = {"httpGet": {"path": "/healthz", "port": 8443, "scheme": "HTTPS"}}
    container: Manifest = {
        "name": UPLOAD_SERVER,
        "image": "cdi-uploadserver",
        "imagePullPolicy": "IfNotPresent",
        "args": ["-v=1"],
        "env": environment(settings),
        "readinessProbe": {**probe, "initialDelaySeconds": 2, "periodSeconds": 5},
        **data,
        "volumeMounts": [{"name": "tls-config", "mountPath": "/etc/tls/"}, *data.get("volumeMounts", [])],
    }
    volumes = [{"name": "tls-config", "secret": {"secretName": name}}, claim_volume(DATA, meta.name)]
    if UPLOAD_REQUEST in notes:
        container["volumeMounts"].append(SCRATCH_MOUNT)
        volumes.append(claim_volume(SCRATCH, joined(meta.name, "scratch")))
    own = {COMPONENT: UPLOAD_SERVER, "service": service(name), UPLOAD_TARGET: meta.uid}
    labels = {**APP, **own, **RECOMMENDED}
    made = pod_of(
        meta.namespace, name, labels, {CREATED_BY_UPLOAD: "yes", **copied(notes)}, container, volumes, terms
    )
    made["metadata"]["ownerReferences"] = [owned_by(claim)]
    made["spec"] |= run_as(notes)
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
            "labels": {**APP, COMPONENT: UPLOAD_SERVER, **RECOMMENDED},
            "ownerReferences": [owned_by(claim)],
        },
        "spec": {
            "clusterIP": "None",
            "ports": [{"protocol": "TCP", "port": 8443, "targetPort": 8443}],
            "selector": {"service": name},
        },
    }


def upload_secret(pod: Pod, data: Mapping[str, bytes]) -> Manifest:
    """What an upload server serves with, and whom it lets in."""
    meta = pod.metadata
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "namespace": meta.namespace,
            "name": meta.name,
            "annotations": {CREATED_BY_UPLOAD: "yes"},
            "labels": {**APP, COMPONENT: UPLOAD_SERVER, **RECOMMENDED},
            "ownerReferences": [owned_by_pod(meta.name, meta.uid)],
        },
        "data": {key: b64encode(content).decode() for key, content in data.items()},
    }


def clone_source(target: Claim, source: Claim, name: str, terms: Terms) -> Manifest:
    """Sends a claim's content to the upload server of another."""
    meta, notes = target.metadata, target.metadata.annotations
    block = source.spec.volumeMode == BLOCK
    mounted = DEVICE if block else "/var/run/cdi/clone/source"
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
    data = data_of(source.spec.volumeMode, mounted)
    if not block:
        data["volumeMounts"][0]["readOnly"] = True
    container: Manifest = {
        "name": CLONE_SENDER,
        "image": "cdi-cloner",
        "imagePullPolicy": "IfNotPresent",
        "env": [*secrets, *environment(settings)],
        "ports": [METRICS],
        **data,
    }
    own = {COMPONENT: CLONE_SENDER, UNIQUE_CLONE: name, SENDS_FOR: source.metadata.uid, SCRAPED: "true"}
    annotations = {CREATED_BY: "yes", TARGET: f"{meta.namespace}/{meta.name}", **copied(notes)}
    volumes = [claim_volume(DATA, source.metadata.name)]
    made = pod_of(
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
