"""Addresses of Services of type LoadBalancer, as a cloud's controller or MetalLB gives them."""

from ipaddress import IPv4Network

import msgspec

from dicot.kube.address import place
from dicot.kube.kind import Kind, Meta
from dicot.kube.store import Change, Store

from ..steps import REST, Decision, Patch, act
from .addresses import Addresses

POOL = IPv4Network("198.18.0.0/15")
"""Kept for benchmarks (RFC 2544): nobody is there."""


class Ingress(msgspec.Struct, frozen=True):
    """Where a Service is reached."""

    ip: str = ""


class LoadBalancer(msgspec.Struct, frozen=True):
    """What a Service has got."""

    ingress: list[Ingress] = []


class ServiceStatus(msgspec.Struct, frozen=True):
    """What is kept of a Service's status."""

    loadBalancer: LoadBalancer = LoadBalancer()


class ServiceSpec(msgspec.Struct, frozen=True):
    """What is kept of a Service's spec."""

    type: str = ""
    loadBalancerIP: str = ""
    loadBalancerClass: str | None = None


class Service(msgspec.Struct, frozen=True):
    """A Service."""

    metadata: Meta
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()


SERVICES = Kind("", "v1", "services", "service", Service)


class Balancers:
    """Who has which address."""

    def __init__(self) -> None:
        self.services: Store[Service] = Store(SERVICES)
        self._addresses = Addresses(POOL)

    def saw(self, change: Change) -> None:
        """Take a Service's newest state into account."""
        if change.old is not None:
            self._addresses.free(change.old.uid)
        if change.new is not None:
            for each in SERVICES.read(change.new).status.loadBalancer.ingress:
                self._addresses.hold(change.new.uid, each.ip)

    def decide(self, service: Service) -> Decision:
        """An address for a Service that waits for one, and none for one that is of another type by now; that of a
        class of its own is somebody else's."""
        meta, spec, ingress = service.metadata, service.spec, service.status.loadBalancer.ingress
        balances = spec.type == "LoadBalancer"
        if balances == bool(ingress) or spec.loadBalancerClass is not None or meta.deletionTimestamp is not None:
            return REST
        given = None
        if balances:
            address = self._addresses.ask(meta.uid, spec.loadBalancerIP) or self._addresses.give(meta.uid)
            given = [{"ip": address}]
        at = place(SERVICES, meta.namespace, meta.name, "status")
        return act(Patch(at, {"metadata": {"uid": meta.uid}, "status": {"loadBalancer": {"ingress": given}}}))
