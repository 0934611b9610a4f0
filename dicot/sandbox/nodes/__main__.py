"""Animates the cluster of a kubeconfig until it is told to stop: ``python -m dicot.sandbox.nodes``."""

import argparse
import random
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.error import CannotListenError
from twisted.internet.task import deferLater
from twisted.logger import (
    FilteringLogObserver,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)
from twisted.python.failure import Failure

from dicot.kube.agent import call_agent, watch_agent
from dicot.kube.client import HttpKube, Kube
from dicot.kube.credentials import Credentials, Fixed, Unusable, load
from dicot.kube.errors import Doubtful, Refused, Unreachable
from dicot.kube.source import Origin
from dicot.sandbox.seed import plant, seeds

from ..controller import Accounts
from .door import Doors, Lock
from .service import WORK, Nodes

HANDLER = "system:serviceaccount:kubevirt:kubevirt-handler"
LISTS_AT_ONCE = 2
AGAIN = 2.0
log = Logger()


def main(arguments: list[str]) -> None:
    """Run the nodes in the foreground."""
    options = _parser().parse_args(arguments)
    quiet = LogLevelFilterPredicate(LogLevel.info)
    quiet.setLogLevelForNamespace("twisted", LogLevel.warn)
    globalLogBeginner.beginLoggingTo([FilteringLogObserver(textFileLogObserver(sys.stderr), [quiet])])
    try:
        accounts, nodes = make_nodes(options, reactor)
        nodes.startService()
    except (Unusable, CannotListenError, OSError, ValueError) as reason:
        sys.exit(str(reason))
    reactor.addSystemEventTrigger("before", "shutdown", nodes.stopService)
    if options.seeds:
        planting = Deferred.fromCoroutine(_plant(accounts.kube)).addErrback(_cancelled)
        reactor.addSystemEventTrigger("before", "shutdown", planting.cancel)
    reactor.run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dicot.sandbox.nodes", description=__doc__)
    add = parser.add_argument
    add("--kubeconfig", default="", help="the cluster; default: as kubectl finds it")
    add("--context", default="", help="who schedules and runs Pods; default: the current context")
    add("--handler-context", default=HANDLER, help="who writes guests; default: %(default)s")
    add("--handler-token", default="", help="token of the account that writes guests")
    add("--seeds", action="store_true", help="make storage, flavors and public images first")
    door = ("PORT", "CERTIFICATE", "KEY", "AUTHORITY")
    add("--door", nargs=4, metavar=door, help="where virt-api finds virt-handler, and whom it lets in (files)")
    add("--work", type=float, default=WORK, help="seconds that CDI's workers take; default: %(default)s")
    return parser


def make_nodes(options: argparse.Namespace, reactor: Any) -> tuple[Accounts, Nodes]:
    """The service that the options describe, and who writes for it."""
    own = load(options.kubeconfig, options.context, reactor)
    if options.handler_token:
        handler = Credentials(own.server, own.tls, Fixed({"Authorization": f"Bearer {options.handler_token}"}))
    else:
        handler = load(options.kubeconfig, options.handler_context, reactor)
    calls = call_agent(reactor, own.tls)
    accounts = Accounts(HttpKube(calls, own, reactor), HttpKube(calls, handler, reactor))
    origin = Origin(watch_agent(reactor, own.tls), own, DeferredSemaphore(LISTS_AT_ONCE))
    doors = None
    if options.door:
        port, certificate, key, authority = options.door
        doors = Doors(Lock(int(port), certificate, key, authority), accounts.handler, reactor)
    return accounts, Nodes(accounts, origin, reactor, random.random, doors, work=options.work)


async def _plant(kube: Kube) -> None:
    """Plant the seeds, as soon as the cluster takes them."""
    while True:
        try:
            await plant(kube, seeds())
        except (Refused, Doubtful, Unreachable) as reason:
            log.warn("seeds: {reason}", reason=reason)
            await deferLater(reactor, AGAIN)
        else:
            log.info("seeds are planted")
            return


def _cancelled(failure: Failure) -> None:
    failure.trap(CancelledError)


if __name__ == "__main__":
    main(sys.argv[1:])
