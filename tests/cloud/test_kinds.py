"""What the kinds of KubeVirt are found by."""

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import VM, of_group
from dicot.kube.store import Store


def machine(name: str, namespace: str, **labels: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace, "uid": f"{namespace}-{name}", "labels": labels}
    volumes = [{"name": "root", "dataVolume": {"name": f"{name}-root"}}]
    return {"metadata": meta, "spec": {"template": {"spec": {"domain": {}, "volumes": volumes}}}}


class MachineTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.store = Store(VM)
        group = {"dicot.io/server-group": "g"}
        machines = [machine("a", "red", **group), machine("b", "red"), machine("a", "blue", **group)]
        self.store.replace([msgspec.json.encode(each) for each in machines], "1")

    def found(self, link: str) -> list[str]:
        return [row.place for row in self.store.linked(link)]

    def test_by_server_group_within_a_namespace(self) -> None:
        self.assertEqual(self.found(f"red/{of_group('g')}"), ["red/a"])
        self.assertEqual(self.found("red/g"), [])

    def test_by_volume(self) -> None:
        self.assertEqual(self.found("red/b-root"), ["red/b"])
