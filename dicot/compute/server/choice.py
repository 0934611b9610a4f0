"""What a create refers to, looked up: image, flavor, key, networks, security groups, place."""

from dataclasses import dataclass

from ... import moments
from ...cloud.images import ImageFacts, read
from ...cloud.kinds.kubevirt import NODE, VM
from ...cloud.kinds.network import PORT, SECURITY_GROUP, Port
from ...cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC, sources
from ...cloud.resource import Known
from ...faults import BadRequest, Conflict, Forbidden
from ...kube.kind import Row
from ...names import UPDATED_AT, network_id
from ..facts import GIBI, Flavor, flavor_named
from ..kinds import KEYPAIR, keypair_object
from .joined import DEFAULT_ZONE, ZONE
from .wish import NO_NETWORK, NetworkWish, NewServer

HOSTNAME = "kubernetes.io/hostname"
BINDING_IS_YOUNG = 60.0
"""Seconds for which a port stays bound to a server that is not there yet: it may be about to be."""
DEFAULT_GROUP = "default"


@dataclass(frozen=True, slots=True)
class Image:
    """The image of a server, and where its disk lies."""

    facts: ImageFacts
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Nic:
    """The one interface of a server. ``port`` is a port that exists already; without it one is made."""

    network: str
    port: tuple[Row, Port] | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Everything a create refers to. ``groups`` are ids of security groups."""

    flavor: Flavor
    image: Image
    key: str
    nic: Nic | None
    groups: tuple[str, ...]
    node_selector: dict[str, str]
    outside_zones: bool


def choose(body: NewServer, known: Known, now: float) -> Choice:
    """Looks everything up, in the order of Nova's own checks. Raises Faults in its words."""
    selector, outside = _place(body, known)
    flavor = _flavor(body, known)
    groups = _groups(body, known)
    nic = _nic(body, known, now)
    image = _image(body, known)
    _check_size(body, known, flavor, image)
    if nic is not None and nic.port is not None:
        groups = nic.port[1].spec.securityGroups
    return Choice(flavor, image, _key(body, known), nic, groups if nic else (), selector, outside)


def _flavor(body: NewServer, known: Known) -> Flavor:
    """KubeVirt admits an instancetype without processors or memory; no server could start with it."""
    found = flavor_named(known, body.flavor)
    if found is None or found.copy.vcpus < 1 or found.copy.ram < 1:
        raise BadRequest(f"Flavor {body.flavor} could not be found.")
    return found


def _image(body: NewServer, known: Known) -> Image:
    found = known.find(DATA_SOURCE, body.image)
    if found is None:
        raise BadRequest("Can not find requested image")
    row, source = found
    volume = claim = None
    for place in sources(row, source):
        namespace, _, name = place.partition("/")
        volume, claim = known.named(DATA_VOLUME, name, namespace), known.named(PVC, name, namespace)
    facts = read(row, source, volume[1] if volume else None, claim[1] if claim else None)
    if facts.status != "active":
        raise BadRequest(f"Image {body.image} is not active.")
    return Image(facts, row.namespace, row.name)


def _check_size(body: NewServer, known: Known, flavor: Flavor, image: Image) -> None:
    """A clone into less than its source would wait for ever, so it is refused here."""
    copy, spec = flavor.copy, image.facts.spec
    if copy.disk == 0 and not known.caller.admin:
        raise Forbidden("Only volume-backed servers are allowed for flavors with zero disk.")
    if copy.ram < spec.minRam:
        raise BadRequest("Flavor's memory is too small for requested image.")
    room, size = copy.disk * GIBI, image.facts.virtual_size or 0
    if not room:
        return
    if size > room and not image.facts.container_disk:
        raise BadRequest(
            f"Flavor's disk is too small for requested image. Flavor disk is {room} bytes, image is {size} bytes."
        )
    if spec.minDisk * GIBI > room:
        raise BadRequest(
            "Flavor's disk is smaller than the minimum size specified in image metadata. "
            f"Flavor disk is {room} bytes, minimum size is {spec.minDisk * GIBI} bytes."
        )


