"""Runs everything that must hold, and ends with one line that sums it up.

Lint and types count as one each, every trial test as one; what failed is told again before the last line. Modules
that end in ``_live`` and the contract suites need a cluster: they run on the sandbox and then on the real control
planes. ``--without-cluster`` leaves out both and ``--fast`` the real ones; each says so.
"""

import argparse
import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
SUMMARY = re.compile(r"^(?:PASSED|FAILED)(?: \((.*)\))?$")
FAILED = ("[FAIL]", "[ERROR]")
RULE = "=" * 79
REPEATED = 60
"""Lines told again of each failure: the end of its traceback and the names of the tests."""
COUNTED = {
    "successes": "passed",
    "failures": "failed",
    "errors": "failed",
    "unexpectedSuccesses": "failed",
    "skips": "skipped",
    "expectedFailures": "failed",
}


@dataclass
class Sum:
    """What all runners together counted."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    wrong: list[str] = field(default_factory=list)
    """What failed, in words."""

    def add(self, line: str) -> bool:
        """Counts trial's last line; False for any other."""
        found = SUMMARY.match(line.strip())
        if found is None:
            return False
        for part in filter(None, (found.group(1) or "").split(", ")):
            name, _, number = part.partition("=")
            counter = COUNTED[name]
            setattr(self, counter, getattr(self, counter) + int(number))
        return True


def check(name: str, command: Sequence[str], total: Sum) -> None:
    """A tool that passes or fails as a whole."""
    began = time.monotonic()
    failed = subprocess.run(command, cwd=ROOT, check=False).returncode != 0
    print(f"== {name}: {'failed' if failed else 'passed'} ({time.monotonic() - began:.0f} s)", flush=True)
    total.passed += not failed
    total.failed += failed
    total.wrong += [name] * failed


def trial(name: str, arguments: Sequence[str], total: Sum, environment: dict[str, str]) -> None:
    """A trial run; one that dies without a summary counts as failed."""
    began = time.monotonic()
    with started(name, arguments, environment, subprocess.PIPE) as process:
        assert process.stdout is not None
        count(name, process.stdout, total)
    print(f"== {name}: ended with {process.returncode} ({time.monotonic() - began:.0f} s)", flush=True)


def side_by_side(runs: Mapping[str, Sequence[str]], total: Sum, environment: dict[str, str]) -> None:
    """Several trial runs at once, each printed when it and those before it have ended."""
    began = time.monotonic()
    with ExitStack() as files:
        outputs = {name: files.enter_context(tempfile.TemporaryFile("w+")) for name in runs}
        processes = {name: started(name, arguments, environment, outputs[name]) for name, arguments in runs.items()}
        for name, process in processes.items():
            process.wait()
            outputs[name].seek(0)
            count(name, outputs[name], total)
            print(f"== {name}: ended with {process.returncode} ({time.monotonic() - began:.0f} s)", flush=True)


def started(
    name: str, arguments: Sequence[str], environment: dict[str, str], output: int | IO[str]
) -> subprocess.Popen[str]:
    """A process of trial."""
    command = [str(BIN / "python"), "-b", str(BIN / "trial"), "--temp-directory", f"_trial_temp_{name}", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=output, text=True, env={**os.environ, **environment})


def count(name: str, lines: Iterable[str], total: Sum) -> None:
    """Prints what trial says, and counts its summary."""
    summed, told = False, list[str]()
    for line in lines:
        summed = total.add(line) or summed
        told.append(line.rstrip("\n"))
        print(line, end="", flush=True)
    total.wrong += [f"{name}: {each}" for each in failures(told)]
    if not summed:
        total.failed += 1
        total.wrong.append(f"{name}: died before it had summed up")


def failures(lines: Sequence[str]) -> list[str]:
    """The parts of trial's report that tell of what failed."""
    starts = [index for index, line in enumerate(lines) if line == RULE] + [len(lines)]
    parts = [lines[start + 1 : end] for start, end in itertools.pairwise(starts)]
    return ["\n".join(part[-REPEATED:]) for part in parts if part and part[0] in FAILED]


def modules() -> dict[str, str]:
    """All test modules by name, with their text."""
    paths = [*sorted((ROOT / "tests").rglob("test_*.py")), *sorted((ROOT / "tests").glob("contract_*.py"))]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text() for path in paths}


def needs_cluster(name: str) -> bool:
    """Whether a module's tests ask for a cluster."""
    return name.endswith("_live") or name.startswith("tests.contract_")


def chosen(kind: str) -> list[str]:
    """The modules for no cluster ("unit"), for the sandbox or for the real programs ("live").

    A module says by ``ONLY_ON = "sandbox"`` or ``"real"`` that it has nothing to ask of the other.
    """
    if kind == "unit":
        return [name for name in modules() if not needs_cluster(name)]
    other = {"sandbox": "real", "live": "sandbox"}[kind]
    return [name for name, text in modules().items() if needs_cluster(name) and f'ONLY_ON = "{other}"' not in text]


def halves(kind: str) -> Mapping[str, Sequence[str]]:
    """Journeys, which mostly wait for clients, beside the rest; each half has a cluster of its own."""
    names = chosen(kind)
    journeys = [name for name in names if name.startswith("tests.live.test_")]
    return {kind: [name for name in names if name not in journeys], f"{kind}-journeys": journeys}


def on_clusters(total: Sum, environment: dict[str, str], *, fast: bool) -> None:
    """The suites on the sandbox, and those on the real programs unless that is too slow today."""
    if fast:
        print("the tests on the real control planes are left out, as asked")
    else:
        check("build", [str(BIN / "python"), "-m", "tests.cluster.build"], total)
    side_by_side(halves("sandbox"), total, {**environment, "DICOT_TEST_CLUSTER": "sandbox"})
    if not fast:
        side_by_side(halves("live"), total, environment)


def main() -> int:
    """The exit code: 0 only where nothing failed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--without-cluster", action="store_true", help="leave out all tests that need a cluster")
    options.add_argument("--fast", action="store_true", help="leave out the real control planes")
    given = options.parse_args()
    total, environment = Sum(), {"PYTHONPATH": str(ROOT)}
    check("lint", [str(BIN / "ruff"), "check", "."], total)
    check("format", [str(BIN / "ruff"), "format", "--check", "."], total)
    check("types", [str(BIN / "mypy"), "dicot", "tests", "bench", "twisted", "setup.py"], total)
    trial("unit", chosen("unit"), total, environment)
    if given.without_cluster:
        print("the tests that need a cluster are left out, as asked")
    else:
        on_clusters(total, environment, fast=given.fast)
    for each in total.wrong:
        print(f"== failed: {each}")
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
