"""What a client wants: bodies, checked and read.

What becomes of each field that the schemas know (K: as Nova keeps it; D: done; R: refused in Nova's words):

==================================  =============================================================================
``name``                            K  numbered where there are several
``flavorRef``                       D  instancetype, root disk, blank disks for ephemeral and swap, not formatted
``imageRef``                        D  the root disk is cloned from it; "" where a volume is the root disk
``networks``                        D  the cluster's own, "auto", "none", or a port; R: any other, or two
``uuid`` ``port``                   D  of a network's entry; of a device's: its image
``fixed_ip``                        R  the cluster gives addresses
``tag``                             D  told to the guest by the config drive, which is attached for it
``adminPass``                       K  answered, and set in no guest: Nova's libvirt does not either by default
``metadata`` ``tags``               K
``description``                     K  the name before 2.19
``OS-DCF:diskConfig``               K  by the image where it is not said
``accessIPv4`` ``accessIPv6``       K
``personality``                     R  as by a quota of none
``path`` ``contents``               R  with it
``availability_zone``               D  by the zone label of nodes; zone:host:node too
``host`` ``hypervisor_hostname``    D  by the host label, for administrators
``block_device_mapping``            D
``block_device_mapping_v2``         D
``source_type``                     D  volume, snapshot, image, blank
``destination_type``                D  local of the image and blank disks; volume; else K, of which Nova makes nothing
``boot_index`` ``image_id``         D  the order of booting; of a local disk the server's own image
``volume_size`` ``guest_format``    D  of blank disks and new volumes; of the local root disk the flavor's size
``disk_bus`` ``device_type``        D  virtio, scsi, sata, usb; disk, and cdrom of volumes
``delete_on_termination``           D  of volumes; local disks go with their server, as in Nova
``device_name``                     K  guests name disks themselves, as under Nova's libvirt
``connection_info``                 K  without a meaning, as in Nova
``no_device`` ``virtual_name``      D  nothing; a blank disk
``volume_id`` ``snapshot_id``       D  of the project
``volume_type``                     D  the StorageClass of that name or id
``config_drive``                    D  attached too where user data, a key or a tag is: there is no metadata service
``key_name`` ``user_data``          D  Secrets, told to the guest by the config drive
``min_count`` ``max_count``         D
``return_reservation_id``           D
``security_groups``                 D  labels of the Pod
``trusted_image_certificates``      R  in Nova's words for servers that boot from a volume
``hostname``                        D  its first part, as Kubernetes takes it; shown whole
``group``                           R  not found
``same_host`` ``different_host``    D  Pod affinity
``query`` ``build_near_host_ip``    R  Nova's own filters for them are not enabled either by default
``cidr``                            K  means something only with the hint before
``target_cell`` ``different_cell``  K  without a meaning, as in Nova, and like any other hint
==================================  =============================================================================
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from socket import AF_INET6, inet_ntop, inet_pton
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from ...faults import BadRequest
from ...web.dialect import Version
from ..parameters import truth
from ..validation import check_body, is_uuid_like
from .devices import Device, read_devices
from .schema import CREATE_SINCE, REBOOT, SHARED_SINCE, UPDATE_SINCE, create_schema, update_schema

Body = dict[str, Any]
AUTO, NO_NETWORK = "auto", "none"
_EMPTY: Mapping[str, Any] = MappingProxyType({})
DESCRIBED = 19
"""The minor version from which a description is told. Before, the name is it."""
_LONGEST_ADDRESS = 1000
"""Characters of a flavor's address: what urlsplit has split it remembers."""
_INTERNAL_HINT = "_nova"


