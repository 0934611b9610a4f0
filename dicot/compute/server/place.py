"""Where a server may run: zones, hosts by name, and the hints that mean a host."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...cloud.kinds.kubevirt import NODE, VM, VMI, Node
from ...cloud.resource import Known
from ...faults import BadRequest
from ...names import ID, is_uuid
from ..wire import forbidden
from ..zone import hosts, is_ready
from .failure import NO_HOST
from .joined import DEFAULT_ZONE, ZONE
from .wish import NewServer

HOSTNAME = "kubernetes.io/hostname"
FORCED = "os_compute_api:servers:create:forced_host"
REQUESTED = "compute:servers:create:requested_destination"
UNSERVED_HINTS = ("query", "build_near_host_ip")
"""What Nova's JsonFilter and SimpleCIDRAffinityFilter look at, which it does not enable by itself either."""


@dataclass(frozen=True, slots=True)
class Place:
    """``zone`` is the one that counts as asked for. ``beside`` and ``apart`` are ids of other servers."""

    zone: str = ""
    node_selector: dict[str, str] = field(default_factory=dict)
    outside_zones: bool = False
    beside: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()


def permit(body: NewServer, known: Known) -> None:
    """Raises Forbidden where a host is named by somebody who may not."""
    for names, policy in ((body.forced, FORCED), (body.requested, REQUESTED)):
        if any(names) and not known.caller.admin:
            raise forbidden(policy)


def zone_asked(body: NewServer, known: Known) -> str:
    """The zone that counts. Nova drops one in which the forced host is not (bug 1934770)."""
    nodes = {row.name: node for row, node in known.rows(NODE)}
    host, node = body.forced
    if host:
        here = _zone_of(nodes[host]) if host in nodes else DEFAULT_ZONE
        return body.zone if body.zone == here else ""
    zone = body.zone if not node or body.zone == DEFAULT_ZONE else ""
    if zone and not any(is_ready(each) and _zone_of(each) == zone for each in hosts(nodes.values())):
        raise BadRequest("The requested availability zone is not available")
    return zone


def _zone_of(node: Node) -> str:
    return node.metadata.labels.get(ZONE, DEFAULT_ZONE)


def placed(body: NewServer, zone: str, known: Known) -> Place:
    """Looks up what is named. Raises BadRequest for a host that is not there."""
    nodes = {row.name: node for row, node in known.rows(NODE)}
    selector: dict[str, str] = {}
    outside = False
    named = _host(body, nodes)
    if named:
        selector[HOSTNAME] = nodes[named].metadata.labels.get(HOSTNAME, named)
    elif zone == DEFAULT_ZONE and not any(node.metadata.labels.get(ZONE) == zone for node in nodes.values()):
        outside = any(ZONE in node.metadata.labels for node in nodes.values())
    elif zone:
        selector[ZONE] = zone
    return Place(zone, selector, outside, _beside(body, known), _ids(body.hints, "different_host"))


def _host(body: NewServer, nodes: Mapping[str, Node]) -> str:
    """A host and its node are the same here."""
    named = [name for name in (*body.forced, *body.requested) if name]
    for name in named:
        if name not in nodes or name != named[0]:
            raise BadRequest(f"Compute host {named[0]} could not be found.")
    return named[0] if named else ""


def _ids(hints: Mapping[str, Any], hint: str) -> tuple[str, ...]:
    """What has another form than our ids is no server's."""
    found = hints.get(hint) or ()
    return tuple(id.lower() for id in ([found] if isinstance(found, str) else found) if is_uuid(id.lower()))


def _beside(body: NewServer, known: Known) -> tuple[str, ...]:
    """Servers of which one at least must run, as there would be no host otherwise."""
    found = tuple(id for id in _ids(body.hints, "same_host") if _runs(id, known))
    if body.hints.get("same_host") and not found:
        raise BadRequest(NO_HOST)
    return found


def _runs(id: str, known: Known) -> bool:
    server = known.find(VM, id)
    if server is None or server[0].namespace != known.caller.namespace:
        return False
    instance = known.named(VMI, server[0].name)
    return instance is not None and instance[0].owner == server[0].uid and bool(instance[1].status.nodeName)


def check_hints(hints: Mapping[str, Any]) -> None:
    """A hint that means something must not be lost without a word."""
    for hint in UNSERVED_HINTS:
        if hints.get(hint):
            raise BadRequest(f"Scheduler hint '{hint}' is not supported.")


def affinity_of(place: Place, own: str) -> dict[str, Any]:
    """The same as Kubernetes says it: of a zone without a name, and of Pods on one node.

    A Pod that is meant by its own term may run where none of the others does: a server starts again after the one
    that it was to be with is gone, as Nova places it only once.
    """
    found: dict[str, Any] = {}
    if place.outside_zones:
        terms = [{"matchExpressions": [{"key": ZONE, "operator": "DoesNotExist"}]}]
        found["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    if place.beside:
        found["podAffinity"] = _on_a_host_of((own, *place.beside))
    if place.apart:
        found["podAntiAffinity"] = _on_a_host_of(place.apart)
    return found


def _on_a_host_of(ids: tuple[str, ...]) -> dict[str, Any]:
    term = {
        "labelSelector": {"matchExpressions": [{"key": ID, "operator": "In", "values": list(ids)}]},
        "topologyKey": HOSTNAME,
    }
    return {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
