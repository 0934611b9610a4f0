"""Lists of servers, and one of them."""

from typing import Any

from dicot.faults import BadRequest, Forbidden, NotFound

from .objects import OTHER_NAMESPACE, OTHER_PROJECT, SERVER
from .served import ACTION, LATEST, Served, id_of
from .world import ADMIN, MEMBER, payload


class ListTests(Served):
    def listed(self, url: str = "/servers", **more: Any) -> Any:
        return payload(self.ask("GET", url, **more))

    def names(self, **more: Any) -> list[str]:
        return [server["name"] for server in self.listed(**more)["servers"]]

    def test_own_servers_in_short_and_in_full(self) -> None:
        row = self.place()
        self.place(name="theirs", namespace=OTHER_NAMESPACE)
        self.assertEqual([server["id"] for server in self.listed()["servers"]], [row.id])
        [server] = self.listed("/servers/detail")["servers"]
        self.assertEqual((server["status"], server["name"]), ("ACTIVE", "web1"))

    def test_the_short_list_is_made_once_for_everybody(self) -> None:
        self.place()
        for who in (MEMBER, ADMIN):
            for version in ((2, 1), LATEST):
                self.listed(who=who, version=version)
        self.assertEqual(set(self.pages.shapes), {("brief", 0, False)})

    def test_nothing(self) -> None:
        self.assertEqual(self.listed(), {"servers": []})
        self.assertEqual(self.listed(query={"status": ["x"]}, version=(2, 1)), {"servers": []})

    def test_filters(self) -> None:
        self.place()
        self.place("stopped", "db1")
        self.assertEqual(self.names(query={"name": ["^DB"]}), ["db1"])
        self.assertEqual(self.names(query={"status": ["ACTIVE"]}), ["web1"])

    def test_all_projects_for_administrators(self) -> None:
        self.place()
        self.place(name="theirs", namespace=OTHER_NAMESPACE)
        asked = {"all_tenants": ["1"]}
        self.assertEqual(set(self.names(who=ADMIN, query=asked)), {"web1", "theirs"})
        self.assertEqual(self.names(who=ADMIN), ["web1"])
        self.assertEqual(self.names(who=ADMIN, query=asked | {"project_id": [OTHER_PROJECT]}), ["theirs"])
        self.assertEqual(self.names(who=ADMIN, query=asked | {"project_id": ["f" * 32]}), [])
        self.assertRaises(Forbidden, self.listed, query=asked)

    def test_no_filter_of_a_member_reaches_another_project(self) -> None:
        self.place(name="theirs", namespace=OTHER_NAMESPACE)
        for query in (
            {"project_id": [OTHER_PROJECT]},
            {"tenant_id": [OTHER_PROJECT]},
            {"uuid": [id_of("theirs")]},
            {"host": [".*"]},
            {"deleted": ["true"]},
            {"user_id": ["x"]},
            {"all_tenants": ["0"]},
        ):
            self.assertEqual(self.names(query=query), [], query)

    def test_a_full_page_names_the_next(self) -> None:
        for name in ("a1", "b2", "c3"):
            self.place(name=name)
        first = self.listed(query={"limit": ["2"], "name": ["."]})
        [link] = first["servers_links"]
        marker = first["servers"][-1]["id"]
        self.assertEqual(
            link,
            {
                "rel": "next",
                "href": f"https://cloud.example/compute/v2.1/servers?limit=2&name=.&marker={marker}",
            },
        )
        rest = self.listed(query={"limit": ["2"], "marker": [marker]})
        self.assertEqual(len(rest["servers"]), 1)
        self.assertNotIn("servers_links", rest)

    def test_a_limit_of_nothing(self) -> None:
        self.place()
        self.assertEqual(self.listed(query={"limit": ["0"]}), {"servers": []})

    def test_an_unknown_marker(self) -> None:
        self.refused(BadRequest, "marker [x] not found", "GET", "/servers", query={"marker": ["x"]})


class ShowTests(Served):
    def test_one_server(self) -> None:
        row = self.place()
        server = payload(self.ask("GET", "/servers/<id>", id=row.id))["server"]
        self.assertEqual((server["id"], server["server_groups"]), (row.id, []))

    def test_below_2_71_it_shares_the_long_lists_fragment(self) -> None:
        row = self.place()
        self.ask("GET", "/servers/<id>", id=row.id, version=(2, 70))
        self.ask("GET", "/servers/detail", version=(2, 70))
        self.assertEqual(len(set(self.pages.shapes)), 1)

    def test_a_foreign_server_is_as_absent_as_any(self) -> None:
        foreign = self.place(name="theirs", namespace=OTHER_NAMESPACE)
        for method, url, body in (
            ("GET", "/servers/<id>", None),
            ("GET", "/servers/<id>/ips", None),
            ("PUT", "/servers/<id>", {"server": {"name": "x"}}),
            ("DELETE", "/servers/<id>", None),
            ("os-start", ACTION, None),
            ("os-stop", ACTION, None),
            ("reboot", ACTION, {"type": "HARD"}),
        ):
            for id in (foreign.id, SERVER, "x/../y"):
                self.refused(NotFound, f"Instance {id} could not be found.", method, url, body, id=id)
        self.assertEqual(self.plans.applied, [])

    def test_a_miss_is_looked_at_once_more_only_by_a_whole_id(self) -> None:
        for id in (SERVER, "web1"):
            self.assertRaises(NotFound, self.ask, "DELETE", "/servers/<id>", id=id)
        self.assertEqual(self.pages.missed, [SERVER])

    def test_unknown_parameters_from_2_102(self) -> None:
        row = self.place()
        self.ask("GET", "/servers/<id>", id=row.id, version=(2, 101), query={"x": ["y"]})
        self.assertRaises(
            BadRequest, self.ask, "GET", "/servers/<id>", id=row.id, version=(2, 102), query={"x": ["y"]}
        )

    def test_addresses(self) -> None:
        row = self.place()
        found = payload(self.ask("GET", "/servers/<id>/ips", id=row.id))
        [address] = found["addresses"]["private"]
        self.assertEqual(set(address), {"version", "addr"})
        one = payload(self.ask("GET", "/servers/<id>/ips/<label>", id=row.id, label="private"))
        self.assertEqual(one, {"private": [address]})
        self.refused(
            NotFound,
            "Instance is not a member of specified network",
            "GET",
            "/servers/<id>/ips/<label>",
            id=row.id,
            label="public",
        )
