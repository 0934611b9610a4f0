"""The extensions that are honoured. Aliases, names and dates are neutron-lib's, by which clients know them."""

from ..cloud.resource import ANY, Bench, Resource
from ..faults import NotFound
from ..web.call import Call, Reply
from .driver import Document

EXTENSIONS: tuple[tuple[str, str, str, str], ...] = (
    ("binding", "Port Binding", "2014-02-03T10:00:00-00:00", "Where a port is bound"),
    (
        "empty-string-filtering",
        "Empty String Filtering Extension",
        "2018-05-01T10:00:00-00:00",
        "An empty value is a filter of its own",
    ),
    ("external-net", "Neutron external network", "2013-01-14T10:00:00-00:00", "Says which networks are external"),
    (
        "filter-validation",
        "Filter parameters validation",
        "2018-07-04T10:00:00-00:00",
        "An attribute that cannot be filtered by is refused",
    ),
    ("pagination", "Pagination support", "2016-06-12T00:00:00-00:00", "Lists by limit and marker"),
    ("port-security", "Port Security", "2012-07-23T10:00:00-00:00", "Says which ports are filtered"),
    ("project-id", "project_id field enabled", "2016-09-09T09:09:09-09:09", "project_id beside tenant_id"),
    ("security-group", "security-group", "2012-10-05T10:00:00-00:00", "Groups of rules for ports"),
    (
        "quota_details",
        "Quota details management support",
        "2017-02-10T10:00:00-00:00",
        "What a project uses of its quotas",
    ),
    ("quotas", "Quota management support", "2012-07-29T10:00:00-00:00", "What a project may have"),
    (
        "sort-key-validation",
        "Sort keys validation",
        "2018-07-04T10:00:00-00:00",
        "An attribute that cannot be sorted by is refused",
    ),
    ("sorting", "Sorting support", "2016-06-12T00:00:00-00:00", "Lists in a chosen order"),
    (
        "standard-attr-description",
        "standard-attr-description",
        "2016-02-10T10:00:00-00:00",
        "A description of each resource",
    ),
    (
        "stateful-security-group",
        "Stateful security group",
        "2019-11-26T09:00:00-00:00",
        "Says whether a group follows connections",
    ),
)


def body(alias: str, name: str, updated: str, description: str) -> Document:
    """An extension as Neutron shows it (neutron/api/extensions.py)."""
    return {"name": name, "alias": alias, "description": description, "updated": updated, "links": []}


def routes(bench: Bench) -> None:
    """Q-02."""
    found = {alias: body(alias, name, updated, said) for alias, name, updated, said in EXTENSIONS}

    @bench.routes.get("/extensions", "get_extension")
    def index(call: Call[None]) -> Reply:
        return Reply({"extensions": list(found.values())})

    @bench.routes.get("/extensions/<alias>", "get_extension")
    def show(call: Call[None]) -> Reply:
        alias = call.names["alias"]
        if alias not in found:
            raise NotFound(f"Extension with alias {alias} does not exist", kind="HTTPNotFound")
        return Reply({"extension": found[alias]})


EXTENSION = Resource(name="extensions", register=routes, policy={"get_extension": ANY})
