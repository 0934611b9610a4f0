"""What runs in the sandbox as ordinary clients of its API server: the controllers of KubeVirt and CDI."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import DeferredSemaphore

from dicot.kube.agent import call_agent, watch_agent
from dicot.kube.client import HttpKube
from dicot.kube.credentials import load
from dicot.kube.source import Origin

from .cdi.tokens import Tokens
from .cdi.world import CdiWorld
from .controller import Accounts, Controller, World

CDI = "system:serviceaccount:cdi:cdi-sa"
LISTS_AT_ONCE = 2


def clients(kubeconfig: Path, volumes: Tokens, reactor: Any) -> Sequence[Controller]:
    """One of them for each account. ``volumes``: the key of CDI's tokens."""
    return (client(str(kubeconfig), CDI, CdiWorld(volumes), reactor),)


def client(kubeconfig: str, account: str, world: World, reactor: Any) -> Controller:
    """A controller with the rights of an account. Raises Unusable."""
    own = load(kubeconfig, account, reactor)
    kube = HttpKube(call_agent(reactor, own.tls), own, reactor)
    origin = Origin(watch_agent(reactor, own.tls), own, DeferredSemaphore(LISTS_AT_ONCE))
    return Controller(world, Accounts(kube, kube), origin, reactor, random.random)
