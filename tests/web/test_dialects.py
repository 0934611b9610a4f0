import json
from collections.abc import Callable, Mapping

from twisted.trial.unittest import SynchronousTestCase

from dicot import faults
from dicot.faults import BadRequest, Fault, NotAcceptable
from dicot.web.call import Call, Reply
from dicot.web.dialect import UNVERSIONED, Dialect, Version
from dicot.web.dialects.compute import Compute
from dicot.web.dialects.identity import Identity
from dicot.web.dialects.image import Image, preferred
from dicot.web.dialects.network import Network
from dicot.web.dialects.volume import Volume

from .wire import PUBLIC, Bench

KINDS: tuple[Callable[[str], Dialect], ...] = (Compute, Identity, Image, Network, Volume)
ALL = tuple(kind(PUBLIC) for kind in KINDS)
NEW = "openstack-api-version"
OLD = "x-openstack-nova-api-version"


class NovaVersionTests(SynchronousTestCase):
    def test_versions(self) -> None:
        cases: tuple[tuple[Mapping[str, str], Version], ...] = (
            ({}, (2, 1)),
            ({NEW: "compute 2.26"}, (2, 26)),
            ({NEW: "Compute  2.26 "}, (2, 26)),
            ({NEW: "volume 3.5, compute 2.90"}, (2, 90)),
            ({NEW: "compute 2.10,compute 2.20"}, (2, 20)),
            ({NEW: "volume 3.5"}, (2, 1)),
            ({NEW: "2.5"}, (2, 1)),
            ({NEW: "compute latest"}, (2, 104)),
            ({OLD: "2.9"}, (2, 9)),
            ({OLD: "2.9, 2.10"}, (2, 10)),
            ({OLD: "latest"}, (2, 104)),
            ({OLD: "2.9", NEW: "compute 2.30"}, (2, 30)),
            ({OLD: "2.9", NEW: "volume 3.5"}, (2, 9)),
        )
        for headers, version in cases:
            self.assertEqual(Compute(PUBLIC).negotiate(headers), version, headers)

    def test_outside_the_range(self) -> None:
        for text in ("2.0", "2.105", "1.1", "3.0", "2.99999999"):
            with self.assertRaises(NotAcceptable, msg=text):
                Compute(PUBLIC).negotiate({NEW: f"compute {text}"})

    def test_malformed(self) -> None:
        for text in ("2", "2.", "2.01", "x", "2.1.1", "-2.1", "2.1 2", "0.0", "2.१", "2." + "9" * 5000, "Latest"):
            with self.assertRaises(BadRequest, msg=text) as caught:
                Compute(PUBLIC).negotiate({NEW: f"compute {text}"})
            expected = f"API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum."
            self.assertEqual(caught.exception.message, expected)

    def test_nothing_is_echoed_before_a_version_is_agreed_on(self) -> None:
        self.assertEqual(list(Compute(PUBLIC).stamp(UNVERSIONED)), ["Vary"])


class CinderVersionTests(SynchronousTestCase):
    def test_versions(self) -> None:
        for headers, version in (
            ({}, (3, 0)),
            ({NEW: "volume 3.71"}, (3, 71)),
            ({NEW: "volume latest"}, (3, 71)),
            ({NEW: "compute 2.1, volume 3.27"}, (3, 27)),
            ({OLD: "2.9"}, (3, 0)),
        ):
            self.assertEqual(Volume(PUBLIC).negotiate(headers), version, headers)

    def test_refusals(self) -> None:
        for text, kind in (
            ("volume 3.72", NotAcceptable),
            ("volume 2.0", NotAcceptable),
            ("compute 2.1", BadRequest),
        ):
            with self.assertRaises(kind):
                Volume(PUBLIC).negotiate({NEW: text})

    def test_stamp(self) -> None:
        self.assertEqual(
            Volume(PUBLIC).stamp((3, 5)), {"OpenStack-API-Version": "volume 3.5", "Vary": "OpenStack-API-Version"}
        )


