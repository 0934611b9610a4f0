"""The journey of a new user: keys, a server from its making to its end, and what Kubernetes sees of it."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key
from twisted.internet import reactor

from dicot.sandbox.seed import FLAVORS, IMAGES, LIVE_IMAGE
from tests.live.clients import until
from tests.live.journey import DEMO, JourneyCase

USER_DATA = "#cloud-config\npackages: [htop]\n"
PUBLIC = (Encoding.OpenSSH, PublicFormat.OpenSSH)


def new_public_key() -> str:
    """What lies in ~/.ssh/id_ed25519.pub."""
    return Ed25519PrivateKey.generate().public_key().public_bytes(*PUBLIC).decode() + " me@home"


def fingerprint(public: str) -> str:
    """The MD5 fingerprint of a public key, as Nova shows it."""
    digest = hashlib.md5(base64.b64decode(public.split()[1]), usedforsecurity=False).hexdigest()
    return ":".join(digest[at : at + 2] for at in range(0, 32, 2))


class LookTests(JourneyCase):
    """What a person looks at first."""

    async def test_a_token_says_who_it_is_for(self) -> None:
        token = await self.cli.json("token", "issue")
        self.assertGreater(len(token["id"]), 32)
        shown = await self.cli.json("catalog", "list")
        self.assertEqual(sorted(each["Type"] for each in shown), ["compute", "identity", "image", "network"])
        self.assertIn(self.daemon.url, str(shown))

    async def test_flavors_images_and_networks_are_there(self) -> None:
        flavors = {each["Name"]: each for each in await self.cli.json("flavor", "list")}
        for flavor in FLAVORS:
            shown = flavors[flavor.name]
            self.assertEqual((shown["ID"], shown["RAM"], shown["Disk"]), (flavor.id, flavor.ram, flavor.disk))
        images = {each["Name"]: each["Status"] for each in await self.cli.json("image", "list")}
        for name in (*(image.name for image in IMAGES), LIVE_IMAGE[0]):
            self.assertEqual(images[name], "active")
        [network] = await self.cli.json("network", "list")
        [subnet] = await self.cli.json("subnet", "list")
        self.assertEqual((network["Name"], network["Subnets"]), ("private", [subnet["ID"]]))

    async def test_the_command_is_the_one_that_a_person_types(self) -> None:
        """What a fork of the client prints, and how it ends, is no other thing than what a shell starts."""
        for words in (("flavor", "list", "-f", "json"), ("server", "show", "nobody"), ("server", "list", "--wrong")):
            typed = await self.cli.typed().run(*words)
            self.assertEqual(typed, await self.cli.run(*words))
            self.assertEqual(typed.code == 0, words[0] == "flavor")

    async def test_zones_are_listed_for_members_who_may_not_see_hosts(self) -> None:
        """openstackclient asks for the hosts first, and falls back only on a 403."""
        mine = {each["Zone Name"] for each in await self.cli.json("availability", "zone", "list", "--compute")}
        detail = await self.cli.as_admin().json("availability", "zone", "list", "--compute", "--long")
        self.assertEqual(mine, {"zone-1", "zone-2"})
        self.assertEqual(mine, {each["Zone Name"] for each in detail})
        self.assertLessEqual({"node-1", "node-2"}, {each["Host Name"] for each in detail})
        asked = [line for line in self.daemon.access_log.read_text().splitlines() if "zone/detail" in line]
        self.assertTrue(any('"status": 403' in line for line in asked))


class KeyTests(JourneyCase):
    async def test_one_that_exists_is_uploaded(self) -> None:
        name, public = f"k-{self.tag}", new_public_key()
        file = Path(self.mktemp())
        file.write_text(public + "\n")
        made = await self.cli.json("keypair", "create", "--public-key", str(file.resolve()), name)
        self.assertEqual(made["fingerprint"], fingerprint(public))
        self.assertIn(name, [each["Name"] for each in await self.cli.json("keypair", "list")])
        objects = await self.kubectl.objects("keypairs.compute.dicot.io", "-n", "dicot-system")
        [spec] = [each["spec"] for each in objects if each["spec"]["name"] == name]
        self.assertEqual(spec["publicKey"].strip(), public)
        self.assertIn("already exists", await self.cli.refusal("keypair", "create", "--public-key", str(file), name))
        await self.cli.text("keypair", "delete", name)
        self.assertIn(name, await self.cli.refusal("keypair", "show", name))
        claims = await self.kubectl.objects("nameclaims.identity.dicot.io", "-n", "dicot-system")
        self.assertNotIn(name, [claim["spec"]["name"] for claim in claims])

    async def test_one_that_the_command_makes_fits_what_is_kept(self) -> None:
        name, file = f"k2-{self.tag}", Path(self.mktemp()).resolve()
        printed = await self.cli.text("keypair", "create", name)
        await self.check_pair(name, printed.strip() + "\n")
        await self.cli.text("keypair", "create", "--private-key", str(file), f"{name}-file")
        await self.check_pair(f"{name}-file", file.read_text())

    async def check_pair(self, name: str, private: str) -> None:
        public = load_ssh_private_key(private.encode(), None).public_key().public_bytes(*PUBLIC).decode()
        kept = (await self.cli.text("keypair", "show", "--public-key", name)).split()
        self.assertEqual(kept[:2], public.split()[:2])
        await self.cli.text("keypair", "delete", name)


class ServerTests(JourneyCase):
    """One server from its making to its end, line by line as in the README."""

    async def test_from_create_to_delete(self) -> None:
        name, key = f"web1-{self.tag}", f"k-{self.tag}"
        await self.upload(key)
        made = await self.create(name, key)
        await self.look(name, made)
        await self.see_in_kubernetes(made["id"])
        await self.stop_and_start(name)
        await self.reboot(name)
        await self.cli.text("server", "set", "--name", f"web2-{self.tag}", name)
        self.assertEqual(await self.cli.value("server", "show", made["id"], "name"), f"web2-{self.tag}")
        self.assertIn("No Server found", await self.cli.refusal("server", "show", name))
        await self.cli.text("server", "delete", "--wait", f"web2-{self.tag}")
        self.assertIn("No Server found", await self.cli.refusal("server", "show", made["id"]))
        await self.assert_gone()
        await self.assert_forgotten(made["id"])
        await self.cli.text("keypair", "delete", key)

    async def upload(self, key: str) -> None:
        self.public = new_public_key()
        file = Path(self.mktemp())
        file.write_text(self.public)
        await self.cli.text("keypair", "create", "--public-key", str(file.resolve()), key)

    async def create(self, name: str, key: str) -> Any:
        file = Path(self.mktemp())
        file.write_text(USER_DATA)
        made = await self.cli.json(
            *("server", "create", "--flavor", "m1.small", "--image", "debian-13", "--network", "private"),
            *("--key-name", key, "--user-data", str(file.resolve()), "--property", "a=b", "--wait", name),
        )
        self.assertEqual((made["name"], made["status"], made["key_name"]), (name, "ACTIVE", key))
        self.assertEqual((made["OS-EXT-STS:vm_state"], made["OS-EXT-STS:task_state"]), ("active", None))
        self.assertEqual(made["properties"], {"a": "b"})
        self.assertEqual((made["flavor"]["name"], made["image"].split()[0]), ("m1.small", "debian-13"))
        self.assertEqual(base64.b64decode(made["OS-EXT-SRV-ATTR:user_data"]).decode(), USER_DATA)
        self.assertTrue(made["OS-SRV-USG:launched_at"])
        return made

    async def look(self, name: str, made: Any) -> None:
        [brief] = [each for each in await self.cli.json("server", "list") if each["Name"] == name]
        self.assertEqual((brief["Status"], brief["Image"], brief["Flavor"]), ("ACTIVE", "debian-13", "m1.small"))
        self.assertEqual(brief["Networks"], made["addresses"])
        [long] = await self.cli.json("server", "list", "--long", "--name", name, "--status", "ACTIVE")
        self.assertEqual((long["ID"], long["Power State"]), (made["id"], 1))
        self.assertEqual((long["Properties"], long["Task State"]), ({"a": "b"}, None))
        self.assertIn(long["Availability Zone"], ("zone-1", "zone-2"))
        self.assertEqual(await self.cli.json("server", "list", "--name", name, "--status", "SHUTOFF"), [])
        self.assertEqual(await self.cli.json("server", "list", "--name", f"no-{name}"), [])
        [port] = await self.cli.json("port", "list", "--server", made["id"])
        [addresses] = made["addresses"].values()
        self.assertEqual([each["ip_address"] for each in port["Fixed IP Addresses"]], addresses)

    async def see_in_kubernetes(self, id: str) -> None:
        found = await self.kubectl.objects("vm,vmi,dv,pvc,secret,ports.network.dicot.io", *DEMO)
        mine = [each for each in found if self.tag in each["metadata"]["name"]]
        kinds = [each["kind"] for each in mine]
        one_each = {"VirtualMachine", "VirtualMachineInstance", "DataVolume", "PersistentVolumeClaim", "Port"}
        self.assertEqual(sorted(kinds), sorted([*one_each, "Secret", "Secret"]))
        [machine] = [each for each in mine if each["kind"] == "VirtualMachine"]
        self.assertEqual(machine["metadata"]["labels"]["dicot.io/id"], id)
        [disk] = machine["spec"]["dataVolumeTemplates"]
        source = {"kind": "DataSource", "name": "debian-13", "namespace": "dicot-images"}
        self.assertEqual(disk["spec"]["sourceRef"], source)
        secrets = [base64.b64decode(text).decode() for each in mine for text in each.get("data", {}).values()]
        self.assertIn(USER_DATA, secrets)
        self.assertIn(self.public, [text.strip() for text in secrets])

    async def stop_and_start(self, name: str) -> None:
        await self.cli.text("server", "stop", name)
        await self.cli.until_status(name, "SHUTOFF")
        [stopped] = await self.cli.json("server", "list", "--name", name, "--status", "SHUTOFF")
        self.assertEqual(stopped["Networks"], {})
        self.assertEqual(await self.names("vmi,pod"), [])
        self.assertIn("Cannot 'stop' instance", await self.cli.refusal("server", "stop", name))
        await self.cli.text("server", "start", name)
        await self.cli.until_status(name, "ACTIVE")
        self.assertEqual((await self.instance())["status"]["phase"], "Running")

    async def reboot(self, name: str) -> None:
        before = (await self.instance())["metadata"]["uid"]
        await self.cli.text("server", "reboot", "--soft", "--wait", name)
        self.assertEqual((await self.instance())["metadata"]["uid"], before)
        self.assertIn("Complete", await self.cli.text("server", "reboot", "--hard", "--wait", name))
        await self.cli.until_status(name, "ACTIVE")

        async def another() -> bool:
            uid: str = (await self.instance())["metadata"]["uid"]
            return bool(uid != before)

        await until(reactor, "another instance", another)
