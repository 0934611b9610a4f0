"""The network service: Neutron v2.0."""

from ..cloud.service import Service
from ..config import Config
from ..faults import Fault, Forbidden
from ..web.dialects.network import Network
from .extension import EXTENSION
from .group import SECURITY_GROUPS
from .network import NETWORKS, SUBNETS
from .port import PORTS
from .quota import QUOTAS


def forbidden(operation: str) -> Fault:
    """A refusal by policy, as oslo.policy words it for Neutron."""
    return Forbidden(f"rule:{operation} is disallowed by policy", kind="PolicyNotAuthorized")


def service(config: Config) -> Service:
    """What is served of it."""
    return Service(
        name="network",
        types=(("network", "neutron", "/network"),),
        dialect=Network(config.public_url),
        resources=(
            NETWORKS,
            SUBNETS,
            PORTS,
            SECURITY_GROUPS,
            QUOTAS,
            EXTENSION,
        ),
        forbidden=forbidden,
    )
