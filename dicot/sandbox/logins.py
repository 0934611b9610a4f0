"""Who may log in to a sandbox: one bearer token for each user, and the kubeconfig that carries them."""

import csv
import io
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import json

from .apiserver.asked import User
from .apiserver.rights.names import account_groups, split_account
from .apiserver.rights.rbac import MASTERS

ADMIN = "admin"
USERS = (
    ADMIN,
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "kubelet",
    "system:serviceaccount:kubevirt:kubevirt-apiserver",
    "system:serviceaccount:kubevirt:kubevirt-controller",
    "system:serviceaccount:kubevirt:kubevirt-handler",
    "system:serviceaccount:cdi:cdi-apiserver",
    "system:serviceaccount:cdi:cdi-sa",
    "system:serviceaccount:cdi:cdi-uploadproxy",
    "system:serviceaccount:kube-system:snapshot-controller",
)
"""Those who run the cluster. All may do everything, as their programs' own rights are not what is tried here."""
_CLUSTER = "dicot-sandbox"


def new_tokens(randomness: Callable[[int], str]) -> dict[str, str]:
    """A token for every user, by the user's name."""
    return {user: randomness(24) for user in USERS}


def write_tokens(path: Path, tokens: Mapping[str, str]) -> None:
    """A file as kube-apiserver's ``--token-auth-file``: token, name, uid, groups. What it holds already stays."""
    text = io.StringIO(path.read_text() if path.exists() else "")
    text.seek(0, io.SEEK_END)
    csv.writer(text, lineterminator="\n").writerows(
        (token, user, user, ",".join(_groups(user))) for user, token in tokens.items()
    )
    write_secret(path, text.getvalue().encode())


def read_tokens(path: Path) -> dict[str, User]:
    """Users by token. Raises ValueError for a file that is none of tokens."""
    found = {}
    for line in csv.reader(path.read_text().splitlines()):
        if len(line) < 3:
            raise ValueError(f"{path}: a line of a token needs token, user and uid")
        token, name, uid, *groups = line
        found[token] = User(name, tuple(filter(None, ",".join(groups).split(","))), uid)
    return found


def kubeconfig(server: str, authority: bytes, users: Mapping[str, User]) -> bytes:
    """A kubeconfig with a context for each user, named like the user; JSON is YAML too."""
    trusted = b64encode(authority).decode()
    named = {user.name: token for token, user in users.items()}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": _CLUSTER, "cluster": {"server": server, "certificate-authority-data": trusted}}],
        "users": [{"name": name, "user": {"token": token}} for name, token in named.items()],
        "contexts": [{"name": name, "context": {"cluster": _CLUSTER, "user": name}} for name in named],
        "current-context": ADMIN,
    }
    return json.format(json.encode(document), indent=1)


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read. It is there as a whole or not at all, whoever reads or dies."""
    growing = path.with_name(f".{path.name}.new")
    growing.unlink(missing_ok=True)
    growing.touch(mode=0o600)
    growing.write_bytes(content)
    growing.replace(path)


def _groups(user: str) -> tuple[str, ...]:
    account = split_account(user)
    return (MASTERS, *account_groups(account[0])) if account else (MASTERS,)
