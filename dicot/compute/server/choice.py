"""What a create refers to, looked up: image, flavor, key, networks, security groups, devices, place."""

from collections.abc import Sequence
from dataclasses import dataclass

from ... import moments
from ...cloud.images import ImageFacts, read
from ...cloud.kinds.kubevirt import VM
from ...cloud.kinds.network import PORT, SECURITY_GROUP, Port
from ...cloud.kinds.storage import DATA_SOURCE, DATA_VOLUME, PVC, sources
from ...cloud.resource import Known
from ...faults import BadRequest, Conflict, Forbidden
from ...kube.kind import Row
from ...names import UPDATED_AT, network_id
from ..facts import GIBI, Flavor, FlavorCopy, flavor_named
from ..kinds import KEYPAIR, keypair_object
from .devices import Device, boots_from, check_devices, made, merged, refuse_unserved
from .group import Group, beside, group_of
from .place import Place, check_hints, permit, placed, zone_asked
from .quota import check_items
from .wish import NetworkWish, NewServer

BINDING_IS_YOUNG = 60.0
"""Seconds for which a port stays bound to a server that is not there yet: it may be about to be."""
DEFAULT_GROUP = "default"
NO_CERTIFICATES = "Image certificate validation is not supported when booting from volume"
TRUE_WORDS = frozenset(("1", "t", "true", "on", "y", "yes"))
"""What image properties say yes by (oslo_utils.strutils)."""
LAUNCH = "Failed to launch instances: "


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
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """Everything a create refers to. ``groups`` are ids of security groups; the first of ``disks`` is the root."""

    flavor: Flavor
    image: Image
    key: str
    nic: Nic | None
    groups: tuple[str, ...]
    place: Place
    disks: tuple[Device, ...]
    disk_config: str
    server_group: Group | None = None


def choose(body: NewServer, known: Known, now: float) -> Choice:
    """Looks everything up, in the order of Nova's own checks (nova/compute/api.py). Raises Faults in its words."""
    permit(body, known)
    flavor = _flavor(body, known)
    _check_several(body)
    zone = zone_asked(body, known)
    image = _image(body, known)
    disk_config = _disk_config(body, image)
    groups = _groups(body, known)
    nics = _nics(body, known, now)
    key = _key(body, known)
    devices = merged(body.devices, body.image, flavor.copy, body.most)
    _check_amounts(body, known)
    if image is not None:
        _check_fit(known, flavor.copy, image)
    group = group_of(body.hints, known)
    place = placed(body, zone, known)
    group = beside(group, place.beside, known)
    check_devices(devices, flavor.copy, _images(devices, known))
    refuse_unserved(devices, body.image)
    assert image is not None  # or else the devices had none either
    _check_unserved(body)
    nic = nics[0] if nics else None
    if nic is not None and nic.port is not None:
        groups = nic.port[1].spec.securityGroups
    return Choice(flavor, image, key, nic, groups if nic else (), place, made(devices), disk_config, group)


def _flavor(body: NewServer, known: Known) -> Flavor:
    """KubeVirt admits an instancetype without processors or memory; no server could start with it."""
    found = flavor_named(known, body.flavor)
    if found is None or found.copy.vcpus < 1 or found.copy.ram < 1:
        raise BadRequest(f"Flavor {body.flavor} could not be found.")
    return found


def _check_several(body: NewServer) -> None:
    """What only one server can have."""
    if body.most == 1:
        return
    wishes = body.networks if isinstance(body.networks, tuple) else ()
    if any(wish.network and wish.address for wish in wishes):
        raise BadRequest(f"{LAUNCH}max_count cannot be greater than 1 if an fixed_ip is specified.")
    if any(wish.port for wish in wishes):
        raise BadRequest(
            f"{LAUNCH}Unable to launch multiple instances with a single configured port ID. "
            "Please launch your instance one by one with different ports."
        )
    if body.hostname:
        raise BadRequest("Unable to allocate a single hostname to multiple instances")


def _image(body: NewServer, known: Known) -> Image | None:
    if not body.image:
        _check_boot(body, known)
        return None
    found = _image_of(body.image, known)
    if found is None:
        raise BadRequest("Can not find requested image")
    return found


def _image_of(id: str, known: Known) -> Image | None:
    found = known.find(DATA_SOURCE, id.lower())
    if found is None:
        return None
    row, source = found
    volume = claim = None
    for place in sources(row, source):
        namespace, _, name = place.partition("/")
        volume, claim = known.named(DATA_VOLUME, name, namespace), known.named(PVC, name, namespace)
    facts = read(row, source, volume[1] if volume else None, claim[1] if claim else None)
    return Image(facts, row.namespace, row.name)


