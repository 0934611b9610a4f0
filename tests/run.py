"""Runs everything that must hold, and ends with one line that sums it up.

Lint and types count as one each, every trial test as one. ``--without-cluster`` leaves out what needs the real
control planes and says so. Contract suites (``tests/contract_*.py``, and those of Kube) run twice: on the real
programs and on the sandbox.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
SUMMARY = re.compile(r"^(?:PASSED|FAILED)(?: \((.*)\))?$")
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

    def add(self, line: str) -> bool:
        """Counts trial's last line; False for any other."""
        found = SUMMARY.match(line.strip())
        if found is None:
            return False
        for part in filter(None, (found.group(1) or "").split(", ")):
            name, _, number = part.partition("=")
            field = COUNTED[name]
            setattr(self, field, getattr(self, field) + int(number))
        return True


def check(name: str, command: Sequence[str], total: Sum) -> None:
    """A tool that passes or fails as a whole."""
    began = time.monotonic()
    failed = subprocess.run(command, cwd=ROOT, check=False).returncode != 0
    print(f"== {name}: {'failed' if failed else 'passed'} ({time.monotonic() - began:.0f} s)", flush=True)
    total.passed += not failed
    total.failed += failed


def trial(name: str, arguments: Sequence[str], total: Sum, environment: dict[str, str]) -> None:
    """A trial run; one that dies without a summary counts as failed."""
    began = time.monotonic()
    command = [str(BIN / "python"), "-b", str(BIN / "trial"), "--temp-directory", f"_trial_temp_{name}", *arguments]
    summed = False
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            summed = total.add(line) or summed
            print(line, end="", flush=True)
    if not summed:
        total.failed += 1
    print(f"== {name}: ended with {process.returncode} ({time.monotonic() - began:.0f} s)", flush=True)


def modules(live: bool) -> list[str]:
    """The test modules that need a cluster (their names end in _live), or the others."""
    found = sorted((ROOT / "tests").rglob("test_*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in found]
    return [name for name in names if name.endswith("_live") == live]


def contracts() -> list[str]:
    """The suites that the real programs and the sandbox must both pass."""
    return [f"tests.{path.stem}" for path in sorted((ROOT / "tests").glob("contract_*.py"))]


def main() -> int:
    """The exit code: 0 only where nothing failed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--without-cluster", action="store_true", help="leave out the real control planes")
    chosen = options.parse_args()
    total, environment = Sum(), {"PYTHONPATH": str(ROOT)}
    check("lint", [str(BIN / "ruff"), "check", "."], total)
    check("format", [str(BIN / "ruff"), "format", "--check", "."], total)
    check("types", [str(BIN / "mypy"), "dicot", "tests", "twisted", "setup.py"], total)
    trial("unit", modules(live=False), total, environment)
    if chosen.without_cluster:
        print("the tests on the real control planes are left out, as asked")
    else:
        check("build", [str(BIN / "python"), "-m", "tests.cluster.build"], total)
        trial("live", [*contracts(), *modules(live=True)], total, environment)
        sandbox = {**environment, "DICOT_TEST_CLUSTER": "sandbox"}
        trial("sandbox", [*contracts(), "tests.kube.test_contract_live"], total, sandbox)
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
