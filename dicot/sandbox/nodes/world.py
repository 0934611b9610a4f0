"""What the nodes see of the cluster, and what follows from it for each object."""

from collections.abc import Iterator, Sequence
from typing import Any

from dicot.kube.kind import Kind, Row
from dicot.kube.store import Change, Store
from dicot.moments import read

from ...kube.quantity import whole
from ..controller import Key
from ..marks import FAULT, LOST, delay
from ..snapshots.groups.kinds import GROUP_CONTENTS
from ..snapshots.kinds import CONTENTS, SNAPSHOT_CLASSES, SNAPSHOTS, Content, Snapshot, snapshot_link
from ..steps import REST, Decision
from . import expansion, guests, migrations, plugging, pods, restoring, snapshots, volumes, wiring
from .balancers import SERVICES, Balancers
from .grouped import Grouped
from .instances import GUESTS, Guest
from .kinds import (
    CLAIMS,
    CLONE_SOURCE,
    COMPONENT,
    DISKS,
    NODES,
    PODS,
    SOURCE_SUFFIX,
    UPLOAD_SERVER,
    Claim,
    Node,
    Pod,
    claims_of,
    clone_link,
)
from .machines import Machine
from .odds import NODES_AT, RULES, Odds
from .outages import Outages
from .pods import Scene
from .scheduler import Scheduler
from .work.job import Held
from .work.programs import Programs, State
from .work.shots import Shots


