"""How it is said of snapshots, of groups of them and of the contents of both what is wrong, and what happens."""

from dataclasses import dataclass
from typing import Any

from dicot.kube.address import Place, place
from dicot.kube.kind import Kind, Manifest, Meta
from dicot.moments import stamp

from ..events import NORMAL, WARNING, tell
from ..steps import Decision, Patch, Remove, Step, act
from .kinds import SnapshotError

AGAIN = 2.0
"""Seconds until what failed is tried again."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a snapshot is not taken. ``unready``: it is said as well that it cannot be used."""

    reason: str
    message: str
    unready: bool = True


@dataclass(frozen=True, slots=True)
class Subject:
    """What is spoken of: an object of a kind, which its API calls ``called``. ``error`` is what it shows, ``by`` who
    speaks, at ``now`` (seconds since the epoch)."""

    kind: Kind[Any]
    called: str
    meta: Meta
    error: SnapshotError | None
    by: str
    now: float

    @property
    def key(self) -> str:
        """Its namespace and name."""
        return f"{self.meta.namespace}/{self.meta.name}"

    def at(self, subresource: str = "") -> Place:
        """Where it is."""
        return place(self.kind, self.meta.namespace, self.meta.name, subresource)

    def status(self, changes: Manifest) -> Patch:
        """Its status, changed."""
        return Patch(self.at("status"), {"metadata": {"uid": self.meta.uid}, "status": changes})

    def noted(self, note: str, value: str | None) -> Patch:
        """An annotation, changed; None takes it away."""
        return Patch(self.at(), {"metadata": {"uid": self.meta.uid, "annotations": {note: value}}})

    def said(self, sort: str, reason: str, message: str) -> Step:
        """An Event about it."""
        return tell(self.kind.api_version, self.called, self.meta, sort, reason, message, self.by, self.now)

    def fails(self, problem: Problem, *more: Step) -> Decision:
        """Say once what is wrong, and try again."""
        if self.error is not None and self.error.message == problem.message:
            return Decision(again=AGAIN)
        changes: Manifest = {"error": {"message": problem.message, "time": stamp(self.now)}}
        if problem.unready:
            changes["readyToUse"] = False
        told = self.said(WARNING, problem.reason, problem.message)
        return act(self.status(changes), told, *more, again=AGAIN)

    def follows(self, word: str, was_ready: bool, changes: Manifest) -> list[Step]:
        """Say of it what its content says: a ``word`` of Events that was created, and is ready."""
        steps: list[Step] = [self.status(changes)]
        name = f"{word} {self.key}"
        if "creationTime" in changes:
            text = f"{name} was successfully created by the CSI driver."
            steps.append(self.said(NORMAL, f"{word}Created", text))
        if changes.get("readyToUse") and not was_ready:
            steps.append(self.said(NORMAL, f"{word}Ready", f"{name} is ready to use."))
        return steps


def passed_on(kind: Kind[Any], content: Meta, note: str, *, goes: bool) -> list[Step]:
    """A content learns by a note that what it is of goes, and goes with it where it is to."""
    at, steps = place(kind, "", content.name), list[Step]()
    if note not in content.annotations:
        steps.append(Patch(at, {"metadata": {"uid": content.uid, "annotations": {note: "yes"}}}))
    if goes and content.deletionTimestamp is None:
        steps.append(Remove(at, content.uid, None))
    return steps
