"""Answers of the real programs, kept in files: one JSON object with a line for each answer.

With ``DICOT_TEST_RECORD`` set the contract suites write them, otherwise they compare.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.objects import Document

FOLDER = Path(__file__).with_name("recorded")
VARIABLE = "DICOT_TEST_RECORD"


def read(name: str) -> Mapping[str, Document]:
    """What a file holds, by what was asked."""
    found: Mapping[str, Document] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def is_recording() -> bool:
    """Whether answers are to be written down."""
    return bool(os.environ.get(VARIABLE))


def write(name: str, found: Mapping[str, Document]) -> None:
    """Write a file anew."""
    lines = (f"{json.dumps(asked)}: {json.dumps(answer, sort_keys=True)}" for asked, answer in found.items())
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def settle(name: str, found: Mapping[str, Document]) -> Mapping[str, tuple[Document, Document]]:
    """Where answers differ from those of a file, with what the file has; nowhere if they were to be recorded."""
    if is_recording():
        write(name, found)
    known = read(name)
    return {asked: (answer, known.get(asked, {})) for asked, answer in found.items() if answer != known.get(asked)}
