"""What the nodes keep of VirtualMachineInstances, which are guests to them."""

from typing import Any

import msgspec

from dicot.kube.kind import Kind, Meta

from ..marks import DELAY, FAULT
from ..settled.mark import UNSETTLED, WOKEN

GUEST_AGENT = "sandbox.dicot.io/guest-agent"
"""Annotation of a VirtualMachineInstance: "true" lets its guest have an agent."""


class Move(msgspec.Struct, frozen=True, omit_defaults=True):
    """A guest's way from one node to another (VirtualMachineInstanceMigrationState)."""

    sourcePod: str = ""
    targetPod: str = ""
    targetNodeAddress: str = ""
    startTimestamp: str | None = None
    abortRequested: bool = False
    completed: bool = False
    failed: bool = False

    def leaves(self, pod: str) -> bool:
        """Whether a launcher has not got the guest, now that it is over."""
        return self.completed and pod == (self.targetPod if self.failed else self.sourcePod)


class Plugged(msgspec.Struct, frozen=True, omit_defaults=True):
    """The Pod that brings a volume which was plugged in; its uid is there while that is ready."""

    attachPodName: str = ""
    attachPodUID: str = ""


class GuestVolume(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is told of a volume of a guest."""

    name: str
    phase: str = ""
    target: str = ""
    hotplugVolume: Plugged | None = None


class Devices(msgspec.Struct, frozen=True, omit_defaults=True):
    """The devices of a guest."""

    interfaces: list[dict[str, Any]] = []


class Domain(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a guest is made of."""

    devices: Devices = Devices()


class GuestStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a VirtualMachineInstance's status."""

    phase: str = ""
    nodeName: str = ""
    migrationState: Move | None = None
    volumeStatus: list[GuestVolume] = []
    interfaces: list[dict[str, Any]] = []


class Named(msgspec.Struct, frozen=True):
    """Anything that has a name."""

    name: str


class GuestSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a VirtualMachineInstance's spec."""

    domain: Domain = Domain()
    networks: list[dict[str, Any]] = []
    volumes: list[Named] = []


class Guest(msgspec.Struct, frozen=True):
    """A VirtualMachineInstance."""

    metadata: Meta
    spec: GuestSpec = GuestSpec()
    status: GuestStatus = GuestStatus()


GUESTS = Kind(
    "kubevirt.io",
    "v1",
    "virtualmachineinstances",
    "virtualmachineinstance",
    Guest,
    links=lambda row, _: (f"{row.namespace}/{row.uid}",),
    selector=UNSETTLED,
    optional=True,
    annotations=frozenset({FAULT, DELAY, GUEST_AGENT, WOKEN}),
)
