"""Faults and delays of the node side: an annotation of the object that they happen to says which one."""

from collections.abc import Mapping
from typing import Literal

FAULT = "sandbox.dicot.io/fault"
"""By hand on an object; on some of those that are made, by odds (``nodes.odds``), or by a switch of the sandbox's API
server (``apiserver.rules``)."""
DELAY = "sandbox.dicot.io/delay"
"""Seconds. Of Pods: how long their images are pulled at least. Of VirtualMachineInstances: how long they boot. Of
claims: how long the worker takes at least that fills them. Of VolumeSnapshots and VolumeGroupSnapshots: how long
the storage takes them at least."""
Mark = Literal[
    "image-pull",
    "unschedulable",
    "crash-loop",
    "crash",
    "shutdown",
    "migration",
    "slow-migration",
    "static-networks",
    "import",
    "full-disk",
    "snapshot",
]
"""Of Pods: ``image-pull`` keeps their images from being pulled, ``unschedulable`` the scheduler from finding a node.
Of VirtualMachineInstances: ``crash-loop`` fails before it runs, ``crash`` fails and ``shutdown`` powers itself off
while it runs, with ``migration`` it cannot be moved to another node, with ``slow-migration`` it is on its way there
until that is called off, with ``static-networks`` its launcher is attached to networks at its start alone. Of claims:
with ``import`` the importer that fills it fails again and again, with ``full-disk`` there is no space left for what
is imported or uploaded. Of VolumeSnapshots and VolumeGroupSnapshots: with ``snapshot`` the storage fails to take
them."""
FULL: Mark = "full-disk"
LOST = "lost"
"""Of Nodes, by hand or by odds: kubelet and virt-handler stop until it is taken away."""
BACK = "sandbox.dicot.io/back"
"""Of Nodes that are lost: the moment at which that is taken away by itself."""


def delay(annotations: Mapping[str, str]) -> float:
    """The delay of what has these; 0 where it is none."""
    try:
        return float(annotations.get(DELAY, 0))
    except ValueError:
        return 0.0
