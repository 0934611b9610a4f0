"""Servers of other kinds: of the cluster's own image, with a port, many at once, made by kubectl, refused, by SDK."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from twisted.internet.defer import Deferred

from tests.live.journey import DEMO, JourneyCase

SDK = Path(__file__).with_name("sdk.py")
LIVE = ("--flavor", "m1.tiny", "--image", "cirros-live")
GUEST = "quay.io/kubevirt/cirros-container-disk-demo:v1.8.4"


def machine(name: str) -> Any:
    """What a Kubernetes user would write into vm.yaml."""
    domain = {
        "devices": {"disks": [{"name": "root", "disk": {"bus": "virtio"}}]},
        "resources": {"requests": {"memory": "128Mi"}},
    }
    template = {"spec": {"domain": domain, "volumes": [{"name": "root", "containerDisk": {"image": GUEST}}]}}
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": name, "namespace": "demo"},
        "spec": {"runStrategy": "Always", "template": template},
    }


class KindTests(JourneyCase):
    async def test_an_image_of_the_clusters_own_boots(self) -> None:
        name = f"live-{self.tag}"
        made = await self.cli.json("server", "create", *LIVE, "--network", "private", "--wait", name)
        self.assertEqual((made["status"], made["image"].split()[0]), ("ACTIVE", "cirros-live"))
        self.assertEqual(await self.names("dv,pvc,secret"), [])
        [volume] = (await self.instance())["spec"]["volumes"]
        self.assertEqual(volume["containerDisk"]["image"], GUEST)
        await self.cli.text("server", "delete", "--wait", name)
        await self.assert_gone()

    async def test_a_port_and_a_security_group_that_are_there(self) -> None:
        name, port = f"ported-{self.tag}", f"p-{self.tag}"
        [group] = await self.cli.json("security", "group", "list")
        [network] = await self.cli.json("network", "list")
        spec = {"networkId": network["ID"], "name": port, "macAddress": "fa:16:3e:12:34:56"}
        await self.kubectl.apply(
            {
                "apiVersion": "network.dicot.io/v1",
                "kind": "Port",
                "metadata": {"name": port, "namespace": "demo"},
                "spec": {**spec, "securityGroups": [group["ID"]]},
            }
        )
        made = await self.cli.json("server", "create", *LIVE, "--port", port, "--wait", name)
        shown = await self.cli.json("port", "show", port)
        self.assertEqual((shown["device_id"], shown["status"]), (made["id"], "ACTIVE"))
        [interface] = (await self.instance())["spec"]["domain"]["devices"]["interfaces"]
        self.assertEqual(interface["macAddress"], "fa:16:3e:12:34:56")
        self.assertEqual(made["security_groups"], [{"name": "default"}])
        self.assertIn("in use", await self.cli.refusal("server", "create", *LIVE, "--port", port, f"{name}-2"))
        await self.cli.text("server", "delete", "--wait", name)
        self.assertEqual(await self.cli.value("port", "show", port, "status"), "DOWN")
        await self.kubectl.delete(*DEMO, "ports.network.dicot.io", port)
        await self.assert_gone()

    async def test_a_security_group_by_name(self) -> None:
        name = f"grouped-{self.tag}"
        create = ("server", "create", *LIVE, "--network", "private", "--security-group")
        made = await self.cli.json(*create, "default", "--wait", name)
        self.assertEqual(made["security_groups"], [{"name": "default"}])
        self.assertIn("No SecurityGroup found", await self.cli.refusal(*create, "nowhere", f"{name}-2"))
        await self.cli.text("server", "delete", "--wait", name)

    async def test_many_at_once(self) -> None:
        name = f"many-{self.tag}"
        count = ("--min", "2", "--max", "3", "--wait")
        await self.cli.text("server", "create", *LIVE, "--network", "private", *count, name)
        made = await self.cli.json("server", "list", "--name", name)
        self.assertEqual(sorted(each["Name"] for each in made), [f"{name}-{number}" for number in (1, 2, 3)])
        self.assertEqual(len({str(each["Networks"]) for each in made}), 3)
        await self.cli.text("server", "delete", "--wait", *(each["ID"] for each in made))
        await self.assert_gone()


class KubectlTests(JourneyCase):
    """A VirtualMachine that Kubernetes' own users made is a server like any other."""

    async def test_one_that_was_applied_lives_and_ends_by_openstack(self) -> None:
        name = f"mine-{self.tag}"
        await self.kubectl.apply(machine(name))
        await self.cli.until_status(name, "ACTIVE")
        [listed] = await self.cli.json("server", "list", "--name", name)
        [interface] = (await self.instance())["status"]["interfaces"]
        self.assertEqual(listed["Networks"], {"private": [interface["ipAddress"]]})
        await self.cli.text("server", "stop", name)
        await self.cli.until_status(name, "SHUTOFF")
        self.assertEqual(await self.names("vmi"), [])
        await self.cli.text("server", "start", name)
        await self.cli.until_status(name, "ACTIVE")
        await self.cli.text("server", "delete", "--wait", name)
        await self.assert_gone()

    async def test_one_that_kubectl_deletes_goes_from_the_list(self) -> None:
        name = f"gone-{self.tag}"
        await self.kubectl.apply(machine(name))
        await self.cli.until_status(name, "ACTIVE")
        await self.kubectl.text("delete", *DEMO, "vm", name)
        self.assertEqual(await self.cli.json("server", "list", "--name", name), [])


