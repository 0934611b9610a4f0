"""Where the compute API's resources are, by the configuration and never by the request."""

from ..config import Config
from ..web.prefixes import PREFIXES


def here(config: Config, *parts: str) -> str:
    """The address of a resource in the version that is served."""
    return "/".join((config.public_url + PREFIXES["compute"], *parts))


def bookmark(config: Config, *parts: str) -> str:
    """Its address without a version."""
    return "/".join((config.public_url, "compute", *parts))


def links(config: Config, collection: str, id: str) -> list[dict[str, str]]:
    """The pair of links that Nova puts into most documents."""
    return [
        {"rel": "self", "href": here(config, collection, id)},
        {"rel": "bookmark", "href": bookmark(config, collection, id)},
    ]
