"""Runs CDI's controllers on the cluster of a kubeconfig until told to stop: ``python -m dicot.sandbox.cdi``."""

import argparse
import random
import sys
from pathlib import Path

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

from ..controller import Accounts, Controller
from .tokens import Tokens
from .world import CdiWorld

ACCOUNT = "system:serviceaccount:cdi:cdi-sa"
LISTS_AT_ONCE = 2


def main(arguments: list[str]) -> None:
    """Run them in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m dicot.sandbox.cdi", description=__doc__)
    parser.add_argument("--kubeconfig", default="", help="the cluster; default: as kubectl finds it")
    parser.add_argument("--context", default=ACCOUNT, help="who writes; default: %(default)s")
    parser.add_argument(
        "--token-key", type=Path, required=True, help="RSA key of clone tokens, as CDI's API server has it"
    )
    options = parser.parse_args(arguments)
    quiet = LogLevelFilterPredicate(LogLevel.info)
    quiet.setLogLevelForNamespace("twisted", LogLevel.warn)
    globalLogBeginner.beginLoggingTo([FilteringLogObserver(textFileLogObserver(sys.stderr), [quiet])])
    try:
        own = load(options.kubeconfig, options.context, reactor)
        world = CdiWorld(Tokens.load(options.token_key.read_bytes()))
    except (Unusable, OSError, ValueError) as reason:
        sys.exit(str(reason))
    kube = HttpKube(call_agent(reactor, own.tls), own, reactor)
    origin = Origin(watch_agent(reactor, own.tls), own, DeferredSemaphore(LISTS_AT_ONCE))
    controller = Controller(world, Accounts(kube, kube), origin, reactor, random.random)
    controller.startService()
    reactor.addSystemEventTrigger("before", "shutdown", controller.stopService)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
