"""Statistics of rounds, and the table and JSON that are made of them."""

import json

from twisted.trial.unittest import SynchronousTestCase

from bench.figures import Spread, quantile, ratios
from bench.results import Line, Result, Skipped, at_least, at_most, document, number, table


class FigureTests(SynchronousTestCase):
    def test_median_of_odd_and_even_numbers_of_rounds(self) -> None:
        self.assertEqual(Spread.of([3, 1, 2]), Spread(2, 1, 3))
        self.assertEqual(Spread.of([4, 1, 2, 3]), Spread(2.5, 1, 4))

    def test_nothing_measured_is_no_figure(self) -> None:
        self.assertRaises(ValueError, Spread.of, [])
        self.assertRaises(ValueError, quantile, [], 0.5)

    def test_quantiles_are_values_that_were_seen(self) -> None:
        values = [float(value) for value in range(1, 101)]
        self.assertEqual([quantile(values, share) for share in (0.0, 0.5, 0.99, 1.0)], [1, 50, 99, 100])
        self.assertEqual(quantile([7.0], 0.99), 7)

    def test_ratios_are_of_the_same_round(self) -> None:
        # The second round was half as fast for both: medians of each alone would tell the same, extremes would not.
        self.assertEqual(ratios([100, 50, 100], [200, 100, 100]), Spread(0.5, 0.5, 1.0))
        self.assertRaises(ValueError, ratios, [1], [1, 2])


class TableTests(SynchronousTestCase):
    def test_numbers_have_three_digits_that_count(self) -> None:
        shown = [number(value) for value in (0, 0.01234, 0.5, 1.234, 12.34, 123.4, 1234.5, 100_000)]
        self.assertEqual(shown, ["0", "0.0123", "0.500", "1.23", "12.3", "123", "1,234", "100,000"])

    def test_targets_are_judged_by_the_median(self) -> None:
        for target, median, met in (
            (at_least(0.9), 0.9, "yes"),
            (at_least(0.9), 0.89, "NO"),
            (at_most(10), 10, "yes"),
            (at_most(10), 10.1, "NO"),
            (None, 1.0, ""),
        ):
            result = Result("row", "what", Spread(median, 0, 100), target=target)
            self.assertEqual(result.met, met, str(target))

    def test_columns_are_aligned_and_notes_stand_below(self) -> None:
        lines: list[Line] = [
            Result("a", "first", Spread(1, 0.5, 2), "ms", at_most(5), {"events": 3, "share": 0.25}),
            Result("longer", "b", Spread(12, 12, 12)),
            Skipped("c", "it is missing"),
        ]
        heads, rule, *rows = table(lines).splitlines()
        self.assertEqual(heads, "row     figure   median   low .. high    target      met")
        self.assertEqual(rule, "------  -------  -------  -------------  ----------  ---")
        self.assertEqual(
            rows,
            [
                "a       first    1.00 ms  0.500 .. 2.00  <= 5.00 ms  yes",
                "          events 3; share 0.250",
                "longer  b        12.0     12.0 .. 12.0",
                "c       skipped",
                "          it is missing",
            ],
        )

    def test_json_has_everything(self) -> None:
        lines: list[Line] = [Result("a", "b", Spread(1, 0.5, 2), target=at_least(2)), Skipped("c", "why")]
        found = json.loads(document(lines, {"servers": 5}))
        self.assertEqual(found["servers"], 5)
        self.assertEqual(
            found["rows"],
            [
                {
                    "row": "a",
                    "what": "b",
                    "spread": {"median": 1, "low": 0.5, "high": 2},
                    "unit": "",
                    "target": {"value": 2, "at_least": True},
                    "beside": {},
                    "met": "NO",
                },
                {"row": "c", "why": "why"},
            ],
        )
