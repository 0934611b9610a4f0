"""What the commands that start clusters share: their log, their folder, and their end by a signal."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
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

Work = Callable[[Any, Path], Coroutine[Deferred[Any], Any, None]]


def run(work: Work, folder: Path | None) -> None:
    """Give the work a reactor and a folder, until it fails or a signal cancels it."""
    levels = LogLevelFilterPredicate()
    levels.setLogLevelForNamespace("twisted", LogLevel.warn)
    observer = FilteringLogObserver(textFileLogObserver(sys.stderr), [levels])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    with place(folder) as chosen:
        react(lambda reactor: until_signal(reactor, Deferred.fromCoroutine(work(reactor, chosen))))


@contextmanager
def place(wanted: Path | None) -> Iterator[Path]:
    """The folder that was asked for, which stays, or one that goes with its cluster."""
    if wanted is not None:
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="dicot-cluster-") as temporary:
        yield Path(temporary) / "cluster"


def until_signal(reactor: Any, work: Deferred[None]) -> Deferred[None]:
    """Let the work go on until the reactor is told to stop, which cancels it and waits for its end."""

    def end() -> Deferred[None]:
        work.cancel()
        return done

    done = work.addErrback(lambda failure: failure.trap(CancelledError) and None)
    reactor.addSystemEventTrigger("before", "shutdown", end)
    return done
