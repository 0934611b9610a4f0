"""What is put into a cluster before Dicot runs on it, as an administrator does it: manifests, account, people."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dicot.command import installation
from dicot.names import SYSTEM_NAMESPACE
from tests.cluster.access import Access
from tests.cluster.certificates import write_secret
from tests.cluster.commands import run
from tests.cluster.control import Control, Document
from tests.cluster.objects import collection, named
from tests.cluster.users import read_kubeconfig

ROOT = Path(__file__).parents[2]
SECRETS = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/secrets"
TOKEN = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/serviceaccounts/dicot/token"
ADMIN, DEMO = "dicot-admin", "dicot-demo"
"""Secrets of passwords: Dicot makes the first, these tools the second."""
ACCOUNT = f"system:serviceaccount:{SYSTEM_NAMESPACE}:dicot"
DEMO_NAMESPACE, TENANT = "demo", "tenant"
TOKEN_LIFE = 7 * 86400
"""Seconds; an API server may give less."""
REGION = "RegionOne"


async def apply_manifests(control: Control) -> None:
    """What ``dicot manifests`` prints."""
    for document in installation():
        await control.apply(collection(document), document)


def kubectl(access: Access) -> list[str]:
    """The program with its kubeconfig; where the cluster's starter named none, the one on the path."""
    program = access.programs.get("kubectl") or shutil.which("kubectl") or "kubectl"
    return [program, "--kubeconfig", str(access.kubeconfig)]


async def write_tenant(control: Control, kubeconfig: Path, path: Path) -> None:
    """A kubeconfig of somebody who may do in namespace demo what Kubernetes' own role ``edit`` allows."""
    account = named("ServiceAccount", TENANT, DEMO_NAMESPACE)
    subject = {"kind": "ServiceAccount", "name": TENANT, "namespace": DEMO_NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"}
    binding = named(
        "RoleBinding", TENANT, DEMO_NAMESPACE, "rbac.authorization.k8s.io/v1", roleRef=role, subjects=[subject]
    )
    for document in (account, binding):
        await control.apply(collection(document), document)
    answer = await control.change("POST", f"{collection(account)}/{TENANT}/token", token_request())
    login = own_kubeconfig(kubeconfig, answer["status"]["token"], f"{DEMO_NAMESPACE}:{TENANT}", DEMO_NAMESPACE)
    write_again(path, login.encode())


def for_admin(kubeconfig: Path) -> bytes:
    """A kubeconfig of all users of a cluster, cut down to the current one."""
    login = read_kubeconfig(kubeconfig)
    return own_kubeconfig(kubeconfig, login.tokens[login.current], login.current).encode()


async def write_login(control: Control, kubeconfig: Path, path: Path) -> None:
    """A kubeconfig in which Dicot is itself: the account that the manifests gave it, and no other rights."""
    token = (await control.change("POST", TOKEN, token_request()))["status"]["token"]
    write_again(path, own_kubeconfig(kubeconfig, token).encode())


def token_request() -> Document:
    """What asks for a token of an account."""
    spec = {"expirationSeconds": TOKEN_LIFE}
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}


def own_kubeconfig(kubeconfig: Path, token: str, user: str = ACCOUNT, namespace: str = "") -> str:
    """The current cluster of a kubeconfig, with a token as its only user."""
    document = yaml.safe_load(kubeconfig.read_text())
    contexts = {entry["name"]: entry["context"] for entry in document["contexts"]}
    name = contexts[document["current-context"]]["cluster"]
    cluster = {entry["name"]: entry["cluster"] for entry in document["clusters"]}[name]
    if "certificate-authority" in cluster:
        cluster["certificate-authority"] = str(kubeconfig.parent / cluster["certificate-authority"])
    where = {"namespace": namespace} if namespace else {}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "dicot", "context": {"cluster": name, "user": user, **where}}],
            "current-context": "dicot",
        },
        indent=1,
    )


async def make_people(reactor: Any, control: Control, kubeconfig: Path) -> Mapping[str, str]:
    """Identity's records, user admin, and user demo with a random password; the passwords by user."""
    demo = base64.b64encode(secrets.token_urlsafe(18).encode()).decode()
    made = named("Secret", DEMO, SYSTEM_NAMESPACE, data={"password": demo})
    await control.change("POST", SECRETS, made, also=(409,))
    password = await read_password(control, DEMO)
    environment = {"PYTHONPATH": str(ROOT), "DICOT_DEMO_PASSWORD": password}
    command = [sys.executable, "-m", "dicot.command", "demo", "--kubeconfig", str(kubeconfig)]
    (await run(reactor, command, environment)).checked()
    return {"admin": await read_password(control, ADMIN), "demo": password}


async def read_password(control: Control, secret: str) -> str:
    """The password in a Secret."""
    return decoded(await control.get(f"{SECRETS}/{secret}"))


def decoded(secret: Document) -> str:
    """The password in a Secret that was read."""
    return base64.b64decode(secret["data"]["password"]).decode()


def clouds(url: str, passwords: Mapping[str, str]) -> str:
    """What ``openstack`` reads as clouds.yaml: cloud ``dicot`` is user demo, ``dicot-admin`` the administrator."""
    names = {"admin": "dicot-admin", "demo": "dicot"}
    found = {}
    for user, password in passwords.items():
        login = {"username": user, "password": password, "project_name": user}
        domains = {"user_domain_id": "default", "project_domain_id": "default"}
        found[names[user]] = {
            "auth": {"auth_url": f"{url}/identity", **login, **domains},
            "region_name": REGION,
            "identity_api_version": 3,
        }
    text: str = yaml.safe_dump({"clouds": found}, sort_keys=False)
    return text


def write_clouds(path: Path, url: str, passwords: Mapping[str, str]) -> None:
    """The same as a file that nobody else reads."""
    write_again(path, clouds(url, passwords).encode())


def write_again(path: Path, content: bytes) -> None:
    """A file that nobody else reads, whatever was there before; who waits for it finds the whole."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    write_secret(fresh, content)
    fresh.replace(path)
