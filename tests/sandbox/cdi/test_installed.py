"""What CDI's operator leaves, in a new cluster and in one of before."""

from __future__ import annotations

from base64 import b64decode

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.cdi.installed import install
from dicot.sandbox.cdi.names import CONFIG_AUTHORITY
from tests.sandbox.apiserver.lines import Served

from .things import KEYS


class InstalledTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.objects = Served().parts.objects

    def cdi(self) -> Manifest:
        """CDI's own object."""
        found = self.objects.get("cdi.kubevirt.io", "cdis", "", "cdi")
        assert found is not None
        return found

    def test_where_uploads_go_is_said_anew(self) -> None:
        """And nothing else of the configuration; an object of before gets its say in it."""

        def older(found: Manifest) -> Manifest:
            return {**found, "metadata": {**found["metadata"], "annotations": {}}, "spec": {"config": {"a": 1}}}

        for change in (older, lambda found: {**found, "spec": {"config": {"preallocation": True}}}):
            self.objects.change("cdi.kubevirt.io", "cdis", "", "cdi", change)
            install(self.objects, KEYS, "authority", "127.0.0.1:7")
            found = self.cdi()
            self.assertEqual(found["spec"]["config"]["uploadProxyURLOverride"], "127.0.0.1:7")
            self.assertIn(CONFIG_AUTHORITY, found["metadata"]["annotations"])
        self.assertTrue(found["spec"]["config"]["preallocation"])

    def test_who_is_to_be_trusted(self) -> None:
        """The authorities that sign now, and the key of tokens."""
        install(self.objects, KEYS, "authority", "127.0.0.1:7")
        for name, trusted in (
            ("cdi-uploadproxy-signer-bundle", "authority"),
            ("cdi-uploadserver-signer-bundle", KEYS.servers.pem.decode()),
            ("cdi-uploadserver-client-signer-bundle", KEYS.clients.pem.decode()),
        ):
            found = self.objects.get("", "configmaps", "cdi", name)
            assert found is not None
            self.assertEqual(found["data"], {"ca-bundle.crt": trusted})
        secret = self.objects.get("", "secrets", "cdi", "cdi-api-signing-key")
        assert secret is not None
        self.assertEqual(b64decode(secret["data"]["id_rsa"]), KEYS.tokens.pem[0])
