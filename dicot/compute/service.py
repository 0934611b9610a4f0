"""The compute service: Nova v2.1."""

from ..cloud.service import Service
from ..config import Config
from ..web.dialects.compute import Compute
from ..web.prefixes import PREFIXES
from .extension import extensions
from .flavor import EXTRA_SPEC, FLAVORS
from .keypair import KEYPAIRS
from .limit import LIMITS
from .quota_set import QUOTA_SETS
from .server.instance_actions import INSTANCE_ACTIONS
from .server.locking import SERVER_LOCKS
from .server.metadata import SERVER_METADATA
from .server.resource import SERVERS
from .server.tags import SERVER_TAGS
from .server_group import SERVER_GROUPS
from .wire import forbidden
from .zone import ZONES

RESOURCES = (
    SERVERS,
    SERVER_METADATA,
    SERVER_TAGS,
    SERVER_LOCKS,
    INSTANCE_ACTIONS,
    FLAVORS,
    EXTRA_SPEC,
    KEYPAIRS,
    ZONES,
    LIMITS,
    QUOTA_SETS,
    SERVER_GROUPS,
)


def service(config: Config) -> Service:
    """What is served of it."""
    return Service(
        name="compute",
        types=(("compute", "nova", PREFIXES["compute"]),),
        dialect=Compute(config.public_url),
        resources=(*RESOURCES, extensions(RESOURCES)),
        forbidden=forbidden,
    )
