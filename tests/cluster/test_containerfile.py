"""Roots that are made on this machine, and what must not happen to its own files."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from .containerfile import inside, remove, steps


class RootTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.outside = Path(self.mktemp())
        self.root = Path(self.mktemp())
        for each in (self.outside, self.root / "run", self.root / "var"):
            each.mkdir(parents=True)
        (self.root / "var" / "run").symlink_to(self.outside.absolute())

    def test_a_path_is_one_of_the_root(self) -> None:
        self.assertEqual(inside(self.root, "/run/secrets/token"), self.root / "run" / "secrets" / "token")
        self.assertEqual(inside(self.root, "../etc"), self.root / "etc")

    def test_no_link_leads_out_of_it(self) -> None:
        for path in ("/var/run", "var/run/secrets/token", "/var/../var/run/secrets"):
            said = str(self.assertRaises(ValueError, inside, self.root, path))
            self.assertIn(f"is a link to {self.outside.absolute()}", said, path)

    def test_what_a_link_leads_to_outlives_the_root(self) -> None:
        (self.outside / "kept").write_text("")
        remove(self.root)
        self.assertEqual((self.root.exists(), (self.outside / "kept").exists()), (False, True))

    def test_what_is_mounted_in_it_keeps_it(self) -> None:
        self.assertIn("/proc", str(self.assertRaises(RuntimeError, remove, Path("/proc"))))


class StepTests(SynchronousTestCase):
    def test_lines_that_belong_together_are_one_step(self) -> None:
        found = [(step.word, step.text) for step in steps("# a\nFROM x AS y\n\nRUN a \\\n && b\n")]
        self.assertEqual(found, [("FROM", "x AS y"), ("RUN", "a   && b")])