class EnvelopeTests(SynchronousTestCase):
    def test_nova_names_faults_by_status(self) -> None:
        for fault, name in (
            (faults.BadRequest("m"), "badRequest"),
            (faults.Forbidden("m"), "forbidden"),
            (faults.NotFound("m"), "itemNotFound"),
            (faults.MethodNotAllowed("m"), "badMethod"),
            (faults.NotAcceptable("m"), "computeFault"),
            (faults.Conflict("m"), "conflictingRequest"),
            (faults.TooLarge("m"), "overLimit"),
            (faults.UnsupportedMedia("m"), "badMediaType"),
            (faults.TooManyRequests("m"), "overLimit"),
            (faults.NotImplemented_("m"), "notImplemented"),
            (faults.Unavailable("m"), "serviceUnavailable"),
            (Fault("m"), "computeFault"),
        ):
            body, media = Compute(PUBLIC).envelope(fault, "")
            self.assertEqual(json.loads(body), {name: {"code": fault.code, "message": "m"}})
            self.assertEqual(media, "application/json; charset=UTF-8")

    def test_nova_says_when_to_come_back(self) -> None:
        fault = faults.TooManyRequests("m", headers={"Retry-After": "5"})
        body, _ = Compute(PUBLIC).envelope(fault, "")
        self.assertEqual(json.loads(body)["overLimit"]["retryAfter"], "5")

    def test_cinder_has_no_name_for_429(self) -> None:
        body, media = Volume(PUBLIC).envelope(faults.TooManyRequests("m"), "")
        self.assertEqual((list(json.loads(body)), media), (["computeFault"], "application/json"))

    def test_keystone(self) -> None:
        body, media = Identity(PUBLIC).envelope(faults.NotFound("Could not find user: x."), "")
        error = {"code": 404, "title": "Not Found", "message": "Could not find user: x."}
        self.assertEqual((json.loads(body), media), ({"error": error}, "application/json"))

    def test_neutron_names_its_exception(self) -> None:
        body, _ = Network(PUBLIC).envelope(faults.NotFound("Port x could not be found.", kind="PortNotFound"), "")
        error = {"type": "PortNotFound", "message": "Port x could not be found.", "detail": ""}
        self.assertEqual(json.loads(body), {"NeutronError": error})

    def test_every_401_is_keystonemiddlewares(self) -> None:
        expected = {"error": {"code": 401, "title": "Unauthorized", "message": "m"}}
        for dialect in ALL:
            body, _ = dialect.envelope(faults.Unauthorized("m"), "text/html")
            self.assertEqual(json.loads(body), expected, dialect.service)

    def test_every_fault_has_an_envelope_everywhere(self) -> None:
        for dialect in ALL:
            for kind in (*Fault.__subclasses__(), Fault):
                body, media = dialect.envelope(kind("é <m>"), "application/json")
                self.assertIn(media.partition(";")[0], ("application/json",))
                self.assertIn("é <m>", json.dumps(json.loads(body), ensure_ascii=False))


class GlanceTests(SynchronousTestCase):
    """webob's own choices, tried with webob 1.8.11."""

    def test_what_a_client_prefers(self) -> None:
        for accept, media in (
            ("", None),
            ("*/*", "text/html"),
            ("application/json", "application/json"),
            ("text/html", "text/html"),
            ("text/plain", None),
            ("application/xml", None),
            ("application/json;q=0.5, text/html", "text/html"),
            ("application/json, text/html;q=0.5", "application/json"),
            ("application/*", "application/json"),
            ("text/*", "text/html"),
            ("json;;;", "text/html"),
            ("text/html;q=0,*/*", "application/json"),
            ("application/json;q=x", "text/html"),
            ("application/json;q=nan", "text/html"),
            ("application/json; charset=utf-8; q=0.9, */*;q=0.1", "text/html"),
            ("application/json, */*", "text/html"),
            ("text/html;level=1", None),
        ):
            self.assertEqual(preferred(accept), media, accept)

    def test_json(self) -> None:
        body, media = Image(PUBLIC).envelope(faults.NotFound('No "x" & <b>'), "application/json")
        expected = {"message": 'No "x" & <b><br /><br />\n\n\n', "code": "404 Not Found", "title": "Not Found"}
        self.assertEqual((json.loads(body), media), (expected, "application/json"))

    def test_html_is_escaped(self) -> None:
        body, media = Image(PUBLIC).envelope(faults.NotFound('No "x" & <b>'), "*/*")
        self.assertEqual(
            body,
            b"<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n"
            b"  No &quot;x&quot; &amp; &lt;b&gt;<br /><br />\n\n\n\n </body>\n</html>",
        )
        self.assertEqual(media, "text/html; charset=UTF-8")

    def test_plain_text(self) -> None:
        body, media = Image(PUBLIC).envelope(faults.NotFound('No <image> "found"'), "")
        self.assertEqual((body, media), (b'404 Not Found\n\nNo  "found"\n\n   ', "text/plain; charset=UTF-8"))


