"""The folder of one cluster: its keys, certificates, tokens and kubeconfigs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.cluster import users
from tests.cluster.certificates import (
    LOOPBACK,
    Authority,
    Pair,
    new_key,
    new_rsa_key,
    private_pem,
    public_pem,
    write_secret,
)
from tests.cluster.flags import Files

UPLOAD_CLIENT = "client.upload-server.cdi.kubevirt.io"
"""The name under which upload servers know cdi-uploadproxy."""


def make_files(folder: Path, server: str, tokens: Mapping[str, str]) -> Files:
    """Everything that the programs read, made anew in ``folder``."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = folder / "keys"
    keys.mkdir(mode=0o700)
    (folder / "logs").mkdir()
    cluster = Authority.make("cluster-ca", keys)
    front = Authority.make("front-proxy-ca", keys)
    uploading = Authority.make("upload-client-ca", keys, new_rsa_key())
    write_secret(folder / "tokens.csv", users.token_file(tokens).encode())
    return Files(
        folder=folder,
        authority=cluster.files.certificate,
        apiserver=cluster.issue("apiserver", "kube-apiserver", (*LOOPBACK, "kubernetes.default.svc")),
        front_authority=front.files.certificate,
        front=front.issue("front-proxy", "front-proxy"),
        accounts=_account_keys(keys),
        tokens=folder / "tokens.csv",
        virt_api=cluster.issue("virt-api", "virt-api", (*LOOPBACK, "virt-api.kubevirt.svc")),
        virt_controller=cluster.issue("virt-controller", "virt-controller"),
        exports=Authority.make("export-ca", keys).files,
        handler_client=cluster.issue("handler-client", "kubevirt.io:system:client:virt-handler"),
        handler_server=cluster.issue("handler-server", "kubevirt.io:system:node:virt-handler"),
        cdi_api=cluster.issue("cdi-api", "cdi-api", (*LOOPBACK, "cdi-api.cdi.svc")),
        upload_server=Authority.make("upload-server-ca", keys, new_rsa_key()).files,
        upload_client=uploading.files,
        upload_proxy=cluster.issue("upload-proxy", "cdi-uploadproxy", (*LOOPBACK, "cdi-uploadproxy.cdi.svc")),
        upload_proxy_client=uploading.issue("upload-proxy-client", UPLOAD_CLIENT),
        cdi_tokens=_cdi_key(keys),
        kubeconfigs=_kubeconfigs(folder, server, cluster.pem.encode(), tokens),
    )


def _account_keys(folder: Path) -> Pair:
    """Keys of service account tokens: the public one stands where another pair has its certificate."""
    key = new_key()
    pair = Pair(folder / "accounts.pub", folder / "accounts.key")
    pair.certificate.write_bytes(public_pem(key))
    write_secret(pair.key, private_pem(key))
    return pair


def _cdi_key(folder: Path) -> Path:
    key = new_rsa_key()
    path = folder / "cdi-tokens.key"
    write_secret(path, private_pem(key))
    path.with_suffix(".pub").write_bytes(public_pem(key))
    return path


def _kubeconfigs(folder: Path, server: str, authority: bytes, tokens: Mapping[str, str]) -> dict[str, Path]:
    """One kubeconfig for each user by name; the administrator's carries all users and lies in the folder itself."""
    paths = {}
    for number, (user, token) in enumerate(tokens.items()):
        own = {user: token} if user != users.ADMIN else tokens
        paths[user] = folder / "keys" / f"user-{number}.kubeconfig" if user != users.ADMIN else folder / "kubeconfig"
        write_secret(paths[user], users.kubeconfig(server, authority, own, user).encode())
    return paths
