"""What fails for a while, again and again, as odds have it: nodes fall silent, and Pods are refused for a quota.

A Node says itself when it is back, whatever becomes of the odds until then. Pods are refused by a ResourceQuota for
none at all, which the API server of any cluster obeys as soon as the quota controller has written its status
(apiserver, pkg/admission/plugin/resourcequota/controller.go); it goes with the ConfigMap of its odds, by its owner.
"""

from collections.abc import Container, Iterator

import msgspec

from dicot.kube.address import place
from dicot.kube.kind import Kind, Manifest, Meta, Row
from dicot.kube.store import Store
from dicot.moments import precise, read

from ..marks import BACK, FAULT, LOST
from ..steps import REST, Create, Decision, Patch, Remove, Step, act
from .kinds import NODES, Node
from .odds import LABEL, LOOK, QUOTA, Odds


class Quota(msgspec.Struct, frozen=True):
    """A ResourceQuota of odds."""

    metadata: Meta


QUOTAS = Kind("", "v1", "resourcequotas", "resourcequota", Quota, selector=f"{LABEL}=true")


class Outages:
    """Begins and ends them. ``machines``: the names of the nodes that can be lost."""

    def __init__(self, odds: Odds, machines: Container[str]) -> None:
        self.quotas: Store[Quota] = Store(QUOTAS)
        self._odds = odds
        self._machines = machines

    def decide_node(self, node: Node, now: float) -> Decision:
        """A node is lost by odds, or it is back."""
        meta = node.metadata
        if meta.annotations.get(FAULT) == LOST:
            back = read(meta.annotations.get(BACK))
            if back is None:
                return REST
            return Decision(again=back - now) if back > now else act(_note(meta, None, None))
        due = []
        for draws in self._odds.losing(meta.name) if meta.name in self._machines else ():
            is_met, until = draws.outage(meta.name, now)
            if is_met:
                return act(_note(meta, LOST, precise(until)))
            due.append(until - now)
        return Decision(again=min(due, default=None))

    def decide_rule(self, row: Row, now: float) -> Decision:
        """What odds have come to is told, and those of a quota have it made or removed."""
        draws = self._odds.of(row)
        if draws.rule is None or draws.rule.mark != QUOTA:
            return self._odds.tell(row)
        is_met, until = draws.outage(row.namespace, now)
        steps = (*self._refusing(row, is_met), *self._odds.tell(row).steps)
        return act(*steps, again=min(LOOK, until - now))

    def _refusing(self, rule: Row, is_met: bool) -> Iterator[Step]:
        found = self.quotas.one(rule.namespace, _name(rule))
        if is_met and found is None:
            yield Create(place(QUOTAS, rule.namespace), _quota(rule))
        elif found is not None and not is_met:
            yield Remove(place(QUOTAS, rule.namespace, found.name), found.uid)


def _note(meta: Meta, fault: str | None, back: str | None) -> Patch:
    body = {"metadata": {"uid": meta.uid, "annotations": {FAULT: fault, BACK: back}}}
    return Patch(place(NODES, "", meta.name), body)


def _name(rule: Row) -> str:
    return f"odds-{rule.name}"


def _quota(rule: Row) -> Manifest:
    """One that nothing fits into."""
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": rule.name, "uid": rule.uid}
    metadata = {"name": _name(rule), "labels": {LABEL: "true"}, "ownerReferences": [owner]}
    return {
        "apiVersion": QUOTAS.api_version,
        "kind": "ResourceQuota",
        "metadata": metadata,
        "spec": {"hard": {"pods": "0"}},
    }
