"""What requests refer to: things that do not exist, and things of others, which are the same to who asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from dicot.names import CONTAINER_DISK, ID, network_id
from tests.cluster.control import Control
from tests.live.case import LiveCase, image_id, new_server
from tests.live.wire import nameless

SERVERS = "/compute/v2.1/servers"
IMAGE_SOURCES = "/apis/cdi.kubevirt.io/v1beta1/namespaces/admin/datasources"
GROUPS = "/apis/network.dicot.io/v1/namespaces/admin/securitygroups"
LIVE = "cirros-live"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDJ6Jz0kBfD4sFv7Wf5h0l4v6n0c2bq3m1x9y8z7w6v5 a@b"


class UnknownTests(LiveCase):
    """A create that names what is not there: Nova's own sentences."""

    async def refuses(self, text: str, **more: object) -> None:
        name, image = f"unknown-{uuid4().hex[:8]}", await image_id(self.demo, LIVE)
        answer = await self.demo.ask("POST", SERVERS, new_server(name, image, **more))
        self.refused("compute", answer, 400, text, about=str(more))
        left = await self.demo.ask("GET", f"{SERVERS}?name={name}")
        self.assertEqual(left.document, {"servers": []})

    async def test_images(self) -> None:
        await self.refuses("Can not find requested image", imageRef=str(uuid4()))
        await self.refuses("imageRef", imageRef="no-uuid")
        await self.refuses("Missing imageRef attribute", imageRef="")

    async def test_flavors(self) -> None:
        for flavor in ("none", "99", str(uuid4()), "x" * 300):
            await self.refuses(f"Flavor {flavor} could not be found.", flavorRef=flavor)

    async def test_networks(self) -> None:
        id = str(uuid4())
        await self.refuses(f"Network {id} could not be found.", networks=[{"uuid": id}])
        await self.refuses("networks", networks=[{"uuid": "no-uuid"}])
        await self.refuses(f"Port id {id} could not be found.", networks=[{"port": id}])
        await self.refuses(
            "Fixed IP not found", networks=[{"uuid": network_id("private"), "fixed_ip": "203.0.113.1"}]
        )

    async def test_keys_and_groups(self) -> None:
        await self.refuses("Invalid key_name provided.", key_name="none")
        await self.refuses("Unable to find security_group with name or id 'none'", security_groups=[{"name": "none"}])
        await self.refuses("The requested availability zone is not available", availability_zone="none")


@dataclass(frozen=True, slots=True)
class Owned:
    """What the administrator's project has; demo has no part in it."""

    server: str
    port: str
    image: str
    group: str
    keypair: str


class ForeignTests(LiveCase):
    """Another project's things, as demo sees them: as if they did not exist."""

    async def test_reads_and_writes(self) -> None:
        async with owned(self) as theirs:
            for service, method, path, id, body in (
                ("compute", "GET", f"{SERVERS}/{{}}", theirs.server, None),
                ("compute", "GET", f"{SERVERS}/{{}}/ips", theirs.server, None),
                ("compute", "GET", f"{SERVERS}/{{}}/ips/private", theirs.server, None),
                ("compute", "PUT", f"{SERVERS}/{{}}", theirs.server, {"server": {"name": "mine"}}),
                ("compute", "DELETE", f"{SERVERS}/{{}}", theirs.server, None),
                ("compute", "POST", f"{SERVERS}/{{}}/action", theirs.server, {"os-stop": None}),
                ("compute", "POST", f"{SERVERS}/{{}}/action", theirs.server, {"os-start": None}),
                ("compute", "POST", f"{SERVERS}/{{}}/action", theirs.server, {"reboot": {"type": "HARD"}}),
                ("image", "GET", "/image/v2/images/{}", theirs.image, None),
                ("network", "GET", "/network/v2.0/ports/{}", theirs.port, None),
                ("network", "GET", "/network/v2.0/security-groups/{}", theirs.group, None),
            ):
                await self.alike(service, 404, method, path, id, str(uuid4()), body)

    async def test_own_and_others_names(self) -> None:
        async with owned(self) as theirs:
            keypairs = "/compute/v2.1/os-keypairs/{}"
            await self.alike("compute", 404, "GET", keypairs, theirs.keypair, "nobodys")
            await self.alike("compute", 404, "DELETE", keypairs, theirs.keypair, "nobodys")
            asked = keypairs + f"?user_id={self.admin.user}"
            await self.alike("compute", 403, "GET", asked, theirs.keypair, "nobodys")

    async def test_projects_and_users(self) -> None:
        """Keystone says 403 to both."""
        nobody = uuid4().hex
        await self.alike("identity", 403, "GET", "/identity/v3/projects/{}", self.admin.project, nobody)
        await self.alike("identity", 403, "GET", "/identity/v3/users/{}", self.admin.user, nobody)
        await self.alike("identity", 403, "GET", "/identity/v3/users/{}/projects", self.admin.user, nobody)

    async def test_references_in_bodies(self) -> None:
        image = await image_id(self.demo, LIVE)
        async with owned(self) as theirs:
            for field, id, value in (
                ("imageRef", theirs.image, "{}"),
                ("networks", theirs.port, [{"port": "{}"}]),
                ("security_groups", theirs.group, [{"name": "{}"}]),
                ("key_name", theirs.keypair, "{}"),
            ):
                body = new_server("reaching", image, **{field: value})
                await self.alike("compute", 400, "POST", SERVERS, id, str(uuid4()), body)

    async def test_lists_do_not_widen(self) -> None:
        async with owned(self) as theirs:
            for query in (
                "",
                f"?project_id={self.admin.project}",
                f"?tenant_id={self.admin.project}",
                f"?uuid={theirs.server}",
                f"?user_id={self.admin.user}",
            ):
                answer = await self.demo.ask("GET", f"{SERVERS}/detail{query}")
                self.assertEqual(answer.code, 200, str(answer))
                self.assertNotIn(theirs.server, answer.body.decode())
            everybody = await self.demo.ask("GET", f"{SERVERS}?all_tenants=1")
            self.refused("compute", everybody, 403)
            for path, key in (
                ("/image/v2/images", "owner"),
                ("/image/v2/images", "project_id"),
                ("/network/v2.0/ports", "project_id"),
                ("/network/v2.0/ports", "tenant_id"),
                ("/network/v2.0/security-groups", "project_id"),
            ):
                for query in ("", f"?{key}={self.admin.project}"):
                    answer = await self.demo.ask("GET", path + query)
                    self.assertEqual(answer.code, 200, str(answer))
                    for id in (theirs.server, theirs.port, theirs.image, theirs.group):
                        self.assertNotIn(id, answer.body.decode())

    async def alike(
        self, service: str, code: int, method: str, path: str, theirs: str, nobodys: str, body: object = None
    ) -> None:
        """Both ids are refused in the same bytes but for the ids."""
        answers = []
        for id in (theirs, nobodys):
            answer = await self.demo.ask(method, path.format(id), filled(body, id))
            self.refused(service, answer, code, about=f"{method} {path}")
            answers.append(nameless(answer, id))
        self.assertEqual(*answers)


