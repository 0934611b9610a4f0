"""The form in which an object is kept, and which of its parts a write may change."""

from msgspec import json

from dicot.kube.kind import Manifest

from . import metadata as meta
from .resource import Resource


def partial(resource: Resource, subresource: str, new: Manifest, old: Manifest) -> Manifest:
    """What a write may change: a status and the rest go different ways."""
    if subresource == "status":
        kept = {name: value for name, value in old.items() if name != "status"}
        if not resource.custom:
            fixed = ("ownerReferences", "finalizers")
            metadata = {**new["metadata"], **{name: old["metadata"].get(name) for name in fixed}}
        else:
            changing = {name: new["metadata"].get(name) for name in ("resourceVersion", "uid", "managedFields")}
            metadata = {**old["metadata"], **changing}
        kept["metadata"] = meta.tidied(metadata)
        return {**kept, "status": new["status"]} if "status" in new else kept
    if "status" in resource.subresources:
        rest = {name: value for name, value in new.items() if name != "status"}
        return {**rest, "status": old["status"]} if "status" in old else rest
    return new


def grows(resource: Resource, new: Manifest, old: Manifest) -> bool:
    """Whether a change is one of what is wanted, which has a number of its own."""
    left = ("metadata", "status") if "status" in resource.subresources or not resource.custom else ("metadata",)
    one, other = ({name: value for name, value in each.items() if name not in left} for each in (new, old))
    return one != other


def ordered(resource: Resource, manifest: Manifest) -> Manifest:
    """An object as it is kept: with its type first, so that lists can leave that out."""
    rest = {name: value for name, value in manifest.items() if name not in ("kind", "apiVersion", "metadata")}
    return {
        "kind": resource.kind,
        "apiVersion": resource.api_version,
        "metadata": manifest["metadata"],
        **rest,
    }


def encoded(resource: Resource, manifest: Manifest) -> bytes:
    """The JSON of an object that is not kept."""
    return json.encode(ordered(resource, manifest))
