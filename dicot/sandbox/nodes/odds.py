"""How often nodes fail and how long they take, as a test sets it on any cluster: by ConfigMaps.

One that has the label ``sandbox.dicot.io/odds: "true"`` is about objects of its own namespace that are made later:

    data: {mark: image-pull, chance: "0.5", seed: "7"}
    data: {resource: virtualmachineinstances, delay: "3", name: "slow-*"}

``mark`` is a fault (see ``marks``), ``delay`` seconds; what is met gets them as annotations, as if by hand. Which
kind is meant a mark says itself. ``name`` is a pattern. Of all that match one with ``chance`` is met, by a generator
that begins with ``seed``, in the order in which the nodes see them; at most ``times`` in all (0: as often as they
come). How many were met stands in the annotation ``sandbox.dicot.io/met``: as soon as it is there, the odds hold.

Two marks are of what is there already, and it gets over them (see ``outages``):

    data: {mark: lost, chance: "0.1", every: "60", lasts: "90", name: "node-*"}
    data: {mark: quota, chance: "0.5", every: "5", lasts: "2"}

At once and each ``every`` seconds from then on it is met or not, and it lasts ``lasts`` seconds, from whose end
``every`` counts again. ``lost`` is of Nodes, each with a generator of its own (of ``seed``, a blank and its name). As
they have no namespace, it stands where their Leases do, in ``kube-node-lease``: who may write in one of their own
only cannot lose nodes for all. ``quota`` refuses the Pods of its own namespace, whoever makes them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Any

import msgspec

from dicot.kube.address import Place
from dicot.kube.kind import Kind, Meta, Row
from dicot.kube.store import Store

from ..marks import DELAY, FAULT, LOST
from ..steps import Decision, Patch, act

LABEL = "sandbox.dicot.io/odds"
MET = "sandbox.dicot.io/met"
_PODS, _GUESTS, _CLAIMS = "pods", "virtualmachineinstances", "persistentvolumeclaims"
_SNAPSHOTS = "volumesnapshots"
RESOURCES: Mapping[str, str] = {
    "image-pull": _PODS,
    "unschedulable": _PODS,
    "crash-loop": _GUESTS,
    "crash": _GUESTS,
    "shutdown": _GUESTS,
    "migration": _GUESTS,
    "import": _CLAIMS,
    "full-disk": _CLAIMS,
    "snapshot": _SNAPSHOTS,
}
"""The kind that each mark is of which something is made with."""
QUOTA = "quota"
OUTAGES = (LOST, QUOTA)
"""What comes and goes."""
NODES_AT = "kube-node-lease"
LOOK = 1.0
"""Seconds until what was met is counted again."""


class Rule(msgspec.Struct, frozen=True):
    """The odds. Raises ValueError for such as nothing can be met by."""

    mark: str = ""
    resource: str = ""
    delay: float = 0.0
    name: str = "*"
    chance: float = 1.0
    seed: int = 0
    times: int = 0
    every: float = 0.0
    lasts: float = 0.0

    def __post_init__(self) -> None:
        is_outage = self.mark in OUTAGES
        if self.mark and not is_outage and self.mark not in RESOURCES:
            raise ValueError(f"{self.mark} is no mark")
        if not is_outage and self.kind not in RESOURCES.values():
            raise ValueError("there is neither a mark nor the resource of a delay")
        if not 0 < self.chance <= 1 or self.times < 0 or self.delay < 0:
            raise ValueError("chance is above 0 and at most 1, times and delay are 0 or more")
        if (self.every > 0, self.lasts > 0) != (is_outage, is_outage) or (is_outage and self.delay):
            raise ValueError("what comes and goes has every and lasts, above 0, and nothing else has")

    @property
    def kind(self) -> str:
        """The plural of what is met."""
        return RESOURCES.get(self.mark, self.resource)

    @property
    def annotations(self) -> dict[str, str]:
        """What an object gets that is met."""
        found = {FAULT: self.mark, DELAY: str(self.delay) if self.delay else ""}
        return {key: value for key, value in found.items() if value}


class RuleMap(msgspec.Struct, frozen=True):
    """The ConfigMap that says it."""

    metadata: Meta
    data: dict[str, str] = {}


RULES = Kind("", "v1", "configmaps", "configmap", RuleMap, selector=f"{LABEL}=true", annotations=frozenset({MET}))


@dataclass(slots=True)
class _Turn:
    """When something is drawn for again, and until when it is met."""

    chance: Random
    due: float
    until: float = 0.0


@dataclass(slots=True)
class Draws:
    """What has come of a rule."""

    rule: Rule | None
    why: str
    chance: Random
    met: int = 0
    turns: dict[str, _Turn] = field(default_factory=dict)

    @property
    def is_spent(self) -> bool:
        """Whether nothing more is met."""
        return self.rule is not None and 0 < self.rule.times <= self.met

    def outage(self, name: str, now: float) -> tuple[bool, float]:
        """Whether what has that name is met now, and until when that stays as it is."""
        rule = self.rule
        assert rule is not None
        turn = self.turns.setdefault(name, _Turn(Random(f"{rule.seed} {name}"), now))
        if now >= turn.due:
            is_met = turn.chance.random() < rule.chance and not self.is_spent
            self.met += is_met
            turn.until = now + rule.lasts if is_met else 0.0
            turn.due = max(now, turn.until) + rule.every
        return (True, turn.until) if now < turn.until else (False, turn.due)


class Odds:
    """Draws for each new object, once."""

    def __init__(self) -> None:
        self.rules: Store[RuleMap] = Store(RULES)
        self._draws: dict[str, Draws] = {}
        self._pending: dict[str, dict[str, str]] = {}
        self._drawn: set[str] = set()

    def forget(self, uid: str) -> None:
        """An object is gone."""
        self._drawn.discard(uid)
        self._pending.pop(uid, None)
        self._draws.pop(uid, None)

    def meet(self, kind: Kind[Any], row: Row) -> Decision | None:
        """What is to be written on an object before anything else is decided about it; None: nothing."""
        if not len(self.rules) or kind.plural not in RESOURCES.values():
            return None
        if row.uid not in self._drawn:
            self._drawn.add(row.uid)
            drawn = {key: value for each in self._matching(kind, row) for key, value in self._draw(each).items()}
            if drawn:
                self._pending[row.uid] = drawn
        owed = self._pending.get(row.uid, {})
        has = kind.read(row).metadata.annotations
        missing = {key: value for key, value in owed.items() if key not in has}
        if not missing:
            self._pending.pop(row.uid, None)
            return None
        at = Place(kind.group, kind.version, kind.plural, row.namespace, row.name)
        return act(Patch(at, {"metadata": {"uid": row.uid, "annotations": missing}}))

    def tell(self, row: Row) -> Decision:
        """Write on a rule how much has come of it."""
        draws = self.of(row)
        told = draws.why or str(draws.met)
        if self.rules.read(row).metadata.annotations.get(MET) == told:
            return Decision(again=LOOK)
        at = Place("", "v1", "configmaps", row.namespace, row.name)
        return act(Patch(at, {"metadata": {"uid": row.uid, "annotations": {MET: told}}}), again=LOOK)

    def losing(self, node: str) -> Iterator[Draws]:
        """Those that may lose a node."""
        for each in self.rules.rows(NODES_AT):
            draws = self.of(each)
            if draws.rule is not None and draws.rule.mark == LOST and fnmatchcase(node, draws.rule.name):
                yield draws

    def of(self, row: Row) -> Draws:
        """What has come of a rule."""
        if row.uid not in self._draws:
            rule, why = _understood(row.namespace, self.rules.read(row).data)
            self._draws[row.uid] = Draws(rule, why, Random(rule.seed if rule is not None else 0))
        return self._draws[row.uid]

    def _matching(self, kind: Kind[Any], row: Row) -> Iterator[Draws]:
        for each in sorted(self.rules.rows(row.namespace), key=lambda rule: (rule.created, rule.name)):
            draws = self.of(each)
            rule = draws.rule
            if rule is None or rule.kind != kind.plural or each.created > row.created:
                continue
            if fnmatchcase(row.name, rule.name):
                yield draws

    def _draw(self, draws: Draws) -> dict[str, str]:
        assert draws.rule is not None
        if draws.chance.random() >= draws.rule.chance or draws.is_spent:
            return {}
        draws.met += 1
        return draws.rule.annotations


def _understood(namespace: str, data: Mapping[str, str]) -> tuple[Rule | None, str]:
    """A rule, or what is wrong with it."""
    try:
        rule = msgspec.convert(data, Rule, strict=False)
    except msgspec.ValidationError as wrong:
        return None, str(wrong)
    if rule.mark == LOST and namespace != NODES_AT:
        return None, f"nodes are lost by odds in namespace {NODES_AT}"
    return rule, ""
