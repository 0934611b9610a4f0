"""Lists in Neutron's manner."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.faults import BadRequest
from dicot.network.attributes import PORT
from dicot.network.collection import answer, wanted

URL = "http://cloud/network/v2.0/ports"
PORTS: list[dict[str, Any]] = [
    {"id": "a", "name": "one", "device_id": "s1", "admin_state_up": True, "fixed_ips": [{"ip_address": "10.0.0.1"}]},
    {"id": "b", "name": "two", "device_id": "s2", "admin_state_up": False, "fixed_ips": []},
    {"id": "c", "name": "two", "device_id": "", "admin_state_up": True, "fixed_ips": [], "security_groups": ["g"]},
]


class CollectionTests(SynchronousTestCase):
    """Filters, fields, sorting and pages over documents."""

    def listed(self, **query: list[str]) -> dict[str, Any]:
        return answer("ports", PORTS, wanted(query, PORT), URL, query)

    def ids(self, **query: list[str]) -> list[str]:
        return [port["id"] for port in self.listed(**query)["ports"]]

    def refusal(self, **query: list[str]) -> BadRequest:
        refusal: BadRequest = self.assertRaises(BadRequest, wanted, query, PORT)
        return refusal

    def test_repeated_filters_are_alternatives_and_different_ones_conditions(self) -> None:
        self.assertEqual(self.ids(name=["one", "two"], admin_state_up=["True"]), ["a", "c"])

    def test_lists_are_filtered_by_membership(self) -> None:
        self.assertEqual(self.ids(security_groups=["g"]), ["c"])

    def test_addresses_are_filtered_by_key_and_value(self) -> None:
        self.assertEqual(self.ids(fixed_ips=["ip_address=10.0.0.1"]), ["a"])

    def test_an_empty_value_is_a_filter(self) -> None:
        self.assertEqual(self.ids(device_id=[""]), ["c"])

    def test_unknown_filters_are_refused_by_name(self) -> None:
        self.assertEqual(self.refusal(colour=["red"]).message, "['colour'] is invalid attribute for filtering")

    def test_fields_choose_what_is_shown(self) -> None:
        self.assertEqual(self.listed(fields=["id", "name", "nonsense"])["ports"][0], {"id": "a", "name": "one"})

    def test_sorts_by_several_keys(self) -> None:
        found = self.ids(sort_key=["name", "id"], sort_dir=["desc", "desc"])
        self.assertEqual(found, ["c", "b", "a"])

    def test_keys_and_directions_come_in_pairs(self) -> None:
        message = self.refusal(sort_key=["name"]).message
        self.assertEqual(message, "The number of sort_keys and sort_dirs must be same")

    def test_pages_follow_each_other_both_ways(self) -> None:
        first = self.listed(limit=["2"])
        self.assertEqual([port["id"] for port in first["ports"]], ["a", "b"])
        self.assertEqual(first["ports_links"][0], {"rel": "next", "href": f"{URL}?limit=2&marker=b"})
        self.assertEqual(self.ids(limit=["2"], marker=["b"]), ["c"])
        self.assertEqual(self.ids(limit=["2"], marker=["c"], page_reverse=["True"]), ["a", "b"])

    def test_the_last_page_links_backwards_only(self) -> None:
        last = self.listed(limit=["2"], marker=["b"])
        self.assertEqual([link["rel"] for link in last["ports_links"]], ["previous"])

    def test_limits_that_are_none_are_refused(self) -> None:
        for text in ("-1", "x", "1e3", ""):
            self.assertIn("Limit must be an integer 0 or greater", self.refusal(limit=[text]).message)

    def test_flags_are_spelled_as_oslo_does(self) -> None:
        self.assertEqual(self.ids(admin_state_up=["no"]), ["b"])
        self.assertEqual(self.refusal(admin_state_up=["maybe"]).kind, "InvalidInput")