@dataclass(frozen=True, slots=True)
class NetworkWish:
    """An entry of ``networks``: a port or a network, by id as it was spelt."""

    network: str = ""
    port: str = ""
    address: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class NewServer:
    """The body of a create. ``networks`` is a tuple of wishes, none for what is there, or ``NO_NETWORK``.

    ``zone`` has no host in it any more: what came with it is in ``forced``, and what Nova's newer fields say is in
    ``requested``, each a host and a node. ``image`` is "" where only devices are given. ``user_data`` is base64.
    ``disk_config`` is "" where the image says it. ``shown_groups`` is what the answer repeats. ``shares`` tells that
    volumes may be asked for which several servers have.
    """

    name: str
    flavor: str
    image: str
    networks: tuple[NetworkWish, ...] | str = ()
    devices: tuple[Device, ...] = ()
    key_name: str | None = None
    user_data: str = ""
    metadata: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    least: int = 1
    most: int = 1
    wants_reservation: bool = False
    security_groups: tuple[str, ...] = ()
    shown_groups: tuple[Mapping[str, str], ...] | None = None
    config_drive: bool = False
    description: str | None = None
    tags: tuple[str, ...] = ()
    hostname: str = ""
    zone: str = ""
    forced: tuple[str, str] = ("", "")
    requested: tuple[str, str] = ("", "")
    disk_config: str = ""
    admin_pass: str | None = None
    access_v4: str = ""
    access_v6: str = ""
    has_files: bool = False
    shares: bool = False
    certificates: tuple[str, ...] = ()
    hints: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)


@dataclass(frozen=True, slots=True)
class Changes:
    """The body of an update: only what it names, by Nova's words."""

    named: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reboot:
    """SOFT asks the guest, HARD does not."""

    hard: bool


def new_server(minor: int) -> Callable[[object], NewServer]:
    """The decoder of a create at 2.minor."""
    schema = create_schema(minor)

    def decode(body: object) -> NewServer:
        check_body(schema, body)
        assert isinstance(body, dict)
        return _new_server(body, minor)

    return decode


def _new_server(body: Body, minor: int) -> NewServer:
    """In the order of Nova's own checks (nova/api/openstack/compute/servers.py, ``create``)."""
    server = body["server"]
    least = _count(server, "min_count", 1)
    most = _count(server, "max_count", least)
    if least > most:
        raise BadRequest("min_count must be <= max_count")
    zone, forced = _zone(server.get("availability_zone", ""))
    requested = (server.get("host", ""), server.get("hypervisor_hostname", ""))
    if any(forced) and any(requested):
        raise BadRequest(
            "One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node are "
            "mutually exclusive."
        )
    devices = read_devices(server)
    image = server.get("imageRef", "")
    if not image and not devices:
        raise BadRequest("Missing imageRef attribute")
    name = server["name"].strip()
    return NewServer(
        name=name,
        flavor=_last_part(str(server["flavorRef"])),
        image=image,
        networks=_networks(server.get("networks")),
        devices=devices,
        least=least,
        most=most,
        zone=zone,
        forced=forced,
        requested=requested,
        description=server.get("description") if minor >= DESCRIBED else name,
        hints=_hints(body),
        shares=minor >= SHARED_SINCE,
        **_plain(server),
    )


def _count(server: Body, name: str, otherwise: int) -> int:
    """A number; a line break alone is none, which the schema overlooks and Nova breaks on."""
    value = server.get(name, otherwise)
    try:
        return int(value)
    except ValueError:
        raise BadRequest(f"Invalid input for field/attribute {name}. Value: {value}.") from None


def plain_address(text: str) -> str:
    """An IPv6 address in its shortest form, as Nova keeps it."""
    return inet_ntop(AF_INET6, inet_pton(AF_INET6, text)) if text else ""


