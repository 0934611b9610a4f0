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
from tests.cluster.objects import named

ROOT = Path(__file__).parents[2]
SECRETS = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/secrets"
TOKEN = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/serviceaccounts/dicot/token"
ADMIN, DEMO = "dicot-admin", "dicot-demo"
"""Secrets of passwords: Dicot makes the first, these tools the second."""
TOKEN_LIFE = 7 * 86400
"""Seconds; an API server may give less."""
REGION = "RegionOne"


async def apply_manifests(reactor: Any, access: Access) -> None:
    """What ``dicot manifests`` prints, by kubectl."""
    documents = json.dumps({"apiVersion": "v1", "kind": "List", "items": installation()})
    (
        await run(
            reactor, [*kubectl(access), "apply", "--server-side", "--force-conflicts", "-f", "-"], text=documents
        )
    ).checked()


def kubectl(access: Access) -> list[str]:
    """The program with its kubeconfig; where the cluster's starter named none, the one on the path."""
    program = access.programs.get("kubectl") or shutil.which("kubectl") or "kubectl"
    return [program, "--kubeconfig", str(access.kubeconfig)]


async def write_login(control: Control, kubeconfig: Path, path: Path) -> None:
    """A kubeconfig in which Dicot is itself: the account that the manifests gave it, and no other rights."""
    token = (await control.change("POST", TOKEN, token_request()))["status"]["token"]
    write_secret(path, own_kubeconfig(kubeconfig, token).encode())


def token_request() -> Document:
    """What asks for a token of an account."""
    spec = {"expirationSeconds": TOKEN_LIFE}
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}


def own_kubeconfig(kubeconfig: Path, token: str) -> str:
    """The current cluster of a kubeconfig, with a token as its only user."""
    document = yaml.safe_load(kubeconfig.read_text())
    contexts = {entry["name"]: entry["context"] for entry in document["contexts"]}
    name = contexts[document["current-context"]]["cluster"]
    cluster = {entry["name"]: entry["cluster"] for entry in document["clusters"]}[name]
    if "certificate-authority" in cluster:
        cluster["certificate-authority"] = str(kubeconfig.parent / cluster["certificate-authority"])
    user = f"system:serviceaccount:{SYSTEM_NAMESPACE}:dicot"
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "dicot", "context": {"cluster": name, "user": user}}],
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
    """The same as a file that nobody else reads, whatever was there before."""
    path.unlink(missing_ok=True)
    write_secret(path, clouds(url, passwords).encode())
