"""Where the services are. Free of Twisted."""

from collections.abc import Mapping

PREFIXES: Mapping[str, str] = {
    "identity": "/identity/v3",
    "compute": "/compute/v2.1",
    "image": "/image/v2",
    "network": "/network/v2.0",
    "volume": "/volume/v3",
}
"""Where the versioned routes of each service are mounted."""
