"""What a daemon answers at every microversion of Nova, held to Nova's own schemas and to Tempest's clients."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from twisted.internet import reactor

from dicot.web.dialect import Version
from tests.live.case import LiveCase, image_id
from tests.live.clients import Kubectl, until
from tests.live.test_servers_live import machine
from tests.live.wire import Heard, Person
from tests.oracle.nova import oracle, spelled

ONLY_ON = "sandbox"
BASE = "/compute/v2.1"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8tN0Q1Zyl3VvJkSTjDbJ4OeyDcQTIRY8zJj0ZnS0lY somebody"


class MicroversionTests(LiveCase):
    """A server with all that it may have, one that is stopped, one of kubectl's, a flavor with specs, a keypair."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.tag = uuid4().hex[:6]
        self.kubectl = Kubectl(reactor, self.daemon)
        self.key, self.flavor = f"key-{self.tag}", f"flavor-{self.tag}"
        await self.demo.ask("POST", f"{BASE}/os-keypairs", {"keypair": {"name": self.key, "public_key": PUBLIC_KEY}})
        await self.kubectl.apply(machine(f"mine-{self.tag}"), self.instancetype())
        self.servers = [await self.made("whole"), await self.made("stopped")]
        await self.reaches(self.servers[0], "ACTIVE")
        await self.reaches(self.servers[1], "ACTIVE")
        await self.demo.ask("POST", f"{BASE}/servers/{self.servers[1]}/action", {"os-stop": None})
        await self.reaches(self.servers[1], "SHUTOFF")
        listed = await self.demo.ask("GET", f"{BASE}/servers?name=mine-{self.tag}")
        self.servers.append(listed.document["servers"][0]["id"])

    async def tearDown(self) -> None:  # type: ignore[override]
        for id in self.servers:
            await self.demo.ask("DELETE", f"{BASE}/servers/{id}")
        await self.demo.ask("DELETE", f"{BASE}/os-keypairs/{self.key}")
        await self.kubectl.delete("virtualmachineclusterinstancetype", self.flavor)

    def instancetype(self) -> dict[str, Any]:
        spec = {
            "id": self.flavor,
            "disk": 3,
            "swap": 64,
            "description": "it",
            "extraSpecs": {"hw:cpu_policy": "shared"},
        }
        return {
            "apiVersion": "instancetype.kubevirt.io/v1beta1",
            "kind": "VirtualMachineClusterInstancetype",
            "metadata": {"name": self.flavor, "annotations": {"dicot.io/flavor-spec": json.dumps(spec)}},
            "spec": {"cpu": {"guest": 1}, "memory": {"guest": "64Mi"}},
        }

    async def made(self, name: str) -> str:
        """The id of a new server."""
        wanted = {
            "name": f"{name}-{self.tag}",
            "flavorRef": "1",
            "imageRef": await image_id(self.demo, "cirros-live"),
            "networks": "auto",
            "key_name": self.key,
            "metadata": {"a": "1"},
            "tags": ["x", "y"],
            "description": "for a while",
            "hostname": "somewhere",
        }
        answer = await self.demo.ask("POST", f"{BASE}/servers", {"server": wanted})
        self.assertEqual(answer.code, 202, answer)
        return str(answer.document["server"]["id"])

    async def reaches(self, id: str, status: str) -> None:
        async def seen() -> bool:
            answer = await self.demo.ask("GET", f"{BASE}/servers/{id}")
            return bool(answer.document["server"]["status"] == status)

        await until(reactor, f"{id} to be {status}", seen)

    async def asked(self, person: Person, method: str, path: str, version: Version, body: object = None) -> Heard:
        headers = {"OpenStack-API-Version": f"compute {spelled(version)}"}
        return await person.ask(method, path, body, headers)

    async def check(
        self,
        person: Person,
        version: Version,
        path: str,
        call: str,
        *arguments: Any,
        method: str = "GET",
        **more: Any,
    ) -> None:
        """Ask the daemon, and both what they say to its answer."""
        answer = await self.asked(person, method, BASE + path, version, more.pop("body", None))
        content = json.loads(answer.body) if answer.body else None
        plain = path.partition("?")[0]
        said = oracle().answers(method, plain, version, content)
        note = f"{method} {path} at {version}: {answer}"
        self.assertEqual((answer.code, said["wrong"]), (said["code"], None), note)
        said = oracle().tempest(call, version, answer.code, answer.headers, answer.body, *arguments, **more)
        self.assertIsNone(said["wrong"], note)
        self.assertEqual((said["asked"][0], urlsplit(said["asked"][1]).path), (method, plain), note)

    async def test_servers(self) -> None:
        for version in oracle().versions():
            for person, query in ((self.demo, ""), (self.admin, "?all_tenants=1")):
                more: dict[str, Any] = {"all_tenants": 1} if query else {}
                await self.check(person, version, f"/servers{query}", "ServersClient.list_servers", **more)
                path, call = f"/servers/detail{query}", "ServersClient.list_servers"
                await self.check(person, version, path, call, detail=True, **more)
                id = self.servers[version[1] % len(self.servers)]
                await self.check(person, version, f"/servers/{id}", "ServersClient.show_server", id)
                await self.check(person, version, f"/servers/{id}/ips", "ServersClient.list_addresses", id)
            path, call = f"/servers/{self.servers[0]}/ips/private", "ServersClient.list_addresses_by_network"
            await self.check(self.demo, version, path, call, self.servers[0], "private")

    async def test_flavors(self) -> None:
        id, key = self.flavor, "hw:cpu_policy"
        for version in oracle().versions():
            for person in (self.demo, self.admin):
                await self.check(person, version, "/flavors", "FlavorsClient.list_flavors")
                await self.check(person, version, "/flavors/detail", "FlavorsClient.list_flavors", detail=True)
                await self.check(person, version, f"/flavors/{id}", "FlavorsClient.show_flavor", id)
            path, call = f"/flavors/{id}/os-extra_specs", "FlavorsClient.list_flavor_extra_specs"
            await self.check(self.demo, version, path, call, id)
            call = "FlavorsClient.show_flavor_extra_spec"
            await self.check(self.demo, version, f"{path}/{key}", call, id, key)

    async def test_keypairs(self) -> None:
        for version in oracle().versions():
            name = f"{self.tag}-{version[1]}"
            keypair = {"name": name} | ({"public_key": PUBLIC_KEY} if version[1] > 91 or version[1] % 9 else {})
            call, paths = "KeyPairsClient.create_keypair", "/os-keypairs"
            body = {"keypair": keypair}
            await self.check(self.demo, version, paths, call, method="POST", body=body, **keypair)
            await self.check(self.demo, version, paths, "KeyPairsClient.list_keypairs")
            await self.check(self.demo, version, f"{paths}/{name}", "KeyPairsClient.show_keypair", name)
            path, call = f"{paths}/{name}", "KeyPairsClient.delete_keypair"
            await self.check(self.demo, version, path, call, name, method="DELETE")

    async def test_versions(self) -> None:
        [first, *_, last] = oracle().versions()
        for version in (first, last):
            whole = await self.asked(self.demo, "GET", f"{BASE}/", version)
            self.assertIsNone(oracle().answers("GET", "/", version, whole.document)["wrong"])
            ends = (whole.document["version"]["min_version"], whole.document["version"]["version"])
            self.assertEqual(ends, (spelled(first), spelled(last)))
            one = oracle().tempest(
                "VersionsClient.get_version_by_url", version, whole.code, whole.headers, whole.body, BASE
            )
            self.assertIsNone(one["wrong"])
            listed = await self.asked(self.demo, "GET", "/compute/", version)
            said = oracle().tempest("VersionsClient.list_versions", version, listed.code, listed.headers, listed.body)
            self.assertIsNone(said["wrong"])
