"""/status and /metrics."""

import re
from html.parser import HTMLParser
from typing import Any

import msgspec
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import CollectorRegistry
from twisted.trial.unittest import SynchronousTestCase

from dicot.status.metrics import ReportCollector, registry
from dicot.status.page import page, span
from dicot.status.pages import monitoring, prefers_page
from dicot.web.call import Pieces, Reply

from .things import health, report

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
VOID = {"meta", "br"}


def text_of(reply: Reply) -> str:
    assert isinstance(reply.body, Pieces)
    return reply.body.joined().decode()


class Outline(HTMLParser):
    """Fails on elements that are not closed in order; collects the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open.pop() != tag:
            raise ValueError(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


class AcceptTests(SynchronousTestCase):
    def test_a_browser_gets_the_page_and_a_program_json(self) -> None:
        for accept, shown in (
            (BROWSER, True),
            ("text/html", True),
            ("text/*", True),
            ("", False),
            ("*/*", False),
            ("application/json", False),
            ("application/json, text/html;q=0.5", False),
            ("application/json;q=0.1, text/html;q=0.2", True),
            ("text/html;q=nonsense", False),
        ):
            self.assertEqual(prefers_page(accept), shown, accept)


class StatusTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.found = report()
        self.pages = monitoring(lambda: self.found, CollectorRegistry())

    def test_json_says_all(self) -> None:
        reply = self.pages["/status"]({}, "*/*")
        said = msgspec.json.decode(text_of(reply))
        self.assertEqual(dict(reply.headers or {})["Content-Type"], "application/json")
        self.assertEqual((said["ready"], said["failing"]), (True, []))
        self.assertEqual(said["replica"], {"name": "one-12345678", "uptime": 3725.0, "steward": True})
        self.assertEqual(said["kinds"][0]["count"], 1234)
        self.assertEqual(said["garbage_collection"], {"worst": 0.125})
        self.assertEqual((said["events"], said["log"]), ({"written": 9, "lost": 2}, {"left_out": 7}))
        self.assertEqual(said["requests"][0]["route"], "compute GET /servers")
        self.assertEqual(said["features"]["gates"], ["Snapshot"])
        self.assertEqual(
            said["findings"][0], {"name": "Kubernetes", "state": "found", "detail": "v1.36.3", "remedy": ""}
        )

    def test_what_is_waited_for_is_named(self) -> None:
        self.found = report(checks={"token keys": False, "lists": True})
        self.assertEqual(msgspec.json.decode(text_of(self.pages["/status"]({}, "")))["failing"], ["token keys"])
        self.assertIn("It waits for token keys.", text_of(self.pages["/status"]({}, BROWSER)))

    def test_the_page_is_whole(self) -> None:
        outline = Outline()
        outline.feed(text_of(self.pages["/status"]({}, BROWSER)))
        self.assertEqual(outline.open, [])
        text = " ".join(outline.text)
        for words in (
            "one-12345678 (steward)",
            "1 h 2 min",
            "1,234",
            "two-87654321 (silent for 1 min 15 s)",
            "≤ 2 ms",
        ):
            self.assertIn(words, text)

    def test_nothing_from_outside_becomes_markup(self) -> None:
        shown = page(report(kinds=(health("<script>x", state="resting", problem="<b>&"),)))
        self.assertNotIn("<script>", shown)
        self.assertIn("&lt;b&gt;&amp;", shown)

    def test_the_page_runs_no_scripts(self) -> None:
        headers = dict(self.pages["/status"]({}, BROWSER).headers or {})
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertIsNone(re.search("<script|javascript:|https?://", page(self.found)))

    def test_every_cell_says_its_head(self) -> None:
        shown = page(self.found)
        self.assertEqual(shown.count("<td"), shown.count("<td data-head=") + shown.count('<td class="n" data-head='))

    def test_spans(self) -> None:
        self.assertEqual([span(s) for s in (0.9, 61, 3600, 90061)], ["0 s", "1 min 1 s", "1 h 0 min", "1 d 1 h"])


class MetricsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.registry = registry()
        self.registry.register(ReportCollector(report))

    def samples(self) -> dict[tuple[str, str], float]:
        text = generate_latest(self.registry).decode()
        return {
            (sample.name, sample.labels.get("kind", sample.labels.get("feature", ""))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def test_a_scraper_reads_it(self) -> None:
        found = self.samples()
        vm = "virtualmachines.kubevirt.io"
        self.assertEqual(found["dicot_ready", ""], 1.0)
        self.assertEqual(found["dicot_replicas", ""], 1.0)
        self.assertEqual(found["dicot_watch_objects", vm], 1234.0)
        self.assertEqual(found["dicot_events_written_total", ""], 9.0)
        self.assertEqual(found["dicot_events_lost_total", ""], 2.0)
        self.assertEqual(found["dicot_log_left_out_total", ""], 7.0)
        self.assertEqual(found["dicot_watch_events_total", vm], 5.0)
        self.assertEqual(found["dicot_watch_skipped_objects", vm], 0.0)
        self.assertEqual(found["dicot_watch_silence_seconds", vm], 1.5)
        self.assertNotIn(("dicot_watch_event_age_seconds", vm), found)
        self.assertEqual(found["dicot_cluster_feature", "CDI"], 1.0)

    def test_the_process_tells_of_itself(self) -> None:
        self.assertGreater(self.samples()["process_resident_memory_bytes", ""], 1e6)

    def test_the_page_is_text_in_the_old_format(self) -> None:
        reply = monitoring(report, self.registry)["/metrics"]({}, "")
        self.assertIn("text/plain; version=0.0.4", dict(reply.headers or {})["Content-Type"])
        self.assertIn("# TYPE dicot_watch_events_total counter", text_of(reply))
