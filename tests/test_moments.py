"""Moments, read and written."""

from twisted.trial.unittest import SynchronousTestCase

from dicot.moments import is_stamp, precise, read, seconds, stamp


class MomentTests(SynchronousTestCase):
    def test_any_zone_and_any_fraction_are_read(self) -> None:
        self.assertEqual(read("1970-01-01T00:01:00Z"), 60.0)
        self.assertEqual(read("1970-01-01T01:01:00.5+01:00"), 60.5)
        self.assertEqual(read("1970-01-01T00:01:00.000001Z"), 60.000001)

    def test_what_is_no_time_is_none(self) -> None:
        for text in (None, "", "x", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00"):
            self.assertIsNone(read(text), text)
            self.assertRaises(ValueError, seconds, text or "")

    def test_they_are_written_in_utc(self) -> None:
        self.assertEqual(stamp(60.7), "1970-01-01T00:01:00Z")
        self.assertEqual(precise(60.7), "1970-01-01T00:01:00.700000Z")

    def test_what_is_a_stamp_already(self) -> None:
        self.assertTrue(is_stamp("2026-11-25T22:34:10Z"))
        for text in (
            "",
            "2026-13-25T22:34:10Z",
            "2026-11-25T22:34:10.5Z",
            "2026-11-25T22:34:10+00:00",
            "2026-W48-3T22:34:10Z",
        ):
            self.assertFalse(is_stamp(text), text)
