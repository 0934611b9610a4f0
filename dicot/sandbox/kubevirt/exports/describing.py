"""What an export tells of the machine whose volumes it gives back (export.go, createDataManifestConfigMap)."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping

from dicot.kube.kind import Manifest

from ...certificates import Authority
from ..admission import defaults
from ..machines import birth, flavors, revisions
from ..machines.kinds import claim_of
from ..machines.objects import meta, reference
from ..machines.scene import Scene
from ..settings import Settings
from . import names

Claims = Callable[[str], Manifest | None]


def described(export: Manifest, machine: Manifest, claims: Claims, authority: Authority) -> Manifest:
    """The ConfigMap of a machine that has been expanded."""
    trusted = {"metadata": {"name": f"export-ca-cm-{meta(export)['name']}"}, "data": {"ca.pem": pem(authority)}}
    data = {
        "export-name": meta(export)["name"],
        "internal_host": names.host(export),
        "internal_ca_cm": json.dumps(trusted),
        "virtualmachine-manifest": json.dumps(machine),
        **{f"dv-{meta(each)['name']}": json.dumps(each) for each in _volumes(machine, claims)},
    }
    metadata = {
        "name": names.manifest_name(export),
        "namespace": meta(machine)["namespace"],
        "ownerReferences": [reference(export)],
    }
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def pem(authority: Authority) -> str:
    """Its certificate, as exports show it."""
    return authority.pem.decode().strip()


def expanded(scene: Scene, settings: Settings) -> Manifest:
    """A machine with what its flavor says in it, and its volumes' templates without their sources. Raises
    revisions.Unknown, birth.Conflicting."""
    machine = scene.machine
    spec: Manifest = copy.deepcopy(machine["spec"])
    if spec.get("instancetype") or spec.get("preference"):
        _apply(spec, scene, settings)
    used = {claim_of(each) for each in spec["template"]["spec"].get("volumes") or ()}
    for template in spec.get("dataVolumeTemplates") or ():
        if template["metadata"]["name"] in used:
            template["spec"].pop("sourceRef", None)
            template["spec"]["source"] = {"http": {"url": ""}}
    kept = {
        key: meta(machine)[key] for key in ("name", "namespace", "labels", "annotations") if meta(machine).get(key)
    }
    return {"metadata": kept, "spec": spec, "status": {}}


def _apply(spec: Manifest, scene: Scene, settings: Settings) -> None:
    instancetype = revisions.flavor_spec(scene, "instancetype")
    preference = revisions.flavor_spec(scene, "preference")
    guest, metadata = spec["template"]["spec"], spec["template"].setdefault("metadata", {})
    defaults.attach(guest, settings)
    conflicts = flavors.apply(guest, metadata, instancetype, preference)
    if conflicts:
        raise birth.Conflicting(", ".join(conflicts))
    defaults.whole(guest, settings)
    for each in ("instancetype", "preference"):
        spec.pop(each, None)


def _volumes(machine: Manifest, claims: Claims) -> Iterator[Manifest]:
    """DataVolumes in the place of claims that no template makes."""
    templates = {each["metadata"]["name"] for each in machine["spec"].get("dataVolumeTemplates") or ()}
    for volume in machine["spec"]["template"]["spec"].get("volumes") or ():
        name = claim_of(volume)
        claim = claims(name) if name and name not in templates else None
        if claim is not None:
            kept: Mapping[str, object] = claim["spec"]
            storage = {key: kept[key] for key in ("accessModes", "resources", "volumeMode") if key in kept}
            yield {
                "metadata": {"name": name, "namespace": meta(machine)["namespace"]},
                "spec": {"source": {"http": {"url": ""}}, "storage": storage},
                "status": {},
            }
