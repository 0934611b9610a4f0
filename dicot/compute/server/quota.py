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
from .group import Group, made_in

PORTS = "count/ports.network.dicot.io"


@dataclass(frozen=True, slots=True)
class Share:
    """What each of several servers takes: ``most`` are wanted, and fewer than ``least`` are not."""

    flavor: FlavorCopy
    least: int = 1
    most: int = 1
    group: Group | None = None

    @property
    def amounts(self) -> Mapping[str, int]:
        """Of the project's quota."""
        return {"instances": 1, "cores": self.flavor.vcpus, "ram": self.flavor.ram}


def reservation(known: Known, share: Share) -> Reservation | None:
    """The share of one server; None where nothing of it has a limit.

    That of members of a group is for each user and group, and Nova makes no fewer servers where it is too small.
    """
    found = limits_of(known)
    limits = {name: found[name] for name in SERVERS}
    amounts, taken, members = share.amounts, servers_take(known), ""
    if share.group is not None and found["server_group_members"] >= 0:
        members = f"server_group_members {share.group.id} {known.caller.user}"
        limits |= {members: found["server_group_members"]}
        amounts, taken = {**amounts, members: 1}, {**taken, members: made_in(share.group, known)}
    if all(limit < 0 for limit in limits.values()):
        return None
    refuse = TooMany(share.amounts, limits, share.least, share.most)
    return Reservation(amounts, taken, limits, refuse, firm=frozenset([members] if members else ()))


def room(known: Known) -> int:
    """Servers that a project could ever have, at least the one that is refused; a great max_count costs no more."""
    limit = limits_of(known)["instances"]
    return max(MAX_LIMIT if limit < 0 else limit, 1)


def beyond(known: Known, share: Share) -> Fault:
    """The refusal of more servers than there could ever be room for."""
    limits = {**limits_of(known), "instances": room(known)}
    return TooMany(share.amounts, limits, share.least, share.most)(servers_take(known))


def check_items(metadata: Mapping[str, str], known: Known) -> None:
    """Raises Forbidden for more items of metadata than one server may have."""
    most = limits_of(known)["metadata_items"]
    if 0 <= most < len(metadata):
        raise Forbidden(f"Maximum number of metadata items exceeds {most}", kind="OverQuota")


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

    Told is all that ``most`` servers of these amounts would exceed. Where ``least`` of them fit it is their group
    that has no room for all.
    """

    amounts: Mapping[str, int]
    limits: Mapping[str, int]
    least: int
    most: int

    def __call__(self, taken: Mapping[str, int]) -> Fault:
        if not self._over(taken, self.least):
            return Forbidden("Quota exceeded, too many servers in group", kind="OverQuota")
        asked = {name: self.most * amount for name, amount in self.amounts.items()}
        overs = self._over(taken, self.most)
        names = ", ".join(overs)
        requested = ", ".join(self._servers() if name == "instances" else str(asked[name]) for name in overs)
        used_up, allowed = (", ".join(str(found[name]) for name in overs) for found in (taken, self.limits))
        return Forbidden(
            f"Quota exceeded for {names}: Requested {requested}, but already used {used_up} of {allowed} {names}",
            kind="OverQuota",
        )

    def _over(self, taken: Mapping[str, int], servers: int) -> list[str]:
        """What so many servers exceed."""
        return [
            name
            for name, amount in sorted(self.amounts.items())
            if 0 <= self.limits[name] < taken[name] + servers * amount
        ]

    def _servers(self) -> str:
        return str(self.most) if self.least == self.most else f"{self.least}-{self.most}"
