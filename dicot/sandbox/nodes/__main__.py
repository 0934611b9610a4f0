"""Animates the cluster of a kubeconfig until it is told to stop: ``python -m dicot.sandbox.nodes``."""

import argparse
import random
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import DeferredSemaphore
from twisted.logger import globalLogBeginner, textFileLogObserver

from dicot.kube.agent import call_agent, watch_agent
from dicot.kube.client import HttpKube
from dicot.kube.credentials import Credentials, Fixed, load
from dicot.kube.source import Origin

from .service import WORK, Accounts, Nodes

HANDLER = "system:serviceaccount:kubevirt:kubevirt-handler"
LISTS_AT_ONCE = 2


def main(arguments: list[str]) -> None:
    """Run the nodes in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m dicot.sandbox.nodes", description=__doc__)
    parser.add_argument("--kubeconfig", default="", help="the cluster; default: as kubectl finds it")
    parser.add_argument("--context", default="", help="who schedules and runs Pods; default: the current context")
    parser.add_argument("--handler-context", default=HANDLER, help="who writes guests; default: %(default)s")
    parser.add_argument("--handler-token", default="", help="token of the account that writes guests")
    parser.add_argument(
        "--work", type=float, default=WORK, help="seconds that CDI's workers take; default: %(default)s"
    )
    options = parser.parse_args(arguments)
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)])
    nodes = make_nodes(options, reactor)
    reactor.callWhenRunning(nodes.startService)
    reactor.addSystemEventTrigger("before", "shutdown", nodes.stopService)
    reactor.run()


def make_nodes(options: argparse.Namespace, reactor: Any) -> Nodes:
    """The service that the options describe."""
    own = load(options.kubeconfig, options.context, reactor)
    if options.handler_token:
        handler = Credentials(own.server, own.tls, Fixed({"Authorization": f"Bearer {options.handler_token}"}))
    else:
        handler = load(options.kubeconfig, options.handler_context, reactor)
    calls = call_agent(reactor, own.tls)
    accounts = Accounts(HttpKube(calls, own, reactor), HttpKube(calls, handler, reactor))
    origin = Origin(watch_agent(reactor, own.tls), own, DeferredSemaphore(LISTS_AT_ONCE))
    return Nodes(accounts, origin, reactor, random.random, work=options.work)


if __name__ == "__main__":
    main(sys.argv[1:])
