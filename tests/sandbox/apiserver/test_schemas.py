"""Objects that fit their schemas, and others."""

from __future__ import annotations

import time
from copy import deepcopy

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver.builtin import built_in
from dicot.sandbox.apiserver.kinds.table import RULES
from dicot.sandbox.apiserver.refusal import Refusal
from dicot.sandbox.apiserver.registry import Served
from dicot.sandbox.apiserver.schemas import Kinds

from .definitions import resource
from .refused import REFUSED
from .undecodable import UNDECODABLE
from .wrong import IDENTITY, NETWORK, UUID, WRONG

PORTS = (NETWORK, "ports")
MACHINES = ("kubevirt.io/v1", "virtualmachines")


def fitted(api_version: str, plural: str, manifest: Manifest) -> tuple[Manifest, list[str]]:
    """What becomes of an object, and what is said of it."""
    made = deepcopy(manifest)
    said = Kinds({}).fit(resource(api_version, plural), made)
    return made, said


class Wrongs(SynchronousTestCase):
    """Each of the table."""

    def test_each_is_refused_with_its_causes(self) -> None:
        kinds = Kinds({})
        for what, case in WRONG.items():
            found = resource(case.api_version, case.plural)
            new, old = case.manifest(case.spec), None if case.old is None else case.manifest(case.old)
            for each in (new, old):
                if each is not None:
                    kinds.fit(found, each)
            with self.assertRaises(Refusal, msg=what) as caught:
                kinds.check(found, "", new, old)
            said = {f"{each.field}: {each.message}": each.reason for each in caught.exception.causes}
            self.assertEqual(said, case.causes, what)


class Fitting(SynchronousTestCase):
    """Pruning and defaults."""

    def test_defaults_are_put_in_deeply(self) -> None:
        made, _ = fitted(*PORTS, {"metadata": {"name": "p"}, "spec": {"networkId": UUID}})
        self.assertEqual(made["spec"]["fixedIps"], [])
        self.assertIs(made["spec"]["portSecurity"], True)

    def test_a_default_is_nobody_elses(self) -> None:
        made, _ = fitted(*PORTS, {"metadata": {"name": "p"}, "spec": {"networkId": UUID}})
        made["spec"]["fixedIps"].append({})
        again, _ = fitted(*PORTS, {"metadata": {"name": "p"}, "spec": {"networkId": UUID}})
        self.assertEqual(again["spec"]["fixedIps"], [])

    def test_null_takes_the_default(self) -> None:
        made, _ = fitted(*PORTS, {"metadata": {"name": "p"}, "spec": {"networkId": UUID, "name": None}})
        self.assertEqual(made["spec"]["name"], "")

    def test_null_without_a_default_falls_away(self) -> None:
        made, _ = fitted(IDENTITY, "roleassignments", {"metadata": {"name": "p"}, "spec": {"userId": None}})
        self.assertNotIn("userId", made["spec"])

    def test_what_is_unknown_falls_away_and_is_told_in_order(self) -> None:
        spec = {"zeta": 1, "fixedIps": [{}, {"mask": 1}], "networkId": UUID}
        made, said = fitted(*PORTS, {"metadata": {"name": "p", "nick": "q"}, "spec": spec, "other": {}})
        self.assertEqual(
            said,
            [
                'unknown field "metadata.nick"',
                'unknown field "other"',
                'unknown field "spec.fixedIps[1].mask"',
                'unknown field "spec.zeta"',
            ],
        )
        self.assertNotIn("other", made)
        self.assertEqual(made["spec"]["fixedIps"], [{}, {}])

    def test_metadata_is_decoded(self) -> None:
        with self.assertRaises(Refusal) as caught:
            fitted(*MACHINES, {"metadata": {"labels": {"a": 1}}})
        self.assertEqual(
            caught.exception.message,
            'VirtualMachine in version "v1" cannot be handled as a VirtualMachine: json: cannot unmarshal number into'
            " Go struct field ObjectMeta.labels of type string",
        )


