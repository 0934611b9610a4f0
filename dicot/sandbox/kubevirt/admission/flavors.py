"""Admission of instancetypes and preferences (pkg/instancetype/webhooks, pkg/instancetype/preference/webhooks)."""

from collections.abc import Iterator

from ...apiserver.refusal import Cause
from ...apiserver.seams import Review
from .causes import held, invalid, refuse

_TOPOLOGIES = frozenset(
    each for name in ("Sockets", "Cores", "Threads", "Spread", "Any") for each in (name.lower(), f"prefer{name}")
)
_SPREADS = ("spread", "preferSpread")
_ACROSS = ("SocketsCores", "CoresThreads", "SocketsCoresThreads")
_RATIO = 2


def validate(review: Review) -> None:
    """Raises Refusal for an instancetype or a preference that must not be."""
    singular = review.resource.singular
    causes = _preference if singular.endswith("preference") else _instancetype
    refuse(f"{singular}-validator.instancetype.kubevirt.io", causes(review))


def _instancetype(review: Review) -> Iterator[Cause]:
    memory, field = held(review.new, "spec", "memory"), "spec.memory.overcommitPercent"
    if memory.get("overcommitPercent") and "hugepages" in memory:
        yield invalid(field, f"{field} and spec.memory.hugepages should not be requested together.")


def _preference(review: Review) -> Iterator[Cause]:
    cpu = held(review.new, "spec", "cpu")
    topology, spread = cpu.get("preferredCPUTopology"), held(cpu, "spreadOptions")
    if topology is not None and topology not in _TOPOLOGIES:
        yield invalid("spec.cpu.preferredCPUTopology", f"unknown preferredCPUTopology {topology}")
    if topology not in _SPREADS:
        return
    across = spread.get("across", _ACROSS[0])
    ratio = spread.get("ratio") or held(review.new, "spec").get("preferSpreadSocketToCoreRatio") or _RATIO
    if across not in _ACROSS:
        yield invalid("spec.cpu.spreadOptions.across", f"across {across} is not supported")
    elif across == "CoresThreads" and ratio != _RATIO:
        message = "only a ratio of 2 (1 core 2 threads) is allowed when spreading vCPUs over cores and threads"
        yield invalid("spec.cpu.spreadOptions.ratio", message)
