"""The server group of a new server: how it is placed, and what it takes of the group's quota.

A hard policy holds whenever a server starts, also after its group is gone; Nova places it only once.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...cloud.kinds.kubevirt import VM, of_group
from ...cloud.resource import Known
from ...faults import BadRequest
from ...names import SERVER_GROUP as GROUP_LABEL
from ...names import SERVER_GROUP_SLOT as SLOT_LABEL
from ...names import USER_ID, undashed
from ..server_group import AFFINITY, ANTI_AFFINITY, SERVER_GROUP, SOFT_AFFINITY
from .failure import NO_HOST
from .place import HOSTNAME

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
MOST_WEIGHT = 100
MOST_SLOTS = 1000
"""Beyond the members that are there no group has use for more: so many servers are made at once at most."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group as a server joins it.

    Kubernetes cannot count the Pods of a node, but keep two apart. So an anti-affinity group has as many slots as
    servers of it may share a node, and no two of one slot do. ``slots`` counts the members of each. One that does not
    ``bind`` says nothing of the place, as another hint has said it.
    """

    id: str
    policy: str
    slots: tuple[int, ...] = ()
    slot: int = 0
    binds: bool = True

    def joined(self, server: str) -> "Group":
        """With a slot for a server: by chance one of those that have fewest, since others may join just now."""
        if not self.slots:
            return self
        few = [slot for slot, members in enumerate(self.slots) if members == min(self.slots)]
        chosen = few[int(undashed(server)[:8], 16) % len(few)]
        slots = tuple(members + (slot == chosen) for slot, members in enumerate(self.slots))
        return replace(self, slots=slots, slot=chosen)

    @property
    def labels(self) -> Mapping[str, str]:
        """What tells its members, and those of one slot."""
        return {GROUP_LABEL: self.id} | ({SLOT_LABEL: str(self.slot)} if self.slots else {})

    @property
    def affinity(self) -> dict[str, Any]:
        """The policy as Kubernetes says it."""
        if not self.binds:
            return {}
        kind = "podAffinity" if self.policy in (AFFINITY, SOFT_AFFINITY) else "podAntiAffinity"
        term = {"labelSelector": {"matchLabels": dict(self.labels)}, "topologyKey": HOSTNAME}
        if self.policy in (AFFINITY, ANTI_AFFINITY):
            return {kind: {REQUIRED: [term]}}
        return {kind: {PREFERRED: [{"weight": MOST_WEIGHT, "podAffinityTerm": term}]}}


def group_of(hints: Mapping[str, Any], known: Known) -> Group | None:
    """The group that a server is to join. Raises BadRequest where there is no such group."""
    hint = hints.get("group")
    if not hint:
        return None
    named = [hint] if isinstance(hint, str) else hint
    found = known.find(SERVER_GROUP, named[0].lower()) if len(named) == 1 else None
    if found is None or found[0].namespace != known.caller.namespace:
        raise BadRequest(f"Instance group {', '.join(named)} could not be found.")
    row, group = found
    if group.spec.policy != ANTI_AFFINITY:
        return Group(row.id, group.spec.policy)
    members = known.linked(VM, of_group(row.id))
    most = min(group.spec.maxServerPerHost or 1, len(members) + MOST_SLOTS)
    taken = Counter(vm.metadata.labels.get(SLOT_LABEL) for _, vm in members)
    return Group(row.id, group.spec.policy, tuple(taken[str(slot)] for slot in range(most)))


def beside(group: Group | None, servers: tuple[str, ...], known: Known) -> Group | None:
    """The group of a server that is also to be with others.

    Kubernetes looks for one Pod that meets all terms, so the others must be of the group, or its first.
    """
    if group is None or group.policy != AFFINITY or not servers:
        return group
    members = {row.id for row, _ in known.linked(VM, of_group(group.id))}
    if members.isdisjoint(servers) and members:
        raise BadRequest(NO_HOST)
    return group if members else replace(group, binds=False)


def with_group(affinity: dict[str, Any], group: Group | None) -> dict[str, Any]:
    """Affinities of a place, and that of a group beside them."""
    found = {kind: dict(terms) for kind, terms in affinity.items()}
    for kind, wanted in (group.affinity if group else {}).items():
        for when, terms in wanted.items():
            said = found.setdefault(kind, {})
            said[when] = [*said.get(when, ()), *terms]
    return found


def made_in(group: Group, known: Known) -> int:
    """How many servers of a group the caller has made: Nova's limit is for each user and group."""
    members = known.linked(VM, of_group(group.id))
    return sum(vm.metadata.annotations.get(USER_ID) == known.caller.user for _, vm in members)
