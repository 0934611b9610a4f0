"""The README's first session, typed into a shell after what ``make run`` starts."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.error import ProcessExitedAlready
from twisted.trial.unittest import TestCase

from tests.cluster.commands import Started, run, start
from tests.cluster.installed import ROOT
from tests.cluster.ports import free_port
from tests.cluster.run import Place
from tests.cluster.sandbox import CLIENTS, clients
from tests.length import TIMEOUT
from tests.live.clients import until

START = 180.0
"""Seconds; the first start installs a client."""
COMMAND = 150.0
SESSION = re.compile(r"(?s)```console\n(.*?)```")
VARYING = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"web1-[0-9a-f]{7,8}"), "VM"),
    (re.compile(r"\d+\.\d+\.\d+\.\d+"), "ADDRESS"),
    (re.compile(r"\b\d+m?\d*s\b"), "AGE"),
    (re.compile(r"-{2,}"), "--"),
    (re.compile(r" +"), " "),
)
"""What is different at each run, and the widths of columns that follow from it."""


def session(text: str) -> list[tuple[str, str]]:
    """The commands of a session, each with what it printed."""
    [block] = SESSION.findall(text)
    parts = re.split(r"(?m)^\$ ", block)[1:]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def masked(output: str) -> str:
    """What is the same at each run."""
    for pattern, word in VARYING:
        output = pattern.sub(word, output)
    return output.strip()


class ReadmeTests(TestCase):
    timeout = TIMEOUT

    async def test_a_first_session(self) -> None:
        place = await self.served()
        kubectl = clients().get(CLIENTS[0])
        programs = Path(place.folder / "bin")
        programs.mkdir()
        openstack = re.findall(r"(?m)^alias openstack=(\S+)$", self.output.read_text())
        (programs / "openstack").symlink_to(openstack[0])
        if kubectl is not None:
            (programs / "kubectl").symlink_to(kubectl)
        exports = ""
        for command, expected in session((ROOT / "README.md").read_text()):
            if command.startswith("export"):
                exports = command
                continue
            if command.startswith("kubectl") and kubectl is None:
                continue
            line = f'export PATH="{programs}:$PATH"; cd "{place.folder.parent}"; {exports}; {command}'
            finished = await run(reactor, ["/bin/sh", "-ec", line], seconds=COMMAND)
            self.assertEqual(masked(finished.checked()), masked(expected), command)

    async def served(self) -> Place:
        """What ``make run`` starts, ready, with its files in a folder ``run``."""
        folder = Path(self.mktemp()).resolve() / "run"
        folder.parent.mkdir()
        place = Place(folder, free_port())
        self.output = folder.parent / "output"
        command = [sys.executable, "-m", "tests.cluster.run", "--port", str(place.port), "--files", str(folder)]
        line = ["/bin/sh", "-c", 'output="$1"; shift; exec "$@" > "$output" 2>&1', "sh", str(self.output), *command]
        started = start(reactor, line, {"PYTHONPATH": str(ROOT)})
        self.addCleanup(end, started)

        async def told() -> bool:
            return self.output.exists() and "OS_CLIENT_CONFIG_FILE" in self.output.read_text()

        await until(reactor, "make run to tell what to type", told, START)
        return place


async def end(started: Started) -> None:
    """As Ctrl-C does."""
    try:
        started.process.signalProcess("INT")
    except ProcessExitedAlready:
        return
    await started.finished
