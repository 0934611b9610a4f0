"""Kubeconfig files, merged."""

from pathlib import Path

import yaml
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kubeconfig import Kubeconfig, read


class KubeconfigTests(SynchronousTestCase):
    """What kubectl documents of several files (Organizing Cluster Access Using kubeconfig Files)."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def file(self, name: str, current: str = "", **clusters: str) -> str:
        path = self.folder / name
        entries = [{"name": key, "cluster": {"server": server}} for key, server in clusters.items()]
        path.write_text(yaml.safe_dump({"current-context": current, "clusters": entries}))
        return str(path)

    def read(self, *files: str) -> Kubeconfig:
        found = read(":".join(files))
        assert found is not None
        return found

    def test_the_first_file_that_says_something_counts(self) -> None:
        found = self.read(self.file("a", a="https://1"), self.file("b", "x", a="https://2"), self.file("c", "y"))
        self.assertEqual((found.current, found.one("clusters", "a").body), ("x", {"server": "https://1"}))

    def test_what_only_a_later_file_says_is_beside_it(self) -> None:
        found = self.read(self.file("a"), self.file("b", b="https://2")).one("clusters", "b")
        self.assertEqual(found.body["server"], "https://2")
        self.assertEqual(found.beside("ca.crt"), str(self.folder / "ca.crt"))
        self.assertEqual(found.beside("/etc/ca.crt"), "/etc/ca.crt")

    def test_files_that_do_not_exist_are_passed_over(self) -> None:
        found = self.read(str(self.folder / "absent"), "", self.file("b", "x"))
        self.assertEqual(found.current, "x")

    def test_none_where_there_is_no_file(self) -> None:
        self.assertIsNone(read(str(self.folder / "absent")))

    def test_a_name_that_nobody_says(self) -> None:
        found = self.assertRaises(ValueError, self.read(self.file("a")).one, "contexts", "x")
        self.assertIn("contexts: there is none of the name 'x'", str(found))
