"""CustomResourceDefinitions as objects: what they serve, and how they come and go.

As apiextensions-apiserver's controllers for names, establishing and finalizing, but at once: a definition is
established in the answer to its creation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import json

from dicot.kube.kind import Manifest
from dicot.sandbox import facts

from . import custom
from .registry import Served
from .rights.refusals import forbidden
from .seams import Change, Objects, Review

GROUP, PLURAL = "apiextensions.k8s.io", "customresourcedefinitions"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
TERMINATING = "create not allowed while custom resource definition is terminating"
Later = Callable[[Callable[[], None]], object]
"""Does something once what is being done now is done."""


class Definitions:
    """Follows the stored definitions and serves what they define. Implements Admission.

    ``gone`` is told of the group and plural of what is no longer served: nothing of it can be watched any more.
    """

    def __init__(
        self, objects: Objects, served: Served, now: Callable[[], str], later: Later, gone: Callable[[str, str], None]
    ) -> None:
        self._objects = objects
        self._served = served
        self._now = now
        self._later = later
        self._gone = gone
        self._found: dict[str, Manifest] = {}
        self._ending: set[str] = set()
        for found in objects.list(GROUP, PLURAL):
            self._set(found["metadata"]["name"], found)
        objects.listen(self._changed)

    def plant(self) -> None:
        """Define what KubeVirt, CDI and the snapshotter define, where it is missing."""
        for found in facts.definitions():
            if found["metadata"]["name"] not in self._found:
                self._objects.create(GROUP, PLURAL, found)

    def mutate(self, review: Review) -> Manifest | None:
        """Say in a definition what is served by it. Raises Refusal for a new object of one that is ending."""
        if review.resource.custom and review.operation == "CREATE" and not review.subresource:
            name = review.resource.name
            if name in self._ending:
                raise forbidden(review.resource.group, review.resource.plural, review.name, TERMINATING)
            return None
        if (review.resource.group, review.resource.plural) != (GROUP, PLURAL) or review.new is None:
            return None
        if review.subresource or review.operation not in ("CREATE", "UPDATE"):
            return None
        others = (each for name, each in self._found.items() if name != review.new["metadata"].get("name"))
        return completed(review.new, review.old, list(taken(review.new, others)), self._now())

    def validate(self, review: Review) -> None:
        """Nothing is refused."""

    def _changed(self, change: Change) -> None:
        if (change.resource.group, change.resource.plural) == (GROUP, PLURAL):
            self._set(change.name, None if change.new is None else json.decode(change.new))
        elif change.new is None and change.resource.name in self._ending:
            self._later(lambda: self._end(change.resource.name))

    def _set(self, name: str, definition: Manifest | None) -> None:
        if definition is None:
            old = self._found.pop(name, None)
            self._ending.discard(name)
            if old is not None:
                self._forget(old)
            return
        self._found[name] = definition
        if condition(definition, "Established") == "True":
            self._served.define(custom.served(definition), custom.stored(definition))
        else:
            self._forget(definition)
        if "deletionTimestamp" in definition["metadata"] and name not in self._ending:
            self._ending.add(name)
            self._later(lambda: self._end(name))

    def _forget(self, definition: Manifest) -> None:
        group, plural = definition["spec"]["group"], definition["spec"]["names"]["plural"]
        self._served.forget(group, plural)
        self._gone(group, plural)

    def _end(self, name: str) -> None:
        """Delete the objects, and let go of the definition when none is left."""
        if name not in self._ending:
            return
        spec = self._found[name]["spec"]
        group, plural = spec["group"], spec["names"]["plural"]
        if condition(self._found[name], "Terminating") != "True":
            self._objects.change(GROUP, PLURAL, "", name, self._terminating, "status")
            for each in list(self._objects.list(group, plural)):
                metadata = each["metadata"]
                self._objects.delete(group, plural, metadata.get("namespace", ""), metadata["name"])
        if name in self._ending and not any(True for _ in self._objects.list(group, plural)):
            self._objects.change(GROUP, PLURAL, "", name, _released)

    def _terminating(self, definition: Manifest) -> Manifest:
        words = ("InstanceDeletionInProgress", "CustomResource deletion is in progress")
        definition["status"]["conditions"].append(_condition("Terminating", "True", *words, self._now()))
        return definition


def _released(definition: Manifest) -> Manifest:
    metadata = definition["metadata"]
    metadata["finalizers"] = [each for each in metadata.get("finalizers", []) if each != CLEANUP]
    return definition


def condition(definition: Manifest, type: str) -> str:
    """The status of a condition, "" where there is none."""
    conditions = definition.get("status", {}).get("conditions") or ()
    return next((str(each["status"]) for each in conditions if each["type"] == type), "")


def completed(definition: Manifest, old: Manifest | None, taken: list[str], now: str) -> Manifest:
    """A definition with its defaults and its status."""
    spec = definition["spec"]
    names = spec["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    spec.setdefault("conversion", {"strategy": "None"})
    metadata = definition["metadata"]
    if old is None:
        metadata["finalizers"] = sorted({*metadata.get("finalizers", ()), CLEANUP})
    definition["status"] = _status(spec, (old or {}).get("status", {}), taken, now)
    return definition


def _status(spec: Manifest, old: Manifest, taken: list[str], now: str) -> Manifest:
    before = {each["type"]: each for each in old.get("conditions") or ()}
    made = [
        each if not _same(before.get(each["type"]), each) else before[each["type"]] for each in _names(taken, now)
    ]
    made += [each for type_, each in before.items() if type_ == "Terminating"]
    stored = list(old.get("storedVersions", ()))
    stored += [each["name"] for each in spec["versions"] if each["storage"] and each["name"] not in stored]
    accepted = old.get("acceptedNames", {"plural": "", "kind": ""}) if taken else dict(spec["names"])
    return {"conditions": made, "acceptedNames": accepted, "storedVersions": stored}


def _names(taken: list[str], now: str) -> list[Manifest]:
    if taken:
        return [
            _condition("NamesAccepted", "False", "NamesConflict", ", ".join(taken), now),
            _condition("Established", "False", "NotAccepted", "not all names are accepted", now),
        ]
    return [
        _condition("NamesAccepted", "True", "NoConflicts", "no conflicts found", now),
        _condition("Established", "True", "InitialNamesAccepted", "the initial names have been accepted", now),
    ]


def _condition(type: str, status: str, reason: str, message: str, now: str) -> Manifest:
    return {"type": type, "status": status, "lastTransitionTime": now, "reason": reason, "message": message}


def _same(one: Manifest | None, other: Manifest) -> bool:
    return one is not None and all(one.get(name) == other[name] for name in ("status", "reason", "message"))


def taken(definition: Manifest, others: Iterator[Manifest]) -> Iterator[str]:
    """What is wrong with the names of a definition, since others of its group have them."""
    group = definition["spec"]["group"]
    accepted = [
        each["status"]["acceptedNames"]
        for each in others
        if each["spec"]["group"] == group and condition(each, "NamesAccepted") == "True"
    ]
    resources = {name for each in accepted for name in _resources(each)}
    kinds = {name for each in accepted for name in (each["kind"], each.get("listKind", ""))}
    names = definition["spec"]["names"]
    for name in dict.fromkeys(_resources(names)):
        if name in resources:
            yield f'"{name}" is already in use'
    for name in (names["kind"], names.get("listKind", "")):
        if name and name in kinds:
            yield f'"{name}" is already in use'


def _resources(names: Mapping[str, object]) -> Iterator[str]:
    yield str(names["plural"])
    if names.get("singular"):
        yield str(names["singular"])
    short = names.get("shortNames", ())
    assert isinstance(short, list | tuple)
    yield from (str(each) for each in short)
