"""Whom a proxy is believed."""

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from dicot.web.call import Call, Reply
from dicot.web.origin import origin

from .wire import BASE, Bench

PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48"))


class OriginTests(SynchronousTestCase):
    def test_the_last_address_that_is_no_proxys(self) -> None:
        for peer, forwarded, found in (
            ("192.0.2.1", "192.0.2.7", "192.0.2.1"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "192.0.2.7", "192.0.2.7"),
            ("::ffff:10.0.0.1", "192.0.2.7", "192.0.2.7"),
            ("10.0.0.1", "198.51.100.1, 192.0.2.7", "192.0.2.7"),
            ("10.0.0.1", "198.51.100.1,192.0.2.7,10.2.3.4", "192.0.2.7"),
            ("10.0.0.1", "2001:DB8::1, 2001:db8:ffff::9", "2001:db8::1"),
            ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("10.0.0.1", "unknown", "10.0.0.1"),
            ("10.0.0.1", "192.0.2.7, nonsense, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "192.0.2.7:4711", "10.0.0.1"),
            ("", "192.0.2.7", ""),
        ):
            self.assertEqual(origin(peer, forwarded, PROXIES), found, (peer, forwarded))


class RequestTests(SynchronousTestCase):
    """What operations and the access log are told."""

    def test_through_a_proxy_of_ours_and_through_none(self) -> None:
        bench = Bench(proxies=PROXIES)
        seen: list[Call[None]] = []
        bench.api.get("/servers", "p")(lambda call: seen.append(call) or Reply({}))  # type: ignore[func-returns-value]
        for peer in ("10.1.1.1", "192.0.2.1"):
            told = bench.wire(peer).ask("GET", f"{BASE}/servers", token="good", X_Forwarded_For="198.51.100.7")
            self.assertEqual(told.code, 200)
        self.assertEqual([call.address for call in seen], ["198.51.100.7", "192.0.2.1"])
        self.assertEqual([record.address for record in bench.records], ["198.51.100.7", "192.0.2.1"])
