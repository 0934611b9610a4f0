"""Animates the cluster of a kubeconfig until it is told to stop: ``python -m dicot.sandbox.nodes``."""

import argparse
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.error import CannotListenError
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)

from dicot.kube.agent import call_agent, watch_agent
from dicot.kube.client import HttpKube
from dicot.kube.credentials import Credentials, Fixed, Unusable, load
from dicot.kube.source import Origin

from ..controller import Accounts
from ..planting import Planting
from ..seed import seeds
from .door import Doors, Lock
from .machines import DEFAULT, machines
from .service import WORK, Nodes
from .work.contents import Contents
from .work.names import Names, server
from .work.programs import Programs

HANDLER = "system:serviceaccount:kubevirt:kubevirt-handler"
LISTS_AT_ONCE = 2


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
        planting = Planting(accounts.kube, seeds(), reactor)
        planting.startService()
        reactor.addSystemEventTrigger("before", "shutdown", planting.stopService)
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
    add("--data", type=Path, help="folder of what volumes hold; default: one that goes with this process")
    add("--dns", type=int, default=0, metavar="PORT", help="where names of Services are told; 0: nowhere")
    add("--nodes", default=DEFAULT, help="how many, or ZONE:CPU:MEMORY for each, with commas; default: %(default)s")
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
    names = Names()
    if options.dns:
        reactor.listenUDP(options.dns, server(names), interface="127.0.0.1")
    programs = Programs(Contents(_data(options.data, reactor), reactor), accounts.kube, names, reactor, options.work)
    chosen = machines(options.nodes)
    service = Nodes(accounts, origin, reactor, random.random, doors, chosen, options.work, programs)
    return accounts, service


def _data(given: Path | None, reactor: Any) -> Path:
    """The folder that was given, or one that is removed at the end."""
    if given is not None:
        return given
    made = tempfile.TemporaryDirectory(prefix="dicot-nodes-")
    reactor.addSystemEventTrigger("after", "shutdown", made.cleanup)
    return Path(made.name)


if __name__ == "__main__":
    main(sys.argv[1:])
