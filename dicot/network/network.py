"""Networks and subnets, as the driver says them."""

from collections.abc import Callable, Mapping

from ..caller import Caller
from ..cloud.kinds.kubevirt import NODE
from ..cloud.resource import READER, Bench, Resource
from ..faults import NotFound
from ..web.call import Call, Reply
from ..web.prefixes import PREFIXES
from . import attributes
from .attributes import Attribute
from .collection import answer, trimmed, wanted
from .driver import Document, networks, subnets, subnets_of

Documents = Callable[[Caller], list[Document]]


def _read(
    bench: Bench, name: str, table: Mapping[str, Attribute], documents: Documents, missing: tuple[str, str]
) -> None:
    singular = name[:-1]

    @bench.routes.get(f"/{name}", f"get_{singular}")
    def index(call: Call[None]) -> Reply:
        want = wanted(call.query, table)
        url = f"{bench.config.public_url}{PREFIXES['network']}/{name}"
        return Reply(answer(name, documents(call.caller), want, url, call.query))

    @bench.routes.get(f"/{name}/<id>", f"get_{singular}")
    def show(call: Call[None]) -> Reply:
        for document in documents(call.caller):
            if document["id"] == call.names["id"]:
                fields = tuple(field for field in call.query.get("fields", ()) if field)
                return Reply({singular: trimmed(document, fields)})
        raise NotFound(missing[1].format(id=call.names["id"]), kind=missing[0])


def network_routes(bench: Bench) -> None:
    """Q-03, its reading half."""

    def documents(caller: Caller) -> list[Document]:
        nodes = (node for _, node in bench.known(caller).rows(NODE))
        return networks(bench.config, subnets_of(bench.config, nodes))

    missing = ("NetworkNotFound", "Network {id} could not be found.")
    _read(bench, "networks", attributes.NETWORK, documents, missing)


def subnet_routes(bench: Bench) -> None:
    """Q-04, its reading half."""

    def documents(caller: Caller) -> list[Document]:
        nodes = (node for _, node in bench.known(caller).rows(NODE))
        return subnets(bench.config, subnets_of(bench.config, nodes))

    missing = ("SubnetNotFound", "Subnet {id} could not be found.")
    _read(bench, "subnets", attributes.SUBNET, documents, missing)


NETWORKS = Resource(name="networks", register=network_routes, reads=(NODE,), policy={"get_network": READER})
SUBNETS = Resource(name="subnets", register=subnet_routes, reads=(NODE,), policy={"get_subnet": READER})
