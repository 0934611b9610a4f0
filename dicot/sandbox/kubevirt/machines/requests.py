"""Requests for volumes that wait in a machine's status, carried out (watch/vm, handleVolumeRequests)."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial, reduce
from typing import Any

from dicot.kube.address import Place
from dicot.kube.errors import Refused
from dicot.kube.kind import Manifest

from ...steps import Call, Step
from ..volume_requests import ADD, REMOVE, applied, name, waiting
from .objects import amend, is_going, is_same, meta
from .scene import Failure, Outcome, Scene
from .status import failed

_VOLUMES, _DISKS = "/spec/template/spec/volumes", "/spec/template/spec/domain/devices/disks"


def carry_out(scene: Scene) -> Outcome | None:
    """The instance is told first, then the template is changed; None where nothing waits. What the template shows
    has been done for the instance too, which is seen with its volume only later."""
    template = scene.machine["spec"]["template"]["spec"]
    requests = waiting(scene.machine)
    if not requests:
        return None
    changes = _changes(template, reduce(applied, requests, template))
    steps: list[Step] = list(_told(scene, requests))
    if changes:
        steps.append(amend(scene.machine, changes, refused=partial(_unchangeable, scene)))
    return Outcome(tuple(steps), wrote=bool(changes))


def _changes(old: Manifest, new: Manifest) -> Mapping[str, Any]:
    pairs = (
        (_VOLUMES, old.get("volumes"), new.get("volumes")),
        (_DISKS, old["domain"]["devices"].get("disks"), new["domain"]["devices"].get("disks")),
    )
    return {path: after or None for path, before, after in pairs if not is_same(before, after)}


def _told(scene: Scene, requests: Sequence[Manifest]) -> Iterator[Call]:
    guest = scene.guest
    if guest is None or is_going(guest):
        return
    has = {each["name"] for each in guest["spec"].get("volumes") or ()}
    for each in requests:
        key, action = (ADD, "addvolume") if each.get(ADD) else (REMOVE, "removevolume")
        if (name(each) in has) == (key == REMOVE):
            at = ("subresources.kubevirt.io", "v1", "virtualmachineinstances")
            told = Place(*at, meta(guest)["namespace"], meta(guest)["name"], action)
            yield Call(told, each[key], partial(_unpluggable, scene))


def _unpluggable(scene: Scene, reason: Refused) -> tuple[Step, ...]:
    why = f"Error encountered while handling volume hotplug requests: {reason.message}"
    return failed(scene, Failure("HotPlugVolumeError", why)).steps


def _unchangeable(scene: Scene, reason: Refused) -> tuple[Step, ...]:
    what = "Error encountered when trying to update vm according to add volume and/or memory dump requests"
    return failed(scene, Failure("FailedUpdateError", f"{what}: {reason.message}")).steps
