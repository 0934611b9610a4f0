"""The machine that a restore makes, new or of an old one."""

import copy
from typing import Any

from msgspec import DecodeError, json

from dicot.kube.kind import Manifest

from ...apiserver.patching.steps import Unfit, patched
from ..machines import birth
from ..machines.objects import meta, status
from ..machines.scene import strategy
from .restored import LAST, Scene, Strange, machine_of, mark, templates_of


def machine(scene: Scene, content: Manifest) -> Manifest:
    """The machine as it is to be (generateRestoredVMSpec)."""
    old, restore = machine_of(content), scene.restore
    spec = copy.deepcopy(old["spec"])
    named = {each["volumeName"]: each for each in status(restore).get("restores") or ()}
    templates = dict(templates_of(old))
    spec["template"]["spec"]["volumes"] = [
        _restored(volume, named.get(volume["name"]), templates)
        for volume in spec["template"]["spec"].get("volumes") or ()
        if "memoryDump" not in volume
    ]
    if templates:
        spec["dataVolumeTemplates"] = list(templates.values())
    _keep_off(spec, scene.target)
    made = _new(scene, old) if scene.target is None else copy.deepcopy(scene.target)
    made["spec"] = spec
    meta(made).setdefault("annotations", {})[LAST] = mark(restore)
    if meta(old)["name"] == meta(made)["name"]:
        firmware = spec["template"]["spec"]["domain"].setdefault("firmware", {})
        firmware["uuid"] = firmware.get("uuid") or birth.firmware_uuid(meta(made)["name"])
    return made if scene.target is not None else _patched(made, restore)


def _patched(made: Manifest, restore: Manifest) -> Manifest:
    """A new machine with the restore's own changes. Raises Strange."""
    try:
        steps = [json.decode(each) for each in restore["spec"].get("patches") or ()]
        found: Manifest = patched(made, steps)
    except (DecodeError, Unfit) as reason:
        raise Strange(f"error patching VM {meta(made)['name']}: {reason}") from None
    domain: Manifest = _told(found["spec"]["template"]["spec"]["domain"])
    found["spec"]["template"]["spec"]["domain"] = domain
    return found


def _told(found: Any) -> Any:
    """What is said of a guest: what a patch leaves empty is not."""
    if isinstance(found, dict):
        return {key: _told(value) for key, value in found.items() if value != ""}
    return [_told(each) for each in found] if isinstance(found, list) else found


def _new(scene: Scene, old: Manifest) -> Manifest:
    metadata = {"name": scene.restore["spec"]["target"]["name"], "namespace": meta(scene.restore)["namespace"]}
    kept = {key: dict(meta(old)[key]) for key in ("labels", "annotations") if meta(old).get(key)}
    return {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": metadata | kept}


def _keep_off(spec: Manifest, target: Manifest | None) -> None:
    """A new machine is off; an old one keeps its strategy, but for the older way to say it."""
    if target is None:
        if spec.get("running") is not None:
            spec["running"] = False
        else:
            spec["runStrategy"] = "Halted"
    elif target["spec"].get("running") is not None:
        spec["running"] = False
        spec.pop("runStrategy", None)
    else:
        spec["runStrategy"] = strategy(target)
        spec.pop("running", None)


def _restored(volume: Manifest, to: Manifest | None, templates: dict[str, Manifest]) -> Manifest:
    """A volume on its new claim; one of a template goes on being one."""
    if to is None:
        return volume
    if "persistentVolumeClaim" in volume:
        claim = {**volume["persistentVolumeClaim"], "claimName": to["persistentVolumeClaim"]}
        return {**volume, "persistentVolumeClaim": claim}
    named = volume["dataVolume"]["name"]
    if named not in templates:
        return {"name": volume["name"], "persistentVolumeClaim": {"claimName": to["persistentVolumeClaim"]}}
    old = templates[named]
    templates[named] = {**old, "metadata": {**old["metadata"], "name": to["dataVolumeName"]}}
    return {**volume, "dataVolume": {**volume["dataVolume"], "name": to["dataVolumeName"]}}
