"""Nova's side: a process that has it, and is asked about bodies."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any

from tests.oracle.nova import Beside

PROGRAM = Path(__file__).with_name("program.py")
Said = Mapping[str, Any]
Asked = tuple[str, int, Any, bool]
"""An operation, the minor version, a body, and whether an administrator asks."""


class _Nova(Beside):
    """Nova, where there is what ``things`` says in JSON."""

    program = PROGRAM
    errors = subprocess.DEVNULL

    def __init__(self, things: str) -> None:
        super().__init__()
        self._writing.write(things + "\n")

    def told(self, questions: Sequence[Asked]) -> list[Said]:
        # Whoever wrote all before it reads would wait for ever once both pipes are full.
        writer = Thread(target=self._write, args=(questions,))
        writer.start()
        said = [json.loads(line) for line in islice(self._reading, len(questions))]
        writer.join()
        return said

    def _write(self, questions: Sequence[Asked]) -> None:
        for question in questions:
            self._writing.write(json.dumps(question) + "\n")
        self._writing.flush()


_nova = cache(_Nova)


def ask(things: Mapping[str, Any], questions: Sequence[Asked]) -> list[Said]:
    """What Nova makes of each body, in their order, where there is what ``things`` says."""
    return _nova(json.dumps(things)).told(questions)
