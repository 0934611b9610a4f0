"""The objects that KubeVirt's and CDI's operators would make, changed so that programs on loopback answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.modules import CDI_VERSION, KUBEVIRT_VERSION, OBJECTS

Document = dict[str, Any]

KUBEVIRT = "kubevirt"
CDI = "cdi"
SERVICES = {KUBEVIRT: "virt-api", CDI: "cdi-api"}
DEFINITION = "CustomResourceDefinition"
WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
API_SERVICE = "APIService"
ROLES = ("ClusterRole", "ClusterRoleBinding")

PATHS = {
    "APIService": "/apis/apiregistration.k8s.io/v1/apiservices",
    "CDI": "/apis/cdi.kubevirt.io/v1beta1/cdis",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "KubeVirt": "/apis/kubevirt.io/v1/namespaces/{namespace}/kubevirts",
    "MutatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    "Namespace": "/api/v1/namespaces",
    "PriorityClass": "/apis/scheduling.k8s.io/v1/priorityclasses",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
    "Secret": "/api/v1/namespaces/{namespace}/secrets",
    "Service": "/api/v1/namespaces/{namespace}/services",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "ValidatingAdmissionPolicy": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    "ValidatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
}


def collection(document: Document) -> str:
    """Path that an object is POSTed to."""
    return PATHS[document["kind"]].format(namespace=document["metadata"].get("namespace", ""))


def printed(folder: Path) -> list[Document]:
    """What a module's printer said."""
    items: list[Document] = json.loads((folder / OBJECTS).read_bytes())["items"]
    return items


@dataclass(frozen=True, slots=True)
class Backend:
    """A program on loopback that answers webhooks and an aggregated API, and who signed its certificate."""

    port: int
    authority: str

    @property
    def bundle(self) -> str:
        return base64.b64encode(self.authority.encode()).decode()


def rewire(document: Document, backend: Backend) -> Document:
    """The webhook configuration or APIService, pointed at the backend instead of a Service of Pods."""
    if document["kind"] == API_SERVICE:
        spec = document["spec"]
        service = {**spec["service"], "port": backend.port}
        return {**document, "spec": {**spec, "service": service, "caBundle": backend.bundle}}
    webhooks = [{**hook, "clientConfig": _direct(hook, backend)} for hook in document["webhooks"]]
    return {**document, "webhooks": webhooks}


def _direct(webhook: Document, backend: Backend) -> Document:
    path = webhook["clientConfig"]["service"]["path"]
    return {"url": f"https://127.0.0.1:{backend.port}{path}", "caBundle": backend.bundle}


def named(kind: str, name: str, namespace: str | None = None, version: str = "v1", **rest: object) -> Document:
    """An object with nothing but its name and what ``rest`` says."""
    metadata = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def service(namespace: str) -> Document:
    """The Service that an APIService must name; its name leads to loopback."""
    spec = {"type": "ExternalName", "externalName": "localhost"}
    return named("Service", SERVICES[namespace], namespace, spec=spec)


def kubevirt(feature_gates: Sequence[str]) -> Document:
    """KubeVirt's own object with the status that its operator would have given it."""
    configuration = {"developerConfiguration": {"featureGates": list(feature_gates)}} if feature_gates else {}
    spec = {"configuration": configuration}
    status = {
        "phase": "Deployed",
        "defaultArchitecture": "amd64",
        "operatorVersion": KUBEVIRT_VERSION,
        "observedKubeVirtVersion": KUBEVIRT_VERSION,
        "targetKubeVirtVersion": KUBEVIRT_VERSION,
        "conditions": _deployed(),
    }
    return named("KubeVirt", KUBEVIRT, KUBEVIRT, "kubevirt.io/v1", spec=spec, status=status)


def cdi(upload_proxy: str) -> Document:
    """CDI's own object with the status that its operator would have given it; uploads go to that host and port."""
    status = {
        "phase": "Deployed",
        "operatorVersion": CDI_VERSION,
        "observedVersion": CDI_VERSION,
        "targetVersion": CDI_VERSION,
        "conditions": _deployed(),
    }
    spec = {"config": {"uploadProxyURLOverride": upload_proxy}}
    made = named("CDI", CDI, None, "cdi.kubevirt.io/v1beta1", spec=spec, status=status)
    # Without it the configuration of this object is no one's.
    made["metadata"]["annotations"] = {"cdi.kubevirt.io/configAuthority": ""}
    return made


def _deployed() -> list[Document]:
    states = {"Available": "True", "Progressing": "False", "Degraded": "False"}
    return [{"type": kind, "status": status, "reason": "Deployed"} for kind, status in states.items()]
