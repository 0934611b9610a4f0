"""What is read out of the stacks of a process."""

from twisted.trial.unittest import SynchronousTestCase

from bench.profile import share
from bench.rounds import Wrong

STACKS = """\
run (app.py:1);mainLoop (twisted/internet/base.py:5);serve (a.py:1);identify (gate.py:7) 3
run (app.py:1);mainLoop (twisted/internet/base.py:5);serve (a.py:1);send (a.py:9) 6
run (app.py:1);mainLoop (twisted/internet/base.py:9);identify (gate.py:9);read (tokens.py:1) 1
work (thread.py:1);identify (gate.py:7) 90
"""


class ShareTests(SynchronousTestCase):
    def test_samples_are_weighed_and_other_threads_left_out(self) -> None:
        self.assertEqual(share(STACKS, "identify (gate.py"), 0.4)
        self.assertEqual(share(STACKS, "identify (gate.py", "serve (a.py"), 3 / 9)

    def test_what_was_never_seen_is_no_share(self) -> None:
        self.assertRaises(Wrong, share, STACKS, "verify (gate.py")
        self.assertRaises(Wrong, share, "", "identify (gate.py")
