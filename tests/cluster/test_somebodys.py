"""What is still to be installed into a cluster that somebody else runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.address import Place
from dicot.kube.errors import Missing
from tests.cluster.shared import DEFINITIONS
from tests.cluster.somebodys import THEIRS, lacking, passwords

OURS = {file.stem for file in DEFINITIONS.glob("*.yaml")}


class Reads:
    """A cluster that has these objects, by name, and answers nothing else."""

    def __init__(self, found: dict[str, dict[str, Any]]) -> None:
        self._found = found

    async def read(self, at: Place) -> bytes:
        if at.name not in self._found:
            raise Missing(404, "NotFound", f"{at.name} not found")
        return json.dumps(self._found[at.name]).encode()


class LackingTests(SynchronousTestCase):
    def lacking(self, *without: str) -> list[str]:
        names = {*THEIRS, *OURS, "dicot"} - set(without)
        kube: Any = Reads({name: {} for name in names})
        found: list[str] = self.successResultOf(lacking(kube, Path("/k c"), Path("/bin/dicot")))
        return found

    def test_nothing_where_all_is_there(self) -> None:
        self.assertEqual(self.lacking(), [])

    def test_one_definition_that_is_missing_names_the_command_that_applies_all(self) -> None:
        for name in OURS:
            self.assertEqual(self.lacking(name), [f"kubectl --kubeconfig '/k c' apply -f {DEFINITIONS}"])

    def test_the_account_comes_with_the_manifests(self) -> None:
        self.assertEqual(self.lacking("dicot"), ["/bin/dicot manifests | kubectl --kubeconfig '/k c' apply -f -"])

    def test_kubevirt_and_cdi_are_named(self) -> None:
        self.assertEqual(self.lacking(*THEIRS), list(THEIRS.values()))


class PasswordTests(SynchronousTestCase):
    def test_of_those_who_are_there(self) -> None:
        kube: Any = Reads({"dicot-admin": {"data": {"password": "cHc="}}})
        self.assertEqual(self.successResultOf(passwords(kube)), {"admin": "pw"})
