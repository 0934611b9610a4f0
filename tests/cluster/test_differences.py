"""Telling where two documents differ."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from .differences import differences


class DifferencesTests(SynchronousTestCase):
    def test_equals_do_not_differ(self) -> None:
        self.assertEqual(differences({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}), {})

    def test_values_differ_at_their_path(self) -> None:
        found = differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "d": 4}})
        self.assertEqual(found, {".a.b": (1, 3), ".a.c": (2, None), ".a.d": (None, 4)})

    def test_lists_of_one_length_differ_item_by_item(self) -> None:
        self.assertEqual(differences({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}), {".a[1].b": (2, 3)})

    def test_lists_of_other_lengths_tell_what_only_one_has(self) -> None:
        self.assertEqual(differences([1, 2, 3], [2, 4]), {"": ([1, 3], [4])})

    def test_an_item_too_many_of_those_that_both_have(self) -> None:
        self.assertEqual(differences([1, 1], [1]), {"": ([], [])})
