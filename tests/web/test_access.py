import json
from pathlib import Path

from msgspec.structs import replace
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, Logger
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from dicot.web.access import CROWD, WINDOW, AccessLog, LogEvents, LogFile, Record, line, masked

from .wire import BASE, PROJECT, Bench, as_is, echoed

SEEN = Record("req-1", "", "GET", "/a", "", 200, 5, 0.0125, "u1", "p1", "192.0.2.1")


class LineTests(SynchronousTestCase):
    def test_a_line(self) -> None:
        self.assertEqual(
            json.loads(line(SEEN, 1_800_000_000.5)),
            {
                "time": "2027-01-15T08:00:00.500+00:00",
                "request_id": "req-1",
                "global_request_id": "",
                "method": "GET",
                "path": "/a",
                "query": "",
                "status": 200,
                "bytes": 5,
                "duration_ms": 12.5,
                "user_id": "u1",
                "project_id": "p1",
                "address": "192.0.2.1",
            },
        )

    def test_control_characters_are_escaped(self) -> None:
        text = line(replace(SEEN, path='/a\r\n\x1b[31m"\x00\u2028\x85'), 0)
        self.assertTrue(text.isascii() and text.isprintable())

    def test_the_time_is_cut_off_at_milliseconds(self) -> None:
        for now, told in ((1.9999, "00:00:01.999"), (2.0, "00:00:02.000"), (61.0005, "00:01:01.000")):
            self.assertEqual(json.loads(line(SEEN, now))["time"], f"1970-01-01T{told}+00:00")

    def test_fields_are_capped(self) -> None:
        long = "a" * 70_000
        found = json.loads(line(replace(SEEN, path=long, query=long, method=long, user=long, project=long), 0))
        self.assertEqual({len(found[key]) for key in ("path", "query", "method", "user_id", "project_id")}, {256})

    def test_secrets_in_queries_are_masked(self) -> None:
        """Safety T31."""
        for key in ("token", "X-Auth-Token", "adminPass", "client_secret", "sig%6eature", "OS_PASSWORD"):
            query = f"a=1&{key}=canary&b="
            self.assertNotIn("canary", masked(query), query)
        self.assertEqual(masked("a=1&token=x&b=2"), "a=1&token=***&b=2")
        self.assertEqual(masked("limit=2&sort_key=name&marker=%C3%A9"), "limit=2&sort_key=name&marker=%C3%A9")


class CrowdTests(SynchronousTestCase):
    """Safety T32."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.wall = 1_800_000_000.0
        self.lines: list[str] = []
        self.log = AccessLog(self.clock, self.lines.append, lambda: self.wall)

    def test_anonymous_refusals_become_a_count(self) -> None:
        refused = replace(SEEN, user="", project="", status=401)
        for _ in range(1000):
            self.log(refused)
        self.assertEqual(len(self.lines), CROWD)
        self.clock.advance(WINDOW)
        self.log(refused)
        self.assertEqual(json.loads(self.lines[CROWD])["suppressed"], 1000 - CROWD)
        self.assertEqual(len(self.lines), CROWD + 2)

    def test_a_wall_clock_that_is_set_changes_nothing_but_the_stamps(self) -> None:
        refused = replace(SEEN, user="", project="", status=401)
        for _ in range(CROWD + 1):
            self.log(refused)
        self.wall += 10 * WINDOW
        self.log(refused)
        self.assertEqual(len(self.lines), CROWD)
        self.clock.advance(WINDOW)
        self.log(refused)
        self.assertEqual(json.loads(self.lines[-1])["time"], "2027-01-15T08:01:40.000+00:00")

    def test_they_fill_a_megabyte_in_no_less_than_minutes(self) -> None:
        refused = replace(SEEN, user="", project="", status=404, path="/" + "a" * 5000)
        for _ in range(20):
            for _ in range(500):
                self.log(refused)
            self.clock.advance(WINDOW)
        self.assertLess(sum(map(len, self.lines)), 1_000_000)

    def test_others_are_always_told(self) -> None:
        for _ in range(100):
            self.log(SEEN)
            self.log(replace(SEEN, status=404))
            self.log(replace(SEEN, user="", status=200))
        self.assertEqual(len(self.lines), 300)


class RequestTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bench = Bench()
        self.bench.api.get("/servers", "p")(echoed)

    def test_an_answered_request(self) -> None:
        answer = self.bench.ask("GET", f"{BASE}/servers?a=1", token="good")
        (record,) = self.bench.records
        self.assertEqual((record.status, record.size), (200, len(answer.body)))
        self.assertEqual((record.user, record.project), ("u1", PROJECT))
        self.assertEqual((record.path, record.query), (f"{BASE}/servers", "a=1"))
        self.assertEqual(record.request_id, answer.headers["x-openstack-request-id"])

    def test_the_route_is_a_template_and_never_what_a_client_wrote(self) -> None:
        self.bench.api.get("/servers/<server_id>", "p")(echoed)
        self.bench.api.action("/servers/<server_id>/action", "os-start", "p", [((2, 1), as_is)])(echoed)
        self.bench.ask("GET", f"{BASE}/servers/one", token="good")
        self.bench.ask("POST", f"{BASE}/servers/one/action", {"os-start": None}, token="good")
        self.bench.ask("POST", f"{BASE}/servers/one/action", {"no-such": None}, token="good")
        self.bench.ask("GET", f"{BASE}/nowhere", token="good")
        self.assertEqual(
            [(record.service, record.route) for record in self.bench.records],
            [
                ("compute", "/servers/<server_id>"),
                ("compute", "/servers/<server_id>/action os-start"),
                ("compute", "/servers/<server_id>/action"),
                ("", ""),
            ],
        )

    def test_how_long_it_took(self) -> None:
        wire = self.bench.wire()
        wire.send(b"GET /compute/v2.1/servers HTTP/1.1\r\n")
        self.bench.clock.advance(0.25)
        wire.send(b"Host: a\r\n\r\n")
        self.assertEqual(self.bench.records[0].took, 0.25)

    def test_a_request_refused_early_is_told_too(self) -> None:
        wire = self.bench.wire("192.0.2.7")
        wire.send(b"GET /compute/v2.1/servers HTTP/1.1\r\n\r\n")
        (record,) = self.bench.records
        self.assertEqual((record.status, record.method, record.path), (400, "GET", f"{BASE}/servers"))
        self.assertEqual(record.address, "192.0.2.7")

    def test_the_token_is_nowhere(self) -> None:
        self.bench.ask("GET", f"{BASE}/servers", token="canary", X_Subject_Token="canary")
        self.assertNotIn("canary", line(self.bench.records[0], 0))


class SinkTests(SynchronousTestCase):
    def test_a_file(self) -> None:
        path = Path(self.mktemp())
        log = LogFile(str(path))
        log("lost")
        for text in ("one", "two"):
            log.startService()
            log(text)
            self.assertTrue(path.read_text().endswith(f"{text}\n"))
            log.stopService()
        log("lost")
        self.assertEqual(path.read_text(), "one\ntwo\n")

    def test_events(self) -> None:
        seen: list[object] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            seen.append(event["access"])

        events = LogEvents()
        events.log = Logger(observer=observe)
        events('{"a": "{b}"}')
        self.assertEqual(seen, ['{"a": "{b}"}'])
