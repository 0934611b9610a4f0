"""Writes of one object: from the manifest that somebody sent to the bytes that are kept.

The order is that of the real one (apiserver, pkg/endpoints/handlers and pkg/registry/generic/registry/store.go):
what the request is, what the schema says, mutation, metadata, validity, validation, storage.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from msgspec import json

from dicot.kube.kind import Manifest

from . import metadata as meta
from .asked import User
from .births import as_kept, at_birth
from .forms import encoded, grows, ordered, partial
from .manner import manner
from .ownership import Owner, note, track
from .patching import fieldset
from .query import WriteQuery
from .refusals import (
    MODIFIED,
    bad_request,
    bad_value,
    conflict,
    exists,
    invalid,
    not_found,
    plain,
)
from .resource import Resource
from .seams import Admission, Registry, Review, Schemas
from .storage import Storage, Where

NAME_TRIES = 8
Touch = Callable[[Where, str, str], None]
"""Is told the place, the namespace and the name of an object. It may write."""
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_LONGEST_BASE = 58


@dataclass(frozen=True, slots=True)
class Write:
    """A write of somebody. ``resource`` is the one of the request's version; ``warnings`` collects what the answer
    warns of; ``doubled`` is what was sent twice; one that ``applies`` has settled who owns its fields."""

    user: User
    resource: Resource
    namespace: str
    name: str
    query: WriteQuery
    subresource: str = ""
    warnings: list[str] = field(default_factory=list)
    doubled: Sequence[str] = ()
    applies: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What a write has come to."""

    body: bytes
    created: bool = False


