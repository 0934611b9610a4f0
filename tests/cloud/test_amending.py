"""Turning the entries of a Ledger into others."""

from typing import Any

import msgspec
from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.identity import LedgerEntry, Named
from dicot.cloud.writing.amending import amendments
from tests.kube.patches import operated

A = LedgerEntry(id="a", commit=Named("virtualmachines", "demo", "a"), amounts={"instances": 1}, batch="a", least=2)
B = LedgerEntry(id="b", pending=(Named("ports", "demo", "b"),))
C = LedgerEntry(id="c", at="2027-01-15T08:00:00.000000Z")


class AmendmentTests(SynchronousTestCase):
    def amended(self, old: list[LedgerEntry], new: list[LedgerEntry], **more: Any) -> Any:
        """The spec of a Ledger, of which each entry and the whole have a field that nobody knows here."""
        entries = [msgspec.to_builtins(each) | more for each in old]
        ledger = {"metadata": {"resourceVersion": "7"}, "spec": {"entries": entries, **more}}
        patched = operated(ledger, amendments("7", old, {each.id: each for each in new}))
        self.assertEqual(patched["metadata"], {"resourceVersion": "7"})
        return patched["spec"]

    def check(self, old: list[LedgerEntry], new: list[LedgerEntry]) -> None:
        found = msgspec.convert(self.amended(old, new)["entries"], list[LedgerEntry])
        self.assertEqual(found, new)

    def test_entries_come_go_and_change(self) -> None:
        other = replace(B, pending=(), at="2027-01-15T08:00:01.000000Z")
        for old, new in (
            ([A], [A, B, C]),
            ([A, B, C], [B]),
            ([A, B, C], [A, C]),
            ([A, B, C], []),
            ([], [A, B]),
            ([A, B], [A, other]),
            ([A, B, C], [other, A]),
            ([A, B, C], [replace(A, batch="", least=0), C, replace(B, id="d")]),
        ):
            self.check(old, sorted(new, key=lambda each: each.id))

    def test_what_is_not_known_stays(self) -> None:
        decided = replace(A, batch="", least=0)
        found = self.amended([A, B], [decided, C], later={"since": 2})
        kept, added = found["entries"]
        self.assertEqual(kept, msgspec.to_builtins(decided) | {"later": {"since": 2}})
        self.assertEqual(added, msgspec.to_builtins(C))
        self.assertEqual(found["later"], {"since": 2})

    def test_of_two_with_one_id_the_last_stays(self) -> None:
        self.check([A, B, replace(A, at="2027-01-15T08:00:00.000000Z")], [B, A])

    def test_a_ledger_without_a_list_gets_one(self) -> None:
        ledger: dict[str, Any] = {"metadata": {}, "spec": {"project": "p"}}
        patched = operated(ledger, amendments("1", (), {"c": C}))
        self.assertEqual(patched["spec"], {"project": "p", "entries": [msgspec.to_builtins(C)]})
