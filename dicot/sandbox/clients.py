"""What runs in the sandbox as ordinary clients of its API server: controllers of KubeVirt and CDI, and the nodes."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.interfaces import IReactorTime

from dicot.kube.agent import call_agent, watch_agent
from dicot.kube.client import HttpKube
from dicot.kube.credentials import Credentials, load
from dicot.kube.settings import here
from dicot.kube.source import Origin

from .cdi import proxy
from .cdi.keys import Keys
from .cdi.world import CdiWorld
from .certificates import Authority
from .controller import Accounts, Controller, World
from .kubevirt.exports.scene import Signing
from .kubevirt.machines.world import MachineWorld
from .kubevirt.plug import VIRT_HANDLER
from .logins import ADMIN
from .nodes.machines import Machine
from .nodes.service import WORK, Nodes
from .nodes.work.contents import Contents
from .nodes.work.names import Names
from .nodes.work.programs import Programs
from .planting import Planting
from .seed import seeds
from .snapshots.world import SnapshotWorld
from .spool import SpoolSite

CDI = "system:serviceaccount:cdi:cdi-sa"
SNAPSHOT_CONTROLLER = "system:serviceaccount:kube-system:snapshot-controller"
VIRT_CONTROLLER = "system:serviceaccount:kubevirt:kubevirt-controller"
LISTS_AT_ONCE = 2


def clients(
    kubeconfig: Path, volumes: Keys, exports: Authority, reactor: Any, clock: IReactorTime
) -> Sequence[IService]:
    """All of them but the nodes, each with its own account. ``volumes``: the keys of CDI, ``exports``: who signs for
    these, ``clock``: the cluster's time."""
    file = str(kubeconfig)
    return (
        client(file, CDI, CdiWorld(volumes), reactor, clock),
        client(file, SNAPSHOT_CONTROLLER, SnapshotWorld(), reactor, clock),
        client(file, VIRT_CONTROLLER, MachineWorld(random.random, Signing.by(exports)), reactor, clock),
        Planting(kube(file, ADMIN, reactor), seeds(), reactor),
    )


def client(kubeconfig: str, account: str, world: World, reactor: Any, clock: IReactorTime) -> Controller:
    """A controller with the rights of an account. Raises Unusable."""
    own = kube(kubeconfig, account, reactor)
    return Controller(world, Accounts(own, own), origin(kubeconfig, account, reactor), clock, random.random)


def nodes(
    kubeconfig: Path, data: Path, names: Names, reactor: Any, clock: IReactorTime, machines: Sequence[Machine]
) -> Nodes:
    """The machines. virt-api reaches their virt-handler within the process, by no door. ``data``: the folder of what
    volumes hold, ``names``: the cluster's DNS, ``clock``: its time."""
    file = str(kubeconfig)
    accounts = Accounts(kube(file, ADMIN, reactor), kube(file, VIRT_HANDLER, reactor))
    programs = Programs(Contents(data, reactor), accounts.kube, names, reactor, WORK)
    watched = origin(file, ADMIN, reactor)
    return Nodes(accounts, watched, clock, random.random, machines=machines, programs=programs)


def uploads(
    kubeconfig: Path, volumes: Keys, data: Path, names: Names, reactor: Any, clock: IReactorTime
) -> SpoolSite:
    """The upload proxy, which keeps in ``data`` what it has not passed on yet."""
    own = kube(str(kubeconfig), proxy.ACCOUNT, reactor)
    pages = proxy.UploadProxy(volumes, own, proxy.agent(volumes, names.find, reactor), clock)
    return SpoolSite(pages, data)


def kube(kubeconfig: str, account: str, reactor: Any) -> HttpKube:
    """How an account writes."""
    own = _credentials(kubeconfig, account, reactor)
    return HttpKube(call_agent(reactor, own.tls), own, reactor)


def origin(kubeconfig: str, account: str, reactor: Any) -> Origin:
    """How an account watches."""
    own = _credentials(kubeconfig, account, reactor)
    return Origin(watch_agent(reactor, own.tls), own, DeferredSemaphore(LISTS_AT_ONCE))


def _credentials(kubeconfig: str, account: str, reactor: Any) -> Credentials:
    """An account's, read in this process: there are many, and one of their own for each takes a minute at start."""
    return load(kubeconfig, account, reactor, reading=here)
