"""Quotas, limits, server groups and usage, as a person asks for them with ``openstack``."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from tests.live.case import kubernetes
from tests.live.clients import until
from tests.live.journey import DEMO, JourneyCase

QUOTAS = "/api/v1/namespaces/demo/resourcequotas"
OWN = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "dicot", "namespace": "demo", "annotations": {"dicot.io/quota": '{"cores": 1234}'}},
    "spec": {"hard": {"count/securitygroups.network.dicot.io": "17"}},
}


COLUMNS = ("Name", "Value")


def by(rows: list[Any], key: str, value: str) -> dict[str, Any]:
    """A table of two columns as a mapping."""
    return {row[key]: row[value] for row in rows}


class QuotaTests(JourneyCase):
    async def quotas(self, *words: str) -> dict[str, Any]:
        return by(await self.cli.json("quota", "show", *words), "Resource", "Limit")

    async def test_a_new_user_looks_at_quotas(self) -> None:
        found = await self.quotas()
        self.assertEqual((found["key-pairs"], found["properties"], found["server-groups"]), (100, 128, 10))
        self.assertEqual((found["ports"], found["security_groups"]), (-1, -1))
        default = await self.quotas("--default")
        self.assertEqual((default["instances"], default["cores"], default["ram"]), (10, 20, 51200))
        rows = {row["Resource"]: row for row in await self.cli.json("quota", "show", "--usage")}
        used = {name: (rows[name]["Limit"], rows[name]["In Use"], rows[name]["Reserved"]) for name in rows}
        self.assertEqual(used["security_groups"], (-1, 1, 0))
        self.assertEqual(used["security_group_rules"], (-1, 4, 0))
        self.assertEqual(used["networks"], (-1, 0, 0))
        self.assertEqual(used["key-pairs"], (100, "N/A", 0))
        self.assertEqual(set(await self.quotas("--network")) & {"cores", "networks"}, {"networks"})

    async def test_limits(self) -> None:
        for words in (("--absolute",), ("--absolute", "--reserved")):
            found = by(await self.cli.json("limits", "show", *words), *COLUMNS)
            self.assertEqual((found["max_total_keypairs"], found["max_server_meta"]), (100, 128))
            self.assertEqual((found["max_total_floating_ips"], found["personality"]), (-1, 0))
        self.assertEqual(await self.cli.json("limits", "show", "--rate"), [])

    async def test_a_project_has_amounts_of_its_own(self) -> None:
        """They are told, and Kubernetes counts what it can: the administrator sees both by the project's id."""
        project = await self.cli.value("token", "issue", "project_id")
        self.addCleanup(lambda: Deferred.fromCoroutine(self.kubectl.delete(*DEMO, "resourcequota", "dicot")))
        await kubernetes(self, self.daemon.ground.access).apply(QUOTAS, OWN)

        async def told() -> bool:
            return bool((await self.quotas())["cores"] == 1234)

        await until(reactor, "the project's own amount", told)
        self.assertEqual((await self.quotas())["security_groups"], 17)
        self.assertEqual((await self.quotas("--default"))["cores"], 20)
        for asked in (project, "demo"):
            shown = by(await self.cli.as_admin().json("quota", "show", asked), "Resource", "Limit")
            self.assertEqual(shown["cores"], 1234)
        self.assertEqual((shown["cores"], shown["security_groups"]), (1234, 17))
        limits = by(await self.cli.json("limits", "show", "--absolute"), *COLUMNS)
        self.assertEqual(limits["max_total_cores"], 1234)
        limits = by(await self.cli.as_admin().json("limits", "show", "--absolute", "--project", project), *COLUMNS)
        self.assertEqual(limits["max_total_cores"], 1234)