def filled(body: Any, id: str) -> Any:
    """A body with an id in the place of each {}."""
    match body:
        case str():
            return body.replace("{}", id)
        case dict():
            return {key: filled(value, id) for key, value in body.items()}
        case list():
            return [filled(value, id) for value in body]
    return body


@asynccontextmanager
async def owned(case: LiveCase) -> AsyncIterator[Owned]:
    """Things of the administrator's project, as long as they are needed; they are really there for their owner."""
    admin, mark = case.admin, uuid4().hex[:8]
    image = await made(case.cluster, IMAGE_SOURCES, "cdi.kubevirt.io/v1beta1", "DataSource", {"source": {}})
    spec = {"formatVersion": 1, "name": f"theirs-{mark}"}
    group = await made(case.cluster, GROUPS, "network.dicot.io/v1", "SecurityGroup", spec)
    keypair = f"theirs-{mark}"
    key = {"keypair": {"name": keypair, "public_key": PUBLIC_KEY}}
    answer = await admin.ask("POST", "/compute/v2.1/os-keypairs", key)
    case.assertEqual(answer.code, 201, str(answer))

    async def seen() -> bool:
        answers = [
            await admin.ask("GET", f"/image/v2/images/{image}"),
            await admin.ask("GET", f"/network/v2.0/security-groups/{group}"),
        ]
        return all(answer.code == 200 for answer in answers)

    await case.cluster.until(10, "the foreign image and group", seen)
    body = new_server("theirs", image, security_groups=[{"name": group}], key_name=keypair)
    answer = await admin.ask("POST", SERVERS, body)
    case.assertEqual(answer.code, 202, str(answer))
    server = str(answer.document["server"]["id"])
    ports = (await admin.ask("GET", f"/network/v2.0/ports?device_id={server}")).document["ports"]
    try:
        yield Owned(server, ports[0]["id"], image, group, keypair)
        for path in (f"{SERVERS}/{server}", f"/network/v2.0/ports/{ports[0]['id']}"):
            case.assertEqual((await admin.ask("GET", path)).code, 200, "it was touched")
    finally:
        await admin.ask("DELETE", f"{SERVERS}/{server}")
        await admin.ask("DELETE", f"/compute/v2.1/os-keypairs/{keypair}")
        for path, id in ((IMAGE_SOURCES, image), (GROUPS, group)):
            await case.cluster.change("DELETE", f"{path}/theirs-{id[:8]}")


async def made(control: Control, path: str, version: str, kind: str, spec: object) -> str:
    """The id of a new object in the administrator's namespace."""
    id = str(uuid4())
    metadata = {
        "name": f"theirs-{id[:8]}",
        "labels": {ID: id},
        "annotations": {CONTAINER_DISK: "registry.invalid/disk"},
    }
    await control.change("POST", path, {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})
    return id
