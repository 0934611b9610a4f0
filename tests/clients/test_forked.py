"""Programs run by forks of one interpreter: each as if its own had just started, and all of them gone with it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL, SIGTERM
from textwrap import dedent

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.clients.forked import Forked
from tests.cluster.commands import Failed, Finished
from tests.live.wire import side_by_side

PATIENCE = 60.0


class ForkedTests(TestCase):
    """The programs are small ones of these tests; the interpreter is theirs too."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        (self.folder / "python").symlink_to(sys.executable)
        self.program = self.folder / "program"
        self.forked = Forked(self.program)

    async def run_program(self, text: str, *words: str, seconds: float = PATIENCE, **environment: str) -> Finished:
        self.program.write_text(dedent(text))
        return await self.forked.run(reactor, [str(self.program), *words], environment, seconds=seconds)

    async def test_it_has_arguments_environment_and_outputs_of_its_own(self) -> None:
        program = """\
            import os, sys
            print(sys.argv[1:], os.environ["WORD"], "TRIAL_SECRET" in os.environ, os.getcwd(), __name__)
            print(sys.stdin.read(), file=sys.stderr)
        """
        finished = await self.run_program(program, "a b", "c", WORD="w")
        self.assertEqual(finished.checked(), f"['a b', 'c'] w False {os.getcwd()} __main__\n")
        self.assertEqual(finished.errors, "\n")

    async def test_its_end_is_told(self) -> None:
        for text, code, errors in (
            ("import sys; sys.exit(3)", 3, ""),
            ("import sys; print('out'); sys.exit('err')", 1, "err\n"),
            ("import os; os.kill(os.getpid(), 15)", -SIGTERM, ""),
            ("import atexit; atexit.register(print, 'bye')", 0, ""),
        ):
            finished = await self.run_program(text)
            self.assertEqual((finished.code, finished.errors), (code, errors), text)
        self.assertEqual(finished.output, "bye\n")
        self.assertIn("ZeroDivisionError", (await self.run_program("1 / 0")).errors)

    async def test_nothing_is_left_of_those_before(self) -> None:
        program = """\
            import os, random, sys
            print(hasattr(sys, "kept"), "KEPT" in os.environ, os.getpid(), random.random())
            sys.kept = os.environ["KEPT"] = "x"
        """
        first, second = [(await self.run_program(program)).checked().split() for _ in range(2)]
        self.assertEqual(first[:2], ["False", "False"])
        self.assertEqual(second[:2], ["False", "False"])
        self.assertEqual(len({*first[2:], *second[2:]}), 4)

    async def test_what_is_imported_may_name_the_reactor(self) -> None:
        (self.folder / "naming.py").write_text("from twisted.internet import reactor")
        self.importing("naming")
        program = """\
            import sys
            print("naming" in sys.modules, "twisted.internet.reactor" in sys.modules)
            from twisted.internet import reactor
            print(reactor is sys.modules["naming"].reactor, reactor.running)
        """
        self.assertEqual((await self.run_program(program)).checked(), "True False\nFalse False\n")

    async def test_what_is_imported_may_not_use_the_reactor(self) -> None:
        (self.folder / "using.py").write_text("from twisted.internet import reactor; reactor.callLater")
        self.importing("using")
        with self.assertRaises(Failed) as raised:
            await self.run_program("print(1)")
        self.assertIn("a reactor that all forks would have", str(raised.exception))

    def importing(self, module: str) -> None:
        """What is run has imported a module that lies in the folder, with all that these tests have."""
        program = Path(sys.executable).with_name("any")
        self.forked = Forked(program, (f"module={module}",), {"PYTHONPATH": str(self.folder)})

    async def test_they_run_side_by_side(self) -> None:
        """Each waits for the other, through a file of its own."""
        program = """\
            import pathlib, sys, time
            mine, other = map(pathlib.Path, sys.argv[1:])
            mine.touch()
            while not other.exists():
                time.sleep(0.01)
        """
        files = [str(self.folder / name) for name in ("one", "two")]
        both = await side_by_side(self.run_program(program, *files), self.run_program(program, *reversed(files)))
        self.assertEqual([finished.code for finished in both], [0, 0])

    async def test_one_that_takes_too_long_is_killed(self) -> None:
        finished = await self.run_program("import time; time.sleep(600)", seconds=0.2)
        self.assertEqual((finished.code, finished.output), (-SIGKILL, ""))

    async def test_one_that_nobody_waits_for_is_killed(self) -> None:
        file = self.folder / "pid"
        program = (
            "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).symlink_to(str(os.getpid())); time.sleep(600)"
        )
        running = Deferred.fromCoroutine(self.run_program(program, str(file)))
        await until(file.is_symlink)
        running.cancel()
        await self.assertFailure(running, CancelledError)
        await until(lambda: not Path(f"/proc/{file.readlink()}").exists())

    async def test_a_server_that_dies_says_so_and_is_started_again(self) -> None:
        """Here it dies of an interpreter that is none."""
        (self.folder / "python").unlink()
        (self.folder / "python").symlink_to("/bin/false")
        with self.assertRaises(Failed) as raised:
            await self.run_program("print(1)")
        self.assertIn(str(self.program), str(raised.exception))
        await self.until_stopped()
        (self.folder / "python").unlink()
        (self.folder / "python").symlink_to(sys.executable)
        self.assertEqual((await self.run_program("print(1)")).checked(), "1\n")

    async def tearDown(self) -> None:  # type: ignore[override]
        self.forked.stop()
        await self.until_stopped()

    async def until_stopped(self) -> None:
        await until(lambda: self.forked.pid is None)


async def until(seen: Callable[[], bool]) -> None:
    while not seen():
        await deferLater(reactor, 0.02)
