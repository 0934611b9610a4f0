"""Own kinds of ``network.dicot.io``: Port and SecurityGroup."""

import msgspec

from ...kube.kind import Kind, Meta, Row


class FixedIp(msgspec.Struct, frozen=True, omit_defaults=True):
    subnetId: str = ""
    ipAddress: str = ""


class PortSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """``vm`` and ``interface`` bind the port: names of a VirtualMachine of the namespace and of its interface."""

    formatVersion: int = 1
    name: str = ""
    description: str = ""
    networkId: str = ""
    macAddress: str = ""
    fixedIps: tuple[FixedIp, ...] = ()
    securityGroups: tuple[str, ...] = ()
    portSecurity: bool = True
    adminStateUp: bool = True
    vm: str = ""
    vmId: str = ""
    interface: str = ""


class Port(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Neutron port."""

    metadata: Meta = Meta()
    spec: PortSpec = PortSpec()


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """A security group rule; ``id`` is a UUID."""

    id: str = ""
    direction: str = "ingress"
    etherType: str = "IPv4"
    protocol: str | None = None
    portRangeMin: int | None = None
    portRangeMax: int | None = None
    remoteIpPrefix: str | None = None
    remoteGroupId: str | None = None
    description: str = ""


class SecurityGroupSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    formatVersion: int = 1
    name: str = ""
    description: str = ""
    stateful: bool = True
    rules: tuple[Rule, ...] = ()


class SecurityGroup(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Neutron security group with its rules."""

    metadata: Meta = Meta()
    spec: SecurityGroupSpec = SecurityGroupSpec()


def by_vm(row: Row, body: Port) -> tuple[str, ...]:
    """By the name of the VM, since no uid exists when a port is written."""
    return (f"{row.namespace}/{body.spec.vm}",) if body.spec.vm else ()


def by_id(row: Row, body: SecurityGroup) -> tuple[str, ...]:
    """By its id, which is how ports name it."""
    return (f"{row.namespace}/{row.id}",)


PORT = Kind("network.dicot.io", "v1", "ports", "Port", Port, by_vm, labels=frozenset(), owners=False)
SECURITY_GROUP = Kind("network.dicot.io", "v1", "securitygroups", "SecurityGroup", SecurityGroup, by_id)
