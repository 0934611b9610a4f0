"""One server that is to be made, and what follows from its id and its name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ... import names
from ...caller import Caller
from ...config import Config
from .choice import Choice
from .disks import EPHEMERAL, ROOT, SWAP, VOLUME, Disk
from .wish import NewServer

INTERFACE = "default"
"""The name of its interface and its network inside the VirtualMachine."""
LONGEST_SLUG = 36
"""A Secret's name becomes that of a volume of the Pod, with a suffix of KubeVirt's: 63 letters in all."""
MAC_PREFIX = "fa:16:3e"
"""Neutron's own base_mac."""
LONGEST_LABEL = 63
_OUTSIDE_HOSTNAME = re.compile(r"[^a-z0-9-]+")
_NUMBER = re.compile(r"-[0-9]{1,9}$")


@dataclass(frozen=True, slots=True)
class Making:
    """One server that is to be made, out of ``count``; ``place`` counts from 0."""

    id: str
    body: NewServer
    choice: Choice
    caller: Caller
    config: Config
    request_id: str
    reservation: str
    place: int = 0
    count: int = 1

    @property
    def display_name(self) -> str:
        """Nova's name: several of one request are numbered."""
        return f"{self.body.name}-{self.place + 1}" if self.count > 1 else self.body.name

    @property
    def object_name(self) -> str:
        """The VirtualMachine's name."""
        return names.object_name(self.display_name, self.id, longest=LONGEST_SLUG)

    @property
    def port_id(self) -> str:
        """The id of the port that is made for it, or that it binds."""
        nic = self.choice.nic
        return nic.port[0].id if nic and nic.port else names.synthetic_port(self.id, INTERFACE)

    @property
    def mac(self) -> str:
        """The hardware address: the port's, or one that follows from its id."""
        nic = self.choice.nic
        given = nic.port[1].spec.macAddress if nic and nic.port else ""
        digits = names.undashed(self.port_id)[:6]
        return given or ":".join((MAC_PREFIX, digits[:2], digits[2:4], digits[4:]))

    @property
    def has_config_drive(self) -> bool:
        """Only where it carries anything or was asked for."""
        nic = self.choice.nic
        tagged = any(disk.device.tag for disk in self.choice.disks) or (nic and nic.tag)
        return bool(self.body.user_data or self.choice.key or self.body.config_drive or tagged)

    @property
    def disks(self) -> Iterator[tuple[str, Disk]]:
        """Each disk by its name inside the VirtualMachine; of ephemeral ones and swap it is Nova's own."""
        count = 0
        for place, disk in enumerate(self.choice.disks):
            if not place:
                yield ROOT, disk
            elif disk.device.target == "volume":
                yield f"{VOLUME}{place}", disk
            elif disk.device.is_swap:
                yield SWAP, disk
            else:
                yield f"{EPHEMERAL}{count}", disk
                count += 1

    def data_volume(self, disk: str) -> str:
        """The DataVolume that is made for a disk, and the claim of that name."""
        return f"{self.object_name}-{disk}"

    def volume_id(self, name: str, disk: Disk) -> str:
        """The id of the volume that a disk is; of one that is made it follows from the server's."""
        return disk.volume.id if disk.volume else names.derived("volume", self.id, name)

    @property
    def secret_name(self) -> str:
        """The Secret of the user data."""
        return f"{self.object_name}-config"

    @property
    def key_secret_name(self) -> str:
        """The Secret of the public key, apart: KubeVirt takes every entry of it for a key."""
        return f"{self.object_name}-key"


def hostname(making: Making) -> str:
    """The guest's host name as Nova makes it of the name (nova/utils.py, ``sanitize_hostname``)."""
    if making.body.hostname:
        return making.body.hostname
    plain = making.body.name.encode("latin-1", "ignore").decode("latin-1")[:LONGEST_LABEL]
    found = re.sub(r"[^\w.-]+", "", re.sub(r"[ _.]", "-", plain)).lower().strip(".-")
    if not found:
        return f"Server-{making.id}"
    return f"{found}-{making.place + 1}" if making.count > 1 else found


def label_of(full: str) -> str:
    """What Kubernetes takes of a host name: its first part, in which a number at the end is kept."""
    found = _OUTSIDE_HOSTNAME.sub("-", full.split(".")[0].lower()).strip("-")
    number = _NUMBER.search(found)
    end = number.group() if number and len(found) > LONGEST_LABEL else ""
    return (found[: LONGEST_LABEL - len(end)] + end).strip("-")
