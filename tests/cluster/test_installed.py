"""The kubeconfig that Dicot gets, and the clouds.yaml that people get."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.installed import clouds, own_kubeconfig, write_clouds


class KubeconfigTests(SynchronousTestCase):
    def test_has_the_current_cluster_and_no_user_but_the_account(self) -> None:
        file = Path(self.mktemp())
        file.write_text(
            json.dumps(
                {
                    "clusters": [
                        {"name": "other", "cluster": {"server": "https://o"}},
                        {"name": "c", "cluster": {"server": "https://c", "certificate-authority": "ca.pem"}},
                    ],
                    "users": [{"name": "root", "user": {"token": "all"}}],
                    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "root", "namespace": "n"}}],
                    "current-context": "x",
                }
            )
        )
        document = json.loads(own_kubeconfig(file, "own"))
        [cluster], [user] = document["clusters"], document["users"]
        self.assertEqual(
            cluster["cluster"], {"server": "https://c", "certificate-authority": str(file.parent / "ca.pem")}
        )
        self.assertEqual(user["user"], {"token": "own"})
        [context] = document["contexts"]
        self.assertEqual(context["context"], {"cluster": "c", "user": user["name"]})
        self.assertEqual(document["current-context"], context["name"])


class CloudsTests(SynchronousTestCase):
    def test_one_for_each_person(self) -> None:
        found = yaml.safe_load(clouds("http://h:1", {"admin": "a: #", "demo": "d"}))["clouds"]
        self.assertEqual(sorted(found), ["dicot", "dicot-admin"])
        self.assertEqual(found["dicot-admin"]["auth"]["password"], "a: #")
        self.assertEqual(found["dicot"]["auth"]["project_name"], "demo")
        self.assertEqual(found["dicot"]["auth"]["auth_url"], "http://h:1/identity")

    def test_nobody_else_reads_the_file(self) -> None:
        path = Path(self.mktemp())
        write_clouds(path, "http://h:1", {"demo": "d"})
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
