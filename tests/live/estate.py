"""What lies in a project's namespace of servers and their parts, as Kubernetes has it: whole, half, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dicot.names import ID, SERVER_ID, SYSTEM_NAMESPACE
from tests.cluster.control import Control, Document, Refused

PARTS = {
    "secrets": "/api/v1",
    "persistentvolumeclaims": "/api/v1",
    "ports": "/apis/network.dicot.io/v1",
    "datavolumes": "/apis/cdi.kubevirt.io/v1beta1",
}
"""Kinds that belong to a server and carry its id."""
MACHINES = "/apis/kubevirt.io/v1/namespaces/{}/virtualmachines"
INSTANCES = "/apis/kubevirt.io/v1/namespaces/{}/virtualmachineinstances"
LEDGERS = f"/apis/identity.dicot.io/v1/namespaces/{SYSTEM_NAMESPACE}/ledgers"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM_NAMESPACE}/leases"


@dataclass(frozen=True, slots=True)
class Part:
    """An object that belongs to a server. ``owners`` are uids."""

    kind: str
    name: str
    server: str
    owners: frozenset[str]


@dataclass(frozen=True, slots=True)
class Estate:
    """One look. ``machines`` maps ids of servers to uids, ``entries`` ids to the Ledger's entries."""

    machines: Mapping[str, str]
    names: Mapping[str, str]
    parts: tuple[Part, ...]
    entries: Mapping[str, Document]

    def of(self, server: str) -> list[Part]:
        """The parts of one server."""
        return [part for part in self.parts if part.server == server]

    def named(self, name: str, *, whole: bool = True) -> list[str]:
        """The ids of the servers of that name, or of those whose names begin so."""
        return [id for id, found in self.names.items() if found.startswith(f"{name}-" if whole else name)]

    def check_whole(self, servers: Sequence[str] | None = None) -> None:
        """Raises Refused where something of these servers, or of any, is not as it is to stay."""
        if halves := self.halves(servers):
            raise Refused("; ".join(halves))

    def halves(self, servers: Sequence[str] | None = None) -> list[str]:
        """Parts without a server, parts that would outlive it, entries of the Ledger without a server."""
        parts = [part for part in self.parts if servers is None or part.server in servers]
        found = [f"{part} has no server" for part in parts if part.server not in self.machines]
        found += [
            f"{part} does not belong to its server"
            for part in parts
            if part.kind in ("secrets", "ports")
            and part.server in self.machines
            and self.machines[part.server] not in part.owners
        ]
        return found + [f"{entry} has no server" for entry in self.unsettled(servers) if entry not in self.machines]

    def unsettled(self, servers: Sequence[str] | None = None) -> list[str]:
        """The ids of these servers, or of any, for which the Ledger still names work to be done."""
        return [
            id for id, entry in self.entries.items() if entry.get("pending") and (servers is None or id in servers)
        ]


async def survey(control: Control, namespace: str) -> Estate:
    """What is there now. What is on its way out counts as there."""
    # The servers come last: one that is made meanwhile has its parts already, and is not seen without them.
    ledgers = (await control.get(LEDGERS))["items"]
    parts = []
    for kind, group in PARTS.items():
        for item in (await control.get(f"{group}/namespaces/{namespace}/{kind}"))["items"]:
            server = item["metadata"].get("labels", {}).get(SERVER_ID)
            if server:
                owners = frozenset(owner["uid"] for owner in item["metadata"].get("ownerReferences", ()))
                parts.append(Part(kind, item["metadata"]["name"], server, owners))
    machines = {}
    for path in (INSTANCES, MACHINES):
        for item in (await control.get(path.format(namespace)))["items"]:
            machines[item["metadata"].get("labels", {}).get(ID, item["metadata"]["uid"])] = item["metadata"]
    entries = [entry for ledger in ledgers for entry in ledger["spec"].get("entries", ())]
    return Estate(
        {id: meta["uid"] for id, meta in machines.items()},
        {id: meta["name"] for id, meta in machines.items()},
        tuple(parts),
        {entry["id"]: entry for entry in entries if entry["commit"].get("namespace") == namespace},
    )
