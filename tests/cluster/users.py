"""Who may log in to a cluster: one bearer token for each user, and the kubeconfig that carries them."""

from __future__ import annotations

import base64
import csv
import io
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

ADMIN = "admin"
CONTROLLER_MANAGER = "system:kube-controller-manager"
SCHEDULER = "system:kube-scheduler"
KUBELET = "kubelet"
VIRT_API = "system:serviceaccount:kubevirt:kubevirt-apiserver"
VIRT_CONTROLLER = "system:serviceaccount:kubevirt:kubevirt-controller"
VIRT_HANDLER = "system:serviceaccount:kubevirt:kubevirt-handler"
CDI_API = "system:serviceaccount:cdi:cdi-apiserver"
CDI_CONTROLLER = "system:serviceaccount:cdi:cdi-sa"
SNAPSHOT_CONTROLLER = "system:serviceaccount:kube-system:snapshot-controller"
CDI_UPLOADPROXY = "system:serviceaccount:cdi:cdi-uploadproxy"
USERS = (
    ADMIN,
    CONTROLLER_MANAGER,
    SCHEDULER,
    KUBELET,
    VIRT_API,
    VIRT_CONTROLLER,
    VIRT_HANDLER,
    CDI_API,
    CDI_CONTROLLER,
    SNAPSHOT_CONTROLLER,
    CDI_UPLOADPROXY,
)
MASTERS = "system:masters"


def new_tokens(randomness: Callable[[int], str] = secrets.token_urlsafe) -> dict[str, str]:
    """A token for every user, by the user's name."""
    return {user: randomness(24) for user in USERS}


def groups(user: str) -> list[str]:
    """Groups of a user: everybody here may do everything, and a service account is one beside."""
    account = user.split(":")
    if account[:2] != ["system", "serviceaccount"]:
        return [MASTERS]
    return [MASTERS, "system:serviceaccounts", f"system:serviceaccounts:{account[2]}"]


def token_file(tokens: Mapping[str, str]) -> str:
    """Content of kube-apiserver's ``--token-auth-file``: token, name, uid, groups."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    for user, token in tokens.items():
        lines.writerow((token, user, user, ",".join(groups(user))))
    return text.getvalue()


def kubeconfig(server: str, authority: bytes, tokens: Mapping[str, str], current: str = ADMIN) -> str:
    """A kubeconfig with one context for each user, named like the user; JSON is YAML too."""
    name = "dicot"
    trusted = base64.b64encode(authority).decode()
    contexts = [{"name": user, "context": {"cluster": name, "user": user}} for user in tokens]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": trusted}}],
        "users": [{"name": user, "user": {"token": token}} for user, token in tokens.items()],
        "contexts": contexts,
        "current-context": current,
    }
    return json.dumps(document, indent=1)


@dataclass(frozen=True, slots=True)
class Login:
    """What a kubeconfig says about its current cluster: where it is, whom to trust, every user's token."""

    server: str
    authority: bytes
    tokens: Mapping[str, str]
    current: str


def read_kubeconfig(path: Path) -> Login:
    """Read a kubeconfig whose users have tokens; others are passed over."""
    document = yaml.safe_load(path.read_text())
    contexts = {entry["name"]: entry["context"] for entry in document["contexts"]}
    context = contexts[document["current-context"]]
    clusters = {entry["name"]: entry["cluster"] for entry in document["clusters"]}
    cluster = clusters[context["cluster"]]
    users = {entry["name"]: entry["user"] for entry in document["users"]}
    tokens = {name: user["token"] for name, user in users.items() if user.get("token")}
    return Login(cluster["server"], _authority(cluster, path.parent), tokens, context["user"])


def _authority(cluster: Mapping[str, str], folder: Path) -> bytes:
    if "certificate-authority" in cluster:
        return (folder / cluster["certificate-authority"]).read_bytes()
    return base64.b64decode(cluster.get("certificate-authority-data", ""))