def _images(devices: Sequence[Device], known: Known) -> set[str]:
    """The images that devices name and that there are."""
    return {each.image for each in devices if each.image and _image_of(each.image, known) is not None}


def _check_boot(body: NewServer, known: Known) -> None:
    """What a server without an image would boot from."""
    if body.certificates:
        raise BadRequest(NO_CERTIFICATES)
    device = boots_from(body.devices)
    if device is None:
        return
    if device.snapshot:
        raise BadRequest(f"Snapshot {device.snapshot} could not be found.")
    for what, id in (("image", device.image), ("volume", device.volume)):
        if id and (what == "volume" or _image_of(id, known) is None):
            raise BadRequest(f"Block Device Mapping is Invalid: failed to get {what} {id}.")


def _disk_config(body: NewServer, image: Image | None) -> str:
    """As asked for, else as the image says (nova/utils.py, ``get_auto_disk_config_from_image_props``)."""
    said = image.facts.properties.get("auto_disk_config", "") if image else ""
    if body.disk_config == "AUTO" and image is not None and said.strip().lower() == "disabled":
        raise BadRequest(f"Requested image {image.facts.id} has automatic disk resize disabled.")
    return body.disk_config or ("AUTO" if said.strip().lower() in TRUE_WORDS else "MANUAL")


def _check_amounts(body: NewServer, known: Known) -> None:
    check_items(body.metadata, known)
    if body.has_files:
        raise Forbidden("Personality file limit exceeded", kind="OverQuota")


def _check_fit(known: Known, flavor: FlavorCopy, image: Image) -> None:
    """A clone into less than its source would wait for ever, so it is refused here."""
    facts = image.facts
    if facts.status != "active":
        raise BadRequest(f"Image {facts.id} is not active.")
    if flavor.ram < facts.spec.minRam:
        raise BadRequest("Flavor's memory is too small for requested image.")
    room, size = flavor.disk * GIBI, facts.virtual_size or 0
    if not room:
        if not known.caller.admin:
            raise Forbidden("Only volume-backed servers are allowed for flavors with zero disk.")
        return
    if size > room and not facts.container_disk:
        raise BadRequest(
            f"Flavor's disk is too small for requested image. Flavor disk is {room} bytes, image is {size} bytes."
        )
    if facts.spec.minDisk * GIBI > room:
        raise BadRequest(
            "Flavor's disk is smaller than the minimum size specified in image metadata. "
            f"Flavor disk is {room} bytes, minimum size is {facts.spec.minDisk * GIBI} bytes."
        )


def _check_unserved(body: NewServer) -> None:
    """What Nova would take, and no cluster here can do."""
    wishes = body.networks if isinstance(body.networks, tuple) else ()
    addresses = [wish.address for wish in wishes if wish.address]
    if addresses:
        raise BadRequest(f"Fixed IP not found for address {addresses[0]}.")
    if len(wishes) > 1:
        raise BadRequest("A server has one interface here: the cluster has no network beside its own.")
    if body.certificates:
        raise BadRequest(NO_CERTIFICATES)
    check_hints(body.hints)


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


def _nics(body: NewServer, known: Known, now: float) -> tuple[Nic, ...]:
    """The cluster's own network is the only one, and what a server is in where it does not say."""
    own = network_id(known.config.network_name)
    if not isinstance(body.networks, tuple):
        return ()
    found = tuple(
        _port(wish, known, now) if wish.port else Nic(own, tag=wish.tag)
        for wish in body.networks or (NetworkWish(own),)
    )
    unknown = [wish.network for wish in body.networks if not wish.port and wish.network.lower() != own]
    if unknown:
        raise BadRequest(f"Network {', '.join(dict.fromkeys(unknown))} could not be found.")
    return found


def _port(wish: NetworkWish, known: Known, now: float) -> Nic:
    found = known.find(PORT, wish.port.lower())
    if found is None or found[0].namespace != known.caller.namespace:
        raise BadRequest(f"Port id {wish.port} could not be found.")
    row, port = found
    if _is_bound(row, port, known, now):
        raise Conflict(f"Port {wish.port} is still in use.")
    return Nic(port.spec.networkId, found, wish.tag)


def _is_bound(row: Row, port: Port, known: Known, now: float) -> bool:
    """A binding is void once its server is not there and can no longer be about to be."""
    if not port.spec.vm:
        return False
    if known.named(VM, port.spec.vm, row.namespace) is not None:
        return True
    bound = moments.read(port.metadata.annotations.get(UPDATED_AT))
    return bound is not None and now - bound < BINDING_IS_YOUNG
