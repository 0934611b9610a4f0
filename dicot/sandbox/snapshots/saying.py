"""How the snapshot controller says of a VolumeSnapshot what is wrong with it, and what happens."""

from dataclasses import dataclass

from dicot.kube.address import Place, place
from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ..events import WARNING, tell
from ..steps import Decision, Patch, Step, act
from .kinds import SNAPSHOTS, Snapshot
from .names import CONTROLLER, GROUP, VERSION
from .scene import Scene

AGAIN = 2.0
"""Seconds until what failed is tried again."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a snapshot is not taken. ``unready``: it is said as well that it cannot be used."""

    reason: str
    message: str
    unready: bool = True


def at(snapshot: Snapshot, subresource: str = "") -> Place:
    """Where a snapshot is."""
    return place(SNAPSHOTS, snapshot.metadata.namespace, snapshot.metadata.name, subresource)


def key(snapshot: Snapshot) -> str:
    """Its namespace and name."""
    return f"{snapshot.metadata.namespace}/{snapshot.metadata.name}"


def said(scene: Scene, sort: str, reason: str, message: str) -> Step:
    """An Event about it."""
    meta = scene.snapshot.metadata
    return tell(f"{GROUP}/{VERSION}", "VolumeSnapshot", meta, sort, reason, message, CONTROLLER, scene.now)


def complain(scene: Scene, problem: Problem, *more: Step) -> Decision:
    """Say once what is wrong, and try again."""
    old = scene.snapshot.status
    if old is not None and old.error is not None and old.error.message == problem.message:
        return Decision(again=AGAIN)
    changes: Manifest = {"error": {"message": problem.message, "time": stamp(scene.now)}}
    if problem.unready:
        changes["readyToUse"] = False
    told = said(scene, WARNING, problem.reason, problem.message)
    return act(status(scene, changes), told, *more, again=AGAIN)


def status(scene: Scene, changes: Manifest) -> Patch:
    """Its status, changed."""
    snapshot = scene.snapshot
    return Patch(at(snapshot, "status"), {"metadata": {"uid": snapshot.metadata.uid}, "status": changes})
