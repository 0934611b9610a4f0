"""Nodes whose virt-handler is silent, and guests that are lost with them (pkg/virt-controller/watch/node)."""

from collections.abc import Iterator, Sequence

from dicot.kube.address import Place
from dicot.kube.kind import Manifest
from dicot.moments import read

from ...nodes.machines import HEARTBEAT
from ...steps import Decision, Patch, Step
from .objects import amend, event, is_final, meta, owned_by, status

SILENCE = 300.0
RECHECK = 60.0
_SCHEDULABLE = "kubevirt.io/schedulable"
_REASON = "NodeUnresponsive"
_ACTIVE = ("Scheduled", "Running")


def decide(
    name: str, node: Manifest | None, guests: Sequence[tuple[Manifest, Sequence[Manifest]]], now: float
) -> Decision:
    """What to do about a node (None: it is gone) and its guests, each with its launchers."""
    again = RECHECK if node is not None else None
    if node is not None and not _is_silent(node, now):
        return Decision(again=again)
    steps: list[Step] = []
    if node is not None and meta(node).get("labels", {}).get(_SCHEDULABLE) == "true":
        told = "virt-handler is not responsive, marking node as unresponsive"
        steps += [event(node, _REASON, told, now), _shut(name)]
    for guest, pods in guests:
        if status(guest).get("phase") in _ACTIVE and not any(map(_is_alive, (p for p in pods if owned_by(p, guest)))):
            steps += _lose(name, guest, now)
    return Decision(tuple(steps), again)


def _is_silent(node: Manifest, now: float) -> bool:
    heard = read(meta(node).get("annotations", {}).get(HEARTBEAT))
    return heard is not None and heard < now - SILENCE


def _shut(name: str) -> Patch:
    return Patch(Place("", "v1", "nodes", name=name), {"metadata": {"labels": {_SCHEDULABLE: "false"}}})


def _is_alive(pod: Manifest) -> bool:
    """A Pod all of whose containers have ended is not, whatever its phase: its node may not be there to say so."""
    statuses = status(pod).get("containerStatuses") or ()
    ended = bool(statuses) and all("terminated" in (each.get("state") or {}) for each in statuses)
    return not ended and not is_final(pod)


def _lose(name: str, guest: Manifest, now: float) -> Iterator[Step]:
    yield event(guest, _REASON, f"virt-handler on node {name} is not responsive, marking VMI as failed", now)
    yield amend(guest, {"/status/phase": "Failed", "/status/reason": _REASON})
