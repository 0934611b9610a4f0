"""The launcher that waits for a guest on another node (pkg/virt-controller/watch/migration, createTargetPod)."""

import copy
import re
from collections.abc import Mapping

from dicot.kube.kind import Manifest

from .launcher import launcher_pod, suffix
from .objects import CREATED_BY, meta, status

JOB = "kubevirt.io/migrationJobUID"
JOB_NAME = "kubevirt.io/migrationJobName"
_DIGEST = re.compile("sha256:([a-f0-9]{64})")
_WANTED = "requiredDuringSchedulingIgnoredDuringExecution"


class Unknown(Exception):
    """What a containerDisk held cannot be told, so that another node might run something else."""


def is_target(pod: Manifest, uid: str) -> bool:
    """Whether a launcher was made for the migration of that uid."""
    return bool(meta(pod).get("labels", {}).get(JOB) == uid)


def target_pod(migration: Manifest, guest: Manifest, source: Manifest) -> Manifest:
    """The Pod; ``source`` is the launcher that the guest has. Raises Unknown.

    It is on no node where the guest has a Pod, and runs the very images that the source does.
    """
    pod = launcher_pod(_pinned(guest, _images(guest, source)))
    spec, metadata = pod["spec"], pod["metadata"]
    metadata["name"] = metadata["name"][: -len(suffix(""))] + suffix(meta(migration)["uid"])
    marked(pod, migration)
    spec["nodeSelector"] = {**(migration["spec"].get("addedNodeSelector") or {}), **spec["nodeSelector"]}
    affinity = spec.setdefault("affinity", {})
    apart = affinity["podAntiAffinity"] = copy.deepcopy(affinity.get("podAntiAffinity") or {})
    own = {"matchLabels": {CREATED_BY: meta(guest)["uid"]}}
    term = {"labelSelector": own, "topologyKey": "kubernetes.io/hostname"}
    apart[_WANTED] = [*(apart.get(_WANTED) or ()), term]
    return pod


def marked(pod: Manifest, migration: Manifest) -> None:
    """Let a Pod say for which migration it is."""
    pod["metadata"].setdefault("labels", {})[JOB] = meta(migration)["uid"]
    pod["metadata"].setdefault("annotations", {})[JOB_NAME] = meta(migration)["name"]


def _images(guest: Manifest, source: Manifest) -> Mapping[str, str]:
    """The containerDisks' images, by volume, each with the digest that runs."""
    found = {}
    shown = {each["name"]: each.get("imageID", "") for each in status(source).get("containerStatuses") or ()}
    for volume in guest["spec"].get("volumes") or ():
        running = shown.get(f"volume{volume['name']}")
        if "containerDisk" in volume and running is not None:
            found[volume["name"]] = _with_digest(volume["containerDisk"]["image"], running)
    return found


def _with_digest(image: str, running: str) -> str:
    digest = _DIGEST.search(running)
    if digest is None:
        raise Unknown(f'failed to identify image digest for container "{image}" with id "{running}"')
    base = image.partition("@sha256:")[0]
    if base == image and image.rfind(":") > image.rfind("/"):
        base = image[: image.rfind(":")]
    return f"{base}@sha256:{digest[1]}"


def _pinned(guest: Manifest, images: Mapping[str, str]) -> Manifest:
    guest = copy.deepcopy(guest)
    for volume in guest["spec"].get("volumes") or ():
        if volume["name"] in images:
            volume["containerDisk"]["image"] = images[volume["name"]]
    return guest
