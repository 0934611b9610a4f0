from twisted.trial.unittest import SynchronousTestCase

from dicot.web import strict


class StrictTests(SynchronousTestCase):
    def test_ordinary_json_is_read(self) -> None:
        content = '{"a": [1, -2.5e3, true, null, "é\\n\\u00e9\\ud83d\\ude00"], "b": {"": 12345678901234567890}}'
        expected = {"a": [1, -2500.0, True, None, "é\né😀"], "b": {"": 12345678901234567890}}
        self.assertEqual(strict.read(content.encode()), expected)

    def refused(self, *bodies: bytes) -> None:
        for body in bodies:
            with self.assertRaises(strict.Malformed, msg=repr(body[:40])):
                strict.read(body)

    def test_what_is_no_json(self) -> None:
        self.refused(b"", b" ", b"{", b"{} {}", b"{'a': 1}", b"[1,]", b'{"a": 1,}', b"nope", b'"\n"', b"01")

    def test_duplicate_keys(self) -> None:
        self.refused(b'{"a": 1, "a": 1}', b'[{"b": {"a": 1, "\\u0061": 2}}]')

    def test_numbers_that_are_none(self) -> None:
        self.refused(b"NaN", b"[Infinity]", b'{"a": -Infinity}', b"1e999", b"-1e999")

    def test_long_numbers(self) -> None:
        self.assertEqual(strict.read(b"-" + b"9" * 20), -(10**20 - 1))
        self.refused(b"9" * 21, b"9" * 5000, b"0." + b"1" * 20, b"1e" + b"0" * 30)

    def test_characters_that_are_none(self) -> None:
        self.refused(b'"\\u0000"', b'{"\\u0000": 1}', b'["\\ud800"]', b'{"a": "x\\udc00y"}', b'"\x00"')

    def test_bytes_that_are_no_utf_8(self) -> None:
        self.refused(b'"\xff"', b'"\xc3"', b'"\xed\xa0\x80"', '"a"'.encode("utf-16"), b'\xef\xbb\xbf"a"')

    def test_depth(self) -> None:
        self.assertEqual(strict.read(b"[" * 32 + b"]" * 32), _nested(32))
        self.refused(b"[" * 33 + b"]" * 33, b'{"a":' * 33 + b"1" + b"}" * 33)
        self.refused(b"[" * 50_000, b"[" * 50_000 + b"]" * 50_000)

    def test_breadth_is_no_depth(self) -> None:
        self.assertEqual(strict.read(b"[" + b"[]," * 1000 + b"[]]"), [[]] * 1001)

    def test_brackets_in_strings_do_not_nest(self) -> None:
        self.assertEqual(strict.read(b'"' + b"[{" * 100 + b'"'), "[{" * 100)


def _nested(depth: int) -> list[object]:
    found: list[object] = []
    for _ in range(depth - 1):
        found = [found]
    return found
