"""Nodes whose kubelet is silent, and the Pods on them (kubernetes, pkg/controller/nodelifecycle and tainteviction).

Two nodes of one zone that are lost at once are tainted at once, which the real one does 10 s apart, and Events tell
of nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
from msgspec import json

from dicot.kube.kind import Manifest
from dicot.moments import stamp

from ..seams import Change, Objects
from . import health
from .loop import Key

NODES, PODS, LEASES = ("", "nodes"), ("", "pods"), ("coordination.k8s.io", "leases")
HEARTBEATS = "kube-node-lease"
PERIOD = 5.0


class _Spec(msgspec.Struct, frozen=True):
    nodeName: str = ""


class _Pod(msgspec.Struct, frozen=True):
    spec: _Spec


_PODS = msgspec.json.Decoder(_Pod)


@dataclass(slots=True)
class _Heard:
    """What was last heard of a node, and when; ``lease`` and ``beat`` are moments by its own clock."""

    at: float
    lease: str = ""
    beat: str = ""


class NodeLifecycle:
    """Looks at each node every five seconds. Keys are ("node", name) and ("pod", namespace, name).

    ``elapsed`` counts seconds by a clock that nobody puts forward.
    """

    def __init__(self, objects: Objects, seconds: Callable[[], float], elapsed: Callable[[], float]) -> None:
        self._objects = objects
        self._seconds = seconds
        self._elapsed = elapsed
        self._heard: dict[str, _Heard] = {}
        self._leases: dict[str, str] = {}
        self._silent: set[str] = set()

    def saw(self, change: Change) -> Iterable[Key]:
        """Nodes, their Leases, and Pods that come to a node that is not ready."""
        match change.resource.group, change.resource.plural:
            case "", "nodes":
                if change.new is None:
                    self._heard.pop(change.name, None)
                    self._silent.discard(change.name)
                yield "node", change.name
            case "coordination.k8s.io", "leases" if change.namespace == HEARTBEATS:
                spec = json.decode(change.new)["spec"] if change.new is not None else {}
                self._leases[change.name] = spec.get("renewTime") or ""
            case "", "pods" if change.new is not None and self._silent and _node(change.new) in self._silent:
                yield "pod", change.namespace, change.name

    def settle(self, key: Key) -> float | None:
        """May raise Refusal."""
        now = stamp(self._seconds())
        if key[0] == "pod":
            self._change_pod(key[1], key[2], now)
            return None
        node = self._objects.get(*NODES, "", key[1])
        if node is None:
            return None
        if self._is_silent(key[1], node):
            node = self._objects.change(*NODES, "", key[1], lambda old: health.unknown(old, now), "status")
        self._mark(key[1], node, now)
        evicts = self._anybody_ready()
        self._objects.change(*NODES, "", key[1], lambda old: health.arranged(old, evicts, now))
        return PERIOD

    def _is_silent(self, name: str, node: Manifest) -> bool:
        """Whether neither its status nor its Lease was renewed for too long."""
        ready, now = health.ready(node), self._elapsed()
        beat = (ready or {}).get("lastHeartbeatTime") or ""
        lease = self._leases.get(name, "")
        heard = self._heard.setdefault(name, _Heard(now, lease, beat))
        if beat != heard.beat or lease > heard.lease:
            heard.at = now
        heard.beat, heard.lease = beat, max(lease, heard.lease)
        return now > heard.at + (health.STARTUP if ready is None else health.GRACE)

    def _mark(self, name: str, node: Manifest, now: str) -> None:
        """The Pods of a node that is not ready any more are not either."""
        ready = health.ready(node)
        if ready is None or ready["status"] == "True":
            self._silent.discard(name)
        elif name not in self._silent:
            self._silent.add(name)
            for namespace, pod in on(self._objects, name):
                self._change_pod(namespace, pod, now)

    def _change_pod(self, namespace: str, name: str, now: str) -> None:
        if self._objects.get(*PODS, namespace, name) is not None:
            self._objects.change(*PODS, namespace, name, lambda old: health.not_ready(old, now), "status")

    def _anybody_ready(self) -> bool:
        """Where no node is ready it is the control plane that is cut off, and nobody is evicted."""
        found = (health.ready(node) for node in self._objects.list(*NODES))
        return any(ready is not None and ready["status"] == "True" for ready in found)


class TaintEviction:
    """Deletes Pods that do not tolerate their node's taints, or not for ever. Keys as NodeLifecycle's."""

    def __init__(self, objects: Objects, seconds: Callable[[], float], elapsed: Callable[[], float]) -> None:
        self._objects = objects
        self._seconds = seconds
        self._elapsed = elapsed
        self._taints: dict[str, list[Manifest]] = {}
        self._since: dict[tuple[str, str], float] = {}

    def saw(self, change: Change) -> Iterable[Key]:
        """Nodes whose taints change, and Pods of nodes that have some."""
        match change.resource.group, change.resource.plural:
            case "", "nodes":
                taints = _evicting(change.new)
                if taints != self._taints.get(change.name, []):
                    self._taints[change.name] = taints
                    yield "node", change.name
            case "", "pods":
                if change.new is None:
                    self._since.pop((change.namespace, change.name), None)
                elif any(self._taints.values()) and self._taints.get(_node(change.new)):
                    yield "pod", change.namespace, change.name

    def settle(self, key: Key) -> float | None:
        """May raise Refusal."""
        if key[0] == "pod":
            return self._look(key[1], key[2])
        waits = [self._look(namespace, name) for namespace, name in on(self._objects, key[1])]
        return min((wait for wait in waits if wait is not None), default=None)

    def _look(self, namespace: str, name: str) -> float | None:
        """Evict a Pod, or say in how many seconds it has to leave."""
        pod = self._objects.get(*PODS, namespace, name)
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            return None
        taints = self._taints.get(pod["spec"].get("nodeName", ""), [])
        patience = health.patience(taints, pod["spec"].get("tolerations") or ()) if taints else None
        if patience is None:
            self._since.pop((namespace, name), None)
            return None
        since = self._since.setdefault((namespace, name), self._elapsed())
        left = since + patience - self._elapsed()
        if left > 0:
            return left
        now = stamp(self._seconds())
        self._objects.change(*PODS, namespace, name, lambda old: health.evicted(old, now), "status")
        self._objects.delete(*PODS, namespace, name, pod["metadata"]["uid"])
        return None


def on(objects: Objects, node: str) -> list[tuple[str, str]]:
    """The Pods that are bound to a node."""
    return [
        (pod["metadata"]["namespace"], pod["metadata"]["name"])
        for pod in objects.list(*PODS)
        if pod["spec"].get("nodeName") == node
    ]


def _evicting(node: bytes | None) -> list[Manifest]:
    taints = (json.decode(node).get("spec") or {}).get("taints") or [] if node is not None else []
    return [taint for taint in taints if taint["effect"] == "NoExecute"]


def _node(pod: bytes) -> str:
    return _PODS.decode(pod).spec.nodeName
