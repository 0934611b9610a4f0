"""What a create refers to, looked up: image, flavor, key, networks, security groups, devices, place."""

from collections.abc import Sequence
from dataclasses import dataclass

from ... import moments
from ...cloud.kinds.kubevirt import VM
from ...cloud.kinds.network import PORT, SECURITY_GROUP, Port
from ...cloud.resource import Known
from ...cloud.volumes import BINDING_IS_YOUNG
from ...faults import BadRequest, Conflict, Forbidden
from ...kube.kind import Row
from ...names import UPDATED_AT, network_id
from ..facts import GIBI, Flavor, FlavorCopy, flavor_named
from ..kinds import KEYPAIR, keypair_object
from .devices import (
    INVALID,
    Device,
    boots_from,
    check_bus,
    check_local,
    check_order,
    check_sizes,
    made,
    merged,
    refuse_unserved,
    sized,
)
from .disks import Boot, Disk, Image, Stock, boot_of_image, boot_of_volume, check_volume, furnished
from .group import Group, beside, group_of
from .place import Place, check_hints, permit, placed, zone_asked
from .quota import check_items
from .wish import NetworkWish, NewServer

DEFAULT_GROUP = "default"
NO_CERTIFICATES = "Image certificate validation is not supported when booting from volume"
TRUE_WORDS = frozenset(("1", "t", "true", "on", "y", "yes"))
"""What image properties say yes by (oslo_utils.strutils)."""
LAUNCH = "Failed to launch instances: "


@dataclass(frozen=True, slots=True)
class Nic:
    """The one interface of a server. ``port`` is a port that exists already; without it one is made."""

    network: str
    port: tuple[Row, Port] | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """Everything a create refers to. ``groups`` are ids of security groups; the first of ``disks`` is the root.

    ``image`` is None where the server was asked for without one.
    """

    flavor: Flavor
    image: Image | None
    key: str
    nic: Nic | None
    groups: tuple[str, ...]
    place: Place
    disks: tuple[Disk, ...]
    disk_config: str
    server_group: Group | None = None


def choose(body: NewServer, known: Known, ids: Sequence[str], now: float) -> Choice:
    """Looks everything up, in the order of Nova's own checks (nova/compute/api.py). Raises Faults in its words.

    ``ids`` are those of the servers that are to be made.
    """
    permit(body, known)
    flavor, stock = _flavor(body, known), Stock(known, now, ids)
    _check_several(body)
    zone = zone_asked(body, known)
    image, boot = _image(body, stock)
    disk_config = _disk_config(body, boot)
    groups = _groups(body, known)
    nics = _nics(body, stock)
    key = _key(body, known)
    devices = merged(body.devices, body.image, flavor.copy, body.most)
    _check_amounts(body, known)
    if boot is not None:
        _check_fit(known, flavor.copy, boot, devices)
    group = group_of(body.hints, known)
    place = placed(body, zone, known)
    group = beside(group, place.beside, known)
    devices = _checked(devices, flavor.copy, stock, body)
    refuse_unserved(devices, body.image)
    disks = furnished(made(devices), stock)
    _check_unserved(body)
    nic = nics[0] if nics else None
    if nic is not None and nic.port is not None:
        groups = nic.port[1].spec.securityGroups
    return Choice(flavor, image, key, nic, groups if nic else (), place, disks, disk_config, group)


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


def _image(body: NewServer, stock: Stock) -> tuple[Image | None, Boot | None]:
    """The server's own image, and what is told of what it boots from."""
    if not body.image:
        return None, _boot(body, stock)
    found = stock.image(body.image)
    if found is None:
        raise BadRequest("Can not find requested image")
    return found, boot_of_image(found.facts)


def _boot(body: NewServer, stock: Stock) -> Boot | None:
    """What a server without an image boots from (nova/block_device.py, ``get_bdm_image_metadata``)."""
    if body.certificates:
        raise BadRequest(NO_CERTIFICATES)
    device = boots_from(body.devices)
    if device is None:
        return None
    snapshot = stock.snapshot(device.snapshot) if device.snapshot else None
    if device.snapshot and snapshot is None:
        raise BadRequest(f"Snapshot {device.snapshot} could not be found.")
    if device.image:
        image = stock.image(device.image)
        if image is None:
            raise BadRequest(f"{INVALID}failed to get image {device.image}.")
        return boot_of_image(image.facts)
    volume = snapshot.volume if snapshot else stock.volume(device.volume)
    if volume is None and snapshot is None:
        raise BadRequest(f"{INVALID}failed to get volume {device.volume}.")
    if volume is not None and not volume.bootable:
        raise BadRequest(f"Block Device {volume.id} is not bootable.")
    return boot_of_volume(volume) if volume else Boot()


