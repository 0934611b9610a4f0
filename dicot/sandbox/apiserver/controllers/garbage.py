"""The garbage collector: dependents go with their owners (kubernetes, pkg/controller/garbagecollector).

Only who depends is remembered, by the owner's uid; whether an owner lives is looked up where the reference says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dicot.kube.kind import Manifest

from ..resource import Resource
from ..seams import Change, Objects, Registry
from .about import About, Owner, about, plain
from .loop import Key

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
_Place = tuple[str, str, str, str]
"""group, plural, namespace, name"""


class Garbage:
    """Keys are (verb, group, plural, namespace, name): "check" if owners live, "end" what waits for dependents."""

    def __init__(self, objects: Objects, registry: Registry) -> None:
        self._objects = objects
        self._registry = registry
        self._dependents: dict[str, dict[_Place, None]] = {}
        self._kinds: dict[tuple[str, str], Resource] = {}

    def saw(self, change: Change) -> Iterable[Key]:
        """The index follows each change."""
        old = None if change.old is None or (change.new is not None and plain(change.old)) else about(change.old)
        new = None if change.new is None or plain(change.new) else about(change.new)
        if old is None and new is None:
            return
        place = change.resource.group, change.resource.plural, change.namespace, change.name
        before = old.ownerReferences if old is not None else ()
        after = new.ownerReferences if new is not None else ()
        if before != after:
            self._move(place, before, after)
        if after and before != after:
            yield "check", *place
        if new is not None and new.deletionTimestamp and {FOREGROUND, ORPHAN} & set(new.finalizers):
            yield "end", *place
        yield from self._touched(old, new, change)

    def _move(self, place: _Place, before: tuple[Owner, ...], after: tuple[Owner, ...]) -> None:
        for owner in before:
            held = self._dependents.get(owner.uid, {})
            held.pop(place, None)
            if not held:
                self._dependents.pop(owner.uid, None)
        for owner in after:
            self._dependents.setdefault(owner.uid, {})[place] = None

    def _touched(self, old: About | None, new: About | None, change: Change) -> Iterable[Key]:
        """Who depends on what went, and owners that wait for what went or blocks no longer."""
        if old is None:
            return
        if change.new is None:
            for dependent in self._dependents.get(old.uid, ()):
                yield "check", *dependent
        if change.new is None or (new is not None and old.ownerReferences != new.ownerReferences):
            for owner in old.ownerReferences:
                place = self._place(owner, change.namespace)
                if place is not None:
                    yield "end", *place

    def _place(self, owner: Owner, namespace: str) -> _Place | None:
        """Where an owner is; None where it cannot be known, as it is for a kind that is not served."""
        resource = self._kind(owner.group, owner.kind)
        if resource is None or (resource.namespaced and not namespace):
            return None
        return resource.group, resource.plural, namespace if resource.namespaced else "", owner.name

    def _kind(self, group: str, kind: str) -> Resource | None:
        found = self._kinds.get((group, kind))
        if found is None or self._registry.stored(found.group, found.plural) is None:
            self._kinds = {(each.group, each.kind): each for each in self._registry.resources()}
            found = self._kinds.get((group, kind))
        return found

    def settle(self, key: Key) -> float | None:
        """May raise Refusal."""
        verb, group, plural, namespace, name = key
        place = group, plural, namespace, name
        found = self._objects.get(*place)
        if found is None:
            return None
        metadata = found["metadata"]
        if verb == "end":
            self._end(place, metadata)
        elif "deletionTimestamp" not in metadata:
            self._check(place, metadata)
        return None

    def _check(self, place: _Place, metadata: Manifest) -> None:
        """Delete what has no living owner left; drop references to those that are gone beside one that lives."""
        living, waiting, gone = self._owners(metadata, place[2])
        if living:
            if waiting or gone:
                self._release(place, {*waiting, *gone})
            return
        if not (waiting or gone):
            return
        dependents = self._dependents.get(metadata["uid"])
        if waiting and dependents:
            # What is deleted in the foreground because of this object must not wait for this object in turn.
            for dependent in tuple(dependents):
                if self._is_ending(dependent):
                    self._release(dependent, {metadata["uid"]}, unblock=True)
            self._objects.delete(*place, metadata["uid"], "Foreground")
            return
        self._objects.delete(*place, metadata["uid"], _propagation(metadata))

    def _owners(self, metadata: Manifest, namespace: str) -> tuple[list[str], list[str], list[str]]:
        """uids of owners that live, that wait for their dependents to go, and that are gone. One whose kind is not
        known counts as alive: what cannot be known deletes nothing."""
        living: list[str] = []
        waiting: list[str] = []
        gone: list[str] = []
        for owner in metadata.get("ownerReferences") or ():
            reference = Owner(owner["apiVersion"], owner["kind"], owner["name"], owner["uid"])
            place = self._place(reference, namespace)
            found = None if place is None else self._objects.get(*place)
            if place is None:
                living.append(reference.uid)
            elif found is None or found["metadata"]["uid"] != reference.uid:
                gone.append(reference.uid)
            elif _ends(found["metadata"], FOREGROUND):
                waiting.append(reference.uid)
            else:
                living.append(reference.uid)
        return living, waiting, gone

    def _end(self, place: _Place, metadata: Manifest) -> None:
        dependents = tuple(self._dependents.get(metadata["uid"], ()))
        if _ends(metadata, ORPHAN):
            for dependent in dependents:
                self._release(dependent, {metadata["uid"]})
            self._finish(place, metadata["uid"], ORPHAN)
        elif _ends(metadata, FOREGROUND):
            for dependent in dependents:
                self._delete_dependent(dependent)
            if not any(self._blocks(each, metadata["uid"]) for each in dependents):
                self._finish(place, metadata["uid"], FOREGROUND)

    def _delete_dependent(self, place: _Place) -> None:
        found = self._objects.get(*place)
        if found is not None and "deletionTimestamp" not in found["metadata"]:
            self._check(place, found["metadata"])

    def _blocks(self, place: _Place, owner: str) -> bool:
        found = self._objects.get(*place)
        owners = [] if found is None else found["metadata"].get("ownerReferences") or []
        return any(each["uid"] == owner and each.get("blockOwnerDeletion") for each in owners)

    def _is_ending(self, place: _Place) -> bool:
        found = self._objects.get(*place)
        return found is not None and _ends(found["metadata"], FOREGROUND)

    def _release(self, place: _Place, owners: set[str], *, unblock: bool = False) -> None:
        """Take owners from an object, or let it block them no longer."""

        def change(found: Manifest) -> Manifest | None:
            references = found["metadata"].get("ownerReferences") or []
            if unblock:
                kept = [
                    {**each, "blockOwnerDeletion": False} if each["uid"] in owners else each for each in references
                ]
            else:
                kept = [each for each in references if each["uid"] not in owners]
            return _with(found, "ownerReferences", kept) if kept != references else None

        self._change(place, change)

    def _finish(self, place: _Place, uid: str, finalizer: str) -> None:
        def change(found: Manifest) -> Manifest | None:
            metadata = found["metadata"]
            if metadata["uid"] != uid or not _ends(metadata, finalizer):
                return None
            return _with(found, "finalizers", [each for each in metadata["finalizers"] if each != finalizer])

        self._change(place, change)

    def _change(self, place: _Place, change: Callable[[Manifest], Manifest | None]) -> None:
        if self._objects.get(*place) is not None:
            self._objects.change(*place, change)


def _ends(metadata: Manifest, finalizer: str) -> bool:
    return "deletionTimestamp" in metadata and finalizer in (metadata.get("finalizers") or ())


def _with(found: Manifest, field: str, values: list[object]) -> Manifest:
    if values:
        found["metadata"][field] = values
    else:
        found["metadata"].pop(field, None)
    return found


def _propagation(metadata: Manifest) -> str:
    """As the object's own finalizers ask for."""
    finalizers = metadata.get("finalizers") or ()
    return "Orphan" if ORPHAN in finalizers else "Foreground" if FOREGROUND in finalizers else "Background"
