"""What becomes of Services that ask for an address of the world outside.

It runs on the real programs and on the sandbox.
"""

from __future__ import annotations

from tests.cluster.objects import Document, named
from tests.live.seen.stage import SeenTestCase


def balanced(name: str, **spec: object) -> Document:
    """A Service of type LoadBalancer."""
    return named("Service", name, spec={"type": "LoadBalancer", "ports": [{"port": 80}], **spec})


def addresses(service: Document) -> list[str]:
    """Where it is reached."""
    return [each["ip"] for each in service["status"].get("loadBalancer", {}).get("ingress") or ()]


class ServiceTests(SeenTestCase):
    async def test_each_gets_an_address(self) -> None:
        """Of its own; one of a class waits for who serves that."""
        await self.make(balanced("one"), balanced("two"), balanced("foreign", loadBalancerClass="example.org/nobody"))
        found = set()
        for name in ("one", "two"):
            path = f"{self.core}/services/{name}"
            shown = await self.becomes(path, "an address", lambda service: bool(addresses(service)))
            found.update(addresses(shown))
        self.assertEqual(len(found), 2)
        self.assertEqual(addresses(await self.control.get(f"{self.core}/services/foreign")), [])
        # It is no one's once the Service is of another kind.
        await self.change(f"{self.core}/services/one", {"spec": {"type": "ClusterIP"}})
        await self.becomes(f"{self.core}/services/one", "no address", lambda service: not addresses(service))
