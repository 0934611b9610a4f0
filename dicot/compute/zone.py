"""Availability zones: the zones of the Nodes that run servers."""

from collections.abc import Iterable

from ..cloud.kinds.kubevirt import NODE, Node
from ..cloud.resource import ADMIN, ANY, Bench, Resource
from ..web.call import Call, Reply
from .wire import Document, check_bare

DEFAULT_ZONE = "nova"
ZONE_LABEL = "topology.kubernetes.io/zone"
SCHEDULABLE = "kubevirt.io/schedulable"


def zone_of(node: Node) -> str:
    """The zone of a Node; Nova's default where it has none."""
    return node.metadata.labels.get(ZONE_LABEL) or DEFAULT_ZONE


def is_ready(node: Node) -> bool:
    """Whether the kubelet says so."""
    return any(found.type == "Ready" and found.status == "True" for found in node.status.conditions)


def heartbeat(node: Node) -> str | None:
    """When virt-handler was last seen, as Nova writes it: microseconds, no zone."""
    text = node.metadata.annotations.get("kubevirt.io/heartbeat", "")
    return f"{text[:19]}.000000" if len(text) >= 19 else None


def hosts(nodes: Iterable[Node]) -> list[Node]:
    """The Nodes that virt-handler has offered for servers."""
    return [node for node in nodes if node.metadata.labels.get(SCHEDULABLE) == "true"]


def zones(nodes: Iterable[Node], detail: bool) -> list[Document]:
    """Zones as Nova shows them: those with a Node that takes servers first, the others behind."""
    by_zone: dict[str, list[Node]] = {}
    for node in hosts(nodes):
        by_zone.setdefault(zone_of(node), []).append(node)
    found = [(name, members, any(map(is_ready, members))) for name, members in sorted(by_zone.items())]
    found.sort(key=lambda zone: not zone[2])
    return [
        {
            "zoneName": name,
            "zoneState": {"available": available},
            "hosts": {node.metadata.name: services(node) for node in members} if detail and available else None,
        }
        for name, members, available in found
    ]


def services(node: Node) -> Document:
    """What runs on a host: Nova's name for what virt-handler is here."""
    state = {"available": is_ready(node), "active": not node.spec.unschedulable, "updated_at": heartbeat(node)}
    return {"nova-compute": state}


def routes(bench: Bench) -> None:
    """N-29 and N-60."""

    def answer(call: Call[None], detail: bool) -> Reply:
        check_bare(call)
        nodes = (node for _, node in bench.known(call.caller).rows(NODE))
        return Reply({"availabilityZoneInfo": zones(nodes, detail)})

    @bench.routes.get("/os-availability-zone", "os_compute_api:os-availability-zone:list")
    def index(call: Call[None]) -> Reply:
        return answer(call, False)

    @bench.routes.get("/os-availability-zone/detail", "os_compute_api:os-availability-zone:detail")
    def detail(call: Call[None]) -> Reply:
        return answer(call, True)


ZONES = Resource(
    name="availability-zones",
    register=routes,
    reads=(NODE,),
    policy={"os_compute_api:os-availability-zone:list": ANY, "os_compute_api:os-availability-zone:detail": ADMIN},
)
