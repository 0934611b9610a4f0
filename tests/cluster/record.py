"""``python -m tests.cluster.record``: what a real cluster serves, written down for the sandbox.

The files are facts of the releases that are built here: run it after an upgrade and read the differences.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from dicot.sandbox import facts
from tests.cluster import reduced
from tests.cluster.access import Access
from tests.cluster.control import Control
from tests.cluster.objects import Document

FOLDER = Path(facts.__file__).parent
BUILT_IN: Mapping[str, tuple[str, ...]] = {
    "v1": (
        "configmaps",
        "events",
        "limitranges",
        "namespaces",
        "nodes",
        "persistentvolumeclaims",
        "persistentvolumes",
        "pods",
        "resourcequotas",
        "secrets",
        "serviceaccounts",
        "services",
    ),
    "admissionregistration.k8s.io/v1": ("validatingadmissionpolicies", "validatingadmissionpolicybindings"),
    "apiextensions.k8s.io/v1": ("customresourcedefinitions",),
    "apiregistration.k8s.io/v1": ("apiservices",),
    "apps/v1": ("controllerrevisions", "deployments"),
    "authentication.k8s.io/v1": ("selfsubjectreviews", "tokenreviews"),
    "authorization.k8s.io/v1": (
        "localsubjectaccessreviews",
        "selfsubjectaccessreviews",
        "selfsubjectrulesreviews",
        "subjectaccessreviews",
    ),
    "coordination.k8s.io/v1": ("leases",),
    "networking.k8s.io/v1": ("networkpolicies",),
    "policy/v1": ("poddisruptionbudgets",),
    "rbac.authorization.k8s.io/v1": ("clusterrolebindings", "clusterroles", "rolebindings", "roles"),
    "scheduling.k8s.io/v1": ("priorityclasses",),
    "storage.k8s.io/v1": ("csidrivers", "csinodes", "storageclasses", "volumeattachments"),
}
"""What Dicot, kubectl's everyday commands, the nodes and the controllers of KubeVirt and CDI use."""
DEFINITIONS = (
    "cdiconfigs.cdi.kubevirt.io",
    "cdis.cdi.kubevirt.io",
    "datasources.cdi.kubevirt.io",
    "datavolumes.cdi.kubevirt.io",
    "kubevirts.kubevirt.io",
    "objecttransfers.cdi.kubevirt.io",
    "storageprofiles.cdi.kubevirt.io",
    "virtualmachineclones.clone.kubevirt.io",
    "virtualmachineclusterinstancetypes.instancetype.kubevirt.io",
    "virtualmachineclusterpreferences.instancetype.kubevirt.io",
    "virtualmachineexports.export.kubevirt.io",
    "virtualmachineinstancemigrations.kubevirt.io",
    "virtualmachineinstances.kubevirt.io",
    "virtualmachineinstancetypes.instancetype.kubevirt.io",
    "virtualmachinepreferences.instancetype.kubevirt.io",
    "virtualmachinerestores.snapshot.kubevirt.io",
    "virtualmachines.kubevirt.io",
    "virtualmachinesnapshotcontents.snapshot.kubevirt.io",
    "virtualmachinesnapshots.snapshot.kubevirt.io",
    "volumeclonesources.cdi.kubevirt.io",
    "volumegroupsnapshotclasses.groupsnapshot.storage.k8s.io",
    "volumegroupsnapshotcontents.groupsnapshot.storage.k8s.io",
    "volumegroupsnapshots.groupsnapshot.storage.k8s.io",
    "volumeimportsources.cdi.kubevirt.io",
    "volumesnapshotclasses.snapshot.storage.k8s.io",
    "volumesnapshotcontents.snapshot.storage.k8s.io",
    "volumesnapshots.snapshot.storage.k8s.io",
    "volumeuploadsources.cdi.kubevirt.io",
)
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
Files = dict[str, str]


async def recorded(control: Control) -> Files:
    """The content of each file, by its name."""
    resources = {version: await _resources(control, version) for version in BUILT_IN}
    definitions = [reduced.definition(await _definition(control, name)) for name in DEFINITIONS]
    shared = reduced.Shared(definitions)
    files = {f"crds/{each['metadata']['name']}.json": _referring(each, shared) for each in definitions}
    files["resources.json"] = resources
    files["types.json"] = await _types(control, resources)
    files["shared.json"] = dict(sorted(shared.types.items()))
    return {name: reduced.written(content) + "\n" for name, content in files.items()}


def _referring(definition: Document, shared: reduced.Shared) -> Document:
    for version in definition["spec"]["versions"]:
        root = version["schema"]["openAPIV3Schema"]
        version["schema"] = {"openAPIV3Schema": shared.refer(root)}
    return definition


def place(version: str) -> str:
    """Where a version of a group is served."""
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


async def _resources(control: Control, version: str) -> Document:
    served = {each["name"]: each for each in (await control.get(place(version)))["resources"]}
    made = {}
    for plural in BUILT_IN[version]:
        below = [each for name, each in served.items() if name.startswith(f"{plural}/")]
        columns = await _columns(control, version, plural) if "list" in served[plural]["verbs"] else []
        made[plural] = reduced.resource(served[plural], below, columns)
    return made


async def _columns(control: Control, version: str, plural: str) -> list[Document]:
    answer = await control.ask("GET", f"{place(version)}/{plural}?limit=1", accept=TABLE)
    columns: list[Document] = answer.document["columnDefinitions"]
    return columns


async def _definition(control: Control, name: str) -> Document:
    return await control.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")


async def _types(control: Control, resources: Mapping[str, Document]) -> Document:
    types: dict[str, Document] = {}
    roots = set()
    for version, found in resources.items():
        said = await control.get(f"/openapi/v3{place(version)}")
        kinds = {each["kind"] for each in found.values()}
        for name, each in said["components"]["schemas"].items():
            types[name] = reduced.schema(each)
            if _is_of(types[name], version, kinds):
                roots.add(name)
    return reduced.reachable(types, roots)


def _is_of(found: Document, version: str, kinds: set[str]) -> bool:
    """Whether a type is that of one of these kinds."""
    said = found.get("x-kubernetes-group-version-kind", ())
    if len(said) != 1 or said[0]["kind"] not in kinds:
        return False
    return version == "/".join(filter(None, (said[0]["group"], said[0]["version"])))


async def write(reactor: Any, kubeconfig: Path) -> None:
    """Replace the files."""
    access = Access.read(kubeconfig)
    control = Control(reactor, access.server, access.authority, access.admin)
    try:
        files = await recorded(control)
    finally:
        await control.close()
    (FOLDER / "crds").mkdir(exist_ok=True)
    for name, content in files.items():
        (FOLDER / name).write_text(content)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.record", description=__doc__)
    parser.add_argument(
        "kubeconfig", type=Path, help="of a cluster as python -m tests.cluster.run --cluster-only starts"
    )
    options = parser.parse_args(sys.argv[1:])
    react(lambda reactor: Deferred.fromCoroutine(write(reactor, options.kubeconfig)))


if __name__ == "__main__":
    main()
