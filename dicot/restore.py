"""``dicot restore``: a cluster gets back what ``kubectl get -o yaml`` told of another, or of itself, with its ids.

Ids lie in labels, so they are the same afterwards; uids are the cluster's and are new. So owners are named anew, and
namespaces are recorded anew, as ``dicot adopt`` does. What runs out or is made again by itself is left out.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import yaml

from .cloud.chores.lease import LEASE
from .cloud.kinds.access import ROLE_BINDING, SERVICE_ACCOUNT, Bare
from .cloud.kinds.identity import LEDGER, NAMESPACE, NAMESPACE_RECORD
from .cloud.kinds.storage import SECRET
from .cloud.resource import Resource
from .cloud.tenancy.bootstrap import Bootstrap
from .cloud.tenancy.calls import kinds
from .faults import NotFound
from .kube.address import place
from .kube.client import Kube
from .kube.errors import Exists
from .kube.kind import Kind, Manifest

LEFT_OUT: frozenset[Kind[Any]] = frozenset((LEDGER, NAMESPACE_RECORD, LEASE, SERVICE_ACCOUNT, ROLE_BINDING))
"""Of the moment, or made by adoption."""
_FLEETING = frozenset(
    ("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "managedFields", "selfLink")
)
_IMAGES = "images"
Key = tuple[str, str, str]
"""Kind, namespace, name."""


class Unreadable(Exception):
    """What was given is no backup."""


@dataclass(frozen=True, slots=True)
class Backup:
    """The objects of a backup in the order in which they are made, and what its namespaces were recorded as."""

    namespaces: tuple[Manifest, ...]
    objects: tuple[Manifest, ...]
    records: tuple[tuple[str, str], ...]


def known(resources: Iterable[Resource]) -> Mapping[tuple[str, str], Kind[Any]]:
    """The kinds that can be restored, by their apiVersion and kind."""
    every: tuple[Kind[Any], ...] = (*kinds(resources), SECRET, NAMESPACE, *LEFT_OUT)
    return {(kind.api_version, kind.singular): kind for kind in every}


def read(text: str) -> Backup:
    """The backup in a text of YAML or JSON. Raises Unreadable."""
    try:
        found = [item for document in yaml.safe_load_all(text) for item in _items(document)]
    except yaml.YAMLError as error:
        raise Unreadable(f"not YAML: {error}") from None
    spaces = [each for each in found if each["kind"] == NAMESPACE.singular]
    records = [each["spec"] for each in found if each["kind"] == NAMESPACE_RECORD.singular]
    rest = [each for each in found if each["kind"] not in (NAMESPACE.singular, NAMESPACE_RECORD.singular)]
    return Backup(
        tuple(spaces),
        tuple(sorted(rest, key=lambda each: bool(each["metadata"].get("ownerReferences")))),
        tuple((each["namespace"], each["role"]) for each in records),
    )


def bare(body: Manifest, uids: Mapping[Key, str]) -> Manifest:
    """An object as it can be made: without what a cluster adds, owned by whom it was if that one is there."""
    metadata = {name: value for name, value in body["metadata"].items() if name not in _FLEETING}
    owners = [
        {**owner, "uid": uid}
        for owner in metadata.pop("ownerReferences", ())
        if (uid := uids.get((owner["kind"], metadata.get("namespace", ""), owner["name"])))
    ]
    if owners:
        metadata["ownerReferences"] = owners
    return {name: value for name, value in body.items() if name != "status"} | {"metadata": metadata}


async def restored(
    kube: Kube, bootstrap: Bootstrap, resources: Sequence[Resource], backup: Backup
) -> AsyncIterator[str]:
    """Makes what is not there, and says of each object what became of it. Raises Refused, Unreachable, Fault."""
    table = known(resources)
    uids: dict[Key, str] = {}
    for body in backup.namespaces:
        yield await _made(kube, NAMESPACE, body, uids)
    for namespace, role in backup.records:
        try:
            await (bootstrap.images(namespace) if role == _IMAGES else bootstrap.adopt(namespace))
        except NotFound:
            yield f"namespace {namespace}: left out, it is not there"
        else:
            yield f"namespace {namespace}: recorded for {role}"
    for body in backup.objects:
        kind = table.get((body["apiVersion"], body["kind"]))
        if kind is None or kind in LEFT_OUT:
            yield f"{body['kind']} {body['metadata']['name']}: left out"
        else:
            yield await _made(kube, kind, body, uids)


async def _made(kube: Kube, kind: Kind[Any], body: Manifest, uids: dict[Key, str]) -> str:
    metadata = body["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    at = place(kind, namespace)
    outcome = "restored"
    try:
        answer = await kube.create(at, bare(body, uids))
    except Exists:
        answer, outcome = await kube.read(place(kind, namespace, name)), "is there"
    uids[kind.singular, namespace, name] = msgspec.json.decode(answer, type=Bare).metadata.uid
    return f"{kind.singular} {f'{namespace}/' if namespace else ''}{name}: {outcome}"


def _items(document: Any) -> Iterator[Manifest]:
    """The objects of a document, which is one or a List of them."""
    if document is None:
        return
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise Unreadable("a document is no object of Kubernetes")
    if document["kind"].endswith("List"):
        for item in document.get("items") or ():
            yield from _items(item)
    elif isinstance(document.get("metadata"), dict) and "name" in document["metadata"] and "apiVersion" in document:
        yield document
    else:
        raise Unreadable(f"a {document['kind']} has no name")
