"""ControllerRevisions: how a machine remembers its flavor, and what it was at its last start."""

import copy
from collections.abc import Iterator
from typing import Any

from dicot.kube.address import Place
from dicot.kube.kind import Manifest

from ...steps import Create, Remove, Step
from .flavors import kind_of, rewritten
from .objects import amend, meta, place, reference, status
from .scene import Failure, Outcome, Scene

NAME_LABEL = "instancetype.kubevirt.io/object-name"
_LABELS = "instancetype.kubevirt.io/object-"
_WHATS = ("instancetype", "preference")
_PLURALS = {
    "virtualmachineinstancetype": "virtualmachineinstancetypes",
    "virtualmachineclusterinstancetype": "virtualmachineclusterinstancetypes",
    "virtualmachinepreference": "virtualmachinepreferences",
    "virtualmachineclusterpreference": "virtualmachineclusterpreferences",
}
_FOUND_IN_VAIN = {"instancetype": "FailedFindInstancetype", "preference": "FailedFindPreference"}


class Unknown(Exception):
    """There is no such flavor; in the words of the API server."""


def flavor_spec(scene: Scene, what: str, spec: Manifest | None = None) -> Manifest | None:
    """The spec of the instancetype or preference of a machine (or of another spec of it), None where it names none:
    as it was remembered, else as it is now. Raises Unknown."""
    matcher = (spec or scene.machine["spec"]).get(what)
    if not matcher:
        return None
    remembered = _remembered(scene, what, matcher)
    if remembered is not None:
        return dict(remembered["data"].get("spec") or {})
    return dict(_live(scene, what, matcher).get("spec") or {})


def _remembered(scene: Scene, what: str, matcher: Manifest) -> Manifest | None:
    named = matcher.get("revisionName") or _noted(scene.machine, what)
    found = next((each for each in scene.revisions if meta(each)["name"] == named), None)
    if found is None or matcher.get("revisionName"):
        return found
    return found if meta(found).get("labels", {}).get(NAME_LABEL) == matcher["name"] else None


def _noted(machine: Manifest, what: str) -> str:
    noted = status(machine).get(f"{what}Ref", {}).get("controllerRevisionRef") or {}
    return str(noted.get("name", ""))


def _live(scene: Scene, what: str, matcher: Manifest) -> Manifest:
    kind = kind_of(matcher, what)
    found = scene.flavor(kind, matcher["name"])
    if found is None:
        raise Unknown(f'{_PLURALS[kind]}.instancetype.kubevirt.io "{matcher["name"]}" not found')
    return found


def remember(scene: Scene) -> Outcome | None:
    """Copies of what the machine names, noted in its status; None where that is done."""
    steps: list[Step] = []
    notes: dict[str, Any] = {}
    for what in _WHATS:
        try:
            flavor_spec(scene, what)
            steps += _copies(scene, what, notes)
        except Unknown as reason:
            return Outcome(failure=Failure(_FOUND_IN_VAIN[what], str(reason)))
    if not notes:
        return None
    written = amend(scene.machine, notes, "status") if status(scene.machine) else _first(scene.machine, notes)
    return Outcome((*steps, written), wrote=True)


def _first(machine: Manifest, notes: dict[str, Any]) -> Step:
    return amend(machine, {"/status": {path.rpartition("/")[2]: ref for path, ref in notes.items()}}, "status")


def _copies(scene: Scene, what: str, notes: dict[str, Any]) -> Iterator[Step]:
    """The copy that is still to be made; ``notes`` gets what the status shall say (pkg/instancetype/revision)."""
    matcher = scene.machine["spec"].get(what)
    if not matcher:
        return
    known = status(scene.machine).get(f"{what}Ref", {})
    noted = {**known, **{each: matcher[each] for each in ("name", "kind", "inferFromVolume") if matcher.get(each)}}
    if noted != known:
        noted.pop("controllerRevisionRef", None)
    if matcher.get("inferFromVolumeFailurePolicy"):
        noted["inferFromVolumeFailurePolicy"] = matcher["inferFromVolumeFailurePolicy"]
    if matcher.get("revisionName"):
        noted["controllerRevisionRef"] = {"name": matcher["revisionName"]}
    if not noted.get("controllerRevisionRef"):
        made = copy_of(scene.machine, _live(scene, what, matcher))
        noted["controllerRevisionRef"] = {"name": meta(made)["name"]}
        yield Create(_revisions(scene.machine), made)
    if noted != known:
        notes[f"/status/{what}Ref"] = noted


def copy_of(machine: Manifest, flavor: Manifest) -> Manifest:
    """A flavor as a machine remembers it."""
    of = meta(flavor)
    version = flavor["apiVersion"].partition("/")[2]
    kept = ("creationTimestamp", "generation", "name", "namespace", "resourceVersion", "uid")
    labels = {
        f"{_LABELS}generation": str(of["generation"]),
        f"{_LABELS}kind": flavor["kind"],
        NAME_LABEL: of["name"],
        f"{_LABELS}uid": of["uid"],
        f"{_LABELS}version": version,
    }
    name = f"{meta(machine)['name']}-{of['name']}-{version}-{of['uid']}-{of['generation']}"
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": _metadata(machine, name) | {"labels": labels},
        # In Go's order, which is not the alphabet's: a strategic patch sorts it, and so is refused as a change of it.
        "data": {
            "kind": flavor["kind"],
            "apiVersion": flavor["apiVersion"],
            "metadata": {key: of[key] for key in kept if key in of},
            "spec": rewritten(flavor.get("spec") or {}),
        },
        "revision": 0,
    }


def start_name(machine: Manifest) -> str:
    """The name of what a machine is at its start."""
    return f"{_prefix(machine)}{meta(machine)['generation']}"


def at_start(scene: Scene) -> list[Step]:
    """Remember what a machine is when it starts, and forget its starts before that."""
    machine = scene.machine
    older = [each for each in starts(scene) if each["revision"] != meta(machine)["generation"]]
    removed: list[Step] = [Remove(place(each), meta(each)["uid"], None) for each in older]
    if len(older) < len(starts(scene)):
        return removed
    return [*removed, Create(_revisions(machine), remembered_start(machine))]


def remembered_start(machine: Manifest) -> Manifest:
    """What a machine is when it starts."""
    spec = copy.deepcopy(machine["spec"])
    for what in _WHATS:
        if spec.get(what) and _noted(machine, what):
            spec[what]["revisionName"] = _noted(machine, what)
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": _metadata(machine, start_name(machine)),
        "data": {"spec": spec},
        "revision": meta(machine)["generation"],
    }


def starts(scene: Scene) -> list[Manifest]:
    """What the machine was at its starts, the last one last."""
    found = [each for each in scene.revisions if meta(each)["name"].startswith(_prefix(scene.machine))]
    return sorted(found, key=lambda each: int(each.get("revision", 0)))


def _prefix(machine: Manifest) -> str:
    return f"revision-start-vm-{meta(machine)['uid']}-"


def _metadata(machine: Manifest, name: str) -> Manifest:
    return {"name": name, "namespace": meta(machine)["namespace"], "ownerReferences": [reference(machine)]}


def _revisions(machine: Manifest) -> Place:
    return Place("apps", "v1", "controllerrevisions", meta(machine)["namespace"])
