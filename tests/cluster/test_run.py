"""What ``make run`` hands to Dicot and to a person."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from dicot.config import parse
from tests.cluster.run import configuration, login


class ConfigurationTests(SynchronousTestCase):
    """Dicot itself reads it."""

    def test_names_the_port_and_the_cluster(self) -> None:
        config = parse(configuration(5007, Path("/k/kubeconfig")))
        self.assertEqual(config.public_url, "http://127.0.0.1:5007")
        self.assertEqual(config.kubeconfig, "/k/kubeconfig")
        self.assertEqual([address.port for address in config.listen], [5007])


class LoginTests(SynchronousTestCase):
    def test_takes_the_password_from_the_cluster(self) -> None:
        lines = login(5007, "/c/kubectl", Path("/k/kubeconfig"))
        self.assertIn("export OS_AUTH_URL=http://127.0.0.1:5007/identity/v3", lines)
        self.assertTrue(lines[-1].startswith("export OS_PASSWORD=$(/c/kubectl --kubeconfig /k/kubeconfig -n dicot"))
