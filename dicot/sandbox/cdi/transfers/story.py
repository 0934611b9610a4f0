"""What all transfers have in common: how they begin and end, what they say of themselves (CDI 1.65.0,
pkg/controller/transfer)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from dicot.kube.address import Place, place
from dicot.kube.kind import Kind, Manifest, Meta
from dicot.moments import stamp

from ...steps import REST, Create, Decision, Look, Patch, Rewrite, Step, act
from ..kinds.parts import Condition
from ..kinds.transfers import TRANSFERS, Transfer, TransferStatus
from ..names import TRANSFER_FINALIZER, TRANSFERRED_BY

PENDING, RUNNING, COMPLETE, ERROR = "Pending", "Running", "Complete", "Error"
"""Phases."""
REST_WHILE_USED = 2.0
_COMPLETE = "Complete"
"""The one condition."""
_OF_THE_SOURCE = (
    "uid",
    "generateName",
    "resourceVersion",
    "generation",
    "selfLink",
    "creationTimestamp",
    "deletionTimestamp",
    "managedFields",
)
"""What a target does not have of its source's metadata."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A transfer that tells of itself."""

    transfer: Transfer
    now: float

    def say(
        self,
        message: str,
        reason: str = "",
        *,
        phase: str = "",
        status: str = "False",
        data: Mapping[str, str] | None = None,
    ) -> tuple[Step, ...]:
        """Steps to a status; the phase and what is remembered stay where nothing is said of them."""
        old = self.transfer.status
        held = next((each for each in old.conditions if each.type == _COMPLETE), Condition(_COMPLETE))
        told = held
        if (held.status, held.message, held.reason) != (status, message, reason):
            moment = stamp(self.now)
            told = Condition(_COMPLETE, status, reason, message, moment, moment)
        kept = old.data if data is None else dict(data)
        wanted = TransferStatus(phase or old.phase, kept, (told,))
        if wanted == old:
            return ()
        meta = self.transfer.metadata
        # A merge patch keeps what it does not name.
        remembered = {**dict.fromkeys(old.data), **kept} if kept else None
        content = {"phase": wanted.phase, "conditions": [msgspec.to_builtins(told)], "data": remembered}
        body = {"metadata": {"uid": meta.uid}, "status": content}
        return (Patch(place(TRANSFERS, "", meta.name, "status"), body),)

    def fail(self, reason: str) -> Decision:
        """It says what went wrong, and goes on trying."""
        phase = ERROR if self.transfer.status.phase == RUNNING else ""
        return act(*self.say("Error", reason, phase=phase), again=REST_WHILE_USED)

    def begin(self) -> Decision:
        """It holds itself until it is over."""
        meta = self.transfer.metadata
        hold: tuple[Step, ...] = ()
        if TRANSFER_FINALIZER not in meta.finalizers:
            hold = (Rewrite(place(TRANSFERS, "", meta.name), _held(meta.uid)),)
        return act(*hold, *self.say("Initializing", phase=PENDING))

    def end(self) -> Decision:
        """It lets itself go."""
        meta = self.transfer.metadata
        if TRANSFER_FINALIZER not in meta.finalizers:
            return REST
        return act(Rewrite(place(TRANSFERS, "", meta.name), _let_go(meta.uid)))

    def take(self, kind: Kind[Any], source: Meta, data: Mapping[str, str]) -> Decision:
        """Mark a source as this transfer's, and remember all of it."""
        name, notes = self.transfer.metadata.name, source.annotations
        required = self.transfer.spec.source.requiredAnnotations
        if any(notes.get(key) != value for key, value in required.items()):
            return act(*self.say("Required annotation missing"))
        taker = notes.get(TRANSFERRED_BY)
        if taker is not None and taker != name:
            return act(*self.say("Source in use by another transfer", taker))
        at = place(kind, source.namespace, source.name)
        if taker is None:
            return act(Rewrite(at, _marked(source.uid, name)), *self.say("Pending"))

        def remember(found: Manifest) -> Decision:
            text = msgspec.json.encode({key: value for key, value in found.items() if key != "status"}).decode()
            return act(*self.say("Running", phase=RUNNING, data={"source": text, **data}))

        return act(Look(at, remember))

    def make(self, kind: Kind[Any], without: str = "") -> Create:
        """The target, as the source was; ``without`` one of its annotations."""
        namespace, name = self.transfer.target
        found: Manifest = msgspec.json.decode(self.transfer.status.data["source"])
        meta = {key: value for key, value in found["metadata"].items() if key not in _OF_THE_SOURCE}
        if namespace != self.transfer.spec.source.namespace:
            meta.pop("ownerReferences", None)
        gone = (TRANSFERRED_BY, without)
        notes = {key: value for key, value in (meta.get("annotations") or {}).items() if key not in gone}
        made = {**found, "metadata": {**meta, "namespace": namespace, "name": name, "annotations": notes}}
        return Create(place(kind, namespace), made)


def _held(uid: str) -> Callable[[Manifest], Manifest | None]:
    def change(found: Manifest) -> Manifest | None:
        meta = found["metadata"]
        if meta["uid"] != uid or TRANSFER_FINALIZER in meta.get("finalizers", ()):
            return None
        return {**found, "metadata": {**meta, "finalizers": [*meta.get("finalizers", ()), TRANSFER_FINALIZER]}}

    return change


def _let_go(uid: str) -> Callable[[Manifest], Manifest | None]:
    def change(found: Manifest) -> Manifest | None:
        meta = found["metadata"]
        kept = [each for each in meta.get("finalizers", ()) if each != TRANSFER_FINALIZER]
        if meta["uid"] != uid or len(kept) == len(meta.get("finalizers", ())):
            return None
        return {**found, "metadata": {**meta, "finalizers": kept}}

    return change


def _marked(uid: str, name: str) -> Callable[[Manifest], Manifest | None]:
    def change(found: Manifest) -> Manifest | None:
        meta = found["metadata"]
        if meta["uid"] != uid or TRANSFERRED_BY in (meta.get("annotations") or {}):
            return None
        notes = {**(meta.get("annotations") or {}), TRANSFERRED_BY: name}
        return {**found, "metadata": {**meta, "annotations": notes}}

    return change


def changed(at: Place, uid: str, change: Callable[[Manifest], Manifest | None]) -> Rewrite:
    """Change that very object."""
    return Rewrite(at, lambda found: change(found) if found["metadata"]["uid"] == uid else None)
