"""DELETE of one object (apiserver, pkg/registry/rest/delete.go and pkg/registry/generic/registry/store.go)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import json

from dicot.kube.kind import Manifest
from dicot.moments import seconds, stamp

from .forms import encoded
from .manner import manner
from .query import Query, check_timeout, number, one
from .refusals import bad_options, bad_request, conflict, forbidden_field, not_found, unsupported
from .resource import Resource
from .writing import Write, Writer, where

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
GRACE = 30
"""Seconds that a Pod has to end where it does not say."""


@dataclass(frozen=True, slots=True)
class DeleteQuery:
    """How a delete is to be done."""

    uid: str = ""
    version: str = ""
    propagation: str = ""
    orphans: bool | None = None
    grace: int | None = None
    dry: bool = False

    @classmethod
    def read(cls, query: Query, body: Manifest) -> "DeleteQuery":
        """From the query, or from the body where there is one. Raises Refusal."""
        check_timeout(query)
        _is_options(body)
        preconditions = body.get("preconditions") or {}
        dry = body.get("dryRun") or query.get("dryRun", ())
        grace = body.get("gracePeriodSeconds") if body else number(query, "gracePeriodSeconds")
        propagation = body.get("propagationPolicy") or one(query, "propagationPolicy")
        orphans = body.get("orphanDependents")
        if any(each != "All" for each in dry):
            raise bad_options("DeleteOptions", unsupported("dryRun", list(dry), ("All",)))
        if propagation and propagation not in ("Foreground", "Background", "Orphan"):
            supported = ("Foreground", "Background", "Orphan", "nil")
            raise bad_options("DeleteOptions", unsupported("propagationPolicy", propagation, supported))
        if propagation and orphans is not None:
            why = "orphanDependents and deletionPropagation cannot be both set"
            raise bad_options("DeleteOptions", forbidden_field("propagationPolicy", why))
        return cls(
            uid=preconditions.get("uid") or "",
            version=preconditions.get("resourceVersion") or "",
            propagation=propagation,
            orphans=orphans,
            grace=None if grace is None else (1 if grace < 0 else grace),
            dry=bool(dry),
        )


def _is_options(body: Manifest) -> None:
    kind, version = body.get("kind", "DeleteOptions"), body.get("apiVersion", "v1")
    if kind != "DeleteOptions":
        raise bad_request(
            f'no kind "{kind}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:111"'
        )


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a delete has come to: the object as it is or was, and whether it is gone."""

    body: bytes
    gone: bool


def delete(writer: Writer, write: Write, query: DeleteQuery) -> Deleted:
    """Delete an object, or begin to. Raises Refusal."""
    old = writer.read(write)
    if old is None:
        raise not_found(write.resource, write.name)
    _met(write.resource, old["metadata"], query)
    writer.validated(writer.review("DELETE", write, None, old))
    new = _going(write.resource, old, query, writer.now())
    body = encoded(write.resource, new)
    if _stays(write.resource, new):
        if new == old or query.dry:
            return Deleted(body, gone=False)
        return Deleted(writer.keep(write, write.name, new), gone=False)
    if not query.dry:
        if new != old and manner(write.resource).graceful:
            body = writer.keep(write, write.name, new)
        body = writer.storage.remove(where(write), write.namespace, write.name)
    return Deleted(body, gone=True)


