"""What API servers make of the network service's CRDs."""

from collections.abc import Mapping
from typing import Any

from dicot.cloud.tenancy.bootstrap import security_group
from tests.cluster.objects import Document
from tests.live import definitions

NETWORK, SUBNET = "0e8e1d0c-7b5c-4b3a-9d62-1f3f5f0a7c11", "0e8e1d0c-7b5c-4b3a-9d62-1f3f5f0a7c12"
GROUP, OTHER = "0e8e1d0c-7b5c-4b3a-9d62-1f3f5f0a7c13", "0e8e1d0c-7b5c-4b3a-9d62-1f3f5f0a7c14"
PORT: Document = {"networkId": NETWORK}
BOUND: Document = {**PORT, "vm": "web", "vmId": SUBNET, "interface": "default"}
PORTS: tuple[tuple[Mapping[str, Any], str], ...] = (
    ({}, ""),
    ({"networkId": "private"}, "spec.networkId"),
    ({"networkId": NETWORK.upper()}, "spec.networkId"),
    ({"macAddress": "fa:16:3e:00:aa:FF", "securityGroups": [GROUP, OTHER]}, ""),
    ({"macAddress": "fa:16:3e:00:aa"}, "spec.macAddress"),
    ({"macAddress": "fa-16-3e-00-aa-ff"}, "spec.macAddress"),
    ({"securityGroups": ["default"]}, "spec.securityGroups[0]"),
    ({"securityGroups": [GROUP, GROUP]}, "spec.securityGroups[1]"),
    ({"securityGroups": [GROUP], "portSecurity": False}, "spec.securityGroups"),
    ({"portSecurity": False}, ""),
    ({"vm": "web", "interface": "default"}, ""),
    ({"vm": "web"}, "spec"),
    ({"interface": "default"}, "spec"),
    ({"vmId": SUBNET}, "spec.vmId"),
    ({"vm": "web", "interface": "default", "vmId": "web"}, "spec.vmId"),
    ({"fixedIps": [{"subnetId": SUBNET}, {"ipAddress": "192.0.2.7"}, {"ipAddress": "2001:db8::7"}]}, ""),
    ({"fixedIps": [{}]}, "spec.fixedIps[0]"),
    ({"fixedIps": [{"subnetId": "s"}]}, "spec.fixedIps[0].subnetId"),
    *(
        ({"fixedIps": [{"ipAddress": text}]}, "spec.fixedIps[0].ipAddress")
        for text in ("", "192.0.2", "192.0.2.256", "192.0.2.07", "::ffff:192.0.2.7", "fe80::1%eth0", "192.0.2.0/24")
    ),
)
"""What a port says beside its network, and which field is refused; "" where it is right."""
RULES: tuple[tuple[Mapping[str, Any], str], ...] = (
    ({}, ""),
    ({"id": "1"}, "id"),
    ({"direction": "inward"}, "direction"),
    ({"etherType": "ipv4"}, "etherType"),
    ({"remoteIpPrefix": None, "remoteGroupId": None, "protocol": None, "portRangeMin": None}, ""),
    ({"remoteGroupId": GROUP}, ""),
    ({"remoteGroupId": "default"}, "remoteGroupId"),
    ({"remoteIpPrefix": "192.0.2.0/24"}, ""),
    ({"remoteIpPrefix": "192.0.2.7/24"}, ""),
    ({"remoteIpPrefix": "2001:db8::/32", "etherType": "IPv6"}, ""),
    ({"remoteIpPrefix": "192.0.2.0/24", "remoteGroupId": GROUP}, "."),
    ({"remoteIpPrefix": "192.0.2.0/24", "etherType": "IPv6"}, "remoteIpPrefix"),
    ({"remoteIpPrefix": "::/0"}, "remoteIpPrefix"),
    *(
        ({"remoteIpPrefix": text}, "remoteIpPrefix")
        for text in ("", "192.0.2.7", "192.0.2.0/33", "192.0.2.0/024", "192.0.2.0/255.0.0.0", "192.0.2.0/")
    ),
    ({"protocol": "tcp"}, ""),
    ({"protocol": "tcp", "portRangeMin": 22, "portRangeMax": 22}, ""),
    ({"protocol": "17", "portRangeMin": 1, "portRangeMax": 65535}, ""),
    ({"protocol": "tcp", "portRangeMin": 23, "portRangeMax": 22}, "portRangeMin"),
    ({"protocol": "tcp", "portRangeMin": 0, "portRangeMax": 22}, "portRangeMin"),
    ({"protocol": "tcp", "portRangeMin": 22}, "portRangeMin"),
    ({"protocol": "tcp", "portRangeMax": 22}, "portRangeMin"),
    ({"protocol": "tcp", "portRangeMin": 22, "portRangeMax": 65536}, "portRangeMax"),
    ({"protocol": "gre", "portRangeMin": 22, "portRangeMax": 22}, "portRangeMin"),
    ({"portRangeMin": 22, "portRangeMax": 22}, "protocol"),
    ({"protocol": "icmp"}, ""),
    ({"protocol": "icmp", "portRangeMin": 8}, ""),
    ({"protocol": "icmp", "portRangeMin": 8, "portRangeMax": 0}, ""),
    ({"protocol": "1", "portRangeMin": 256}, "portRangeMin"),
    ({"protocol": "icmpv6", "etherType": "IPv6", "portRangeMin": 1, "portRangeMax": 256}, "portRangeMin"),
    ({"protocol": "icmp", "portRangeMax": 0}, "portRangeMin"),
)
"""The same of a rule; "." is the rule itself."""


class NetworkCrdTests(definitions.DefinitionsCase):
    group = "network.dicot.io/v1"

    async def told(self, plural: str, kind: str, spec: Document, field: str) -> None:
        """Fails unless an object is taken ("") or refused for that field."""
        answer = await self.create(plural, kind, spec)
        if not field:
            self.assertEqual(answer.status, 201, answer.document)
            return
        self.assertEqual(answer.status, 422, (spec, answer.document))
        self.assertIn(
            field, [each["field"] for each in answer.document["details"]["causes"]], (spec, answer.document)
        )

    async def test_ports(self) -> None:
        for more, field in PORTS:
            await self.told("ports", "Port", {**PORT, **more}, field)

    async def test_rules_of_security_groups(self) -> None:
        for more, field in RULES:
            rule = {"id": GROUP, "direction": "ingress", "etherType": "IPv4", **more}
            where = f"spec.rules[0]{'' if field == '.' else f'.{field}'}" if field else ""
            await self.told("securitygroups", "SecurityGroup", {"name": "web", "rules": [rule]}, where)

    async def test_security_groups(self) -> None:
        await self.told("securitygroups", "SecurityGroup", security_group("a", "1" * 32)["spec"], "")
        await self.told("securitygroups", "SecurityGroup", {"name": ""}, "spec.name")
        rule = {"id": GROUP, "direction": "ingress", "etherType": "IPv4"}
        twice = {"name": "web", "rules": [rule, {**rule, "direction": "egress"}]}
        await self.told("securitygroups", "SecurityGroup", twice, "spec.rules[1]")

    async def test_a_port_stays_in_its_network(self) -> None:
        await self.keep([("ports", "Port", BOUND, {"networkId": OTHER})])