class UnreachedTests(SynchronousTestCase):
    """What each service says where no operation is reached, through the whole of web."""

    prefixes: Mapping[str, str] = {
        "compute": "/compute/v2.1",
        "identity": "/identity/v3",
        "image": "/image/v2",
        "network": "/network/v2.0",
        "volume": "/volume/v3",
    }

    def message(self, answer: bytes) -> str:
        content = json.loads(answer)
        inner = content if "title" in content else next(iter(content.values()))
        return str(inner["message"]).removesuffix("<br /><br />\n\n\n")

    def test_words(self) -> None:
        missing = {
            "identity": "The requested URL was not found on the server. If you entered the URL manually please check"
            " your spelling and try again."
        }
        malformed = {
            "compute": "Malformed request body",
            "volume": "Malformed request body",
            "identity": "Expecting to find valid JSON in request body. The server could not comply with the request"
            " since it is either malformed or otherwise incorrect. The client is assumed to be in error.",
            "image": "Malformed JSON in request body.",
            "network": "Body contains invalid data",
        }
        for dialect in ALL:
            bench = Bench(dialect)
            lowest = dialect.negotiate({})
            bench.api.write("POST", "/things", None, [(lowest, lambda content: content)])(_broken)
            base = self.prefixes[dialect.service]
            accept = "application/json"
            unknown = bench.ask("GET", f"{base}/nope", Accept=accept)
            self.assertEqual(unknown.code, 404)
            expected = missing.get(dialect.service, "The resource could not be found.")
            self.assertEqual(self.message(unknown.body), expected, dialect.service)
            broken = bench.ask("POST", f"{base}/things", b"{", Accept=accept)
            self.assertEqual((broken.code, self.message(broken.body)), (400, malformed[dialect.service]))
            wrong = bench.ask("PATCH", f"{base}/things", b"{}", Accept=accept)
            self.assertEqual((wrong.code, wrong.headers["allow"]), (405, "OPTIONS, POST"))
            failed = bench.ask("POST", f"{base}/things", b"{}", Accept=accept)
            self.assertEqual(failed.code, 500)
            self.assertIn(failed.headers["x-openstack-request-id"], self.message(failed.body))
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_wrong_content_type(self) -> None:
        codes = {"compute": 415, "volume": 415, "identity": 400, "image": 200, "network": 200}
        for dialect in ALL:
            bench = Bench(dialect)
            bodies = [(dialect.negotiate({}), lambda content: content)]
            bench.api.write("POST", "/things", None, bodies)(_fine)
            path = f"{self.prefixes[dialect.service]}/things"
            answer = bench.ask("POST", path, b"{}", Content_Type="application/x-www-form-urlencoded")
            self.assertEqual(answer.code, codes[dialect.service], dialect.service)

    def test_keystone_varies_by_token(self) -> None:
        bench = Bench(Identity(PUBLIC))
        bench.api.get("/things", None)(_fine)
        self.assertEqual(bench.ask("GET", "/identity/v3/things").headers["vary"], "X-Auth-Token")


def _broken(call: Call[object]) -> Reply:
    raise ZeroDivisionError


def _fine(call: object) -> Reply:
    return Reply({})
