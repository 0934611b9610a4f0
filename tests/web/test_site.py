from collections.abc import Mapping, Sequence
from uuid import UUID

from twisted.trial.unittest import SynchronousTestCase

from dicot.faults import NotFound
from dicot.web.api import Api
from dicot.web.call import Call, Reply
from dicot.web.dialects.identity import Identity
from dicot.web.dialects.image import Image
from dicot.web.dialects.network import Network
from dicot.web.dialects.volume import Volume
from dicot.web.site import drain, request_ids

from .wire import BASE, PUBLIC, Bench, ListedGate, echoed, pending, written


def others() -> list[Api]:
    return [Api(kind(PUBLIC), ListedGate()) for kind in (Identity, Image, Network, Volume)]


class DocumentTests(SynchronousTestCase):
    """Public, at every service's door, with links from the configuration."""

    def setUp(self) -> None:
        self.bench = Bench(others=others())

    def test_all_documents(self) -> None:
        for path, code, key in (
            ("/", 200, "services"),
            ("/identity", 300, "versions"),
            ("/identity/v3", 200, "version"),
            ("/compute", 200, "versions"),
            ("/compute/v2.1", 200, "version"),
            ("/image", 300, "versions"),
            ("/image/versions", 200, "versions"),
            ("/network", 200, "versions"),
            ("/network/v2.0", 200, "resources"),
            ("/volume", 300, "versions"),
            ("/volume/v3", 200, "versions"),
        ):
            for spelled in {path, path.rstrip("/") + "/"}:
                answer = self.bench.ask("GET", spelled)
                self.assertEqual((answer.code, list(answer.json)), (code, [key]), spelled)
                self.assertIn("x-openstack-request-id", answer.headers)
                self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(self.bench.gate.asked, [])

    def test_links_are_the_configured_ones(self) -> None:
        services = {"identity": "/v3/", "compute": "/v2.1/", "image": "/v2/", "network": "/v2.0/", "volume": "/v3/"}
        for name, version in services.items():
            found = self.bench.ask("GET", f"/{name}", Host="evil.example").body.decode()
            self.assertIn(f'"{PUBLIC}/{name}{version}"', found)
            self.assertNotIn("evil", found)

    def test_keystone(self) -> None:
        answer = self.bench.ask("GET", "/identity")
        self.assertEqual(answer.headers["location"], f"{PUBLIC}/identity/v3/")
        (version,) = answer.json["versions"]["values"]
        self.assertEqual(self.bench.ask("GET", "/identity/v3").json, {"version": version})
        self.assertEqual(version["id"], "v3.14")

    def test_nova(self) -> None:
        (version,) = self.bench.ask("GET", "/compute").json["versions"]
        detailed = self.bench.ask("GET", "/compute/v2.1").json["version"]
        for found in (version, detailed):
            self.assertEqual((found["version"], found["min_version"], found["status"]), ("2.104", "2.1", "CURRENT"))
        self.assertEqual([link["rel"] for link in detailed["links"]], ["self", "describedby"])

    def test_glance_has_one_current_version(self) -> None:
        versions = self.bench.ask("GET", "/image/versions").json["versions"]
        self.assertEqual([entry["id"] for entry in versions if entry["status"] == "CURRENT"], ["v2.17"])

    def test_neutron_names_collections(self) -> None:
        resources = self.bench.ask("GET", "/network/v2.0/").json["resources"]
        hrefs = [entry["links"][0]["href"] for entry in resources]
        self.assertEqual(hrefs, [f"{PUBLIC}/network/v2.0/{name}" for name in ("networks", "subnets", "ports")])

    def test_what_is_not_mounted_is_not_documented(self) -> None:
        bench = Bench()
        self.assertEqual([entry["type"] for entry in bench.ask("GET", "/").json["services"]], ["compute"])
        self.assertEqual(bench.ask("GET", "/volume").code, 404)

    def test_other_methods(self) -> None:
        headed = self.bench.ask("HEAD", "/identity")
        self.assertEqual((headed.code, headed.body), (300, b""))
        self.assertEqual(self.bench.ask("OPTIONS", "/compute").headers["allow"], "GET, HEAD, OPTIONS")
        refused = self.bench.ask("POST", "/compute/v2.1", {})
        self.assertEqual((refused.code, refused.headers["allow"]), (405, "GET, HEAD, OPTIONS"))
        self.assertEqual(list(refused.json), ["badMethod"])


