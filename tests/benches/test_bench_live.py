"""``make bench`` from end to end, as small as it can be."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from bench.stage import ROOT
from tests.cluster.commands import run
from tests.length import TIMEOUT

ONLY_ON = "sandbox"
SERVERS = 20
PATIENCE = 900.0


class BenchTests(TestCase):
    timeout = TIMEOUT

    async def test_one_row(self) -> None:
        folder = Path(self.mktemp()).absolute()
        command = [sys.executable, "-m", "bench", "--rows", "show", "--servers", str(SERVERS)]
        command += ["--rounds", "1", "--seconds", "0.3", "--results", str(folder)]
        output = (await run(reactor, command, {"PYTHONPATH": str(ROOT)}, seconds=PATIENCE)).checked()
        [path] = folder.iterdir()
        found = json.loads(path.read_text())
        [row] = found["rows"]
        self.assertEqual((row["row"], found["servers"]), ("show", SERVERS))
        self.assertGreater(row["spread"]["median"], 0)
        self.assertIn(row["what"], output)
        self.assertIn(str(path), output)
