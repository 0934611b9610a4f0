from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.web.call import Reply, Routes
from dicot.web.dialects.identity import Identity

from .wire import BASE, PROJECT, PUBLIC, Bench, ListedGate, as_is, echoed


class RoutingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bench = Bench()
        self.routes: Routes = self.bench.api
        self.routes.get("/servers/detail", "servers:detail")(lambda call: Reply({"which": "detail"}))
        self.routes.get("/servers", "servers:list")(lambda call: Reply({"which": "list"}))
        self.routes.get("/servers/<server_id>", "servers:show")(echoed)
        self.routes.get("/servers/<server_id>/tags/<tag>", "tags:show")(echoed)
        self.routes.write("DELETE", "/servers/<server_id>", "servers:delete")(lambda call: Reply(None, 204))
        self.routes.get("/open", None)(echoed)

    def test_a_hot_route_gets_its_variable(self) -> None:
        answer = self.bench.ask("GET", f"{BASE}/servers/s-1", token="good")
        self.assertEqual((answer.code, answer.json["names"]), (200, {"server_id": "s-1"}))

    def test_a_fixed_path_is_not_shadowed_by_a_hot_id(self) -> None:
        self.assertEqual(self.bench.ask("GET", f"{BASE}/servers/detail", token="good").json, {"which": "detail"})

    def test_klein_and_the_dict_answer_alike(self) -> None:
        for path in ("/servers", "/server%73", "/servers?x=1"):
            self.assertEqual(self.bench.ask("GET", BASE + path, token="good").json, {"which": "list"})

    def test_two_variables(self) -> None:
        answer = self.bench.ask("GET", f"{BASE}/servers/s/tags/a%20b%C3%A9", token="good")
        self.assertEqual(answer.json["names"], {"server_id": "s", "tag": "a bé"})

    def test_an_escaped_id_of_a_hot_route_is_decoded(self) -> None:
        self.assertEqual(
            self.bench.ask("GET", f"{BASE}/servers/a%20b", token="good").json["names"], {"server_id": "a b"}
        )

    def test_no_content(self) -> None:
        answer = self.bench.ask("DELETE", f"{BASE}/servers/s", token="good")
        self.assertEqual((answer.code, answer.body), (204, b""))
        self.assertNotIn("content-length", answer.headers)

    def test_an_unknown_path_is_the_services_404(self) -> None:
        paths = ("/nope", "/nope/", "/servers/", "/servers/a/b", "/servers/a/tags/", "/servers/a/tags", "/Servers")
        for path in paths:
            answer = self.bench.ask("GET", f"{BASE}{path}?x", token="good")
            message = "The resource could not be found."
            self.assertEqual(answer.json, {"itemNotFound": {"code": 404, "message": message}})
            self.assertEqual(answer.code, 404)

    def test_a_wrong_method_names_the_right_ones(self) -> None:
        answer = self.bench.ask("PUT", f"{BASE}/servers/s", b"{}", token="good")
        self.assertEqual((answer.code, answer.headers["allow"]), (405, "DELETE, GET, HEAD, OPTIONS"))
        self.assertEqual(answer.json["badMethod"]["message"], "The method PUT is not allowed for this resource.")

    def test_options_names_the_methods(self) -> None:
        for path in ("/servers/s", f"/{PROJECT}/servers/s"):
            answer = self.bench.ask("OPTIONS", BASE + path)
            self.assertEqual(
                (answer.code, answer.headers["allow"], answer.body), (200, "DELETE, GET, HEAD, OPTIONS", b"")
            )
        self.assertEqual(self.bench.ask("OPTIONS", f"{BASE}/nope").code, 404)

    def test_head_is_get_without_its_body(self) -> None:
        for path in ("/servers", "/servers/detail"):
            got = self.bench.ask("GET", BASE + path, token="good")
            headed = self.bench.ask("HEAD", BASE + path, token="good")
            self.assertEqual((headed.code, headed.body), (200, b""))
            self.assertEqual(headed.headers["content-length"], str(len(got.body)))

    def test_a_public_route_asks_for_no_token(self) -> None:
        self.assertEqual(self.bench.ask("GET", f"{BASE}/open").json["user"], "")
        self.assertEqual(self.bench.gate.asked, [])

    def test_the_project_may_stand_in_the_path(self) -> None:
        answer = self.bench.ask("GET", f"{BASE}/{PROJECT}/servers/s-1", token="good")
        self.assertEqual(answer.json["names"], {"server_id": "s-1"})

    def test_another_project_in_the_path_is_refused(self) -> None:
        other = "f" * 32
        answer = self.bench.ask("GET", f"{BASE}/{other}/servers", token="good")
        self.assertEqual(answer.code, 400)
        self.assertEqual(
            answer.json["badRequest"]["message"],
            f"Malformed request URL: URL's project_id '{other}' doesn't match Context's project_id '{PROJECT}'",
        )

    def test_a_service_without_projects_in_its_paths_does_not_look_for_them(self) -> None:
        bench = Bench(Identity(PUBLIC))
        bench.api.get("/users/<user_id>", "users:show")(echoed)
        self.assertEqual(bench.ask("GET", f"/identity/v3/{PROJECT}/users/u", token="good").code, 404)

    def test_a_url_cannot_be_both_action_and_plain(self) -> None:
        self.routes.action("/a", "k", "p", ())(echoed)
        with self.assertRaises(ValueError):
            self.routes.write("POST", "/a", "p")(echoed)
        self.routes.write("POST", "/b", "p")(echoed)
        with self.assertRaises(ValueError):
            self.routes.action("/b", "k", "p", ())(echoed)

    def test_variables_that_klein_uses_are_a_mistake(self) -> None:
        with self.assertRaises(ValueError):
            self.routes.get("/servers/<server_id>/x/<request>", "p")(echoed)

    def test_klein_is_asked_where_a_look_is_not_enough(self) -> None:
        self.routes.get("/flavors/<flavor_id>/extra/<key>", "p")(echoed)
        self.routes.get("/flavors/<flavor_id>", "p")(echoed)
        asked: list[object] = []
        render = self.bench.api._resource.render

        def rendered(request: Any) -> object:
            asked.append(request.path)
            return render(request)

        self.patch(self.bench.api._resource, "render", rendered)
        for path, names in (
            ("/flavors/a/extra/b", {"flavor_id": "a", "key": "b"}),
            ("/flavors/a%20b", {"flavor_id": "a b"}),
            ("/flavors/a", {"flavor_id": "a"}),
        ):
            self.assertEqual(self.bench.ask("GET", f"{BASE}{path}", token="good").json["names"], names)
        self.assertEqual(len(asked), 2)


class VersionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bench = Bench()
        get = self.bench.api.get
        get("/keys", "p", until=(2, 34))(lambda call: Reply({"old": list(call.version)}))
        get("/keys", "p", since=(2, 35))(lambda call: Reply({"new": list(call.version)}))
        get("/tags", "p", since=(2, 26), until=(2, 30))(echoed)
        bodies = [((2, 1), lambda content: {"first": content}), ((2, 52), lambda content: {"second": content})]
        self.bench.api.write("POST", "/servers", "p", bodies)(echoed)

    def ask(self, path: str, version: str) -> Any:
        return self.bench.ask("GET", BASE + path, token="good", OpenStack_API_Version=f"compute {version}")

    def test_an_operation_is_chosen_by_version(self) -> None:
        self.assertEqual(self.ask("/keys", "2.34").json, {"old": [2, 34]})
        self.assertEqual(self.ask("/keys", "2.35").json, {"new": [2, 35]})
        self.assertEqual(self.ask("/keys", "latest").json, {"new": [2, 104]})

    def test_outside_its_range_an_operation_does_not_exist(self) -> None:
        codes = {version: self.ask("/tags", version).code for version in ("2.1", "2.25", "2.26", "2.30", "2.31")}
        self.assertEqual(codes, {"2.1": 404, "2.25": 404, "2.26": 200, "2.30": 200, "2.31": 404})
        self.assertEqual(
            self.ask("/tags", "2.25").json["itemNotFound"]["message"], "The resource could not be found."
        )

    def test_the_version_is_echoed_on_refusals_too(self) -> None:
        for answer in (self.ask("/keys", "2.40"), self.ask("/tags", "2.40")):
            self.assertEqual(answer.headers["openstack-api-version"], "compute 2.40")
            self.assertEqual(answer.headers["x-openstack-nova-api-version"], "2.40")
            self.assertEqual(answer.headers["vary"], "OpenStack-API-Version, X-OpenStack-Nova-API-Version")

    def test_a_version_may_be_one_of_many(self) -> None:
        told = ", ".join(["volume 3.70"] * 100 + ["compute 2.40"])
        answer = self.bench.ask("GET", f"{BASE}/keys", token="good", OpenStack_API_Version=told)
        self.assertEqual(answer.json, {"new": [2, 40]})

    def test_a_version_out_of_range_is_406(self) -> None:
        answer = self.ask("/keys", "2.105")
        self.assertEqual(answer.code, 406)
        self.assertEqual(
            answer.json["computeFault"]["message"],
            "Version 2.105 is not supported by the API. Minimum is 2.1 and maximum is 2.104.",
        )

    def test_the_last_decoder_not_above_the_version_reads_the_body(self) -> None:
        for version, key in (("2.1", "first"), ("2.51", "first"), ("2.52", "second"), ("2.104", "second")):
            answer = self.bench.ask(
                "POST", f"{BASE}/servers", {"a": 1}, token="good", OpenStack_API_Version=f"compute {version}"
            )
            self.assertEqual(answer.json["body"], {key: {"a": 1}})

    def test_overlapping_ranges_are_a_mistake(self) -> None:
        with self.assertRaises(ValueError):
            self.bench.api.get("/keys", "p", since=(2, 30), until=(2, 36))(echoed)

    def test_decoders_must_ascend_from_the_first_version(self) -> None:
        for starts in (((2, 52), (2, 1)), ((2, 10),)):
            with self.assertRaises(ValueError):
                self.bench.api.write("PUT", f"/x{len(starts)}", "p", [(start, as_is) for start in starts])(echoed)


class ActionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bench = Bench(gate=ListedGate(denied=frozenset(("servers:lock",))))
        action = self.bench.api.action
        url = "/servers/<server_id>/action"
        action(url, "os-start", "servers:start", ())(lambda call: Reply(None, 202))
        action(url, "reboot", "servers:reboot", [((2, 1), as_is)])(echoed)
        action(url, "lock", "servers:lock", ())(echoed)
        action(url, "trigger_crash_dump", "p", (), since=(2, 17))(lambda call: Reply(None, 202))

    def ask(self, body: object, **headers: str) -> Any:
        return self.bench.ask("POST", f"{BASE}/servers/s/action", body, token="good", **headers)

    def test_the_key_says_what_is_done(self) -> None:
        self.assertEqual(self.ask({"os-start": None}).code, 202)
        answer = self.ask({"reboot": {"type": "HARD"}})
        self.assertEqual((answer.json["body"], answer.json["names"]), ({"type": "HARD"}, {"server_id": "s"}))

    def test_an_unknown_action_is_named(self) -> None:
        answer = self.ask({"fly": None})
        self.assertEqual((answer.code, answer.json["badRequest"]["message"]), (400, "There is no such action: fly"))

    def test_none_and_several_are_malformed(self) -> None:
        bodies: list[object] = [
            {},
            {"os-start": None, "reboot": {}},
            [],
            ["os-start"],
            "os-start",
            None,
            1,
            b"",
            b"{",
        ]
        for body in bodies:
            answer = self.ask(b"null" if body is None else body)
            self.assertEqual(
                answer.json, {"badRequest": {"code": 400, "message": "Malformed request body"}}, repr(body)
            )

    def test_each_action_has_its_policy(self) -> None:
        self.assertEqual(self.ask({"lock": None}).code, 403)

    def test_each_action_has_its_versions(self) -> None:
        self.assertEqual(self.ask({"trigger_crash_dump": None}).code, 404)
        self.assertEqual(self.ask({"trigger_crash_dump": None}, OpenStack_API_Version="compute 2.17").code, 202)

    def test_a_token_is_asked_for_first(self) -> None:
        self.assertEqual(self.bench.ask("POST", f"{BASE}/servers/s/action", {"fly": 1}).code, 401)
