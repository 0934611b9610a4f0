"""Command lines that a switch changes, and ports."""

from __future__ import annotations

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster import flags, layout
from tests.cluster.flags import Ports

PROGRAM = Path("/bin/controlplane")
PORTS = Ports(1, 2, 3, 4, 5, 6, 7, 8)


class ControlplaneTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.files = layout.make_files(Path(self.mktemp()).resolve(), "https://127.0.0.1:1", {"admin": "t"})
        self.login = self.files.kubeconfigs["admin"]

    def command(self, *, durable: bool = False, audit: Path | None = None) -> list[str]:
        return flags.controlplane(PROGRAM, PORTS, self.files, self.login, durable=durable, audit=audit)

    def test_three_programs_in_one(self) -> None:
        command = self.command()
        first = command.index("--")
        second = command.index("--", first + 1)
        self.assertIn("--etcd-port=2", command[:first])
        self.assertIn("--secure-port=1", command[first:second])
        self.assertIn("--leader-elect=false", command[second:])

    def test_only_a_durable_one_waits_for_the_disk(self) -> None:
        self.assertIn("--unsafe-no-fsync", self.command())
        self.assertNotIn("--unsafe-no-fsync", self.command(durable=True))

    def test_audit_is_a_switch(self) -> None:
        self.assertFalse([flag for flag in self.command() if flag.startswith("--audit")])
        audited = self.command(audit=Path("/tmp/audit.log"))
        self.assertIn("--audit-log-path=/tmp/audit.log", audited)
        [policy] = [flag.partition("=")[2] for flag in audited if flag.startswith("--audit-policy-file=")]
        rules = json.loads(Path(policy).read_text())["rules"]
        self.assertEqual([rule["level"] for rule in rules], ["Metadata", "Metadata", "None"])


class FilesTests(SynchronousTestCase):
    def test_a_folder_holds_one_cluster(self) -> None:
        folder = Path(self.mktemp()).resolve()
        layout.make_files(folder, "https://127.0.0.1:1", {"admin": "t"})
        self.assertRaises(FileExistsError, layout.make_files, folder, "https://127.0.0.1:1", {"admin": "t"})

    def test_secrets_are_for_their_owner_alone(self) -> None:
        files = layout.make_files(Path(self.mktemp()).resolve(), "https://127.0.0.1:1", {"admin": "t"})
        for path in (files.tokens, files.cdi_tokens, files.accounts.key, *files.kubeconfigs.values()):
            self.assertEqual(path.stat().st_mode & 0o777, 0o600, str(path))
