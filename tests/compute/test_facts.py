"""What servers and flavors say of instancetypes; times; links; keypairs by user."""

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import CLUSTER_INSTANCETYPE, VM, VMI, Instancetype, Vm, Vmi
from dicot.compute.facts import FlavorCopy, flavor_of, flavor_of_vm
from dicot.compute.kinds import KEYPAIR, keypair_object
from dicot.compute.links import links
from dicot.compute.times import seconds_of, with_microseconds
from dicot.config import Config

UID = "0a0b0c0d-0000-4000-8000-000000000001"


def instancetype(**annotations: str) -> Instancetype:
    return msgspec.convert(
        {
            "metadata": {"name": "m1.small", "uid": UID, "annotations": annotations},
            "spec": {"cpu": {"guest": 2}, "memory": {"guest": "2Gi"}},
        },
        Instancetype,
    )


def vm(spec: dict[str, object], annotations: dict[str, str] | None = None) -> Vm:
    return msgspec.convert({"metadata": {"name": "v", "annotations": annotations or {}}, "spec": spec}, Vm)


class FlavorTests(SynchronousTestCase):
    def test_the_annotation_says_what_kubevirt_cannot(self) -> None:
        body = instancetype(
            **{"dicot.io/flavor-spec": '{"id": "7", "disk": 20, "swap": 512}', "dicot.io/name": "small one"}
        )
        found = flavor_of(CLUSTER_INSTANCETYPE.row(body), body, CLUSTER_INSTANCETYPE)
        self.assertEqual(found.copy, FlavorCopy("7", "small one", 2, 2048, 20, 0, 512))
        self.assertEqual((found.kind, found.object), ("VirtualMachineClusterInstancetype", "m1.small"))

    def test_it_is_found_by_its_own_id(self) -> None:
        body = instancetype(**{"dicot.io/flavor-spec": '{"id": "7"}'})
        self.assertEqual(CLUSTER_INSTANCETYPE.links(CLUSTER_INSTANCETYPE.row(body), body), ("/7",))

    def test_one_that_kubectl_made_has_its_uid_and_no_disk(self) -> None:
        body = instancetype()
        found = flavor_of(CLUSTER_INSTANCETYPE.row(body), body, CLUSTER_INSTANCETYPE)
        self.assertEqual(found.copy, FlavorCopy(UID, "m1.small", 2, 2048))

    def test_a_spoilt_annotation_counts_as_none(self) -> None:
        for text in ("{", '{"id": 7}', "[]", '{"disk": "x"}', '{"x":' + "[" * 9_000 + "]" * 9_000 + "}"):
            body = instancetype(**{"dicot.io/flavor-spec": text})
            found = flavor_of(CLUSTER_INSTANCETYPE.row(body), body, CLUSTER_INSTANCETYPE)
            self.assertEqual((found.copy.id, found.copy.disk), (UID, 0))


class ServerFlavorTests(SynchronousTestCase):
    def test_the_copy_comes_first(self) -> None:
        copy = FlavorCopy("7", "small", 2, 2048, 20)
        notes = {"dicot.io/flavor": msgspec.json.encode(copy).decode()}
        self.assertEqual(flavor_of_vm(vm({"instancetype": {"name": "other"}}, notes)), copy)

    def test_a_spoilt_copy_counts_as_none(self) -> None:
        found = flavor_of_vm(vm({}, {"dicot.io/flavor": '{"vcpus": "x"}'}))
        self.assertEqual(found.id, "custom-1-0")

    def test_then_the_instancetype(self) -> None:
        known = FlavorCopy("7", "small", 2, 2048)
        self.assertEqual(flavor_of_vm(vm({"instancetype": {"name": "other"}}), None, known), known)

    def test_an_unknown_instancetype_has_the_size_of_the_instance(self) -> None:
        running = msgspec.convert(
            {"spec": {"domain": {"cpu": {"cores": 1, "sockets": 2, "threads": 2}, "memory": {"guest": "1Gi"}}}}, Vmi
        )
        found = flavor_of_vm(vm({"instancetype": {"name": "gone"}}), running)
        self.assertEqual(found, FlavorCopy("gone", "gone", 4, 1024))

    def test_else_the_template_says_it(self) -> None:
        domain = {"cpu": {"cores": 3}, "resources": {"requests": {"memory": "512Mi"}}}
        found = flavor_of_vm(vm({"template": {"spec": {"domain": domain}}}))
        self.assertEqual(found, FlavorCopy("custom-3-512", "custom-3-512", 3, 512))


class TimeTests(SynchronousTestCase):
    def test_times_are_read_and_written(self) -> None:
        self.assertEqual(seconds_of("1970-01-01T01:01:00+01:00"), "1970-01-01T00:01:00Z")
        self.assertEqual(with_microseconds("1970-01-01T00:01:00Z"), "1970-01-01T00:01:00.000000")

    def test_what_is_no_time_is_none(self) -> None:
        for text in (None, "", "x", "2026-13-01T00:00:00Z"):
            self.assertIsNone(with_microseconds(text))
            self.assertEqual(seconds_of(text), "")


class NameTests(SynchronousTestCase):
    def test_a_keypair_is_found_by_its_user(self) -> None:
        raw = b'{"metadata": {"namespace": "dicot-system", "name": "k"}, "spec": {"name": "my key", "userId": "u1"}}'
        row = KEYPAIR.decode(raw)
        self.assertEqual(KEYPAIR.links(row, KEYPAIR.read(row)), ("dicot-system/u1",))

    def test_a_keypairs_object_depends_on_user_and_name(self) -> None:
        names = {
            keypair_object("u", "a"),
            keypair_object("u", "A"),
            keypair_object("v", "a"),
            keypair_object("ua", ""),
        }
        self.assertEqual(len(names), 4)
        self.assertTrue(all(len(name) == 48 for name in names))

    def test_links_are_made_of_the_configuration(self) -> None:
        config = Config(public_url="https://cloud.example")
        self.assertEqual(
            [link["href"] for link in links(config, "flavors", "7")],
            ["https://cloud.example/compute/v2.1/flavors/7", "https://cloud.example/compute/flavors/7"],
        )

    def test_kinds_have_the_groups_of_kubevirt(self) -> None:
        self.assertEqual((VM.api_version, VMI.resource), ("kubevirt.io/v1", "virtualmachineinstances.kubevirt.io"))