def _plain(server: Body) -> dict[str, Any]:
    """The fields that are taken as they are."""
    groups = server.get("security_groups")
    return {
        "key_name": server.get("key_name"),
        "user_data": server.get("user_data", ""),
        "metadata": server.get("metadata", _EMPTY),
        # Nova asks whether anything stands there, and "False" does.
        "wants_reservation": bool(server.get("return_reservation_id", False)),
        "security_groups": _unlike(group["name"] for group in groups or () if group),
        "shown_groups": None if groups is None else tuple(groups),
        "config_drive": truth(server.get("config_drive", False)),
        "tags": _unlike(server.get("tags", ())),
        "hostname": server.get("hostname", ""),
        "disk_config": server.get("OS-DCF:diskConfig", ""),
        "admin_pass": server.get("adminPass"),
        "access_v4": server.get("accessIPv4", ""),
        "access_v6": plain_address(server.get("accessIPv6", "")),
        "has_files": bool(server.get("personality")),
        "certificates": tuple(server.get("trusted_image_certificates") or ()),
    }


def _unlike(texts: Any) -> tuple[str, ...]:
    """Each once, in their order."""
    return tuple(dict.fromkeys(texts))


def _last_part(reference: str) -> str:
    """The id at the end of an address, or one by itself."""
    if len(reference) > _LONGEST_ADDRESS:
        return reference
    try:
        return urlsplit(reference).path.split("/")[-1]
    except ValueError:
        return reference


def _zone(said: str) -> tuple[str, tuple[str, str]]:
    """The zone, and the host and the node of Nova's oldest way to force them: zone:host:node."""
    parts = said.split(":")
    if len(parts) > 3:
        raise BadRequest("Invalid input received: Unable to parse availability_zone")
    zone, host, node = (*parts, "", "")[:3]
    return zone, (host, node)


def _hints(body: Body) -> Mapping[str, Any]:
    found: Mapping[str, Any] = body.get("os:scheduler_hints", body.get("OS-SCH-HNT:scheduler_hints", _EMPTY))
    return {name: value for name, value in found.items() if not name.startswith(_INTERNAL_HINT)}


def _networks(wanted: list[Body] | str | None) -> tuple[NetworkWish, ...] | str:
    if wanted is None or wanted == AUTO:
        return ()
    if isinstance(wanted, str):
        return wanted
    found: list[NetworkWish] = []
    for each in wanted:
        wish = _network(each)
        if wish.port and any(wish.port == other.port for other in found):
            raise BadRequest(f"Port ID '{wish.port}' was specified twice: you cannot attach a port multiple times.")
        if wish.port and wish.address:
            raise BadRequest(
                f"Specified Fixed IP '{wish.address}' cannot be used with port '{wish.port}': "
                "the two cannot be specified together."
            )
        found.append(wish)
    return tuple(found)


def _network(wanted: Body) -> NetworkWish:
    address, port, tag = wanted.get("fixed_ip", ""), wanted.get("port") or "", wanted.get("tag", "")
    if port:
        return NetworkWish(port=port, address=address, tag=tag)
    if "uuid" not in wanted:
        raise BadRequest("Bad network format: missing 'uuid'")
    if not is_uuid_like(wanted["uuid"]):
        raise BadRequest(f"Bad networks format: network uuid is not in proper format ({wanted['uuid']})")
    return NetworkWish(network=wanted["uuid"], address=address, tag=tag)


def changes(minor: int) -> Callable[[object], Changes]:
    """The decoder of an update at 2.minor."""
    schema = update_schema(minor)

    def decode(body: object) -> Changes:
        check_body(schema, body)
        assert isinstance(body, dict)
        return Changes(body["server"])

    return decode


def reboot(value: object) -> Reboot:
    """The decoder of the reboot action."""
    check_body(REBOOT, {"reboot": value})
    assert isinstance(value, dict)
    return Reboot(value["type"].upper() == "HARD")


def anything(value: object) -> None:
    """The decoder of actions whose value Nova does not look at."""


CREATES: tuple[tuple[Version, Callable[[object], NewServer]], ...] = tuple(
    ((2, minor), new_server(minor)) for minor in CREATE_SINCE
)
UPDATES: tuple[tuple[Version, Callable[[object], Changes]], ...] = tuple(
    ((2, minor), changes(minor)) for minor in UPDATE_SINCE
)
