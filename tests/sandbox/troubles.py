"""What goes wrong on the node side while a storm rages, and what a client must be told of it in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from random import Random
from types import MappingProxyType
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from dicot.kube.kind import Manifest
from dicot.names import ID
from dicot.sandbox.marks import FAULT, LOST
from dicot.sandbox.nodes.machines import TWO
from tests.cluster.control import JSON, MERGE, SOON, Control, Document
from tests.cluster.objects import named

from .arena import FAULTS

MACHINES = "/apis/kubevirt.io/v1/namespaces/demo/virtualmachines"
INSTANCES = "/apis/kubevirt.io/v1/namespaces/demo/virtualmachineinstances"
BY_HAND = ("byhand", "crowded")
"""Machines whose disks are never filled. Dicot takes no address of an image, so kubectl makes them."""
GUESTS = "virtualmachineinstances"
MARKED: Mapping[str, tuple[str, str, float]] = MappingProxyType(
    {
        "pull": ("image-pull", "pods", 1.0),
        "nowhere": ("unschedulable", "pods", 1.0),
        "loop": ("crash-loop", GUESTS, 0.5),
        "crash": ("crash", GUESTS, 0.5),
        "shutdown": ("shutdown", GUESTS, 1.0),
        "byhand": ("import", "persistentvolumeclaims", 1.0),
        "crowded": ("full-disk", "persistentvolumeclaims", 1.0),
    }
)
"""The mark, by a word in the name of a server, of that kind of objects that are made for it, and how often."""
CHOSEN = tuple(word for word in MARKED if word not in BY_HAND)
ENDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "pull": frozenset({"ERROR"}),
        **dict.fromkeys(BY_HAND, frozenset({"ERROR"})),
        "nowhere": frozenset({"BUILD", "ERROR"}),
        "loop": frozenset({"ACTIVE", "BUILD", "ERROR", "SHUTOFF"}),
        "crash": frozenset({"ACTIVE", "BUILD", "ERROR", "SHUTOFF"}),
        "shutdown": frozenset({"SHUTOFF"}),
    }
)
"""What a server of such a name that shall run may show in the end. A node is looked for in five minutes."""
SAID: Mapping[str, str] = MappingProxyType(
    {"pull": "could not be fetched", **dict.fromkeys(BY_HAND, "could not be filled")}
)
"""What the fault of one in error says."""
QUOTA = {"code": 403, "reason": "Forbidden", "message": "exceeded quota: pods"}


class Troubles:
    """``met`` counts what has happened."""

    def __init__(self, reactor: Any, control: Control, seed: float) -> None:
        self.met: Counter[str] = Counter()
        self._reactor = reactor
        self._control = control
        self._chance = Random(seed)
        self._goes_on = True
        self._under_way: list[Deferred[None]] = []

    async def begin(self) -> dict[str, str]:
        """From now on, until ``end``. The uids of the machines that were made by hand, by their names."""
        await self.mark()
        made = [await self._control.change("POST", MACHINES, _by_hand(word)) for word in BY_HAND]
        self._under_way = [Deferred.fromCoroutine(work) for work in (self._lose_nodes(), self._fill_quota())]
        return {each["metadata"]["name"]: str(each["metadata"]["uid"]) for each in made}

    async def mark(self) -> None:
        """Set the switches for what is made; a sandbox that was started again has forgotten them."""
        for word, (mark, kind, chance) in MARKED.items():
            match = {"namespace": "demo", "resource": kind, "name": f"*{word}-*"}
            seed = self._chance.randrange(2**31)
            await self._insist(
                "POST", FAULTS, {"effect": {"mark": mark}, "match": match, "chance": chance, "seed": seed}
            )

    async def end(self) -> None:
        """All nodes are back, and there is room."""
        self._goes_on = False
        for work in self._under_way:
            await work

    async def _lose_nodes(self) -> None:
        while await self._rest(3, 9):
            node = f"/api/v1/nodes/{self._chance.choice(TWO).name}"
            await self._insist("PATCH", node, {"metadata": {"annotations": {FAULT: LOST}}})
            self.met["node lost"] += 1
            await self._rest(1, 4)
            await self._insist("PATCH", node, {"metadata": {"annotations": {FAULT: None}}})

    async def _fill_quota(self) -> None:
        match = {"namespace": "demo", "resource": "pods", "verbs": ["create"]}
        while await self._rest(3, 9):
            id = (await self._insist("POST", FAULTS, {"effect": {"refuse": QUOTA}, "match": match}))["id"]
            self.met["quota"] += 1
            await self._rest(1, 4)
            # A sandbox that was killed meanwhile knows nothing of it, or has given its number to another.
            found = await self._insist("GET", f"{FAULTS}/{id}")
            if "refuse" in found.get("effect", {}):
                await self._insist("DELETE", f"{FAULTS}/{id}")

    async def _insist(self, method: str, path: str, body: object = None) -> Document:
        """Ask until the sandbox answers: it may just be dead."""
        answers: list[Document] = []

        async def asked() -> bool:
            kind = MERGE if method == "PATCH" else JSON
            answers.append(await self._control.change(method, path, body, kind, also=(404,)))
            return True

        await self._control.until(SOON, f"{method} {path}", asked)
        return answers[-1]

    async def _rest(self, least: float, most: float) -> bool:
        """Wait; whether it goes on."""
        until = self._reactor.seconds() + self._chance.uniform(least, most)
        while self._goes_on and self._reactor.seconds() < until:
            await deferLater(self._reactor, 0.05)
        return self._goes_on


def _by_hand(name: str) -> Manifest:
    """A machine whose root disk is to be imported."""
    source = {"http": {"url": "http://images.sandbox.invalid/disk.qcow2"}}
    spec = {"source": source, "storage": {"resources": {"requests": {"storage": "1Gi"}}}}
    disk = f"{name}-disk"
    devices = {"disks": [{"name": "root", "disk": {"bus": "virtio"}}]}
    volumes = [{"name": "root", "dataVolume": {"name": disk}}]
    whole = {
        "runStrategy": "RerunOnFailure",
        "instancetype": {"name": "m1.tiny"},
        "dataVolumeTemplates": [{"metadata": {"name": disk}, "spec": spec}],
        "template": {"spec": {"domain": {"devices": devices}, "volumes": volumes}},
    }
    return named("VirtualMachine", name, None, "kubevirt.io/v1", spec=whole)


async def misrepresented(control: Control, servers: list[Document]) -> Iterator[str]:
    """Servers that are shown to run and do not, or not to run and do; and those in error that do not say why."""
    phases = {
        item["metadata"]["name"]: item.get("status", {}).get("phase")
        for item in (await control.get(INSTANCES))["items"]
        if "deletionTimestamp" not in item["metadata"]
    }
    machines = {_id(item): item["metadata"]["name"] for item in (await control.get(MACHINES))["items"]}
    return _misrepresented(servers, {id: phases.get(name) for id, name in machines.items()})


def _misrepresented(servers: list[Document], phases: Mapping[str, object]) -> Iterator[str]:
    for server in servers:
        phase = phases.get(server["id"])
        if (server["status"] == "ACTIVE") != (phase == "Running"):
            yield f"{server['name']} is {server['status']}, and its instance {phase}"
        elif server["status"] == "ERROR" and not server.get("fault", {}).get("message"):
            yield f"{server['name']} is in error and does not say why"


def _id(machine: Document) -> str:
    metadata = machine["metadata"]
    return str(metadata.get("labels", {}).get(ID, metadata["uid"]))
