"""The catalog: what is served, where the configuration says that it is."""

from collections.abc import Iterable, Mapping

from ..cloud.resource import ANY, Bench, Resource
from ..cloud.service import Service
from ..config import Config
from ..names import derived, undashed
from ..web.call import Call, Reply
from . import words
from .desk import TOOL, Catalog, Desk

INTERFACES = ("public", "internal", "admin")


def catalog(services: Iterable[Service], config: Config) -> Catalog:
    """The catalog of all services, the same for everybody. Ids are derived, so that every replica says the same."""
    return tuple(
        {
            "endpoints": [_endpoint(type, interface, path, config) for interface in INTERFACES],
            "id": undashed(derived("service", type)),
            "type": type,
            "name": name,
        }
        for service in services
        for type, name, path in service.types
    )


def _endpoint(type: str, interface: str, path: str, config: Config) -> Mapping[str, str]:
    return {
        "id": undashed(derived("endpoint", type, interface, config.region)),
        "interface": interface,
        "region": config.region,
        "region_id": config.region,
        "url": config.public_url.rstrip("/") + path,
    }


def register(bench: Bench) -> None:
    """GET /auth/catalog."""
    desk: Desk = bench.tools[TOOL]

    @bench.routes.get("/auth/catalog", "identity:get_auth_catalog")
    def show(call: Call[None]) -> Reply:
        if not call.caller.project:
            raise words.forbidden()
        return Reply({"catalog": desk.catalog, "links": {"self": f"{desk.url}/auth/catalog"}})


CATALOG = Resource("catalog", register, policy={"identity:get_auth_catalog": ANY})