class RefusalTests(JourneyCase):
    """What cannot be made is said in Nova's words, and nothing of it stays."""

    async def test_by_kubevirts_admission(self) -> None:
        flavor = f"huge-{self.tag}"
        spec = {"cpu": {"guest": 1}, "memory": {"guest": "128Mi", "hugepages": {"pageSize": "1Gi"}}}
        metadata = {"name": flavor, "annotations": {"dicot.io/flavor-spec": json.dumps({"id": flavor, "disk": 1})}}
        kind = "VirtualMachineClusterInstancetype"
        version = "instancetype.kubevirt.io/v1beta1"
        self.addCleanup(lambda: Deferred.fromCoroutine(self.kubectl.delete(kind, flavor)))
        await self.kubectl.apply({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})
        create = ("server", "create", "--flavor", flavor, "--image", "cirros-live", "--network", "private")
        said = await self.cli.refusal(*create, f"refused-{self.tag}")
        self.assertIn("BadRequestException: 400", said)
        self.assertIn("must be equal to or larger than page size", said)
        self.assertEqual(await self.cli.json("server", "list", "--name", self.tag), [])
        await self.assert_gone()

    async def test_in_novas_words(self) -> None:
        create = ("server", "create", "--network", "private", f"no-{self.tag}", "--image")
        tiny = ("--flavor", "m1.tiny")
        self.assertIn("No Image found for nowhere", await self.cli.refusal(*create, "nowhere", *tiny))
        self.assertIn("No Flavor found for none", await self.cli.refusal(*create, "cirros", "--flavor", "none"))
        said = await self.cli.refusal(*create, "cirros", *tiny, "--key-name", "nobodys")
        self.assertIn("BadRequestException: 400", said)
        self.assertIn("Invalid key_name provided.", said)
        said = await self.cli.refusal(*create, "debian-13", *tiny)
        self.assertIn("Flavor's disk is too small for requested image.", said)
        await self.assert_gone()


class SdkTests(JourneyCase):
    async def test_a_servers_life(self) -> None:
        name = f"sdk-{self.tag}"
        seen = await self.cli.program(SDK, name)
        private = load_pem_private_key(seen["key"]["private"].encode(), None)
        public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        self.assertEqual(seen["key"]["public"].split()[:2], public.split()[:2])
        running = {"name": name, "status": "ACTIVE", "power_state": 1, "key_name": name, "flavor": "m1.tiny"}
        running["metadata"] = {"made": "by sdk"}
        for moment in ("made", "started", "rebooted"):
            self.assertEqual(seen[moment], running, moment)
        self.assertEqual(seen["stopped"], {**running, "status": "SHUTOFF", "power_state": 4})
        self.assertEqual(seen["renamed"], {**running, "name": f"{name}-new"})
        self.assertEqual((seen["listed"], seen["brief"], seen["left"]), ([name], [name], []))
        self.assertEqual((seen["deleted"], seen["key deleted"]), (True, True))
        self.check_refusals(seen["wrong"])
        await self.assert_gone()

    def check_refusals(self, wrong: Any) -> None:
        self.assertEqual(wrong["no server"][0], "NotFoundException")
        for name, text in (
            ("no flavor", "Flavor nope could not be found."),
            ("no image", "Can not find requested image"),
            ("no network", "Network 6a4d3f5e-0000-4000-8000-0123456789ab could not be found."),
        ):
            self.assertEqual(wrong[name], ["BadRequestException", text])