class Updates(SynchronousTestCase):
    """What an update left as it was is not judged again."""

    def test_an_old_fault_may_stay(self) -> None:
        found = resource(*PORTS)
        old, _ = fitted(*PORTS, {"metadata": {}, "spec": {"networkId": UUID, "name": "x" * 300}})
        new, _ = fitted(*PORTS, {"metadata": {}, "spec": {"networkId": UUID, "name": "x" * 300, "description": "d"}})
        self.assertEqual(Kinds({}).wrong(found, "", new, old), [])

    def test_a_new_fault_may_not_come(self) -> None:
        found = resource(*PORTS)
        old = {"metadata": {}, "spec": {"networkId": UUID, "name": "x"}}
        new = {"metadata": {}, "spec": {"networkId": UUID, "name": "x" * 300}}
        self.assertRaises(Refusal, Kinds({}).check, found, "", new, old)


class BuiltIn(SynchronousTestCase):
    """Objects that Go types hold."""

    def decoded(self, plural: str, manifest: Manifest) -> list[str]:
        return Kinds({}).fit(built_in()["", "v1", plural], manifest)

    def refused(self, plural: str, manifest: Manifest) -> str:
        with self.assertRaises(Refusal) as caught:
            self.decoded(plural, manifest)
        return str(caught.exception).partition(": ")[2]

    def test_wrong_types(self) -> None:
        for plural, manifest, said in UNDECODABLE:
            self.assertEqual(self.refused(plural, deepcopy(manifest)), said)

    def test_what_is_unknown_is_told_in_the_order_of_the_object(self) -> None:
        said = self.decoded("pods", {"spec": {"zeta": 1, "containers": [{"bar": 2}]}, "alpha": 1})
        self.assertEqual(
            said, ['unknown field "spec.zeta"', 'unknown field "spec.containers[0].bar"', 'unknown field "alpha"']
        )

    def test_quantities_are_written_as_the_server_writes_them(self) -> None:
        claim = {"spec": {"resources": {"requests": {"storage": "1024Mi"}}}}
        self.decoded("persistentvolumeclaims", claim)
        self.assertEqual(claim["spec"]["resources"]["requests"]["storage"], "1Gi")

    def test_moments_are_in_utc(self) -> None:
        lease = {"spec": {"renewTime": "2026-01-01T02:00:00.5+02:00"}}
        self.assertEqual(Kinds({}).fit(built_in()["coordination.k8s.io", "v1", "leases"], lease), [])
        self.assertEqual(lease["spec"]["renewTime"], "2026-01-01T00:00:00.500000Z")


