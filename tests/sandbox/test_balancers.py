"""Addresses of Services."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.store import Change
from dicot.sandbox.nodes.balancers import SERVICES, Balancers
from dicot.sandbox.steps import REST, Patch

from .things import STAMP, raw


def service(name: str, address: str = "", meta: Any = None, **spec: Any) -> Any:
    """The row of one that balances, with an address if it has one."""
    status = {"loadBalancer": {"ingress": [{"ip": address}] if address else []}}
    metadata = {"name": name, "namespace": "n", "uid": f"uid-{name}", "resourceVersion": "1"} | (meta or {})
    body = {"metadata": metadata, "spec": {"type": "LoadBalancer"} | spec, "status": status}
    return SERVICES.decode(raw(body))


class BalancerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.balancers = Balancers()

    def given(self, row: Any) -> str:
        """The address that it gets."""
        (step,) = self.balancers.decide(SERVICES.read(row)).steps
        assert isinstance(step, Patch)
        self.assertEqual((step.at.plural, step.at.subresource), ("services", "status"))
        address: str = step.body["status"]["loadBalancer"]["ingress"][0]["ip"]
        return address

    def test_each_gets_its_own(self) -> None:
        one, two = (self.given(service(name)) for name in ("one", "two"))
        self.assertNotEqual(one, two)
        self.assertEqual(self.given(service("one")), one)

    def test_one_may_ask_for_an_address(self) -> None:
        asked = "198.19.1.2"
        self.assertEqual(self.given(service("one", loadBalancerIP=asked)), asked)
        self.assertEqual(self.given(service("one", loadBalancerIP=asked)), asked)
        self.assertNotEqual(self.given(service("two", loadBalancerIP=asked)), asked)
        for other in ("10.0.0.1", "no address"):
            self.assertTrue(self.given(service("three", loadBalancerIP=other)).startswith("198.18."))

    def test_what_is_taken_is_free_again(self) -> None:
        asked = "198.19.1.2"
        has = service("one", asked)
        self.balancers.saw(Change(SERVICES, None, has))
        self.assertNotEqual(self.given(service("two", loadBalancerIP=asked)), asked)
        self.balancers.saw(Change(SERVICES, has, None))
        self.assertEqual(self.given(service("three", loadBalancerIP=asked)), asked)

    def test_one_that_balances_no_more_has_none(self) -> None:
        (step,) = self.balancers.decide(SERVICES.read(service("one", "198.18.0.1", type="ClusterIP"))).steps
        assert isinstance(step, Patch)
        self.assertEqual(step.body["status"], {"loadBalancer": {"ingress": None}})

    def test_who_gets_none(self) -> None:
        rows = (
            service("has", "198.18.0.1"),
            service("inside", type="ClusterIP"),
            service("foreign", loadBalancerClass="example.org/lb"),
            service("going", meta={"deletionTimestamp": STAMP}),
        )
        for row in rows:
            self.assertEqual(self.balancers.decide(SERVICES.read(row)), REST)
