"""What a Ledger entry says of a plan, and what follows from it. Free of Twisted."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ...kube.kind import Kind, Manifest, Row
from ...names import ID, SERVER_ID
from ..kinds.identity import LedgerEntry, Named
from ..kinds.network import PORT
from ..kinds.storage import SECRET
from ..plan import Create, Patch, Plan, Step

ADOPTED: Mapping[str, Kind[Any]] = {SECRET.resource: SECRET, PORT.resource: PORT}
"""Pending kinds that belong to their commit and go with it; others (volumes) had to exist before it, and last."""


def target(step: Step) -> Named:
    """The object that a step is about."""
    if isinstance(step, Create):
        meta = step.body["metadata"]
        return Named(step.kind.resource, meta.get("namespace", ""), meta["name"])
    return Named(step.kind.resource, step.namespace, step.name)


def entry(plan: Plan) -> LedgerEntry | None:
    """The entry of a plan; None where a plan needs none. Its time is set by who writes it.

    Raises ValueError for a pending object that does not carry the id of its resource: nobody could tell later that
    it may be collected.
    """
    if plan.reserve is None and not plan.pending:
        return None
    for step in plan.pending:
        if not is_of(plan.id, step.body["metadata"].get("labels", {})):
            raise ValueError(f"pending {step.kind.resource} without the id of its {target(plan.commit).resource}")
    return LedgerEntry(
        id=plan.id,
        commit=target(plan.commit),
        pending=tuple(target(step) for step in plan.pending),
        amounts=dict(plan.reserve.amounts) if plan.reserve else {},
    )


def batch(entries: tuple[LedgerEntry, ...], least: int) -> tuple[LedgerEntry, ...]:
    """Entries of one request of which so many must be committed, or none; one alone decides nothing but itself."""
    if least < 2:
        return entries
    return tuple(replace(entry, batch=entries[0].id, least=least) for entry in entries)


def condemned(found: LedgerEntry) -> LedgerEntry:
    """An entry whose commit is to go like all that was pending."""
    return replace(found, pending=(found.commit, *found.pending), batch="", least=0)


def is_condemned(found: LedgerEntry) -> bool:
    """Whether it was decided that its commit goes."""
    return found.commit in found.pending


def lasts(found: LedgerEntry) -> bool:
    """Whether anything pending is to stay when the commit goes."""
    return not is_condemned(found) and any(pending.resource not in ADOPTED for pending in found.pending)


def released(found: LedgerEntry) -> LedgerEntry:
    """An entry of a commit that exists: what lasts is nobody's to collect any more."""
    return replace(found, pending=tuple(pending for pending in found.pending if pending.resource in ADOPTED))


def is_of(id: str, labels: Mapping[str, str]) -> bool:
    """Whether labels say that an object was made for the resource of that id."""
    return id in (labels.get(SERVER_ID), labels.get(ID))


def adoptions(found: LedgerEntry, kind: Kind[Any], commit: Row, *, own: bool) -> tuple[Patch, ...]:
    """The patches that make pending objects go with their commit."""
    owner: Manifest = {"apiVersion": kind.api_version, "kind": kind.singular, "name": commit.name, "uid": commit.uid}
    return tuple(
        Patch(
            ADOPTED[pending.resource],
            pending.namespace,
            pending.name,
            {"metadata": {"ownerReferences": [owner]}},
            own=own,
        )
        for pending in found.pending
        if pending.resource in ADOPTED and pending.namespace == commit.namespace
    )
