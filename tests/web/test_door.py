from twisted.trial.unittest import SynchronousTestCase

from dicot.faults import BadRequest, NotFound
from dicot.web import door

from .wire import BASE, Bench, echoed


class SegmentTests(SynchronousTestCase):
    def test_segments(self) -> None:
        for path, expected in (
            (b"", ()),
            (b"/", ()),
            (b"/a", ("a",)),
            (b"/a/", ("a",)),
            (b"/a.b/c-d_e~f:g@h", ("a.b", "c-d_e~f:g@h")),
            (b"/a%20b/%C3%A9", ("a b", "é")),
            (b"/.well-known/..x", (".well-known", "..x")),
        ):
            self.assertEqual(door.segments(path, "gone"), expected, path)

    def test_hidden_and_broken_characters_are_400(self) -> None:
        for part in [
            "%2f",
            "%2F",
            "%5c",
            "%25",
            "%252f",
            "%00",
            "%0d%0a",
            "%1b",
            "%7f",
            "%",
            "%2",
            "%zz",
            "%ff",
            "%c3",
            "\\",
        ]:
            with self.assertRaises(BadRequest, msg=part):
                door.segments(f"/servers/a{part}/action".encode(), "gone")
        for raw in (b"/\xc3\xa9", b"/a b", b'/"', b"/<", b"/#", b"/a|b", b"/[", b"/^"):
            with self.assertRaises(BadRequest, msg=repr(raw)):
                door.segments(raw, "gone")

    def test_paths_with_two_spellings_are_404(self) -> None:
        for path in (b"//", b"/a//b", b"//a", b"/a//", b"/.", b"/..", b"/a/../b", b"/a/./b", b"/a/%2e%2e/b", b"/%2e"):
            with self.assertRaises(NotFound, msg=repr(path)) as caught:
                door.segments(path, "gone")
            self.assertEqual(caught.exception.message, "gone")


class HotTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.hot: door.Hot[str] = door.Hot()
        self.hot.add("/servers", "list")
        self.hot.add("/servers/<server_id>", "show")
        self.hot.reserve("/servers/detail")

    def test_found(self) -> None:
        self.assertEqual(self.hot.find(b"/servers"), ("list", {}))
        self.assertEqual(self.hot.find(b"/servers/x-1"), ("show", {"server_id": "x-1"}))

    def test_left_to_klein(self) -> None:
        for path in ["/servers/", "/servers/detail", "/servers/x/y", "/servers/a%20b", "/servers/..", "/x", "/"]:
            self.assertIsNone(self.hot.find(path.encode()), path)
        self.assertIsNone(self.hot.find(b""))


class DoorTests(SynchronousTestCase):
    """Safety 1.4 and T44: no spelling of a path reaches another route, and none is answered by a framework."""

    def setUp(self) -> None:
        self.bench = Bench()
        self.bench.api.get("/servers/<id>", None)(echoed)
        self.bench.api.write("POST", "/servers/<id>/action", None)(echoed)

    def test_spellings_are_refused_in_the_services_envelope(self) -> None:
        for path, code in (
            ("/servers/a%2faction", 400),
            ("/servers/a%5caction", 400),
            ("/servers/a%252faction", 400),
            ("/servers/%00", 400),
            ("/servers/a%0d%0ab", 400),
            ("/servers/%ff", 400),
            ("/servers/%zz", 400),
            ("//servers/a", 404),
            ("/servers//a", 404),
            ("/servers/a//action", 404),
            ("/servers/..", 404),
            ("/servers/../servers/a", 404),
            ("/servers/%2e%2e", 404),
        ):
            for method in ("GET", "POST"):
                answer = self.bench.ask(method, BASE + path, b"{}" if method == "POST" else None)
                self.assertEqual(answer.code, code, (method, path))
                self.assertEqual(list(answer.json), ["badRequest" if code == 400 else "itemNotFound"])
        self.assertEqual([error.getTraceback() for error in self.flushLoggedErrors()], [])

    def test_a_doubled_slash_is_no_redirect(self) -> None:
        for path in (f"/{BASE}/servers/a", f"{BASE}//servers/a", "/compute//v2.1/servers/a", f"{BASE}/servers/a/"):
            answer = self.bench.ask("GET", path, Host="evil.example")
            self.assertIn(answer.code, (200, 404), path)
            self.assertNotIn(b"evil", answer.body)
            self.assertNotIn("location", answer.headers)
