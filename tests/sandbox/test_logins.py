"""Tests for L{dicot.sandbox.logins}."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from dicot.sandbox.logins import write_secret


class SecretTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "key"

    def test_only_its_owner_may_read_it(self) -> None:
        write_secret(self.path, b"one")
        write_secret(self.path, b"two")
        self.assertEqual((self.path.read_bytes(), self.path.stat().st_mode & 0o777), (b"two", 0o600))
        self.assertEqual(list(self.folder.iterdir()), [self.path])

    def test_who_died_over_it_left_nothing_that_counts(self) -> None:
        """A file is made only where there is none: half a key would stay half for ever."""
        write_secret(self.path, b"one")
        self.assertRaises(TypeError, write_secret, self.path, None)
        self.assertEqual(self.path.read_bytes(), b"one")
        write_secret(self.path, b"two")
        self.assertEqual(self.path.read_bytes(), b"two")
