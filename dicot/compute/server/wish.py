"""What a client wants: bodies, checked and read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from ...faults import BadRequest, Forbidden
from ...web.dialect import Version
from ..parameters import truth
from ..validation import check_body, is_uuid_like
from .devices import check_devices
from .schema import CREATE_SINCE, REBOOT, UPDATE_SINCE, create_schema, update_schema

Body = dict[str, Any]
AUTO, NO_NETWORK = "auto", "none"
_EMPTY: Mapping[str, Any] = MappingProxyType({})
UNSERVED_HINTS = ("group", "same_host", "different_host", "build_near_host_ip", "query")


@dataclass(frozen=True, slots=True)
class NetworkWish:
    """An entry of ``networks``: a port or a network, by id."""

    network: str = ""
    port: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class NewServer:
    """The body of a create. ``networks`` is a tuple of wishes, none for what is there, or ``NO_NETWORK``.

    ``zone`` has no host in it any more: a forced one is in ``hosts``. ``user_data`` is base64.
    """

    name: str
    flavor: str
    image: str
    networks: tuple[NetworkWish, ...] | str = ()
    key_name: str | None = None
    user_data: str = ""
    metadata: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    least: int = 1
    most: int = 1
    wants_reservation: bool = False
    security_groups: tuple[str, ...] | None = None
    config_drive: bool = False
    description: str | None = None
    tags: tuple[str, ...] = ()
    hostname: str = ""
    zone: str = ""
    hosts: tuple[str, ...] = ()
    host_policy: str = ""
    disk_config: str = "MANUAL"
    admin_pass: str | None = None
    access_v4: str = ""
    access_v6: str = ""
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
        return _new_server(body)

    return decode


def _new_server(body: Body) -> NewServer:
    """In the order of Nova's own checks."""
    server = body["server"]
    least = int(server.get("min_count", 1))
    most = int(server.get("max_count", least))
    if least > most:
        raise BadRequest("min_count must be <= max_count")
    if server.get("personality"):
        raise Forbidden("Personality file limit exceeded")
    if server.get("trusted_image_certificates"):
        raise BadRequest("Image certificate validation is not supported when booting from volume")
    zone, hosts, policy = _place(server)
    check_devices(server)
    if not server.get("imageRef"):
        raise BadRequest("Missing imageRef attribute")
    hints: Mapping[str, Any] = body.get("os:scheduler_hints", body.get("OS-SCH-HNT:scheduler_hints", _EMPTY))
    _check_hints(hints)
    return NewServer(
        name=server["name"].strip(),
        flavor=urlsplit(str(server["flavorRef"])).path.split("/")[-1],
        image=_canonical(server["imageRef"]),
        networks=_networks(server.get("networks")),
        least=least,
        most=most,
        zone=zone,
        hosts=hosts,
        host_policy=policy,
        hints=hints,
        **_plain(server),
    )


def _plain(server: Body) -> dict[str, Any]:
    """The fields that are taken as they are."""
    groups = server.get("security_groups")
    return {
        "key_name": server.get("key_name"),
        "user_data": server.get("user_data", ""),
        "metadata": server.get("metadata", _EMPTY),
        "wants_reservation": truth(server.get("return_reservation_id", False)),
        "security_groups": None if groups is None else _unlike(group["name"] for group in groups if group),
        "config_drive": truth(server.get("config_drive", False)),
        "description": server.get("description"),
        "tags": _unlike(server.get("tags", ())),
        "hostname": server.get("hostname", ""),
        "disk_config": server.get("OS-DCF:diskConfig", "MANUAL"),
        "admin_pass": server.get("adminPass"),
        "access_v4": server.get("accessIPv4", ""),
        "access_v6": server.get("accessIPv6", ""),
    }


def _unlike(texts: Any) -> tuple[str, ...]:
    """Each once, in their order."""
    return tuple(dict.fromkeys(texts))


def _canonical(id: str) -> str:
    """A UUID in any spelling, as ours are spelt."""
    bare = id.replace("urn:", "").replace("uuid:", "").strip("{}").replace("-", "").lower()
    return f"{bare[:8]}-{bare[8:12]}-{bare[12:16]}-{bare[16:20]}-{bare[20:]}"


def _place(server: Body) -> tuple[str, tuple[str, ...], str]:
    """The zone, the hosts that are forced, and the policy that lets force them (zone:host:node is Nova's oldest)."""
    zone: str = server.get("availability_zone", "")
    asked = tuple(server[key] for key in ("host", "hypervisor_hostname") if key in server)
    if ":" not in zone:
        return zone, asked, "compute:servers:create:requested_destination" if asked else ""
    parts = zone.split(":")
    if len(parts) > 3:
        raise BadRequest("Invalid input received: Unable to parse availability_zone")
    if asked:
        raise BadRequest(
            "One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node are "
            "mutually exclusive."
        )
    return parts[0], tuple(part for part in parts[1:] if part), "os_compute_api:servers:create:forced_host"


def _check_hints(hints: Mapping[str, Any]) -> None:
    """A hint that means something must not be lost without a word."""
    if "group" in hints:
        group = hints["group"]
        raise BadRequest(
            f"Instance group {group if isinstance(group, str) else ', '.join(group)} could not be found."
        )
    for hint in UNSERVED_HINTS:
        if hint in hints:
            raise BadRequest(f"Scheduler hint '{hint}' is not supported.")


def _networks(wanted: list[Body] | str | None) -> tuple[NetworkWish, ...] | str:
    if wanted is None or wanted == AUTO:
        return ()
    if isinstance(wanted, str):
        return wanted
    found = [_network(each) for each in wanted]
    ports = [wish.port for wish in found if wish.port]
    for port in ports:
        if ports.count(port) > 1:
            raise BadRequest(f"Port ID '{port}' was specified twice: you cannot attach a port multiple times.")
    return tuple(found)


def _network(wanted: Body) -> NetworkWish:
    address, port = wanted.get("fixed_ip", ""), wanted.get("port") or ""
    if port:
        if address:
            raise BadRequest(
                f"Specified Fixed IP '{address}' cannot be used with port '{port}': the two cannot be specified "
                "together."
            )
        return NetworkWish(port=_canonical(port))
    if "uuid" not in wanted:
        raise BadRequest("Bad network format: missing 'uuid'")
    if not is_uuid_like(wanted["uuid"]):
        raise BadRequest(f"Bad networks format: network uuid is not in proper format ({wanted['uuid']})")
    return NetworkWish(network=_canonical(wanted["uuid"]), address=address)


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