class Writer:
    """Creates and updates. ``chosen`` picks a character of a text by chance; ``uid`` makes a new one; ``now`` is the
    time as objects have it."""

    def __init__(
        self,
        storage: Storage,
        registry: Registry,
        schemas: Schemas,
        admissions: Sequence[Admission],
        now: Callable[[], str],
        uid: Callable[[], str],
        chosen: Callable[[str], str],
    ) -> None:
        self.storage = storage
        self.registry = registry
        self.schemas = schemas
        self.now = now
        self._admissions = admissions
        self._uid = uid
        self._chosen = chosen
        self._before: list[Touch] = []

    def before_each(self, touch: Touch) -> None:
        """Tell of each object that somebody is about to write, before it is read."""
        self._before.append(touch)

    # what both have

    def read(self, write: Write) -> Manifest | None:
        """The object that is to be written as it is, in the version that was asked for."""
        for touch in self._before:
            touch(where(write), write.namespace, write.name)
        found = self.storage.read(where(write), write.namespace, write.name)
        if found is not None:
            found["apiVersion"] = write.resource.api_version
        return found

    def fitted(self, write: Write, manifest: Manifest, wrong: Callable[[list[str]], Exception]) -> None:
        """Prune and default what was sent; tell of what is unknown as the query asks."""
        unknown = self.schemas.fit(write.resource, manifest)
        said = [*write.doubled, *unknown] if write.resource.custom else [*unknown, *write.doubled]
        if said and write.query.validation == "Strict":
            raise wrong(said)
        if write.query.validation == "Warn":
            write.warnings.extend(said)

    def admitted(
        self,
        operation: Literal["CREATE", "UPDATE"],
        write: Write,
        new: Manifest,
        old: Manifest | None,
    ) -> tuple[Manifest, Review]:
        """The object after all mutations, and the review that they saw."""
        review = self.review(operation, write, new, old)
        for admission in self._admissions:
            changed = admission.mutate(review)
            if changed is not None:
                self.schemas.fit(write.resource, changed)
                review = replace(review, new=changed)
        assert review.new is not None
        return review.new, review

    def validated(self, review: Review) -> None:
        """Let everybody refuse."""
        for admission in self._admissions:
            admission.validate(review)

    def review(
        self,
        operation: Literal["CREATE", "UPDATE", "DELETE", "CONNECT"],
        write: Write,
        new: Manifest | None,
        old: Manifest | None,
    ) -> Review:
        """What admission is asked about a write."""
        return Review(
            operation=operation,
            user=write.user,
            resource=write.resource,
            subresource=write.subresource,
            namespace=write.namespace,
            name=write.name or (new or {}).get("metadata", {}).get("name", ""),
            new=new,
            old=old,
            dry=write.query.dry,
        )

    # create

    def create(self, write: Write, manifest: Manifest) -> Written:
        """POST."""
        self.fitted(write, manifest, lambda said: _undecodable(write.resource, manifest, said))
        within(write, manifest)
        return self.make(write, manifest)

    def make(self, write: Write, manifest: Manifest) -> Written:
        """Make an object out of one that fits."""
        prefix = manifest["metadata"].get("generateName") if not manifest["metadata"].get("name") else None
        for _ in range(NAME_TRIES if prefix else 1):
            # What admission and birth do is done to the object of one try alone.
            tried = json.decode(json.encode(manifest)) if prefix else manifest
            made, review = self._born(write, tried, str(prefix or ""))
            taken = self.storage.get(where(write), write.namespace, made["metadata"]["name"])
            if taken is None or not prefix:
                break
        return self._stored(write, made, review)

    def _born(self, write: Write, manifest: Manifest, prefix: str) -> tuple[Manifest, Review]:
        resource = write.resource
        owned = self._owned_from_birth(write, manifest)
        made, review = self.admitted("CREATE", write, manifest, None)
        if "status" in resource.subresources and resource.custom:
            made.pop("status", None)
        given = dict(made["metadata"])
        if prefix and not given.get("name"):
            given["name"] = prefix[:_LONGEST_BASE] + "".join(self._chosen(_LETTERS) for _ in range(5))
        born = meta.born(given, self._uid(), self.now(), write.namespace, resource.generation)
        if not write.applies:
            born.pop("managedFields", None)
            born.update(owned)
        made["metadata"] = meta.tidied(born)
        as_kept(resource, made)
        at_birth(resource, made)
        self._check(write, made, None)
        return made, replace(review, new=made, name=made["metadata"]["name"])

    def _stored(self, write: Write, made: Manifest, review: Review) -> Written:
        self.validated(review)
        if made["metadata"].get("resourceVersion"):
            raise plain(500, "resourceVersion should not be set on objects to be created")
        name = made["metadata"]["name"]
        taken = self.storage.read(where(write), write.namespace, name)
        if taken is not None:
            raise exists(write.resource, name, "deletionTimestamp" in taken["metadata"])
        return Written(self.keep(write, name, made), created=True)

    def load(self, found: Iterable[tuple[Resource, Manifest]]) -> None:
        """Keep many objects as they are, but for what only the server says of them. Nobody is asked, and nobody told:
        controllers see them when they begin, and watches from before begin anew."""
        self.storage.fill(self._loaded(resource, manifest) for resource, manifest in found)

    def _loaded(self, resource: Resource, manifest: Manifest) -> tuple[tuple[str, str], str, str, Manifest]:
        given = manifest["metadata"]
        namespace = given.get("namespace", "")
        born = meta.born(given, given.get("uid") or self._uid(), self.now(), namespace, resource.generation)
        kept = ordered(resource, {**manifest, "metadata": meta.tidied(born)})
        return (resource.group, resource.plural), namespace, given["name"], kept

    # update

    def replace(self, write: Write, manifest: Manifest) -> Written:
        """PUT."""
        self.fitted(write, manifest, lambda said: _undecodable(write.resource, manifest, said))
        within(write, manifest)
        named(write, manifest)
        old = self.read(write)
        if old is None:
            if manner(write.resource).creates and not write.subresource:
                return self._made_by_update(write, manifest)
            raise not_found(write.resource, write.name)
        uid = manifest["metadata"].get("uid")
        if uid and uid != old["metadata"]["uid"]:
            raise conflict(write.resource, write.name, _other_object(write, uid, old["metadata"]["uid"]))
        return self.change(write, manifest, old)

    def _made_by_update(self, write: Write, manifest: Manifest) -> Written:
        uid = manifest["metadata"].get("uid")
        if uid:
            raise conflict(write.resource, write.name, _other_object(write, uid, ""))
        manifest["metadata"].pop("resourceVersion", None)
        return self.make(write, manifest)

    def change(self, write: Write, new: Manifest, old: Manifest) -> Written:
        """Let an object become another, if it may."""
        resource = write.resource
        as_kept(write.resource, new)
        new = partial(write.resource, write.subresource, new, old)
        new, review = self.admitted("UPDATE", write, new, old)
        self._check_version(write, new, old)
        metadata = new["metadata"]
        meta.grown(metadata, old["metadata"])
        metadata["resourceVersion"] = old["metadata"]["resourceVersion"]
        if not write.applies:
            self._own(write, new, old)
        new["metadata"] = meta.tidied(metadata)
        if resource.generation and grows(resource, new, old):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        self._check(write, new, old)
        self.validated(replace(review, new=new))
        if _ends(write, new, old):
            if not write.query.dry:
                self.storage.remove(where(write), write.namespace, write.name)
            return Written(encoded(resource, new))
        if new == old:
            return Written(encoded(resource, old))
        return Written(self.keep(write, write.name, new))

    def keep(self, write: Write, name: str, manifest: Manifest) -> bytes:
        """Store it, unless nothing shall be."""
        if write.query.dry:
            return encoded(write.resource, manifest)
        kept = self.registry.stored(write.resource.group, write.resource.plural) or write.resource
        return self.storage.put(where(write), write.namespace, name, ordered(kept, manifest))

    def _owned_from_birth(self, write: Write, manifest: Manifest) -> Manifest:
        """What metadata says of who made an object that kubectl applies: what it was before admission is his."""
        if write.applies or note(manifest) is None:
            return {}
        fields = fieldset.owned(manifest, self.schemas.node(write.resource))
        return {"managedFields": [replace(self._owner(write), fields=fields).written()]}

    def _owner(self, write: Write) -> Owner:
        """Who changes an object, of whose fields nothing is known yet."""
        manager, version = write.query.manager or "unknown", write.resource.api_version
        return Owner(manager, "Update", version, self.now(), frozenset(), write.subresource)

    def _own(self, write: Write, new: Manifest, old: Manifest) -> None:
        if "managedFields" in new["metadata"] or "managedFields" in old["metadata"]:
            track(new, old, self.schemas.node(write.resource), self._owner(write))

    def _check_version(self, write: Write, new: Manifest, old: Manifest) -> None:
        version = new["metadata"].get("resourceVersion")
        if not version or version == "0":
            if not manner(write.resource).unconditional:
                cause = bad_value("metadata.resourceVersion", 0, "must be specified for an update")
                raise invalid(write.resource.plural, write.resource.group, write.name, [cause])
        elif version != old["metadata"]["resourceVersion"]:
            raise conflict(write.resource, write.name, MODIFIED)

    def _check(self, write: Write, new: Manifest, old: Manifest | None) -> None:
        """Raises Refusal for an object that is not valid."""
        wrong = meta.wrong(write.resource, new["metadata"])
        if old is not None:
            wrong += meta.changed_wrongly(new["metadata"], old["metadata"])
        self.schemas.check(write.resource, write.subresource, new, old, wrong)


