"""Nova's side: a process that has it, and is asked about bodies."""

from __future__ import annotations

import atexit
import json
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import IO, Any

from tests.clients.venv import client

PROGRAM = Path(__file__).with_name("program.py")
Said = Mapping[str, Any]
Asked = tuple[str, int, Any, bool]
"""An operation, the minor version, a body, and whether an administrator asks."""


def ask(things: Mapping[str, Any], questions: Sequence[Asked]) -> list[Said]:
    """What Nova makes of each body, in their order, where there is what ``things`` says."""
    writing, reading = _nova(json.dumps(things))
    # Whoever wrote all before it reads would wait for ever once both pipes are full.
    writer = Thread(target=_write, args=(writing, questions))
    writer.start()
    said = [json.loads(line) for line in islice(reading, len(questions))]
    writer.join()
    return said


@cache
def _nova(things: str) -> tuple[IO[str], IO[str]]:
    """The process that has Nova and these things, until this one ends: it takes seconds to begin."""
    command = [str(client("nova") / "python"), "-I", str(PROGRAM)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(things + "\n")

    def end(writing: IO[str]) -> None:
        with process:
            writing.close()

    atexit.register(end, process.stdin)
    return process.stdin, process.stdout


def _write(stream: IO[str], questions: Sequence[Asked]) -> None:
    for question in questions:
        stream.write(json.dumps(question) + "\n")
    stream.flush()
