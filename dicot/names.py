"""Ids, names of objects, and every label and annotation that Dicot writes."""

import hashlib
import re
import uuid

PREFIX = "dicot.io/"
SYSTEM_NAMESPACE = "dicot-system"
ACCOUNTS_NAMESPACE = "dicot-projects"
IMAGES_NAMESPACE = "dicot-images"

ID = "dicot.io/id"
PROJECT = "dicot.io/project"
DOMAIN = "dicot.io/domain"
MANAGED = "dicot.io/managed"
SERVER_ID = "dicot.io/server-id"
DISK = "dicot.io/disk"
IMAGE_ID = "dicot.io/image-id"
PORT_SECURITY = "dicot.io/port-security"
SECURITY_GROUP_PREFIX = "sg.dicot.io/"
SERVER_GROUP = "dicot.io/server-group"
SERVER_GROUP_SLOT = "dicot.io/server-group-slot"

NAME = "dicot.io/name"
DESCRIPTION = "dicot.io/description"
METADATA = "dicot.io/metadata"
TAGS = "dicot.io/tags"
USER_ID = "dicot.io/user-id"
REQUEST_ID = "dicot.io/request-id"
IMAGE = "dicot.io/image"
IMAGE_SPEC = "dicot.io/image-spec"
CONTAINER_DISK = "dicot.io/container-disk"
FLAVOR = "dicot.io/flavor"
FLAVOR_SPEC = "dicot.io/flavor-spec"
KEY_NAME = "dicot.io/key-name"
LAUNCHED_AT = "dicot.io/launched-at"
TERMINATED_AT = "dicot.io/terminated-at"
LOCK = "dicot.io/lock"
STATE = "dicot.io/state"
TASK = "dicot.io/task"
RESERVATION = "dicot.io/reservation-id"
SERVER = "dicot.io/server"
UPDATED_AT = "dicot.io/updated-at"
ACTION_PREFIX = "dicot.io/action-"
ENABLED = "dicot.io/enabled"
QUOTA = "dicot.io/quota"
BOUND = "dicot.io/bound"
BOOTABLE = "dicot.io/bootable"
MULTIATTACH = "dicot.io/multiattach"

NAMESPACE_OF_UUIDS = uuid.UUID("5f9cfa26-6c5b-4c3c-9a38-5d0d5a0d1c07")
_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_HEX = re.compile(r"[0-9a-f]{32}\Z")
_OUTSIDE_DNS = re.compile(r"[^a-z0-9]+")


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in its canonical spelling: lower case, with dashes."""
    return _CANONICAL.match(text) is not None


def is_hex_id(text: str) -> bool:
    """Whether the text is 32 lower-case hex digits, the ids of Keystone."""
    return _HEX.match(text) is not None


def undashed(text: str) -> str:
    """A UUID as Keystone writes ids."""
    return text.replace("-", "")


def derived(*parts: str) -> str:
    """A UUID that is the same for the same parts: ids of what has no object of its own."""
    return str(uuid.uuid5(NAMESPACE_OF_UUIDS, "\0".join(parts)))


def synthetic_port(server: str, interface: str) -> str:
    """The port id of an interface that has no Port object; compute and network both show it."""
    return derived("port", server, interface)


def object_name(display_name: str, id: str, *, longest: int = 40) -> str:
    """The name of an object: a slug of the display name and 8 hex digits of its id, a DNS label of 63 or less."""
    slug = _OUTSIDE_DNS.sub("-", display_name.lower()).strip("-")[:longest].strip("-")
    return f"{slug or 'x'}-{undashed(id)[:8]}" if not slug[:1].isdigit() else f"x{slug}-{undashed(id)[:8]}"


def digest(*parts: str) -> str:
    """40 hex digits that stand for the parts in an object's name."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


def account_name(project: str, role: str) -> str:
    """The ServiceAccount, in ``dicot-projects``, that writes of a role in a project are made as."""
    return f"{project}-{role}"


def network_id(name: str) -> str:
    """The id of the network that the ``pod`` driver shows under this name."""
    return derived("network", name)


def subnet_id(network: str, part: str) -> str:
    """The id of a subnet that the ``pod`` driver shows: a configured prefix, or an address family ("4", "6")."""
    return derived("subnet", network, part)
