"""``make bench``: measures the rows that are asked for, prints a table and writes JSON. Nothing is asserted."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

from tests.cluster import session
from tests.cluster.commands import Failed
from tests.cluster.control import Overdue

from .processes import Processors, favoured_session
from .results import Line, Skipped, document, table
from .rounds import Wrong
from .rows import events, large, mixed, reads, writes
from .stage import Options, Stages, tell

ROWS: Mapping[str, Callable[[Stages], Awaitable[list[Line]]]] = {
    "detail": reads.detail,
    "show": reads.show,
    "token": mixed.token,
    "mixed": mixed.mixed,
    "event": events.event,
    "page": reads.page,
    "filters": large.filters,
    "memory": large.memory,
    "sync": large.sync,
    "collector": large.collector,
    "create": writes.create,
    "storm": writes.storm,
}
"""In the order in which they are measured: rows that need the same stage stand together."""
RESULTS = Path(__file__).parent / "results"


class OneLine(argparse.ArgumentParser):
    """Says what is wrong in one line: the usage is make's affair."""

    def error(self, message: str) -> NoReturn:
        """Ends with exit code 2."""
        self.exit(2, f"{message}\n")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = OneLine(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", type=chosen, default=tuple(ROWS), help="names with commas between")
    parser.add_argument("--servers", type=positive, default=100_000, help="settled servers of the large rows")
    parser.add_argument("--rounds", type=positive, default=5, help="how often each contender is measured")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round")
    parser.add_argument("--nice", type=int, default=0, help="priority of everything measured; below 0 needs root")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON files")
    return parser.parse_args(arguments)


def chosen(text: str) -> tuple[str, ...]:
    """Rows by name. Raises ArgumentTypeError, which names those that there are."""
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in ROWS:
            raise argparse.ArgumentTypeError(f"{name!r} is no row; ROWS=... may be of {','.join(ROWS)}")
    return tuple(name for name in ROWS if name in names) or tuple(ROWS)


def positive(text: str) -> int:
    """A whole number above 0. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


async def measure(reactor: Any, options: argparse.Namespace, folder: Path, processors: Processors) -> None:
    """All rows one after the other; a row that fails is told of, and the others go on."""
    lines: list[Line] = []
    amount = Options(options.servers, options.rounds, options.seconds, options.nice)
    stages = Stages(reactor, folder, amount, processors)
    began = time.time()
    try:
        for name in options.rows:
            tell(f"== {name}")
            try:
                found = await ROWS[name](stages)
            except (Wrong, Overdue, Failed) as error:
                found = [Skipped(name, str(error))]
            tell(table(found))
            lines += found
    finally:
        await stages.stop()
        if lines:
            finish(lines, options, began)


def finish(lines: list[Line], options: argparse.Namespace, began: float) -> None:
    """Print the table and leave the JSON."""
    about = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
        "took": time.time() - began,
        "servers": options.servers,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "nice": options.nice,
        "load": os.getloadavg()[0],
        "machine": f"{os.cpu_count()} processors, {platform.platform()}, Python {platform.python_version()}",
        "versions": {name: metadata.version(name) for name in ("twisted", "klein", "msgspec")},
    }
    options.results.mkdir(parents=True, exist_ok=True)
    path = options.results / f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(began))}.json"
    path.write_text(document(lines, about) + "\n")
    print(table(lines))
    print(f"{path} has the same and more; load average {about['load']:.1f}")


def main() -> None:
    options = parse(sys.argv[1:])
    processors = Processors.found()
    # All but the servers that are measured.
    os.sched_setaffinity(0, {processors.load})
    try:
        with favoured_session(options.nice):
            session.run(lambda reactor, folder: measure(reactor, options, folder, processors), None)
    except PermissionError as error:
        sys.exit(f"NICE={options.nice}: {error.strerror}; below 0 needs root")


if __name__ == "__main__":
    main()
