"""What virt-handler makes of interfaces that are plugged into a guest of its node, or out of it.

pkg/virt-handler, pkg/virt-launcher/virtwrap/network/nichotplug.go.
"""

import copy
from collections.abc import Sequence
from functools import partial

from dicot.kube.kind import Manifest

from ..steps import REST, Decision
from . import guests, interfaces, networks
from .instances import Guest
from .kinds import Pod


def decide(guest: Guest, launcher: Pod | None) -> Decision:
    """The next step of a guest's interfaces."""
    if guest.status.phase != "Running" or launcher is None or not _is_due(guest):
        return REST
    return guests.rewrite(guest, partial(follow, attached=networks.attached(launcher)))


def _is_due(guest: Guest) -> bool:
    ports = {each["name"]: each for each in guest.spec.domain.devices.interfaces}
    secondary = {each["name"] for each in guest.spec.networks if "multus" in each}
    shown = ((each.get("name", ""), each) for each in guest.status.interfaces)
    return any(
        interfaces.due(ports[name], each, secondary=name in secondary) for name, each in shown if name in ports
    )


def follow(vmi: Manifest, *, attached: Sequence[Manifest]) -> Manifest | None:
    """What has come to the launcher is plugged in, what is to go is taken out."""
    told = interfaces.followed(vmi, attached)
    if vmi["status"].get("phase") != "Running" or told == (vmi["status"].get("interfaces") or []):
        return None
    vmi = copy.deepcopy(vmi)
    vmi["status"]["interfaces"] = told
    return vmi