class MountTests(SynchronousTestCase):
    def test_each_service_below_its_prefix(self) -> None:
        apis = others()
        bench = Bench(others=apis)
        for api in (*apis, bench.api):
            api.get("/things/<id>", None)(lambda call: Reply({"version": list(call.version)}))
        for path in (BASE, "/identity/v3", "/image/v2", "/network/v2.0", "/volume/v3"):
            self.assertEqual(bench.ask("GET", f"{path}/things/x").code, 200, path)

    def test_unknown_paths_belong_to_their_family(self) -> None:
        bench = Bench(others=others())
        for path, key in (
            ("/compute/v3/x", "itemNotFound"),
            ("/volume/x", "itemNotFound"),
            ("/identity/v2.0", "error"),
            ("/network/x", "NeutronError"),
            ("/image/v1", "title"),
            ("/x", "error"),
            ("/computer/v2.1", "error"),
            ("//compute/v2.1/servers", "error"),
            ("/COMPUTE/v2.1", "error"),
        ):
            answer = bench.ask("GET", path, Accept="application/json")
            self.assertEqual(answer.code, 404, path)
            self.assertIn(key, answer.json, path)

    def test_a_page_is_made_from_its_query_and_what_is_accepted(self) -> None:
        def healthz(query: Mapping[str, Sequence[str]], accept: str) -> Reply:
            text = b"verbose" if "verbose" in query else accept.encode() or b"ok"
            return Reply(text, 200, {"Content-Type": "text/plain; charset=utf-8"})

        bench = Bench(pages={"/healthz": healthz})
        answer = bench.ask("GET", "/healthz")
        self.assertEqual((answer.body, answer.headers["content-type"]), (b"ok", "text/plain; charset=utf-8"))
        self.assertEqual(bench.ask("GET", "/healthz?verbose").body, b"verbose")
        self.assertEqual(bench.ask("GET", "/healthz", Accept="text/html").body, b"text/html")
        self.assertEqual(bench.ask("GET", "/healthz?verbose=%00").code, 400)
        self.assertEqual(bench.ask("DELETE", "/healthz").code, 405)

    def test_a_page_may_refuse_or_break(self) -> None:
        def absent(query: object, accept: str) -> Reply:
            raise NotFound("Not here.")

        def broken(query: object, accept: str) -> Reply:
            raise RuntimeError("secret detail")

        bench = Bench(pages={"/absent": absent, "/broken": broken})
        self.assertEqual(bench.ask("GET", "/absent").json["error"]["message"], "Not here.")
        answer = bench.ask("GET", "/broken")
        self.assertEqual((answer.code, answer.json["error"]["code"]), (500, 500))
        self.assertNotIn(b"secret", answer.body)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class RequestIdTests(SynchronousTestCase):
    def test_form(self) -> None:
        new_id = request_ids()
        seen = [new_id() for _ in range(500)]
        self.assertEqual(len(set(seen)), 500)
        for id in seen:
            self.assertEqual(id, f"req-{UUID(hex=id[4:], version=4)}")

    def test_all_of_what_was_drawn_is_in_them(self) -> None:
        self.assertEqual(request_ids(lambda size: b"\xff" * size)(), "req-ffffffff-ffff-4fff-bfff-ffffffffffff")


class DrainTests(SynchronousTestCase):
    def test_all_services_are_waited_for(self) -> None:
        apis = others()
        bench = Bench(others=apis)
        open_writes = [pending() for _ in apis]

        for api, later in zip(apis, open_writes, strict=True):

            async def create(call: Call[None], later: object = later) -> Reply:
                await later  # type: ignore[misc]
                return Reply(None, 202)

            api.write("POST", "/things", None)(create)
        wires = [bench.wire() for _ in apis]
        for wire, path in zip(wires, ("/identity/v3", "/image/v2", "/network/v2.0", "/volume/v3"), strict=True):
            wire.send(written("POST", f"{path}/things"))
        idle = bench.wire()
        idle.ask("GET", "/")
        drained = drain(bench.site, [bench.api, *apis])
        self.assertTrue(idle.closing)
        for later in open_writes:
            self.assertNoResult(drained)
            later.callback(None)
        self.assertEqual([wire.response().code for wire in wires], [202] * 4)
        for wire in (*wires, idle):
            self.assertNoResult(drained)
            wire.leave()
        self.successResultOf(drained)

    def test_patience_ends(self) -> None:
        bench = Bench()

        async def stuck(call: Call[None]) -> Reply:
            await pending()
            return Reply()

        bench.api.write("POST", "/things", None)(stuck)
        bench.wire().send(written("POST", f"{BASE}/things"))
        drained = drain(bench.site, [bench.api], 5)
        bench.clock.advance(4.9)
        self.assertNoResult(drained)
        bench.clock.advance(0.1)
        self.successResultOf(drained)


class OneEnvelopeTests(SynchronousTestCase):
    def test_nothing_anonymous_can_send_is_a_500(self) -> None:
        """A small version of goal G9: odd requests at every door."""
        bench = Bench(others=others())
        bench.api.get("/servers/<id>", "p")(echoed)
        bench.api.action("/servers/<id>/action", "a", "p", ())(echoed)
        odd = ["", "/", "/x", "/%", "/%00", "/..", "//", "/a%2fb", "/" + "a" * 3000, "/?=&&;=%zz", "/'\"<>", "/~^|"]
        doors = ("", "/identity", "/identity/v3", BASE, f"{BASE}/servers", "/image/v2", "/network/v2.0", "/volume/v3")
        for door in doors:
            for tail in odd:
                for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"):
                    wire = bench.wire()
                    wire.send(written(method, (door + tail) or "/", b"{" if method == "POST" else None, token="good"))
                    answer = wire.response_to(method)
                    self.assertTrue(200 <= answer.code < 500, (method, door + tail, answer.code))
                    self.assertNotIn("server", answer.headers)
                    wire.leave()
        self.assertEqual([error.getTraceback() for error in self.flushLoggedErrors()], [])
