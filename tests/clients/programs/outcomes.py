"""Runs tests that clients bring along, with the interpreter that has them: what became of each is a line of JSON.

    python outcomes.py TEST...
    python outcomes.py --list PACKAGE...

The tests of a class that follow each other share its setUpClass, as under any runner. Listed are those of packages.
"""

import importlib
import json
import pkgutil
import sys
import unittest
from collections.abc import Iterator
from typing import Any

OUTPUT = sys.stdout


class Telling(unittest.TestResult):
    """Prints what became of a test as soon as that is known."""

    def addSuccess(self, test: Any) -> None:
        tell(test, "passed")

    def addSkip(self, test: Any, reason: str) -> None:
        tell(test, "skipped", reason)

    def addFailure(self, test: Any, err: Any) -> None:
        tell(test, "failed", self._exc_info_to_string(err, test))  # type: ignore[attr-defined]

    def addError(self, test: Any, err: Any) -> None:
        tell(test, "failed", self._exc_info_to_string(err, test))  # type: ignore[attr-defined]


def tell(test: Any, outcome: str, why: str = "") -> None:
    """One line. What happens before a class's first test has the name ``setUpClass (CLASS)``."""
    print(json.dumps({"test": plain(test), "outcome": outcome, "why": why}), file=OUTPUT, flush=True)


def plain(test: Any) -> str:
    """A test's name, without the id that Tempest writes behind its own."""
    name: str = test.id()
    return name.partition("[")[0]


def tests(suite: Any) -> Iterator[Any]:
    """All of a suite."""
    for each in suite:
        yield from tests(each) if isinstance(each, unittest.TestSuite) else (each,)


def listed(package: str) -> Iterator[str]:
    """The tests in a package."""
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        suite = unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(found.name))
        yield from map(plain, tests(suite))


def main(names: list[str]) -> None:
    """Runs them in this order. What the tests themselves print goes where errors go."""
    sys.stdout = sys.stderr
    if names[0] == "--list":
        print(json.dumps([name for package in names[1:] for name in listed(package)]), file=OUTPUT)
    else:
        loader = unittest.defaultTestLoader
        unittest.TestSuite(loader.loadTestsFromName(name) for name in names).run(Telling())


if __name__ == "__main__":
    main(sys.argv[1:])
