"""How tests and tools reach a cluster, whoever started it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.cluster import users

RECORD = "cluster.json"


@dataclass(frozen=True, slots=True)
class Node:
    """What the simulated virt-handlers serve with: port of every node, certificate, key and trusted authority; and
    the port of the names of Services."""

    port: int
    certificate: str
    key: str
    authority: str
    dns: int


@dataclass(frozen=True, slots=True)
class Access:
    """A running cluster: its address, its kubeconfig (current context: the administrator), a token for each user.

    ``programs`` are paths by name (kubectl, virtctl); ``node`` and ``etcd`` are known of clusters we started.
    """

    server: str
    kubeconfig: Path
    authority: bytes
    tokens: Mapping[str, str]
    admin: str
    programs: Mapping[str, str]
    node: Node | None = None
    etcd: str | None = None

    @classmethod
    def read(cls, kubeconfig: Path) -> Access:
        """The cluster of a kubeconfig; what its launcher wrote beside it is read too."""
        login = users.read_kubeconfig(kubeconfig)
        record = kubeconfig.resolve().with_name(RECORD)
        known = json.loads(record.read_text()) if record.exists() else {}
        return cls(
            server=login.server,
            kubeconfig=kubeconfig,
            authority=login.authority,
            tokens=login.tokens,
            admin=login.tokens.get(login.current, ""),
            programs=known.get("programs", {}),
            node=Node(**known["node"]) if "node" in known else None,
            etcd=known.get("etcd"),
        )

    def write(self, folder: Path) -> None:
        """Put beside the kubeconfig what it cannot carry."""
        if self.node is None:
            raise ValueError("only a cluster that was started here has a record")
        record = {"programs": dict(self.programs), "node": asdict(self.node), "etcd": self.etcd}
        (folder / RECORD).write_text(json.dumps(record, indent=1))
