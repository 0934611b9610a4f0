"""What must be decided again because an object that the nodes watch has changed."""

from collections.abc import Iterator
from typing import Any

from dicot.kube.kind import Kind, Row
from dicot.kube.store import Change, Store

from ..controller import Key
from ..marks import FAULT, LOST
from ..snapshots.kinds import SNAPSHOTS, snapshot_link
from . import expansion
from .cluster import Cluster, link
from .instances import GUESTS
from .kinds import CLAIMS, NODES, PODS, SOURCE_SUFFIX, Pod, claims_of, clone_link
from .odds import NODES_AT, RULES


def touched(cluster: Cluster, change: Change) -> Iterator[Key]:
    """The object itself, if it is still there, and those that it means something to."""
    row = change.new or change.old
    if row is None:
        return
    if change.new is not None:
        yield Key(change.kind, row.namespace, row.name)
    if change.kind is NODES:
        yield from _brought_back(cluster, change)
    else:
        yield from _related(cluster, change.kind, row)


def _brought_back(cluster: Cluster, change: Change) -> Iterator[Key]:
    """What is on a node that comes back."""
    old, new = change.old, change.new
    was_lost = old is not None and NODES.read(old).metadata.annotations.get(FAULT) == LOST
    if new is None or not was_lost or cluster.is_lost(new.name):
        return
    for row in cluster.pods.rows():
        if PODS.read(row).spec.nodeName == new.name:
            yield Key(PODS, row.namespace, row.name)
    for row in cluster.guests.rows():
        if GUESTS.read(row).status.nodeName == new.name:
            yield Key(GUESTS, row.namespace, row.name)


def _related(cluster: Cluster, kind: Kind[Any], row: Row) -> Iterator[Key]:
    """A launcher's guest and a guest's launcher; Pods by their claims; an upload server by its clone source; nodes by
    their odds."""
    if kind is PODS:
        yield from _linked(cluster.guests, link(row, row.owner))
        yield from _growing(cluster, PODS.read(row))
        yield from _linked(cluster.pods, clone_link(row.name.removesuffix(SOURCE_SUFFIX)))
    elif kind is GUESTS:
        yield from _linked(cluster.pods, link(row, row.uid))
    elif kind is CLAIMS:
        yield from _linked(cluster.pods, link(row, row.name))
    elif kind is RULES and row.namespace == NODES_AT:
        yield from (Key(NODES, "", each.name) for each in cluster.nodes.rows())
    elif kind is SNAPSHOTS:
        yield from _linked(cluster.claims, snapshot_link(row.namespace, row.name))


def _linked(store: Store[Any], to: str) -> Iterator[Key]:
    yield from (Key(store.kind, row.namespace, row.name) for row in store.linked(to))


def _growing(cluster: Cluster, pod: Pod) -> Iterator[Key]:
    """The claims of a Pod that may wait for it to grow."""
    for name in claims_of(pod):
        claim = cluster.claim(pod.metadata.namespace, name)
        if claim is not None and expansion.is_growing(claim):
            yield Key(CLAIMS, pod.metadata.namespace, name)