class ServerGroupTests(JourneyCase):
    async def test_from_create_to_delete(self) -> None:
        name = f"apart-{self.tag}"
        made = await self.cli.json("server", "group", "create", "--policy", "anti-affinity", name)
        self.assertEqual((made["name"], made["policy"], made["members"]), (name, "anti-affinity", []))
        shown = await self.cli.json("server", "group", "show", made["id"])
        self.assertEqual((shown["name"], shown["project_id"]), (name, made["project_id"]))
        [listed] = [each for each in await self.cli.json("server", "group", "list") if each["Name"] == name]
        self.assertEqual((listed["ID"], listed["Policy"]), (made["id"], "anti-affinity"))
        [spec] = [each["spec"] for each in await self.kubectl.objects("servergroups", *DEMO) if self.is_mine(each)]
        self.assertEqual((spec["name"], spec["policy"]), (name, "anti-affinity"))
        limits = by(await self.cli.json("limits", "show", "--absolute"), *COLUMNS)
        self.assertGreaterEqual(limits["total_server_groups_used"], 1)
        await self.cli.text("server", "group", "delete", name)
        self.assertIn(name, await self.cli.refusal("server", "group", "show", name))
        self.assertEqual(
            [each for each in await self.kubectl.objects("servergroups", *DEMO) if self.is_mine(each)], []
        )

    async def test_servers_of_a_group_are_placed_by_its_policy(self) -> None:
        for policy, nodes in (("anti-affinity", 2), ("affinity", 1)):
            name = f"{policy}-{self.tag}"
            group = await self.cli.json("server", "group", "create", "--policy", policy, name)
            made = [await self.in_group(f"{policy}{number}-{self.tag}", group["id"]) for number in range(2)]
            shown = await self.cli.json("server", "group", "show", name)
            self.assertEqual(sorted(shown["members"]), sorted(each["id"] for each in made))
            server = await self.cli.json("server", "show", made[0]["id"])
            self.assertEqual(
                (server["server_groups"], server["scheduler_hints"]), ([group["id"]], {"group": group["id"]})
            )
            found = await self.kubectl.objects("vmi", *DEMO)
            hosts = [each["status"]["nodeName"] for each in found if self.is_mine(each)]
            self.assertEqual((len(hosts), len(set(hosts))), (2, nodes))
            for each in made:
                await self.cli.text("server", "delete", "--wait", each["id"])
            await self.cli.text("server", "group", "delete", name)
        gone = await self.cli.refusal(*self.create(f"lost-{self.tag}", group["id"]))
        self.assertIn(f"Instance group {group['id']} could not be found.", gone)
        await self.assert_gone()

    async def in_group(self, name: str, group: str) -> Any:
        made = await self.cli.json(*self.create(name, group), "--wait")
        self.assertEqual(made["status"], "ACTIVE")
        return made

    def create(self, name: str, group: str) -> tuple[str, ...]:
        image = ("--flavor", "m1.tiny", "--image", "cirros-live", "--network", "private")
        return ("server", "create", *image, "--hint", f"group={group}", name)

    async def test_rules_and_the_older_form(self) -> None:
        three = ("server", "group", "create", "--policy", "anti-affinity", "--rule", "max_server_per_host=3")
        made = await self.cli.json(*three, f"three-{self.tag}")
        self.assertEqual(made["rules"], {"max_server_per_host": 3})
        old = ("--os-compute-api-version", "2.15", "server", "group")
        made = await self.cli.json(*old, "create", "--policy", "soft-affinity", f"near-{self.tag}")
        self.assertEqual(made["policies"], ["soft-affinity"])
        for each in ("three", "near"):
            await self.cli.text("server", "group", "delete", f"{each}-{self.tag}")

    def is_mine(self, found: Any) -> bool:
        return self.tag in found["metadata"]["name"]


class UsageTests(JourneyCase):
    async def test_a_server_counts_from_when_it_first_ran(self) -> None:
        name = f"used-{self.tag}"
        create = ("server", "create", "--flavor", "m1.tiny", "--image", "cirros-live", "--network", "private")
        await self.cli.text(*create, "--wait", name)
        shown = await self.cli.json("usage", "show")
        [mine] = [each for each in shown["Servers"] if each["name"] == name]
        self.assertEqual((mine["state"], mine["vcpus"], mine["memory_mb"]), ("active", 1, 512))
        self.assertGreater(mine["hours"], 0)
        self.assertGreaterEqual(shown["CPU Hours"], mine["hours"])
        listed = {each["Project"]: each["CPU Hours"] for each in await self.cli.as_admin().json("usage", "list")}
        self.assertGreater(listed[shown["Project"]], shown["CPU Hours"])
        self.assertIn("403", await self.cli.refusal("usage", "list"))
        await self.cli.text("server", "delete", "--wait", name)
        await self.assert_gone()
        [gone] = [each for each in (await self.cli.json("usage", "show"))["Servers"] if each["name"] == name]
        self.assertEqual((gone["state"], gone["started_at"]), ("terminated", mine["started_at"]))
        self.assertGreater(gone["ended_at"], gone["started_at"])
