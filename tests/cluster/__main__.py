"""``python -m tests.cluster``: a cluster for a person, until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import react
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)

from tests.cluster.launch import RealCluster, Wishes


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where keys, logs and data lie (default: a new temporary folder)")
    parser.add_argument("--durable", action="store_true", help="etcd writes to disk before it answers")
    parser.add_argument("--audit-log", type=Path, help="write an audit log to this file")
    parser.add_argument("--feature-gate", action="append", default=[], help="switch on a feature gate of KubeVirt")
    parser.add_argument(
        "--definitions", type=Path, action="append", default=[], help="install the CRDs of a file or folder too"
    )
    return parser.parse_args(arguments)


async def serve(reactor: Any, options: argparse.Namespace, folder: Path) -> None:
    """Bring a cluster up and keep it until cancelled."""
    wishes = Wishes(options.durable, options.audit_log, options.feature_gate, options.definitions)
    cluster = await RealCluster.start(reactor, folder, wishes)
    try:
        print(f"export KUBECONFIG={cluster.kubeconfig}", flush=True)
        print(f"{cluster.access.programs['kubectl']} get kubevirt -A", flush=True)
        await Deferred()
    finally:
        await cluster.stop()


def until_signal(reactor: Any, work: Deferred[None]) -> Deferred[None]:
    """Let the work go on until it fails or the reactor is told to stop, which cancels it and waits for its end."""

    def end() -> Deferred[None]:
        work.cancel()
        return done

    done = work.addErrback(lambda failure: failure.trap(CancelledError) and None)
    reactor.addSystemEventTrigger("before", "shutdown", end)
    return done


@contextmanager
def place(wanted: Path | None) -> Iterator[Path]:
    """The folder that was asked for, which stays, or one that goes with its cluster."""
    if wanted is not None:
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="dicot-cluster-") as temporary:
        yield Path(temporary) / "cluster"


def main() -> None:
    options = parse(sys.argv[1:])
    levels = LogLevelFilterPredicate()
    levels.setLogLevelForNamespace("twisted.web.client", LogLevel.warn)
    observer = FilteringLogObserver(textFileLogObserver(sys.stderr), [levels])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    with place(options.folder) as folder:
        react(lambda reactor: until_signal(reactor, Deferred.fromCoroutine(serve(reactor, options, folder))))


if __name__ == "__main__":
    main()
