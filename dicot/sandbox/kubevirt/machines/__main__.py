"""Does virt-controller's work in the cluster of a kubeconfig: ``python -m dicot.sandbox.kubevirt.machines``."""

import argparse
import random
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import DeferredSemaphore
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)

from dicot.kube.agent import call_agent, watch_agent
from dicot.kube.client import HttpKube
from dicot.kube.credentials import Unusable, load
from dicot.kube.source import Origin

from ...certificates import Authority
from ...controller import Accounts, Controller
from ..exports.scene import Signing
from .world import MachineWorld

ACCOUNT = "system:serviceaccount:kubevirt:kubevirt-controller"
_LISTS_AT_ONCE = 2


def main(arguments: list[str]) -> None:
    """Run it in the foreground, in a cluster that has no virt-controller."""
    parser = argparse.ArgumentParser(prog="python -m dicot.sandbox.kubevirt.machines", description=__doc__)
    parser.add_argument("--kubeconfig", default="", help="the cluster; default: as kubectl finds it")
    parser.add_argument("--context", default=ACCOUNT, help="who it is; default: %(default)s")
    options = parser.parse_args(arguments)
    quiet = LogLevelFilterPredicate(LogLevel.info)
    quiet.setLogLevelForNamespace("twisted", LogLevel.warn)
    globalLogBeginner.beginLoggingTo([FilteringLogObserver(textFileLogObserver(sys.stderr), [quiet])])
    try:
        controller = make(options, reactor)
        controller.startService()
    except (Unusable, OSError, ValueError) as reason:
        sys.exit(str(reason))
    reactor.addSystemEventTrigger("before", "shutdown", controller.stopService)
    reactor.run()


def make(options: argparse.Namespace, reactor: Any) -> Controller:
    """The controller that the options describe."""
    own = load(options.kubeconfig, options.context, reactor)
    kube = HttpKube(call_agent(reactor, own.tls), own, reactor)
    origin = Origin(watch_agent(reactor, own.tls), own, DeferredSemaphore(_LISTS_AT_ONCE))
    world = MachineWorld(random.random, Signing.by(Authority.make("kubevirt-exports")))
    return Controller(world, Accounts(kube, kube), origin, reactor, random.random)


if __name__ == "__main__":
    main(sys.argv[1:])
