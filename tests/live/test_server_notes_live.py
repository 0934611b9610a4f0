"""What is noted on a server, with the real commands: its properties, its tags, its lock, what was done to it."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet import reactor

from dicot.cloud.writing.events import APART
from tests.live.case import image_id, new_server
from tests.live.clients import until
from tests.live.daemon import DAEMON
from tests.live.journey import DEMO, JourneyCase
from tests.live.wire import Person, logged_in, side_by_side

SERVERS = "/compute/v2.1/servers"
IMAGE = "cirros-live"
ROUNDS = 5
OLD = {"OpenStack-API-Version": "compute 2.25"}
EVENTS = ("api_lock", "compute_start_instance", "compute_stop_instance", "compute__do_build_and_run_instance")


class NotesCase(JourneyCase):
    async def create(self, name: str, *more: str) -> str:
        """The id of a server that runs."""
        plain = ("server", "create", "--flavor", "m1.tiny", "--image", IMAGE, "--network", "private", "--wait")
        return await self.cli.value(*plain, *more, name, "id")

    async def annotations(self) -> Any:
        """Those of the one VirtualMachine of this test."""
        found = await self.kubectl.objects("vm", *DEMO)
        [one] = [each for each in found if self.tag in each["metadata"]["name"]]
        return one["metadata"]["annotations"]

    async def people(self) -> tuple[Person, Person]:
        """User demo at two replicas."""
        other = await DAEMON.own(reactor, self)
        one = await logged_in(reactor, self.daemon.url, "demo", self.daemon.ground.passwords["demo"])
        return one, one.at(other.url)

    async def running(self, person: Person, name: str) -> str:
        """The address of a server that a person has made, once it runs."""
        made = await person.ask("POST", SERVERS, new_server(name, await image_id(person, IMAGE)))
        path = f"{SERVERS}/{made.document['server']['id']}"

        async def active() -> bool:
            status: str = (await person.ask("GET", path)).document["server"]["status"]
            return status == "ACTIVE"

        await until(reactor, name, active)
        return path


class PropertyTests(NotesCase):
    async def test_set_and_unset(self) -> None:
        name = f"meta-{self.tag}"
        await self.create(name, "--property", "a=1")
        await self.cli.text("server", "set", "--property", "b=two words", "--property", "a=3", name)
        self.assertEqual((await self.cli.json("server", "show", name))["properties"], {"a": "3", "b": "two words"})
        noted = json.loads((await self.annotations())["dicot.io/metadata"])
        self.assertEqual(noted, {"a": "3", "b": "two words"})
        await self.cli.text("server", "unset", "--property", "a", name)
        self.assertEqual((await self.cli.json("server", "show", name))["properties"], {"b": "two words"})
        self.assertIn("item was not found", await self.cli.refusal("server", "unset", "--property", "a", name))
        await self.kubectl.text("annotate", "--overwrite", *DEMO, await self.machine(), 'dicot.io/metadata={"k":"v"}')

        async def shown() -> bool:
            return bool((await self.cli.json("server", "show", name))["properties"] == {"k": "v"})

        await until(reactor, "what kubectl wrote", shown)
        await self.cli.text("server", "delete", "--wait", name)

    async def machine(self) -> str:
        [one] = await self.names("vm")
        return one

    async def test_what_two_replicas_write_at_once_is_all_kept(self) -> None:
        one, other = await self.people()
        path = await self.running(one, f"race-{self.tag}")
        wanted: dict[str, str] = {}
        for round in range(ROUNDS):
            keys = [f"{person}{round}" for person in range(4)]
            wanted |= dict.fromkeys(keys, "x")
            answers = await side_by_side(
                *(
                    person.ask("PUT", f"{path}/metadata/{key}", {"meta": {key: "x"}})
                    for person, key in zip((one, other, one, other), keys, strict=True)
                )
            )
            self.assertEqual([answer.code for answer in answers], [200] * 4, str(answers))
        for person in (one, other):
            shown = (await person.ask("GET", f"{path}/metadata")).document["metadata"]
            self.assertEqual(shown, wanted)
        self.assertEqual((await one.ask("DELETE", path)).code, 204)


class TagTests(NotesCase):
    async def test_set_and_unset(self) -> None:
        name, tag, other = f"tag-{self.tag}", f"one{self.tag}", f"two{self.tag}"
        await self.create(name, "--tag", tag)
        await self.cli.text("server", "set", "--tag", other, "--tag", tag, name)
        self.assertEqual(set(await self.tags(name)), {tag, other})
        self.assertEqual(set(json.loads((await self.annotations())["dicot.io/tags"])), {tag, other})
        for asked, found in (([tag, other], [name]), ([tag, "no"], [])):
            listed = await self.cli.json("server", "list", *(word for each in asked for word in ("--tags", each)))
            self.assertEqual([each["Name"] for each in listed], found)
        await self.cli.text("server", "unset", "--tag", other, name)
        self.assertEqual(await self.tags(name), [tag])
        self.assertIn("has no tag", await self.cli.refusal("server", "unset", "--tag", other, name))
        await self.cli.text("server", "delete", "--wait", name)

    async def tags(self, name: str) -> Any:
        return (await self.cli.json("server", "show", name))["tags"]

    async def test_every_tag_of_two_replicas_is_kept(self) -> None:
        one, other = await self.people()
        path = await self.running(one, f"tags-{self.tag}")
        asked = [f"t{number}" for number in range(6)]
        answers = await side_by_side(
            *(person.ask("PUT", f"{path}/tags/{tag}") for person, tag in zip((one, other) * 3, asked, strict=True))
        )
        self.assertEqual([answer.code for answer in answers], [201] * 6, str(answers))
        self.assertIn(f"{path}/tags/t0", answers[0].headers["location"])
        for person in (one, other):
            self.assertEqual(sorted((await person.ask("GET", f"{path}/tags")).document["tags"]), asked)
        self.assertEqual((await other.ask("PUT", f"{path}/tags/t0")).code, 204)
        self.assertEqual((await other.ask("GET", f"{path}/tags/t0")).code, 204)
        self.assertEqual((await other.ask("GET", f"{path}/tags", headers=OLD)).code, 404)
        self.assertEqual((await one.ask("DELETE", path)).code, 204)


class LockTests(NotesCase):
    async def test_lock_and_unlock(self) -> None:
        name = f"lock-{self.tag}"
        id = await self.create(name)
        await self.cli.text("server", "lock", "--reason", "hands off", name)
        shown = await self.cli.json("server", "show", name)
        self.assertEqual((shown["locked"], shown["locked_reason"]), (True, "hands off"))
        self.assertEqual(
            json.loads((await self.annotations())["dicot.io/lock"]), {"by": "owner", "reason": "hands off"}
        )
        for words in (("stop",), ("delete",), ("set", "--property", "a=1")):
            refusal = await self.cli.refusal("server", words[0], *words[1:], name)
            self.assertIn(f"Instance {id} is locked", refusal)
        for word, found in (("--locked", [name]), ("--unlocked", [])):
            listed = await self.cli.json("server", "list", word, "--name", name)
            self.assertEqual([each["Name"] for each in listed], found)
        await self.cli.text("server", "unlock", name)
        admin = self.cli.as_admin()
        await admin.text("server", "lock", id)
        self.assertIn("unlock_override", await self.cli.refusal("server", "unlock", name))
        await admin.text("server", "set", "--property", "a=1", id)
        await admin.text("server", "unlock", id)
        await self.cli.text("server", "delete", "--wait", name)


class EventTests(NotesCase):
    async def test_what_was_done_is_listed(self) -> None:
        name = f"log-{self.tag}"
        id = await self.create(name)
        await self.cli.text("server", "stop", name)
        await self.cli.until_status(name, "SHUTOFF")
        await self.cli.text("server", "start", name)
        await self.cli.until_status(name, "ACTIVE")
        await self.cli.text("server", "lock", name)
        await self.cli.text("server", "unlock", name)
        other = await DAEMON.own(reactor, self)
        for cli in (self.cli, self.cli.at(other)):
            listed = await cli.json("server", "event", "list", name)
            self.assertEqual([each["Action"] for each in listed], ["unlock", "lock", "start", "stop", "create"])
            self.assertEqual({each["Server ID"] for each in listed}, {id})
        for each, event in zip(listed[1:], EVENTS, strict=True):
            shown = await self.cli.json("server", "event", "show", name, each["Request ID"])
            self.assertEqual((shown["action"], shown["message"]), (each["Action"], None))
            self.assertEqual((shown["user_id"], len(shown["project_id"])), (await self.user(), 32))
            [found] = shown["events"]
            self.assertEqual((found["event"], found["result"]), (event, "Success"), str(shown))
            self.assertGreaterEqual(found["finish_time"], found["start_time"][:19])
        noted = [key for key in await self.annotations() if key.startswith("dicot.io/action-")]
        self.assertEqual(set(noted), {f"dicot.io/action-{each['Request ID']}" for each in listed[:-1]})
        self.assertIn("not found", await self.cli.refusal("server", "event", "show", name, "req-none"))
        await self.cli.text("server", "delete", "--wait", name)
        await self.remember(id, [each["Request ID"] for each in listed])

    async def test_kubectl_describes_it(self) -> None:
        """Each action is an Event of its machine, and many of one sort are counted in one."""
        passwords = self.daemon.ground.passwords
        person = await logged_in(reactor, self.daemon.url, "demo", passwords["demo"])
        path = await self.running(person, f"told-{self.tag}")
        requests = []
        for number in range(2 * (APART + 2)):
            action = {"unlock" if number % 2 else "lock": None}
            answer = await person.ask("POST", f"{path}/action", action)
            self.assertEqual(answer.code, 202, str(answer))
            requests.append(answer.headers["x-openstack-request-id"])
        [machine] = await self.names("vm")
        user = (await self.annotations())["dicot.io/user-id"]

        async def told() -> bool:
            return (await self.described(machine)).count("combined") == 2

        await until(reactor, "Events of locks and unlocks", told)
        text = await self.described(machine)
        self.assertRegex(text, rf"Normal +ServerCreate +\S+ +dicot +Requested by user {user} \(req-[-0-9a-f]{{36}}\)")
        for request in requests[: 2 * APART]:
            self.assertIn(f"Requested by user {user} ({request})\n", text)
        last = rf"ServerUnlock +\S+ \(x2 over \S+\) +dicot +\(combined from similar events\): .*\({requests[-1]}\)"
        self.assertRegex(text, last)
        self.assertEqual((await person.ask("DELETE", path)).code, 204)

        async def gone() -> bool:
            return "ServerDelete" in await self.reasons(machine)

        await until(reactor, "the Event of a deletion", gone)
        self.assertEqual(len(await self.reasons(machine)), 2 * (APART + 1) + 2)

    async def described(self, machine: str) -> str:
        """The Events that kubectl lists of a machine."""
        return (await self.kubectl.text("describe", machine, *DEMO)).partition("\nEvents:")[2]

    async def reasons(self, machine: str) -> list[str]:
        """Of all Events that Dicot has written about a machine."""
        about = f"involvedObject.name={machine.rpartition('/')[2]}"
        found = await self.kubectl.objects("events", *DEMO, "--field-selector", about)
        return [each["reason"] for each in found if each["source"].get("component") == "dicot"]

    async def remember(self, id: str, requests: list[str]) -> None:
        """The log of a server that is gone: for its project, at any replica, and for kubectl."""
        one, other = await self.people()
        path = f"{SERVERS}/{id}/os-instance-actions"
        for person in (one, other):
            deletion, *others = (await person.ask("GET", path)).document["instanceActions"]
            self.assertEqual((deletion["action"], [each["request_id"] for each in others]), ("delete", requests))
        self.assertEqual((await one.ask("GET", path, headers={"OpenStack-API-Version": "compute 2.20"})).code, 404)
        found = await self.kubectl.objects("serverlogs.compute.dicot.io", *DEMO, "-l", f"dicot.io/id={id}")
        [spec] = [each["spec"] for each in found]
        self.assertEqual([each["action"] for each in spec["actions"]][:2], ["delete", "unlock"])

    async def user(self) -> str:
        return await self.cli.value("token", "issue", "user_id")
