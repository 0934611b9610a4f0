"""Rows and their links."""

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Kind, Meta, Row
from dicot.kube.table import Table

from .things import Thing


class LinkTests(SynchronousTestCase):
    """What is at hand is not decoded again."""

    def setUp(self) -> None:
        self.asked: list[Thing] = []
        self.kind = Kind("example.io", "v1", "things", "Thing", Thing, links=self.links)
        self.table: Table[Thing] = Table(self.kind)

    def links(self, row: Row, body: Thing) -> tuple[str, ...]:
        self.asked.append(body)
        return (f"{row.namespace}/home",)

    def test_of_a_new_row(self) -> None:
        body = Thing(Meta(namespace="red", name="a", uid="u1"))
        self.table.put(self.kind.row(body), body)
        self.assertEqual([each is body for each in self.asked], [True])
        self.assertEqual([row.name for row in self.table.linked("red/home")], ["a"])

    def test_of_one_that_yields_its_id(self) -> None:
        id = "00000000-0000-4000-8000-000000000001"
        for name, created in (("a", "2026-01-02T00:00:00Z"), ("b", "2026-01-01T00:00:00Z")):
            meta = Meta(namespace="red", name=name, uid=name, creationTimestamp=created, labels={"dicot.io/id": id})
            self.table.put(self.kind.row(Thing(meta)), Thing(meta))
        self.assertEqual([each.metadata.name for each in self.asked], ["a", "a", "b", "a"])
        found = self.table.by_id("red", id)
        self.assertEqual(found and found.name, "b")
