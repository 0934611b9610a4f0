"""The DataVolumes that stand for what a restore makes: those of the machine's templates, each of a claim that is
filled already."""

from collections.abc import Sequence

from dicot.kube.address import Place
from dicot.kube.kind import Manifest

from ...cdi.names import POPULATED_FOR, PRE_POPULATED
from ...steps import Create, Replace, Step
from ..machines.objects import meta, phase, place, status
from .restored import NAME, Scene, Strange, machine_of, templates_of, volume_name

_READY = ("Succeeded", "WaitForFirstConsumer", "PendingPopulation")


def named_volumes(scene: Scene, content: Manifest) -> tuple[Sequence[Manifest], list[Step]]:
    """The restores with the DataVolumes that stand for them, and claims that are left for these. Raises Strange."""
    old = machine_of(content)
    templates = templates_of(old)
    kinds = {each["name"]: each for each in old["spec"]["template"]["spec"].get("volumes") or ()}
    found: list[Manifest] = []
    steps: list[Step] = []
    for each in status(scene.restore).get("restores") or ():
        named = (kinds.get(each["volumeName"], {}).get("dataVolume") or {}).get("name")
        if named not in templates:
            found.append(each)
            continue
        name, claim = volume_name(scene.restore, each["volumeName"]), scene.claims.get(each["persistentVolumeClaim"])
        if claim is None:
            where = f"{meta(scene.restore)['namespace']}/{each['persistentVolumeClaim']}"
            raise Strange(f"pvc {where} does not exist and should")
        if meta(claim).get("annotations", {}).get(POPULATED_FOR) != name:
            notes = {**meta(claim).get("annotations", {}), POPULATED_FOR: name}
            kept = {key: value for key, value in meta(claim).items() if key != "ownerReferences"}
            steps.append(Replace(place(claim), {**claim, "metadata": {**kept, "annotations": notes}}))
        found.append({**each, "dataVolumeName": name})
    return found, steps


def data_volumes(scene: Scene, wanted: Manifest) -> tuple[list[Step], bool]:
    """The DataVolumes of the machine that are missing, and whether one is to be waited for. Raises Strange."""
    steps: list[Step] = []
    waits = False
    for name, template in templates_of(wanted).items():
        found = scene.volumes.get(name)
        if found is not None:
            waits = waits or phase(found) not in _READY
            continue
        claim = scene.claims.get(name)
        where = f"{meta(scene.restore)['namespace']}/{name}"
        if claim is None:
            raise Strange(f"when creating restore dv pvc {where} does not exist and should")
        if meta(claim).get("annotations", {}).get(POPULATED_FOR) == name and not meta(claim).get("ownerReferences"):
            steps.append(_data_volume(scene, template))
    return steps, waits


def _data_volume(scene: Scene, template: Manifest) -> Create:
    metadata = {key: value for key, value in template["metadata"].items() if key != "creationTimestamp"}
    notes = {**(metadata.get("annotations") or {}), NAME: meta(scene.restore)["name"], PRE_POPULATED: "true"}
    namespace = meta(scene.restore)["namespace"]
    made = {
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "kind": "DataVolume",
        "metadata": {**metadata, "namespace": namespace, "annotations": notes},
        "spec": template["spec"],
    }
    return Create(Place("cdi.kubevirt.io", "v1beta1", "datavolumes", namespace), made)


def left_over(scene: Scene, wanted: Manifest) -> Sequence[str]:
    """The DataVolumes of an old machine's templates that the new one has not."""
    if scene.target is None:
        return []
    return [name for name in templates_of(scene.target) if name not in templates_of(wanted)]
