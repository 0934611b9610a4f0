"""What servers take of a project's quota."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...cloud.plan import Reservation
from ...cloud.resource import Known
from ...faults import Fault, Forbidden
from ...kube.errors import OverQuota
from ..facts import FlavorCopy
from ..quota import INSTANCES, SERVERS, limits_of
from ..taken import servers_take
from ..wire import MAX_LIMIT

PORTS = "count/ports.network.dicot.io"


def reservation(known: Known, flavor: FlavorCopy, least: int = 1, most: int = 1) -> Reservation | None:
    """The share of one server of so many; None where the project has no limit at all."""
    limits = _limits(known)
    if all(limit < 0 for limit in limits.values()):
        return None
    amounts = _amounts(flavor)
    return Reservation(
        amounts=amounts,
        used=servers_take(known),
        limits=limits,
        refuse=TooMany(amounts, limits, least, most),
    )


def room(known: Known) -> int:
    """Servers that a project could ever have, at least the one that is refused; a great max_count costs no more."""
    limit = limits_of(known)["instances"]
    return max(MAX_LIMIT if limit < 0 else limit, 1)


def beyond(known: Known, flavor: FlavorCopy, least: int, most: int) -> Fault:
    """The refusal of more servers than there could ever be room for."""
    limits = _limits(known) | {"instances": room(known)}
    return TooMany(_amounts(flavor), limits, least, most)(servers_take(known))


def check_items(metadata: Mapping[str, str], known: Known) -> None:
    """Raises Forbidden for more items of metadata than one server may have."""
    most = limits_of(known)["metadata_items"]
    if 0 <= most < len(metadata):
        raise Forbidden(f"Maximum number of metadata items exceeds {most}", kind="OverQuota")


def _limits(known: Known) -> dict[str, int]:
    found = limits_of(known)
    return {name: found[name] for name in SERVERS}


def _amounts(flavor: FlavorCopy) -> dict[str, int]:
    return {"instances": 1, "cores": flavor.vcpus, "ram": flavor.ram}


def over_quota(error: OverQuota) -> Fault:
    """What a ResourceQuota of the cluster refused, in the words that Nova and Neutron have for it."""
    exceeded = error.exceeded
    if INSTANCES in exceeded:
        requested, taken, limit = exceeded[INSTANCES]
        return Forbidden(
            f"Quota exceeded for instances: Requested {requested}, but already used {taken} of {limit} instances",
            kind="OverQuota",
        )
    if PORTS in exceeded:
        return Forbidden("Maximum number of ports exceeded", kind="OverQuota")
    return Forbidden(f"Quota exceeded for resources: {', '.join(sorted(exceeded))}", kind="OverQuota")


@dataclass(frozen=True, slots=True)
class TooMany:
    """Nova's TooManyInstances (nova/compute/utils.py, check_num_instances_quota).

    Told is all that ``most`` servers of these amounts would exceed.
    """

    amounts: Mapping[str, int]
    limits: Mapping[str, int]
    least: int
    most: int

    def __call__(self, taken: Mapping[str, int]) -> Fault:
        asked = {name: self.most * amount for name, amount in sorted(self.amounts.items())}
        overs = [name for name in asked if 0 <= self.limits[name] < taken[name] + asked[name]]
        names = ", ".join(overs)
        requested = ", ".join(self._servers() if name == "instances" else str(asked[name]) for name in overs)
        used_up, allowed = (", ".join(str(found[name]) for name in overs) for found in (taken, self.limits))
        return Forbidden(
            f"Quota exceeded for {names}: Requested {requested}, but already used {used_up} of {allowed} {names}",
            kind="OverQuota",
        )

    def _servers(self) -> str:
        return str(self.most) if self.least == self.most else f"{self.least}-{self.most}"