class NodeWorld:
    """The stores, joined. ``work`` is how long CDI's workers take, in seconds; ``programs`` is what runs in them,
    None for workers that only seem to work."""

    def __init__(self, machines: Sequence[Machine], work: float, programs: Programs | None = None) -> None:
        self.pods: Store[Pod] = Store(PODS)
        self.guests: Store[Guest] = Store(GUESTS)
        self.claims: Store[Claim] = Store(CLAIMS)
        self.disks: Store[Any] = Store(DISKS)
        self.nodes: Store[Node] = Store(NODES)
        self.services: Store[Any] = Store(SERVICES)
        self.snapshots: Store[Any] = Store(SNAPSHOTS)
        self.contents: Store[Any] = Store(CONTENTS)
        self.classes: Store[Any] = Store(SNAPSHOT_CLASSES)
        self.odds = Odds()
        self._scheduler = Scheduler(machines)
        self.outages = Outages(self.odds, self._scheduler.machines)
        self._balancers = Balancers()
        self._work = work
        self._programs = programs
        self._shots = Shots(programs.contents) if programs is not None else None
        self.grouped = Grouped(self.disks, self._shots)

    @property
    def stores(self) -> tuple[Store[Any], ...]:
        """All that is watched."""
        own = (self.pods, self.guests, self.claims, self.disks, self.nodes, self.services)
        snapshots = (self.snapshots, self.contents, self.classes, *self.grouped.stores)
        return (*own, *snapshots, self.odds.rules, self.outages.quotas)

    def saw(self, change: Change) -> Iterator[Key]:
        """Take a change into account; what must be decided again."""
        if change.kind is NODES:
            yield from self._touched(change)
            return
        if change.kind is PODS:
            self._count(change)
        elif change.kind is DISKS:
            self._keep(change)
        elif change.kind is SERVICES:
            self._balancers.saw(change)
        row = change.new or change.old
        if row is None:
            return
        if change.new is None:
            self.odds.forget(row.uid)
        if change.new is not None:
            yield Key(change.kind, row.namespace, row.name)
        yield from self._related(change.kind, row)

    def everything(self) -> list[Key]:
        """All objects that there are."""
        own = (self.pods, self.guests, self.claims, self.disks, self.contents, self.services)
        stores: tuple[Store[Any], ...] = (*own, self.nodes, self.grouped.contents, self.odds.rules)
        return [Key(store.kind, row.namespace, row.name) for store in stores for row in store.rows()]

    def is_lost(self, node: str) -> bool:
        """Whether kubelet and virt-handler of a node have stopped."""
        found = self._node(node)
        return found is not None and found.metadata.annotations.get(FAULT) == LOST

    def _node(self, name: str) -> Node | None:
        row = self.nodes.one("", name)
        return None if row is None else NODES.read(row)

    def _touched(self, change: Change) -> Iterator[Key]:
        """A node, and what is on one that comes back."""
        if change.new is None:
            return
        yield Key(NODES, "", change.new.name)
        was = change.old is not None and NODES.read(change.old).metadata.annotations.get(FAULT) == LOST
        if not was or self.is_lost(change.new.name):
            return
        for row in self.pods.rows():
            if PODS.read(row).spec.nodeName == change.new.name:
                yield Key(PODS, row.namespace, row.name)
        for row in self.guests.rows():
            if GUESTS.read(row).status.nodeName == change.new.name:
                yield Key(GUESTS, row.namespace, row.name)

    def decide(self, key: Key, now: float) -> Decision:
        """What to do about an object."""
        row = self._store(key.kind).one(key.namespace, key.name)
        if row is None:
            return REST
        if key.kind is RULES:
            return self.outages.decide_rule(row, now)
        if key.kind is NODES:
            return self.outages.decide_node(NODES.read(row), now)
        return self.odds.meet(key.kind, row) or self._decide(key, row, now)

    def _decide(self, key: Key, row: Row, now: float) -> Decision:
        if key.kind is PODS:
            return self._decide_pod(row, now)
        if key.kind is GUESTS:
            return self._decide_guest(row, now)
        if key.kind is CLAIMS:
            return self._decide_claim(CLAIMS.read(row), now)
        if key.kind is SERVICES:
            return self._balancers.decide(SERVICES.read(row))
        if key.kind is CONTENTS:
            return self._decide_content(CONTENTS.read(row), now)
        if key.kind is GROUP_CONTENTS:
            return self.grouped.decide(row, now)
        return volumes.decide_disk(DISKS.read(row)) if key.kind is DISKS else REST

    def _decide_claim(self, claim: Claim, now: float) -> Decision:
        if claim.status.phase == "Bound":
            return self._decide_bound(claim, now)
        name = restoring.source(claim)
        if not name or not volumes.is_asked_for(claim):
            return volumes.decide_claim(claim)
        snapshot = self._snapshot(claim.metadata.namespace, name)
        bound = snapshot.status.boundVolumeSnapshotContentName if snapshot is not None and snapshot.status else None
        row = self.contents.one("", bound) if bound is not None else None
        content: Content | None = CONTENTS.read(row) if row is not None else None
        return restoring.decide_restored(claim, snapshot, content, self._filled, now)

    def _decide_bound(self, claim: Claim, now: float) -> Decision:
        row = self.disks.one("", claim.spec.volumeName)
        if row is None or not volumes.is_ours(claim):
            return REST
        is_mounted = any(self._mounts(PODS.read(each)) for each in self._pods_with(claim))
        return expansion.decide(claim, DISKS.read(row), is_mounted=is_mounted, now=now)

    def _pods_with(self, claim: Claim) -> Sequence[Row]:
        """The Pods that name a claim."""
        return self.pods.linked(f"{claim.metadata.namespace}/{claim.metadata.name}")

    def _mounts(self, pod: Pod) -> bool:
        """Whether a kubelet mounts what a Pod names."""
        node = pod.spec.nodeName
        return node in self._scheduler.machines and pod.status.phase not in pods.FINAL and not self.is_lost(node)

    def _decide_content(self, content: Content, now: float) -> Decision:
        spec, of = content.spec, content.spec.volumeSnapshotRef
        told = self.snapshots.one(of.namespace, of.name)
        met = self.odds.meet(SNAPSHOTS, told) if told is not None else None
        if met is not None:
            # It could be taken before its snapshot has been looked at.
            return Decision(met.steps, again=snapshots.SOON)
        snapshot = SNAPSHOTS.read(told) if told is not None else None
        row = self.disks.one("", spec.source.volumeHandle or "")
        disk = DISKS.read(row) if row is not None else None
        made, gone = snapshots.to_take(content, disk), snapshots.to_drop(content)
        if gone is not None and self._shots is not None:
            self._shots.drop(gone)
        return snapshots.decide_content(
            content,
            snapshot,
            disk,
            taken=made is not None
            and self._filled(spec.source.volumeHandle or "", made)
            and not snapshots.lasts(snapshot, now),
            classed=spec.volumeSnapshotClassName is None
            or self.classes.one("", spec.volumeSnapshotClassName) is not None,
            now=now,
        )

    def _filled(self, source: str, target: str) -> bool:
        """Whether a volume or snapshot holds what another does."""
        return self._shots is None or self._shots.made(source, target)

    def _snapshot(self, namespace: str, name: str) -> Snapshot | None:
        row = self.snapshots.one(namespace, name)
        return SNAPSHOTS.read(row) if row is not None else None

    def _store(self, kind: Kind[Any]) -> Store[Any]:
        return next(store for store in self.stores if store.kind is kind)

    def _count(self, change: Change) -> None:
        if change.new is not None:
            self._scheduler.saw(PODS.read(change.new))
        elif change.old is not None:
            self._scheduler.lost(PODS.read(change.old))
        is_another = change.old is not None and (change.new is None or change.new.uid != change.old.uid)
        if self._programs is not None and change.old is not None and is_another:
            self._programs.end(change.old.uid)

    def _keep(self, change: Change) -> None:
        """A volume that is gone takes with it what it held; a device has as many bytes as its volume."""
        if self._programs is None:
            return
        if change.new is None and change.old is not None:
            self._programs.contents.drop(change.old.name)
        elif change.new is not None:
            spec = DISKS.read(change.new).spec
            if spec.volumeMode == "Block":
                self._programs.contents.grow(change.new.name, whole(spec.capacity["storage"]))

    def _related(self, kind: Kind[Any], row: Row) -> Iterator[Key]:
        """A launcher's guest and a guest's launcher; Pods by their claims; an upload server by its clone source;
        nodes by their odds."""
        links = []
        if kind is PODS:
            yield from (Key(GUESTS, each.namespace, each.name) for each in self.guests.linked(_link(row, row.owner)))
            links.append(clone_link(row.name.removesuffix(SOURCE_SUFFIX)))
            yield from self._growing(PODS.read(row))
        elif kind is GUESTS:
            links.append(_link(row, row.uid))
        elif kind is CLAIMS:
            links.append(_link(row, row.name))
        elif kind is RULES and row.namespace == NODES_AT:
            yield from (Key(NODES, "", each.name) for each in self.nodes.rows())
        elif kind is SNAPSHOTS:
            waiting = self.claims.linked(snapshot_link(row.namespace, row.name))
            yield from (Key(CLAIMS, each.namespace, each.name) for each in waiting)
        for link in links:
            yield from (Key(PODS, each.namespace, each.name) for each in self.pods.linked(link))

    def _growing(self, pod: Pod) -> Iterator[Key]:
        """The claims of a Pod that may wait for it to grow."""
        for name in claims_of(pod):
            claim = self._claim(pod.metadata.namespace, name)
            if claim is not None and expansion.is_growing(claim):
                yield Key(CLAIMS, pod.metadata.namespace, name)

    def _decide_pod(self, row: Row, now: float) -> Decision:
        pod = PODS.read(row)
        machine = self._scheduler.machines.get(pod.spec.nodeName)
        if pod.metadata.deletionTimestamp is None and not pod.spec.nodeName:
            claims = [(name, self._claim(row.namespace, name)) for name in claims_of(pod)]
            nodes = [NODES.read(each) for each in self.nodes.rows()]
            return self._scheduler.decide(pod, claims, nodes, now)
        if pod.spec.nodeName and (machine is None or self.is_lost(pod.spec.nodeName)):
            return REST
        return pods.decide(pod, self._scene(row, pod, machine, now))

    def _decide_guest(self, row: Row, now: float) -> Decision:
        guest = GUESTS.read(row)
        if self.is_lost(guest.status.nodeName):
            return REST
        launcher = self._launcher(row)
        left = _booting(guest, launcher, now)
        if left > 0:
            return Decision(again=left)
        decision = guests.decide(guest, launcher, now)
        decision = decision if decision != REST else plugging.decide(guest)
        decision = decision if decision != REST else wiring.decide(guest, launcher)
        move = guest.status.migrationState
        if decision != REST or move is None:
            return decision
        target = self.pods.one(row.namespace, move.targetPod)
        return migrations.decide(guest, move, PODS.read(target) if target is not None else None, now, self._work)

    def _guest_of(self, row: Row, pod: Pod) -> str:
        """The phase of the guest that a launcher runs, "" where it has none: no longer, or not yet and not at all."""
        found = next(iter(self.guests.linked(_link(row, row.owner))), None)
        if found is None:
            return ""
        status = GUESTS.read(found).status
        move = status.migrationState
        is_elsewhere = status.nodeName not in ("", pod.spec.nodeName)
        is_left = move is not None and move.leaves(row.name)
        return "" if is_elsewhere and (is_left or pod.metadata.deletionTimestamp is not None) else status.phase

    def _scene(self, row: Row, pod: Pod, machine: Machine | None, now: float) -> Scene:
        claims = [self._claim(row.namespace, name) for name in claims_of(pod)]
        bound = all(claim is not None and claim.status.phase == "Bound" for claim in claims)
        pair = [PODS.read(each) for each in self.pods.linked(clone_link(row.owner))] if row.owner else []
        return Scene(
            bound=bound,
            guest=self._guest_of(row, pod),
            sent=any(
                each.metadata.labels.get(COMPONENT) == CLONE_SOURCE and each.status.phase == "Succeeded"
                for each in pair
            ),
            broken=any(claim is not None and claim.metadata.annotations.get(FAULT) == "import" for claim in claims),
            address=self._scheduler.address(pod) if machine is not None else "",
            host=machine.address if machine is not None else "",
            now=now,
            work=max(self._work, *(delay(claim.metadata.annotations) for claim in claims if claim is not None), 0.0),
            program=self._program(pod) if bound and pod.status.phase not in pods.FINAL else None,
        )

    def _program(self, pod: Pod) -> State | None:
        """What runs in a Pod."""
        if self._programs is None or pod.metadata.deletionTimestamp is not None:
            return None
        return self._programs.state(pod, self._held, lambda: self._cloned_into(pod))

    def _held(self, namespace: str, name: str) -> Held | None:
        """The volume of a claim."""
        claim = self._claim(namespace, name)
        if claim is None or not claim.spec.volumeName:
            return None
        return Held(claim.spec.volumeName, claim.metadata.annotations.get(FAULT, ""))

    def _cloned_into(self, source: Pod) -> str:
        """The volume that a clone source fills: that of the Pod which it sends to."""
        link = clone_link(source.metadata.name.removesuffix(SOURCE_SUFFIX))
        for row in self.pods.linked(link):
            pod = PODS.read(row)
            if pod.metadata.labels.get(COMPONENT) == UPLOAD_SERVER:
                found = (self._held(row.namespace, name) for name in claims_of(pod))
                return next((held.volume for held in found if held is not None), "")
        return ""

    def _claim(self, namespace: str, name: str) -> Claim | None:
        row = self.claims.one(namespace, name)
        return CLAIMS.read(row) if row is not None else None

    def _launcher(self, guest: Row) -> Pod | None:
        """The Pod that runs a guest: on the guest's node, the youngest."""
        node = GUESTS.read(guest).status.nodeName
        owned = [PODS.read(row) for row in self.pods.linked(_link(guest, guest.uid)) if row.owner == guest.uid]
        here = [pod for pod in owned if pod.spec.nodeName == node and pod.status.phase not in pods.FINAL]
        return max(here, key=lambda pod: pod.metadata.creationTimestamp, default=None)


def _booting(guest: Guest, launcher: Pod | None, now: float) -> float:
    """Seconds that a guest still takes until it is up, since its launcher was started."""
    if guest.status.phase != "Scheduled" or launcher is None or guest.metadata.deletionTimestamp is not None:
        return 0.0
    return (read(launcher.status.startTime) or now) + delay(guest.metadata.annotations) - now


def _link(row: Row, value: str) -> str:
    return f"{row.namespace}/{value}"