def _key(body: NewServer, known: Known) -> str:
    """The public key, "" where none is wanted."""
    if body.key_name is None:
        return ""
    found = known.named(KEYPAIR, keypair_object(known.caller.user, body.key_name))
    if found is None or found[1].spec.userId != known.caller.user:
        raise BadRequest("Invalid key_name provided.")
    return found[1].spec.publicKey


def _groups(body: NewServer, known: Known) -> tuple[str, ...]:
    """By id or name; "default" is not looked for by Nova, and a project without it has none."""
    rows = [
        (row.id, group.spec.name or row.name)
        for row, group in known.rows(SECURITY_GROUP)
        if row.namespace == known.caller.namespace
    ]
    found: list[str] = []
    for wanted in body.security_groups or (DEFAULT_GROUP,):
        ids = [id for id, _ in rows if id == wanted] or [id for id, name in rows if name == wanted]
        if len(ids) > 1:
            raise Conflict(
                f"Multiple security_group matches found for name '{wanted}', use an ID to be more specific."
            )
        if not ids and wanted != DEFAULT_GROUP:
            raise BadRequest(f"Unable to find security_group with name or id '{wanted}'")
        found += ids
    return tuple(dict.fromkeys(found))


def _nic(body: NewServer, known: Known, now: float) -> Nic | None:
    """The cluster's own network is the only one, so a server has one interface or none."""
    own = network_id(known.config.network_name)
    if body.networks == NO_NETWORK:
        return None
    if not body.networks:
        return Nic(own)
    found = [_port(wish.port, body, known, now) if wish.port else Nic(wish.network) for wish in _wishes(body)]
    unknown = [nic.network for nic in found if nic.network != own]
    if unknown:
        raise BadRequest(f"Network {', '.join(unknown)} could not be found.")
    addresses = [wish.address for wish in _wishes(body) if wish.address]
    if addresses:
        raise BadRequest(f"Fixed IP not found for address {addresses[0]}.")
    if len(found) > 1:
        raise BadRequest("A server has one interface here: the cluster has no network beside its own.")
    return found[0]


def _wishes(body: NewServer) -> tuple[NetworkWish, ...]:
    return body.networks if isinstance(body.networks, tuple) else ()


def _port(id: str, body: NewServer, known: Known, now: float) -> Nic:
    found = known.find(PORT, id)
    if found is None or found[0].namespace != known.caller.namespace:
        raise BadRequest(f"Port id {id} could not be found.")
    if body.most > 1:
        raise BadRequest(
            "Failed to launch instances: Unable to launch multiple instances with a single configured port ID. "
            "Please launch your instance one by one with different ports."
        )
    row, port = found
    if _is_bound(row, port, known, now):
        raise Conflict(f"Port {id} is still in use.")
    return Nic(port.spec.networkId, found)


def _is_bound(row: Row, port: Port, known: Known, now: float) -> bool:
    """A binding is void once its server is not there and can no longer be about to be."""
    if not port.spec.vm:
        return False
    if known.named(VM, port.spec.vm, row.namespace) is not None:
        return True
    bound = moments.read(port.metadata.annotations.get(UPDATED_AT))
    return bound is not None and now - bound < BINDING_IS_YOUNG


def _place(body: NewServer, known: Known) -> tuple[dict[str, str], bool]:
    """Labels that its node must have, and whether it must be in no zone that has a name."""
    labels = {row.name: node.metadata.labels for row, node in known.rows(NODE)}
    selector: dict[str, str] = {}
    if body.hosts:
        selector[HOSTNAME] = _host(body, known, labels)
    zones = {each.get(ZONE, DEFAULT_ZONE) for each in labels.values()} or {DEFAULT_ZONE}
    if not body.zone:
        return selector, False
    if body.zone not in zones:
        raise BadRequest("The requested availability zone is not available")
    if any(each.get(ZONE) == body.zone for each in labels.values()):
        return selector | {ZONE: body.zone}, False
    return selector, len(zones) > 1


def _host(body: NewServer, known: Known, labels: dict[str, dict[str, str]]) -> str:
    if not known.caller.admin:
        raise Forbidden(f"Policy doesn't allow {body.host_policy} to be performed.")
    for host in body.hosts:
        if host not in labels or host != body.hosts[0]:
            raise BadRequest(f"Compute host {host} could not be found.")
    return labels[body.hosts[0]].get(HOSTNAME, body.hosts[0])