def _disk_config(body: NewServer, boot: Boot | None) -> str:
    """As asked for, else as the image says (nova/utils.py, ``get_auto_disk_config_from_image_props``)."""
    said = boot.properties.get("auto_disk_config", "") if boot else ""
    if body.disk_config == "AUTO" and boot is not None and said.strip().lower() == "disabled":
        raise BadRequest(f"Requested image {boot.id} has automatic disk resize disabled.")
    return body.disk_config or ("AUTO" if said.strip().lower() in TRUE_WORDS else "MANUAL")


def _check_amounts(body: NewServer, known: Known) -> None:
    check_items(body.metadata, known)
    if body.has_files:
        raise Forbidden("Personality file limit exceeded", kind="OverQuota")


def _check_fit(known: Known, flavor: FlavorCopy, boot: Boot, devices: Sequence[Device]) -> None:
    """A clone into less than its source would wait for ever, so it is refused here."""
    if boot.status != "active":
        raise BadRequest(f"Image {boot.id} is not active.")
    if flavor.ram < boot.min_ram:
        raise BadRequest("Flavor's memory is too small for requested image.")
    root = next((each for each in devices if each.boot == 0), None)
    if root is not None and root.target == "volume":
        _check_fit_of_volume(root.size * GIBI, boot.min_disk * GIBI)
        return
    room, size = flavor.disk * GIBI, boot.size
    if not room:
        if not known.caller.admin:
            raise Forbidden("Only volume-backed servers are allowed for flavors with zero disk.")
        return
    if size > room and not boot.container_disk:
        raise BadRequest(
            f"Flavor's disk is too small for requested image. Flavor disk is {room} bytes, image is {size} bytes."
        )
    if boot.min_disk * GIBI > room:
        raise BadRequest(
            "Flavor's disk is smaller than the minimum size specified in image metadata. "
            f"Flavor disk is {room} bytes, minimum size is {boot.min_disk * GIBI} bytes."
        )


def _check_fit_of_volume(size: int, least: int) -> None:
    """In bytes; where no size is said the volume is there already."""
    if size and least > size:
        raise BadRequest(
            "Volume is smaller than the minimum size specified in image metadata. "
            f"Volume size is {size} bytes, minimum size is {least} bytes."
        )


def _checked(devices: Sequence[Device], flavor: FlavorCopy, stock: Stock, body: NewServer) -> tuple[Device, ...]:
    """With the sizes of what they name. Raises BadRequest in Nova's words, in the order of its ``_validate_bdm``."""
    for device in devices:
        if device.volume and stock.volume(device.volume) is None:
            raise BadRequest(f"Volume {device.volume} could not be found.")
    check_order(devices)
    for device in devices:
        if device.volume_type and stock.storage_class(device.volume_type) is None:
            raise BadRequest(f"Volume type {device.volume_type} could not be found.")
        if device.image and stock.image(device.image) is None:
            raise BadRequest(f"{INVALID}failed to get image {device.image}.")
        # Nova asks of the first of the three only; any of them may be what the disk is made of.
        if device.volume:
            check_volume(device, stock, body.shares)
        if device.snapshot and stock.snapshot(device.snapshot) is None:
            raise BadRequest(f"{INVALID}failed to get snapshot {device.snapshot}.")
        check_sizes(device)
        check_bus(device)
    # What a blank disk names beside being blank tells its size before the flavor does.
    found = tuple(sized(stock.sized(device), flavor) for device in devices)
    check_local(found, flavor)
    return found


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


def _nics(body: NewServer, stock: Stock) -> tuple[Nic, ...]:
    """The cluster's own network is the only one, and what a server is in where it does not say."""
    own = network_id(stock.known.config.network_name)
    if not isinstance(body.networks, tuple):
        return ()
    found = tuple(
        _port(wish, stock) if wish.port else Nic(own, tag=wish.tag) for wish in body.networks or (NetworkWish(own),)
    )
    unknown = [wish.network for wish in body.networks if not wish.port and wish.network.lower() != own]
    if unknown:
        raise BadRequest(f"Network {', '.join(dict.fromkeys(unknown))} could not be found.")
    return found


def _port(wish: NetworkWish, stock: Stock) -> Nic:
    found = stock.known.find(PORT, wish.port.lower())
    if found is None or found[0].namespace != stock.known.caller.namespace:
        raise BadRequest(f"Port id {wish.port} could not be found.")
    row, port = found
    if _is_bound(row, port, stock):
        raise Conflict(f"Port {wish.port} is still in use.")
    return Nic(port.spec.networkId, found, wish.tag)


def _is_bound(row: Row, port: Port, stock: Stock) -> bool:
    """A binding is void once its server is not there and can no longer be about to be; or it is our own."""
    if not port.spec.vm:
        return False
    if stock.known.named(VM, port.spec.vm, row.namespace) is not None:
        return True
    bound = moments.read(port.metadata.annotations.get(UPDATED_AT))
    is_young = bound is not None and stock.now - bound < BINDING_IS_YOUNG
    return is_young and port.spec.vmId not in stock.servers