def where(write: Write) -> tuple[str, str]:
    """Where the objects of its resource are kept."""
    return write.resource.group, write.resource.plural


def within(write: Write, manifest: Manifest) -> None:
    """Raises Refusal for an object of another namespace; sets the namespace of one that names none."""
    metadata = manifest["metadata"]
    said = metadata.get("namespace") or ""
    if write.namespace and not said:
        metadata["namespace"] = write.namespace
    elif said != write.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")


def named(write: Write, manifest: Manifest) -> None:
    """Raises Refusal for an object of another name."""
    said = manifest["metadata"].get("name") or ""
    if not said:
        text = f"the name of the object ({write.name} based on URL) was undeterminable: name must be provided"
        raise bad_request(text)
    if said != write.name:
        raise bad_request(f"the name of the object ({said}) does not match the name on the URL ({write.name})")


def _ends(write: Write, new: Manifest, old: Manifest) -> bool:
    """Whether an object that is going has lost its last finalizer; a namespace has a second list of them."""
    was = old["metadata"]
    if where(write) == ("", "namespaces") and new.get("spec", {}).get("finalizers"):
        return False
    return (
        "deletionTimestamp" in was
        and not new["metadata"].get("finalizers")
        and not was.get("deletionGracePeriodSeconds")
    )


def _other_object(write: Write, uid: str, found: str) -> str:
    group = write.resource.group if write.resource.custom else ""
    key = "/".join(filter(None, ("/registry", group, write.resource.plural, write.namespace, write.name)))
    text = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {found}"
    return f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: {text}"


def _undecodable(resource: Resource, manifest: Manifest, said: list[str]) -> Exception:
    kind = manifest.get("kind") or resource.kind
    what = f'{kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
    return bad_request(f"{what}: strict decoding error: {', '.join(said)}")
