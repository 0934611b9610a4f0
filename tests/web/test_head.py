from twisted.trial.unittest import SynchronousTestCase

from dicot.web.dialects.compute import Compute
from dicot.web.head import fields, head, line

from .wire import PUBLIC


class HeadTests(SynchronousTestCase):
    def lines(self, length: int | None = 5, **given: str) -> list[bytes]:
        return list(fields(Compute(PUBLIC), (2, 96), "req-1", length, given))

    def test_what_a_service_says_always(self) -> None:
        self.assertEqual(
            self.lines(),
            [
                b"OpenStack-API-Version: compute 2.96\r\n",
                b"X-OpenStack-Nova-API-Version: 2.96\r\n",
                b"Vary: OpenStack-API-Version, X-OpenStack-Nova-API-Version\r\n",
                b"x-openstack-request-id: req-1\r\n",
                b"x-compute-request-id: req-1\r\n",
                b"Content-Length: 5\r\n",
                b"Content-Type: application/json\r\n",
            ],
        )

    def test_what_is_given_wins_however_it_is_spelled(self) -> None:
        found = self.lines(VARY="a", X_B="c")
        self.assertIn(b"VARY: a\r\n", found)
        self.assertIn(b"X_B: c\r\n", found)
        self.assertEqual(len(found), 8)

    def test_no_body_has_no_type_and_none_that_may_be_no_length(self) -> None:
        self.assertEqual(self.lines(0)[-1], b"Content-Length: 0\r\n")
        self.assertEqual(self.lines(None)[-1], b"x-compute-request-id: req-1\r\n")

    def test_no_value_ends_its_line(self) -> None:
        """What a tenant wrote may stand in a header."""
        for text in ("a\r\nSet-Cookie: b", "a\nb", "a\rb"):
            self.assertEqual(line("Location", text).count(b"\r") + line("Location", text).count(b"\n"), 2, text)

    def test_a_whole_one(self) -> None:
        first, date, *rest = head(404, [b"A: b\r\n"], closing=True).split(b"\r\n")
        self.assertEqual(first, b"HTTP/1.1 404 Not Found")
        self.assertRegex(date.decode(), r"\ADate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\Z")
        self.assertEqual(rest, [b"A: b", b"Connection: close", b"", b""])
        self.assertNotIn(b"Connection", head(200, [], closing=False))

    def test_every_code_has_its_words(self) -> None:
        for code, words in ((200, "OK"), (429, "Too Many Requests"), (431, "Request Header Fields Too Large")):
            self.assertTrue(head(code, [], closing=True).startswith(f"HTTP/1.1 {code} {words}\r\n".encode()), code)
