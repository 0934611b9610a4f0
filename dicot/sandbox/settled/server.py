"""Who a settled server is: all that tells one from another, as a function of its number."""

import uuid
from dataclasses import dataclass
from hashlib import blake2b

from dicot.moments import stamp
from dicot.names import object_name, synthetic_port, undashed

from .ground import Flavor, Ground, Image, Node

INTERFACE = "default"
"""The name of a server's interface, and of its network, inside the VirtualMachine."""
_LONGEST_SLUG = 36
_ROLES = ("web", "db", "cache", "worker", "build", "mail")
_EVERY = 10
"""One of so many is stopped."""
_DAYS = 90
"""Servers were made in as many days before their project's first."""
_DAY = 86_400
_SCATTER = 7_919
"""Spreads the moments; a prime."""
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_RESERVATION = 8
_FLAVOR, _IMAGE = 32, 33
"""Bytes of a digest by which these are chosen."""


@dataclass(frozen=True, slots=True)
class Server:
    """One server. ``name`` is Nova's, ``object`` the VirtualMachine's; ``created`` and ``started``, when its
    guest was up, are RFC 3339."""

    ground: Ground
    name: str
    object: str
    id: str
    uid: str
    guest_uid: str
    pod_uid: str
    port_id: str
    port_uid: str
    request: str
    reservation: str
    flavor: Flavor
    image: Image
    node: Node
    address: str
    mac: str
    created: str
    started: str
    runs: bool

    @property
    def group_label(self) -> str:
        """What its security group selects it by."""
        return f"sg.dicot.io/{undashed(self.ground.group)[:8]}"

    @property
    def revision(self) -> str:
        """The copy of its flavor."""
        return f"{self.object}-{self.flavor.name}-v1beta1-{self.flavor.uid}-{self.flavor.generation}"


def server(ground: Ground, index: int) -> Server:
    """The server of a number, from 0 on."""
    name = f"{_ROLES[index % len(_ROLES)]}-{index:06}"
    digest = blake2b(f"{ground.uid}/{index}".encode()).digest()
    more = blake2b(digest).digest()
    id, uid, guest_uid, port_uid = (_uuid(digest, at) for at in range(4))
    port_id = synthetic_port(id, INTERFACE)
    node = ground.nodes[index % len(ground.nodes)]
    made = ground.since - 1 - index * _SCATTER % (_DAYS * _DAY)
    return Server(
        ground=ground,
        name=name,
        object=object_name(name, id, longest=_LONGEST_SLUG),
        id=id,
        uid=uid,
        guest_uid=guest_uid,
        pod_uid=_uuid(more, 0),
        port_id=port_id,
        port_uid=port_uid,
        request=f"req-{_uuid(more, 1)}",
        reservation="r-" + "".join(_ALPHABET[each % len(_ALPHABET)] for each in more[-_RESERVATION:]),
        flavor=ground.flavors[more[_FLAVOR] % len(ground.flavors)],
        image=ground.images[more[_IMAGE] % len(ground.images)],
        node=node,
        address=_address(node, index // len(ground.nodes)),
        mac=_mac(port_id),
        created=stamp(made),
        started=stamp(made + 1),
        runs=index % _EVERY != _EVERY - 1,
    )


def port_name(machine: str, id: str) -> str:
    """The name of a server's Port."""
    return object_name(machine, synthetic_port(id, INTERFACE))


def _uuid(digest: bytes, at: int) -> str:
    return str(uuid.UUID(bytes=digest[16 * at : 16 * at + 16], version=4))


def _mac(port: str) -> str:
    """As Dicot derives it from the port."""
    return f"fa:16:3e:{port[:2]}:{port[2:4]}:{port[4:6]}"


def _address(node: Node, index: int) -> str:
    """From the end of the node's range, since Pods get theirs from its start; once round, it begins anew."""
    return str(node.pods[-2 - index % (node.pods.num_addresses - 2)])
