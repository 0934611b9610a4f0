"""Commands run to their end: what they print, how they end, and their time limit."""

from __future__ import annotations

import sys
from signal import SIGKILL

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from tests.cluster.commands import Failed, run


class CommandTests(TestCase):
    async def test_tells_what_was_printed(self) -> None:
        program = "import sys; print(sys.stdin.read()); print('e', file=sys.stderr)"
        finished = await run(reactor, [sys.executable, "-c", program], text="word")
        self.assertEqual((finished.code, finished.checked(), finished.errors), (0, "word\n", "e\n"))

    async def test_an_exit_code_is_a_failure_with_both_outputs(self) -> None:
        program = "import sys; print('out'); sys.exit('err')"
        finished = await run(reactor, [sys.executable, "-c", program])
        self.assertEqual(finished.code, 1)
        self.assertIn("out\nerr\n", str(self.assertRaises(Failed, finished.checked)))

    async def test_one_that_takes_too_long_is_killed(self) -> None:
        finished = await run(reactor, [sys.executable, "-c", "import time; time.sleep(600)"], seconds=0.2)
        self.assertEqual(finished.code, -SIGKILL)

    async def test_sees_the_environment_it_was_given(self) -> None:
        program = "import os; print(os.environ['WORD'], 'TRIAL_SECRET' in os.environ)"
        finished = await run(reactor, [sys.executable, "-c", program], {"WORD": "w"})
        self.assertEqual(finished.checked(), "w False\n")