class Rules(SynchronousTestCase):
    """What is written by hand of built-in kinds."""

    def test_each_is_refused_with_its_causes(self) -> None:
        kinds, served = Kinds(RULES), {each.plural: each for each in built_in().values()}
        for path, body, causes in REFUSED:
            found = served[path.rpartition("/")[2]]
            sent = {"metadata": {"name": "wrong", "namespace": "n"}, **deepcopy(body)}
            kinds.fit(found, sent)
            said = {f"{each.field}: {each.message}": each.reason for each in kinds.wrong(found, "", sent, None)}
            self.assertEqual(said, causes, path)

    def test_a_bound_claim_may_grow(self) -> None:
        spec = {"accessModes": ["ReadWriteOnce"], "volumeName": "v", "resources": {"requests": {"storage": "1Gi"}}}
        status = {"phase": "Bound", "capacity": {"storage": "1Gi"}}
        old = {"metadata": {"name": "c"}, "spec": spec, "status": status}
        more = {**spec, "resources": {"requests": {"storage": "2Gi"}}}
        claims = built_in()["", "v1", "persistentvolumeclaims"]
        self.assertEqual(Kinds(RULES).wrong(claims, "", {**old, "spec": more}, old), [])
        other = {**spec, "volumeName": "w"}
        self.assertEqual(len(Kinds(RULES).wrong(claims, "", {**old, "spec": other}, old)), 1)

    def test_what_a_pod_may_become(self) -> None:
        container = {"name": "c", "image": "i"}
        spec: Manifest = {"containers": [container], "activeDeadlineSeconds": 9, "tolerations": [{"key": "a"}]}
        old = {"metadata": {"name": "p"}, "spec": spec}
        more: tuple[tuple[Manifest, list[str]], ...] = (
            ({"containers": [{"name": "c", "image": "j"}], "activeDeadlineSeconds": 8}, []),
            ({"tolerations": [{"key": "a"}, {"key": "b"}]}, []),
            ({"tolerations": []}, ["spec"]),
            ({"hostname": "h"}, ["spec"]),
            ({"containers": [{"name": "d", "image": "i"}]}, ["spec"]),
            ({"containers": [container, {"name": "d", "image": "i"}]}, ["spec.containers"]),
            ({"activeDeadlineSeconds": 10}, ["spec.activeDeadlineSeconds"]),
            ({"activeDeadlineSeconds": None}, ["spec.activeDeadlineSeconds"]),
        )
        for change, fields in more:
            found = Kinds(RULES).wrong(built_in()["", "v1", "pods"], "", {**old, "spec": {**spec, **change}}, old)
            self.assertEqual([each.field for each in found], fields, change)

    def test_defaults_of_a_pod(self) -> None:
        pod = {"spec": {"containers": [{"name": "c", "image": "host:5000/i@sha256:0"}, {"name": "d", "image": "i"}]}}
        Kinds(RULES).fit(built_in()["", "v1", "pods"], pod)
        self.assertEqual(pod["spec"]["restartPolicy"], "Always")
        pulls = [each["imagePullPolicy"] for each in pod["spec"]["containers"]]
        self.assertEqual(pulls, ["IfNotPresent", "Always"])


class Registry(SynchronousTestCase):
    """What is served."""

    def test_custom_resources_come_and_go(self) -> None:
        served = Served()
        machines = resource(*MACHINES)
        served.define([machines], machines)
        self.assertIs(served.find("kubevirt.io", "v1", "virtualmachines"), machines)
        self.assertIs(served.stored("kubevirt.io", "virtualmachines"), machines)
        served.forget("kubevirt.io", "virtualmachines")
        self.assertIsNone(served.find("kubevirt.io", "v1", "virtualmachines"))

    def test_reviews_have_no_objects(self) -> None:
        served = Served()
        self.assertIsNotNone(served.find("authentication.k8s.io", "v1", "tokenreviews"))
        self.assertNotIn("tokenreviews", {each.plural for each in served.resources()})


class Speed(SynchronousTestCase):
    """A VirtualMachine is looked at in well under a millisecond."""

    def test_a_machine_takes_less_than_a_millisecond(self) -> None:
        found, kinds = resource(*MACHINES), Kinds({})
        disks = [{"name": f"d{number}", "disk": {"bus": "virtio"}} for number in range(8)]
        volumes = [{"name": f"d{number}", "containerDisk": {"image": "i"}} for number in range(8)]
        inner = {"domain": {"devices": {"disks": disks}, "cpu": {"cores": 2}}, "volumes": volumes}
        vm = {"metadata": {"name": "v"}, "spec": {"runStrategy": "Always", "template": {"spec": inner}}}
        kinds.fit(found, vm)
        kinds.check(found, "", vm, None)
        best = min(self.seconds(kinds, vm) for _ in range(50))
        self.assertLess(best, 0.001)

    def seconds(self, kinds: Kinds, vm: Manifest) -> float:
        found = resource(*MACHINES)
        began = time.perf_counter()
        kinds.fit(found, vm)
        kinds.check(found, "", vm, None)
        return time.perf_counter() - began
