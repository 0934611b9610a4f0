"""The command lines of a cluster's programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.certificates import Pair
from tests.cluster.modules import KUBEVIRT_VERSION

LOOPBACK = "127.0.0.1"
SYSTEM = "kube-system"
"""Where the snapshot controller is at home."""
SERVICE_ADDRESSES = "10.96.0.0/16"
ISSUER = "https://kubernetes.default.svc"
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "node-lifecycle-controller",
    "persistentvolume-binder-controller",
    "persistentvolume-protection-controller",
    "persistentvolumeclaim-protection-controller",
    "resourcequota-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "taint-eviction-controller",
    "validatingadmissionpolicy-status-controller",
)
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "users": ["system:serviceaccount:dicot-system:dicot"]},
        {"level": "Metadata", "verbs": ["delete"], "resources": [{"resources": ["namespaces"]}]},
        {"level": "None"},
    ],
}
"""Requests of Dicot's account, also those in the name of a project's, for users are the impersonators here; and the
ends of namespaces, with which the rights in them end."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each program listens, on loopback; ``handler`` and ``dns`` are kept for the nodes: their virt-handlers,
    and the names of Services."""

    apiserver: int
    etcd: int
    virt_api: int
    virt_controller: int
    cdi_api: int
    handler: int
    upload_proxy: int
    dns: int


@dataclass(frozen=True, slots=True)
class Files:
    """Keys, certificates and kubeconfigs of a cluster, all in its folder."""

    folder: Path
    authority: Path
    apiserver: Pair
    front_authority: Path
    front: Pair
    accounts: Pair
    tokens: Path
    virt_api: Pair
    virt_controller: Pair
    exports: Pair
    handler_client: Pair
    handler_server: Pair
    cdi_api: Pair
    upload_server: Pair
    upload_client: Pair
    upload_proxy: Pair
    upload_proxy_client: Pair
    cdi_tokens: Path
    kubeconfigs: Mapping[str, Path]

    @property
    def storage(self) -> Path:
        return self.folder / "etcd"

    @property
    def gate(self) -> Path:
        """The file whose appearance starts kube-controller-manager."""
        return self.folder / "definitions-are-there"


def controlplane(
    program: Path, ports: Ports, files: Files, kubeconfig: Path, *, durable: bool, audit: Path | None
) -> list[str]:
    """etcd, kube-apiserver and kube-controller-manager; ``durable`` writes to disk before it answers."""
    own = [f"--data={files.storage}", f"--etcd-port={ports.etcd}", f"--gate={files.gate}"]
    if not durable:
        own.append("--unsafe-no-fsync")
    server = [*_apiserver(ports, files), *_audit(files, audit)]
    return [str(program), *own, "--", *server, "--", *_controller_manager(files, kubeconfig)]


def _apiserver(ports: Ports, files: Files) -> list[str]:
    return [
        f"--secure-port={ports.apiserver}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        "--endpoint-reconciler-type=none",
        f"--tls-cert-file={files.apiserver.certificate}",
        f"--tls-private-key-file={files.apiserver.key}",
        f"--client-ca-file={files.authority}",
        "--authorization-mode=RBAC",
        f"--token-auth-file={files.tokens}",
        "--allow-privileged=true",
        "--profiling=false",
        f"--service-cluster-ip-range={SERVICE_ADDRESSES}",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={files.accounts.certificate}",
        f"--service-account-signing-key-file={files.accounts.key}",
        f"--requestheader-client-ca-file={files.front_authority}",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={files.front.certificate}",
        f"--proxy-client-key-file={files.front.key}",
    ]


def _audit(files: Files, log: Path | None) -> list[str]:
    if log is None:
        return []
    policy = files.folder / "audit-policy.json"
    policy.write_text(json.dumps(AUDIT_POLICY))
    return [f"--audit-policy-file={policy}", f"--audit-log-path={log}"]


def _controller_manager(files: Files, kubeconfig: Path) -> list[str]:
    return [
        f"--kubeconfig={kubeconfig}",
        f"--controllers={','.join(CONTROLLERS)}",
        f"--root-ca-file={files.authority}",
        "--leader-elect=false",
        "--secure-port=0",
        "--profiling=false",
        "--use-service-account-credentials=false",
        "--kube-api-qps=300",
        "--kube-api-burst=600",
    ]


def virt_api(program: Path, ports: Ports, files: Files, kubeconfig: Path) -> list[str]:
    return [
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--listen={LOOPBACK}",
        f"--port={ports.virt_api}",
        f"--console-server-port={ports.handler}",
        f"--tls-cert-file={files.virt_api.certificate}",
        f"--tls-key-file={files.virt_api.key}",
        f"--handler-cert-file={files.handler_client.certificate}",
        f"--handler-key-file={files.handler_client.key}",
    ]


def virt_controller(program: Path, ports: Ports, files: Files, kubeconfig: Path) -> list[str]:
    return [
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--listen={LOOPBACK}",
        f"--port={ports.virt_controller}",
        f"--prom-cert-file={files.virt_controller.certificate}",
        f"--prom-key-file={files.virt_controller.key}",
        f"--export-ca-cert-file={files.exports.certificate}",
        f"--export-ca-key-file={files.exports.key}",
        f"--launcher-image=quay.io/kubevirt/virt-launcher:{KUBEVIRT_VERSION}",
        f"--exporter-image=quay.io/kubevirt/virt-exportserver:{KUBEVIRT_VERSION}",
    ]


def cdi_apiserver(program: Path, ports: Ports, files: Files, kubeconfig: Path) -> list[str]:
    return [
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--listen={LOOPBACK}",
        f"--port={ports.cdi_api}",
        f"--tls-cert-file={files.cdi_api.certificate}",
        f"--tls-key-file={files.cdi_api.key}",
    ]


def snapshot_controller(program: Path, kubeconfig: Path) -> list[str]:
    return [
        str(program),
        f"--kubeconfig={kubeconfig}",
        "--leader-election",
        f"--leader-election-namespace={SYSTEM}",
        "--feature-gates=CSIVolumeGroupSnapshot=true",
        "--kube-api-qps=100",
        "--kube-api-burst=200",
    ]


def cdi_controller(program: Path, files: Files, kubeconfig: Path) -> list[str]:
    return [
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--token-key-file={files.cdi_tokens}",
        f"--upload-server-key-file={files.upload_server.key}",
        f"--upload-server-cert-file={files.upload_server.certificate}",
        f"--upload-client-key-file={files.upload_client.key}",
        f"--upload-client-cert-file={files.upload_client.certificate}",
    ]


def cdi_uploadproxy(program: Path, ports: Ports, files: Files, kubeconfig: Path) -> list[str]:
    return [
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--listen={LOOPBACK}",
        f"--port={ports.upload_proxy}",
        f"--dns={LOOPBACK}:{ports.dns}",
        f"--token-key-file={files.cdi_tokens.with_suffix('.pub')}",
        f"--tls-cert-file={files.upload_proxy.certificate}",
        f"--tls-key-file={files.upload_proxy.key}",
        f"--upload-client-cert-file={files.upload_proxy_client.certificate}",
        f"--upload-client-key-file={files.upload_proxy_client.key}",
    ]
