"""Keystone."""

from ..cloud.service import Service
from ..config import Config
from ..web.dialects.identity import Identity
from . import words
from .catalog import CATALOG
from .project import PROJECTS
from .reach import REACH
from .token import TOKENS
from .user import USERS


def service(config: Config) -> Service:
    """The service and its resources."""
    return Service(
        name="identity",
        types=(("identity", "keystone", "/identity"),),
        dialect=Identity(config.public_url),
        resources=(TOKENS, CATALOG, REACH, USERS, PROJECTS),
        forbidden=words.forbidden,
        scopes=frozenset(("project", "domain", "system")),
    )
