"""Programs of a cluster: started again when they end, ended when told to, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.error import ProcessTerminated
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.cluster.programs import REST, Program, leashed

ENDED = Failure(ProcessTerminated(status=256))
STARTER = """
import sys
from pathlib import Path
from twisted.internet import reactor
from tests.cluster.programs import Program

def begin():
    program = Program(reactor, "sleep", ["/bin/sleep", "60"], Path(sys.argv[1]))
    program.start()
    print(program.pid, flush=True)

reactor.callWhenRunning(begin)
reactor.run()
"""


class Process:
    """A child process that exists in name only."""

    pid = 7

    def __init__(self) -> None:
        self.signals: list[str] = []

    def signalProcess(self, signal: str) -> None:
        self.signals.append(signal)


class Processes(Clock):
    """A reactor that starts no processes but remembers which it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Process] = []

    def spawnProcess(self, protocol: Program, executable: str, arguments: list[str], **options: Any) -> Process:
        self.started.append(Process())
        self.arguments = arguments
        return self.started[-1]


class ProgramTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.processes = Processes()
        self.output = Path(self.mktemp())
        command = ["/bin/virt-api", "--port=1"]
        self.program = Program(self.processes, "virt-api", command, self.output)  # type: ignore[arg-type]
        self.program.start()

    def test_runs_on_the_leash(self) -> None:
        self.assertEqual(self.processes.arguments[3:], [str(os.getpid()), "0.0", "/bin/virt-api", "--port=1"])
        self.assertEqual(self.program.pid, 7)

    def test_is_started_again_and_rests_first(self) -> None:
        self.program.processEnded(ENDED)
        self.assertEqual(len(self.processes.started), 2)
        self.assertEqual(self.processes.arguments[4:], [str(REST), "/bin/virt-api", "--port=1"])
        self.assertEqual(self.program.failures, 1)

    def test_leaves_no_timer(self) -> None:
        self.program.processEnded(ENDED)
        self.assertEqual(self.processes.getDelayedCalls(), [])

    def test_killed_it_stays_ended(self) -> None:
        gone = self.program.kill()
        self.assertEqual(self.processes.started[0].signals, ["KILL"])
        self.assertNoResult(gone)
        self.program.processEnded(ENDED)
        self.successResultOf(gone)
        self.assertEqual(self.processes.getDelayedCalls(), [])

    def test_killed_while_it_rests_it_is_not_started_again(self) -> None:
        self.program.processEnded(ENDED)
        gone = self.program.kill()
        self.assertEqual(self.processes.started[1].signals, ["KILL"])
        self.program.processEnded(ENDED)
        self.successResultOf(gone)
        self.assertEqual(len(self.processes.started), 2)

    def test_killed_it_can_be_started(self) -> None:
        gone = self.program.kill()
        self.program.processEnded(ENDED)
        self.successResultOf(gone)
        self.program.start()
        self.assertEqual(len(self.processes.started), 2)

    def test_is_not_started_twice(self) -> None:
        self.assertRaises(RuntimeError, self.program.start)

    def test_shows_its_last_words(self) -> None:
        self.output.write_text("first\n" * 2000 + "last\n")
        self.assertTrue(self.program.tail().endswith("first\nlast\n"))
        self.assertLess(len(self.program.tail()), 5000)


class LeashTests(TestCase):
    """What no reactor can promise: real processes, really gone."""

    async def test_a_killed_starter_takes_its_program_along(self) -> None:
        command = [sys.executable, "-c", STARTER, str(Path(self.mktemp()).resolve())]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as starter:
            assert starter.stdout is not None
            child = int(starter.stdout.readline())
            await self.until(lambda: arguments_of(child).startswith(b"/bin/sleep"))
            starter.send_signal(signal.SIGKILL)
        await self.until(lambda: not arguments_of(child))

    def test_it_runs_its_program_with_the_arguments(self) -> None:
        said = subprocess.run(leashed(["/bin/echo", "-n", "a b", "0.5"]), capture_output=True, check=True)
        self.assertEqual(said.stdout, b"a b 0.5")

    async def test_a_program_gets_a_session_of_its_own(self) -> None:
        program = Program(reactor, "sleep", ["/bin/sleep", "60"], Path(self.mktemp()))
        program.start()
        pid = program.pid
        assert pid is not None
        await self.until(lambda: arguments_of(pid).startswith(b"/bin/sleep"))
        self.assertEqual(os.getsid(pid), pid)
        await program.kill()
        self.assertEqual(arguments_of(pid), b"")

    async def until(self, seen: Any) -> None:
        for _ in range(200):
            if seen():
                return
            await deferLater(reactor, 0.05)
        self.fail("it did not happen within 10 s")


def arguments_of(pid: int) -> bytes:
    """Command line of a process; nothing for one that is gone or only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
