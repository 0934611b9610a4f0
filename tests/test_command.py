"""The ``dicot`` command."""

import io
import json
import os
import subprocess
import sys

import yaml
from twisted.trial.unittest import SynchronousTestCase

from dicot.command import installation, main


class ManifestTests(SynchronousTestCase):
    """``dicot manifests``."""

    def shown(self, *arguments: str) -> str:
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        self.assertEqual(main(["manifests", *arguments]), 0)
        return out.getvalue()

    def test_yaml_documents_are_the_installation(self) -> None:
        self.assertEqual(list(yaml.safe_load_all(self.shown())), installation())

    def test_json_is_one_list(self) -> None:
        self.assertEqual(json.loads(self.shown("--json"))["items"], installation())

    def test_rights_are_a_table_with_their_reasons(self) -> None:
        lines = self.shown("--table").splitlines()
        self.assertIn("| member | projects | virtualmachines.kubevirt.io | create, delete | servers |", lines)
        self.assertTrue(all(line.count("|") == 6 and not line.endswith("|  |") for line in lines))

    def test_roles_name_what_the_services_write(self) -> None:
        roles = {found["metadata"]["name"]: found for found in installation() if found["kind"] == "ClusterRole"}
        lines = [
            (group, name)
            for rule in roles["dicot:member"]["rules"]
            for group in rule["apiGroups"]
            for name in rule["resources"]
        ]
        self.assertIn(("kubevirt.io", "virtualmachines"), lines)
        self.assertIn(("subresources.kubevirt.io", "virtualmachines/stop"), lines)

    def test_whoever_has_read_enough_may_go(self) -> None:
        for option in ("--table", "--json"):
            reader, writer = os.pipe()
            os.close(reader)
            command = [sys.executable, "-m", "dicot.command", "manifests", option]
            done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
            os.close(writer)
            self.assertEqual((done.returncode, done.stderr), (0, ""))


class DemoTests(SynchronousTestCase):
    """``dicot demo``."""

    def test_wants_a_password(self) -> None:
        err = io.StringIO()
        self.patch(sys, "stderr", err)
        self.assertEqual(main(["demo"]), 1)
        self.assertIn("DICOT_DEMO_PASSWORD", err.getvalue())
