"""Nova's side: a process that has it, and is asked about bodies."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from threading import Thread
from typing import IO, Any

from tests.clients.venv import client

PROGRAM = Path(__file__).with_name("program.py")
Said = Mapping[str, Any]
Asked = tuple[str, int, Any, bool]
"""An operation, the minor version, a body, and whether an administrator asks."""


def ask(things: Mapping[str, Any], questions: Iterable[Asked]) -> Iterator[Said]:
    """What Nova makes of each body, in their order, where there is what ``things`` says."""
    command = [str(client("nova") / "python"), "-I", str(PROGRAM)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        # Whoever wrote all before it reads would wait for ever once both pipes are full.
        writer = Thread(target=_write, args=(process.stdin, things, questions))
        writer.start()
        for line in process.stdout:
            yield json.loads(line)
        writer.join()


def _write(stream: IO[str], things: Mapping[str, Any], questions: Iterable[Asked]) -> None:
    with stream:
        stream.write(json.dumps(things) + "\n")
        for question in questions:
            stream.write(json.dumps(question) + "\n")