def success(resource: Resource, name: str, body: bytes) -> Manifest:
    """The Status of a delete of an object."""
    group = {"group": resource.group} if resource.group else {}
    details = {"name": name, **group, "kind": resource.plural, "uid": json.decode(body)["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def answers_status(write: Write, deleted: Deleted) -> bool:
    """Whether the answer is a Status, not the object."""
    return deleted.gone and not manner(write.resource).returned


def _met(resource: Resource, metadata: Mapping[str, Any], query: DeleteQuery) -> None:
    """Raises Refusal where a precondition does not hold."""
    name = metadata["name"]
    if query.uid and query.uid != metadata["uid"]:
        why = (
            f"the UID in the precondition ({query.uid}) does not match the UID in record ({metadata['uid']})."
            " The object might have been deleted and then recreated"
        )
        raise conflict(resource, name, why, resource.kind)
    if query.version and query.version != metadata["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({query.version}) does not match the ResourceVersion in record"
            f" ({metadata['resourceVersion']}). The object might have been modified"
        )
        raise conflict(resource, name, why, resource.kind)


def _going(resource: Resource, old: Manifest, query: DeleteQuery, now: str) -> Manifest:
    """The object once its deletion has begun. One that needs no time and has no finalizer is over."""
    metadata = dict(old["metadata"])
    new = {**old, "metadata": metadata}
    if _is_namespace(resource):
        return _closing(new, now)
    if manner(resource).graceful and not _graceful(old, metadata, query, now):
        return new
    _finalizers(metadata, query)
    if metadata.get("finalizers") and "deletionTimestamp" not in metadata:
        _mark(metadata, now, 0)
    return new


def _closing(new: Manifest, now: str) -> Manifest:
    """A namespace goes once nothing is in it any more."""
    if new.get("spec", {}).get("finalizers"):
        if "deletionTimestamp" not in new["metadata"]:
            new["metadata"]["deletionTimestamp"] = now
        new["status"] = {**new.get("status", {}), "phase": "Terminating"}
    return new


def _graceful(old: Manifest, metadata: Manifest, query: DeleteQuery, now: str) -> bool:
    """Give a Pod its time, or less of it than before. Answers False where nothing changes any more."""
    spec, status = old.get("spec", {}), old.get("status", {})
    if "deletionTimestamp" in metadata:
        left = metadata.get("deletionGracePeriodSeconds") or 0
        if not left:
            return True
        if query.grace is None or query.grace >= left:
            return False
        start = seconds(metadata["deletionTimestamp"]) - left
        metadata["deletionTimestamp"] = stamp(max(start + query.grace, seconds(now)))
        metadata["deletionGracePeriodSeconds"] = query.grace
        return True
    grace = spec.get("terminationGracePeriodSeconds", GRACE) if query.grace is None else query.grace
    # A Pod that nobody runs, or that has ended, needs no time.
    if not spec.get("nodeName") or status.get("phase") in ("Failed", "Succeeded"):
        grace = 0
    _mark(metadata, stamp(seconds(now) + grace), grace)
    return True


def _mark(metadata: Manifest, moment: str, grace: int) -> None:
    metadata["deletionTimestamp"] = moment
    metadata["deletionGracePeriodSeconds"] = grace
    if metadata.get("generation"):
        metadata["generation"] += 1


def _finalizers(metadata: Manifest, query: DeleteQuery) -> None:
    """What keeps the object until the garbage collector has done what was asked for."""
    had = metadata.get("finalizers", [])
    orphan, foreground = _policy(had, query)
    kept = [each for each in had if each not in (ORPHAN, FOREGROUND)]
    kept += [ORPHAN] if orphan else []
    kept += [FOREGROUND] if foreground else []
    if set(kept) != set(had):
        metadata["finalizers"] = kept
        if not kept:
            del metadata["finalizers"]


def _policy(had: list[str], query: DeleteQuery) -> tuple[bool, bool]:
    """Whether dependants are left alone, and whether they go first."""
    if query.orphans is not None:
        return query.orphans, False
    if query.propagation:
        return query.propagation == "Orphan", query.propagation == "Foreground"
    first = next((each for each in had if each in (ORPHAN, FOREGROUND)), "")
    return first == ORPHAN, first == FOREGROUND


def _stays(resource: Resource, new: Manifest) -> bool:
    """Whether something still has to happen before it is gone."""
    metadata = new["metadata"]
    if _is_namespace(resource) and new.get("spec", {}).get("finalizers"):
        return True
    return bool(metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds"))


def _is_namespace(resource: Resource) -> bool:
    return (resource.group, resource.plural) == ("", "namespaces")
