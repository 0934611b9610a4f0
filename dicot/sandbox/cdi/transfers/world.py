"""What transfers see of the cluster."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dicot.kube.kind import Kind, Row
from dicot.kube.store import Store

from ...controller import Key
from ...steps import REST, Decision
from ..kinds.claims import CLAIMS, PODS, Claim, Pod
from ..kinds.parts import link
from ..kinds.transfers import CLAIM, DISKS, TRANSFERS, VOLUME, Disk, Transfer, transfer_link
from ..kinds.volumes import VOLUMES, Volume
from ..workers import FINAL
from . import claims as of_claims
from . import volumes as of_volumes
from .story import COMPLETE, ERROR, PENDING, RUNNING, Telling

_MOVED = {VOLUMES: VOLUME, CLAIMS: CLAIM}


@dataclass(frozen=True, slots=True)
class Transfers:
    """The stores of what they move."""

    volumes: Store[Any]
    claims: Store[Any]
    pods: Store[Any]
    disks: Store[Any]
    transfers: Store[Any]

    def concerned(self, kind: Kind[Any], row: Row) -> Iterator[Key]:
        """The transfers that an object means something to."""
        if kind in _MOVED:
            yield from self._moving(_MOVED[kind], row.namespace, row.name)
        elif kind is DISKS:
            reference = DISKS.read(row).spec.claimRef
            if reference is not None:
                yield from self._moving(CLAIM, reference.namespace, reference.name)
        elif kind is TRANSFERS:
            yield Key(TRANSFERS, "", row.name)
            parent = TRANSFERS.read(row).spec.parentName
            if parent is not None:
                yield Key(TRANSFERS, "", parent)

    def _moving(self, kind: str, namespace: str, name: str) -> Iterator[Key]:
        for row in self.transfers.linked(transfer_link(kind, namespace, name)):
            yield Key(TRANSFERS, "", row.name)

    def decide(self, name: str, now: float) -> Decision:
        """The next step of a transfer."""
        transfer = self._transfer(name)
        if transfer is None:
            return REST
        tell, phase = Telling(transfer, now), transfer.status.phase
        leaves = transfer.metadata.deletionTimestamp is not None
        if phase == "":
            return tell.begin()
        if phase == COMPLETE or (leaves and phase in (PENDING, ERROR)):
            return tell.end()
        if phase not in (PENDING, RUNNING, ERROR):
            return REST
        if transfer.kind == VOLUME:
            volume = self._volume_scene(tell)
            return of_volumes.decide_pending(volume) if phase == PENDING else of_volumes.decide_running(volume)
        claim = self._claim_scene(tell)
        return of_claims.decide_pending(claim) if phase == PENDING else of_claims.decide_running(claim)

    def _volume_scene(self, tell: Telling) -> of_volumes.Scene:
        transfer = tell.transfer
        source = self._volume(*transfer.source)
        name = of_volumes.claim_name(source) if source is not None else ""
        child = self._transfer(of_volumes.child_name(transfer))
        return of_volumes.Scene(
            telling=tell,
            source=source,
            claim=self._claim(transfer.spec.source.namespace, name),
            users=self._users(transfer.spec.source.namespace, name),
            target=self._volume(*transfer.target),
            child=child,
            moved=self._claim(*child.target) if child is not None else None,
        )

    def _claim_scene(self, tell: Telling) -> of_claims.Scene:
        transfer = tell.transfer
        source = self._claim(*transfer.source)
        asked = transfer.status.data.get("pvName", source.spec.volumeName if source is not None else "")
        row = self.disks.one("", asked)
        disk: Disk | None = DISKS.read(row) if row is not None else None
        users = self._users(*transfer.source)
        return of_claims.Scene(tell, source, disk, self._claim(*transfer.target), users)

    def _users(self, namespace: str, claim: str) -> tuple[Pod, ...]:
        pods = (PODS.read(row) for row in self.pods.linked(link(namespace, claim)))
        return tuple(pod for pod in pods if pod.status.phase not in FINAL)

    def _transfer(self, name: str) -> Transfer | None:
        row = self.transfers.one("", name)
        return TRANSFERS.read(row) if row is not None else None

    def _volume(self, namespace: str, name: str) -> Volume | None:
        row = self.volumes.one(namespace, name)
        return VOLUMES.read(row) if row is not None else None

    def _claim(self, namespace: str, name: str) -> Claim | None:
        row = self.claims.one(namespace, name)
        return CLAIMS.read(row) if row is not None else None
