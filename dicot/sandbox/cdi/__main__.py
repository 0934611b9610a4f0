"""Runs CDI's controllers on the cluster of a kubeconfig until told to stop: ``python -m dicot.sandbox.cdi``."""

import argparse
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)

from dicot.kube.credentials import Unusable

from ..clients import CDI, client
from .keys import Keys
from .world import CdiWorld


def main(arguments: list[str]) -> None:
    """Run them in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m dicot.sandbox.cdi", description=__doc__)
    parser.add_argument("--kubeconfig", default="", help="the cluster; default: as kubectl finds it")
    parser.add_argument("--context", default=CDI, help="who writes; default: %(default)s")
    parser.add_argument("--keys", type=Path, required=True, help="folder of CDI's keys; what is missing is made")
    options = parser.parse_args(arguments)
    quiet = LogLevelFilterPredicate(LogLevel.info)
    quiet.setLogLevelForNamespace("twisted", LogLevel.warn)
    globalLogBeginner.beginLoggingTo([FilteringLogObserver(textFileLogObserver(sys.stderr), [quiet])])
    try:
        world = CdiWorld(Keys.at(options.keys))
        controller = client(options.kubeconfig, options.context, world, reactor, reactor)
    except (Unusable, OSError, ValueError) as reason:
        sys.exit(str(reason))
    controller.startService()
    reactor.addSystemEventTrigger("before", "shutdown", controller.stopService)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
