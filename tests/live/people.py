"""Makes users with roles on projects, as ``dicot demo`` makes its own: they come as JSON on standard input.

python -m tests.live.people KUBECONFIG < people.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dicot.assembly import Parts
from dicot.command import _run
from dicot.identity.seed import Person, seed
from tests.cluster.commands import run
from tests.cluster.installed import ROOT


async def make(reactor: Any, kubeconfig: Path, people: Iterable[Mapping[str, str]]) -> None:
    """Each has a ``name``, a ``password``, a ``project`` and a ``role`` there; what is there already stays."""
    command = [sys.executable, "-m", __name__, str(kubeconfig)]
    (await run(reactor, command, {"PYTHONPATH": str(ROOT)}, text=json.dumps(list(people)))).checked()


def main(kubeconfig: str) -> int:
    """The exit code."""
    people = [Person(**each) for each in json.load(sys.stdin)]

    async def made(parts: Parts) -> None:
        await seed(parts.founding, people)

    return _run(argparse.Namespace(config="", kubeconfig=kubeconfig), made)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
