"""Security groups with their rules."""

from ..cloud.kinds.network import SECURITY_GROUP, Rule
from ..cloud.reading.shelf import Entry, Shape, newest_first
from ..cloud.resource import READER, Bench, Joined, Listed, Resource, Source
from . import attributes
from .driver import Document
from .reading import Collection, register


def rule(found: Rule, group: str, project: str) -> Document:
    """A rule as Neutron shows it (neutron/db/securitygroups_db.py)."""
    return {
        "id": found.id,
        "tenant_id": project,
        "project_id": project,
        "security_group_id": group,
        "ethertype": found.etherType,
        "direction": found.direction,
        "protocol": found.protocol,
        "port_range_min": found.portRangeMin,
        "port_range_max": found.portRangeMax,
        "remote_ip_prefix": found.remoteIpPrefix,
        "remote_group_id": found.remoteGroupId,
        "description": found.description,
    }


def entry(joined: Joined, now: float) -> Listed:
    """A group, listed."""
    row = joined.row
    return Listed(
        Entry(
            place=row.place,
            scope=row.namespace,
            id=row.id,
            order=newest_first(row.created, row.id),
            name=joined.main(SECURITY_GROUP).spec.name or row.name,
        )
    )


def document(joined: Joined, shape: Shape, now: float) -> Document:
    """A group, shown."""
    row, spec = joined.row, joined.main(SECURITY_GROUP).spec
    return {
        "id": row.id,
        "name": spec.name or row.name,
        "tenant_id": joined.project,
        "project_id": joined.project,
        "description": spec.description,
        "stateful": spec.stateful,
        "shared": False,
        "security_group_rules": [rule(found, row.id, joined.project) for found in spec.rules],
    }


COLLECTION = Collection(
    name="security_groups",
    singular="security_group",
    attributes=attributes.SECURITY_GROUP,
    missing=("SecurityGroupNotFound", "Security group {id} does not exist"),
)


def routes(bench: Bench) -> None:
    """Q-10, its reading half."""
    register(bench, COLLECTION)


SECURITY_GROUPS = Resource(
    name="security-groups",
    register=routes,
    sources=(Source(SECURITY_GROUP, entry, document),),
    policy={"get_security_group": READER},
    crds=("securitygroups.network.dicot.io",),
)
