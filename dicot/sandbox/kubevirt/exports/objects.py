"""What virt-controller makes for an export: Service, Secrets and the Pod that serves (export.go)."""

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Any

from cryptography import x509

from dicot.kube.kind import Manifest
from dicot.moments import seconds, stamp

from ..installed import VERSION
from ..machines.objects import meta, reference
from . import names
from .kinds import APP
from .scene import Exporting, Volume

IMAGE = f"quay.io/kubevirt/virt-exportserver:{VERSION}"
LIFE = 24 * 3600
"""Seconds for which a certificate lasts; its Pod ends when a fifth of them is left."""
RENEWED = LIFE // 5
TTL = 2 * 3600.0
"""Seconds for which an export lasts where it does not say."""
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([^0-9.]*)")
_SECOND = 10**9
_MOST = 2**63
"""Nanoseconds that are no duration of Go's any more."""
_KVM = 107
_SUFFIX = 10


def parameters() -> str:
    """How long certificates last, as it is noted on Pods."""
    return json.dumps({"Duration": LIFE * _SECOND, "RenewBefore": RENEWED * _SECOND}, separators=(",", ":"))


def expires(export: Manifest) -> float:
    """When an export goes, in seconds since 1970."""
    given = export["spec"].get("ttlDuration")
    return seconds(meta(export)["creationTimestamp"]) + (TTL if given is None else duration(given))


def duration(text: str) -> float:
    """Seconds of a duration in Go's words. Raises ValueError, in Go's words too, for what is none."""
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0.0
    total = 0.0
    while rest or not text:
        found = _PART.match(rest)
        if found is None:
            raise ValueError(f'time: invalid duration "{text}"')
        number, unit = found.groups()
        if not unit:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if unit not in _UNITS:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += float(number) * _UNITS[unit]
        rest = rest[found.end() :]
    if total * _SECOND >= _MOST:
        raise ValueError(f'time: invalid duration "{text}"')
    return -total if text.startswith("-") else total


def service(export: Manifest) -> Manifest:
    """The Service by which it is found."""
    metadata = {
        "name": names.service_name(export),
        "namespace": meta(export)["namespace"],
        "labels": {"kubevirt.io": APP, **meta(export).get("labels", {})},
        "annotations": meta(export).get("annotations", {}),
        "ownerReferences": [reference(export)],
    }
    port = {"name": "export", "protocol": "TCP", "port": 443, "targetPort": 8443}
    spec = {"ports": [port], "selector": {names.LABEL: names.label_of(export)}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def token_secret(export: Manifest, name: str, token: str) -> Manifest:
    """The Secret with the token."""
    return _secret(export, name, export, "Opaque", {"token": token.encode()})


def certificate_secret(scene: Exporting, pod: Manifest) -> Manifest:
    """The Secret with what the Pod serves with."""
    name, namespace = names.service_name(scene.export), meta(scene.export)["namespace"]
    served = (name, f"{name}.{namespace}", f"{name}.{namespace}.svc", f"{name}.{namespace}.svc.cluster.local")
    # A common name has no more than 64 characters, which the real one's, with the namespace in it, may exceed.
    certificate, key = scene.signing.authority.issue(name, [x509.DNSName(each) for each in served])
    secret = next(each["secret"]["secretName"] for each in pod["spec"]["volumes"] if each["name"] == "certificates")
    return _secret(scene.export, secret, pod, "kubernetes.io/tls", {"tls.crt": certificate, "tls.key": key})


def _secret(export: Manifest, name: str, owner: Manifest, kind: str, data: dict[str, bytes]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": meta(export)["namespace"],
            "ownerReferences": [reference(owner)],
        },
        "type": kind,
        "data": {key: b64encode(value).decode() for key, value in data.items()},
    }


def pod(scene: Exporting, token: str) -> Manifest:
    """The Pod that serves; ``token`` names the Secret."""
    export, shared = scene.export, _shared(scene)
    devices = [{"name": each.name, "devicePath": each.path} for each in shared if each.is_device]
    security = {"runAsNonRoot": True, "fsGroup": _KVM, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": names.pod_name(export),
            "namespace": meta(export)["namespace"],
            "labels": {names.LABEL: names.label_of(export), **meta(export).get("labels", {})},
            "annotations": {names.PARAMETERS: parameters(), **meta(export).get("annotations", {})},
            "ownerReferences": [reference(export)],
        },
        "spec": {
            "restartPolicy": "Never",
            "securityContext": security,
            "containers": [_container(scene) | ({"volumeDevices": devices} if devices else {})],
            "volumes": [*_volumes(scene, token)],
        },
    }


def _shared(scene: Exporting) -> Sequence[Volume]:
    return scene.source.volumes if scene.source is not None else ()


def _volumes(scene: Exporting, token: str) -> Iterator[Manifest]:
    yield {"name": "certificates", "secret": {"secretName": _certificate_name(scene)}}
    yield {"name": "token", "secret": {"secretName": token}}
    for each in _shared(scene):
        yield {"name": each.name, "persistentVolumeClaim": {"claimName": meta(each.claim)["name"]}}
    if scene.described is not None:
        yield {"name": "manifest-data", "configMap": {"name": meta(scene.described)["name"]}}


def _mounts(scene: Exporting) -> Iterator[Manifest]:
    yield {"name": "certificates", "mountPath": "/cert"}
    yield {"name": "token", "mountPath": "/token"}
    for each in _shared(scene):
        if not each.is_device:
            yield {"name": each.name, "mountPath": each.path, "readOnly": True}
    if scene.described is not None:
        yield {"name": "manifest-data", "mountPath": "/manifest_data"}


def _container(scene: Exporting) -> dict[str, Any]:
    probed = {"scheme": "HTTPS", "path": "/exportready", "port": 8443}
    return {
        "name": "exporter",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "env": [*_settings(scene)],
        "volumeMounts": [*_mounts(scene)],
        "readinessProbe": {"httpGet": probed, "initialDelaySeconds": 5, "periodSeconds": 5},
        "resources": {
            "limits": {"cpu": "1", "memory": "1Gi"},
            "requests": {"cpu": "100m", "memory": "200Mi"},
        },
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }


def _settings(scene: Exporting) -> Iterator[Manifest]:
    yield {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    deadline = min(scene.now + LIFE - RENEWED, expires(scene.export))
    settings = {
        "CERT_FILE": "/cert/tls.crt",
        "KEY_FILE": "/cert/tls.key",
        "TOKEN_FILE": "/token/token",
        "DEADLINE": stamp(deadline),
        "EXPORT_VM_DEF_URI": "/manifests/all",
        "EXPORT_SECRET_DEF_URI": "/manifests/secret",
    }
    yield from ({"name": key, "value": value} for key, value in settings.items())
    for index, volume in enumerate(_shared(scene)):
        yield from _of_volume(f"VOLUME{index}_EXPORT", volume)


def _of_volume(before: str, volume: Volume) -> Iterator[Manifest]:
    yield {"name": f"{before}_PATH", "value": volume.path}
    for _, end, path in sorted(volume.formats, key=lambda each: each[1] not in ("RAW", "ARCHIVE")):
        yield {"name": f"{before}_{end}_URI", "value": path}


def _certificate_name(scene: Exporting) -> str:
    """One for each Pod: it goes with it."""
    told = f"{meta(scene.export)['uid']}/{scene.now}"
    return f"secret-{hashlib.sha256(told.encode()).hexdigest()[:_SUFFIX]}"
