"""Nodes as options name them."""

from itertools import combinations

from twisted.trial.unittest import SynchronousTestCase

from dicot.sandbox.nodes.machines import MOST, TWO, machines


class Named(SynchronousTestCase):
    def test_a_number_of_them(self) -> None:
        found = machines("3")
        self.assertEqual([each.name for each in found], ["node-1", "node-2", "node-3"])
        self.assertEqual([each.zone for each in found], ["zone-1", "zone-2", "zone-3"])
        self.assertEqual([each.address for each in found], ["127.0.0.11", "127.0.0.12", "127.0.0.13"])
        self.assertEqual(found[:2], TWO)

    def test_each_by_its_zone_and_what_it_offers(self) -> None:
        found = machines("a,b:4,a:8:16Gi")
        offered = [(each.zone, each.capacity["cpu"], each.capacity["memory"]) for each in found]
        self.assertEqual(offered, [("a", "64", "256Gi"), ("b", "4", "256Gi"), ("a", "8", "16Gi")])
        self.assertEqual(found[2].labels["topology.kubernetes.io/zone"], "a")

    def test_no_two_share_an_address(self) -> None:
        found = machines(str(MOST))
        self.assertEqual(len({each.address for each in found}), MOST)
        self.assertFalse(any(one.pods.overlaps(other.pods) for one, other in combinations(found, 2)))
        self.assertTrue(all(each.pods.is_private for each in found))

    def test_what_names_none(self) -> None:
        for text in ("", "0", "-1", "7", "99999999999", "a,", "a b", "a:much", "a:0", "a:1:-1Gi", "a:1:1Gi:1"):
            with self.assertRaises(ValueError, msg=text):
                machines(text)
