"""The services of this release."""

from .cloud.resource import Resource
from .cloud.service import Service
from .compute import service as compute
from .config import Config
from .identity import service as identity
from .image import service as image
from .network import service as network


def services(config: Config) -> tuple[Service, ...]:
    """Every service, as data."""
    return (identity.service(config), compute.service(config), image.service(config), network.service(config))


def resources(config: Config) -> tuple[Resource, ...]:
    """Every resource of every service."""
    return tuple(resource for service in services(config) for resource in service.resources)
