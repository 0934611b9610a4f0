from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.cache import cache_folder


class CacheFolderTests(SynchronousTestCase):
    def test_follows_the_base_directory_rules(self) -> None:
        self.assertEqual(cache_folder({"XDG_CACHE_HOME": "/caches"}), Path("/caches/dicot"))
        self.assertEqual(cache_folder({}), Path.home() / ".cache" / "dicot")
