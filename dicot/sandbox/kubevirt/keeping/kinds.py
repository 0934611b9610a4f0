"""What is watched of a machine's snapshots, and of what becomes of them. All of it is kept whole."""

from typing import Any

from dicot.kube.kind import Kind, Row

from ...snapshots.names import GROUP as VOLUMES_GROUP
from ...snapshots.names import VERSION as VOLUMES_VERSION
from ..machines.kinds import ALL, Whole, owner_link, uid_link

GROUP = "snapshot.kubevirt.io"
VERSION = "v1beta1"


def machine_link(namespace: str, name: str) -> str:
    """What is found by the machine that it is about."""
    return f"{namespace}/machine/{name}"


def snapshot_link(namespace: str, name: str) -> str:
    """What is found by the snapshot that it names."""
    return f"{namespace}/snapshot/{name}"


def _of_source(row: Row, found: Whole) -> tuple[str, ...]:
    return (machine_link(row.namespace, found.spec.get("source", {}).get("name", "")),)


def _of_snapshot(row: Row, found: Whole) -> tuple[str, ...]:
    return (snapshot_link(row.namespace, found.spec.get("virtualMachineSnapshotName", "")),)


def _of_target(row: Row, found: Whole) -> tuple[str, ...]:
    return (*_of_snapshot(row, found), machine_link(row.namespace, found.spec.get("target", {}).get("name", "")))


def _of_copy(row: Row, found: Whole) -> tuple[str, ...]:
    source, target = (found.spec.get(each, {}).get("name", "") for each in ("source", "target"))
    machines = (machine_link(row.namespace, source), machine_link(row.namespace, target))
    return (*machines, snapshot_link(row.namespace, source), uid_link(row, row.uid))


def _by_owner(row: Row, _: Any) -> tuple[str, ...]:
    return (owner_link(row, row.owner),)


def _kind(plural: str, **more: Any) -> Kind[Whole]:
    return Kind(GROUP, VERSION, plural, plural[:-1], Whole, annotations=ALL, **more)


SNAPSHOTS = _kind("virtualmachinesnapshots", links=_of_source)
CONTENTS = _kind("virtualmachinesnapshotcontents", links=_of_snapshot)
RESTORES = _kind("virtualmachinerestores", links=_of_target)
CLONES = Kind(
    "clone.kubevirt.io",
    VERSION,
    "virtualmachineclones",
    "virtualmachineclone",
    Whole,
    links=_of_copy,
    annotations=ALL,
)
VOLUME_SNAPSHOTS = Kind(
    VOLUMES_GROUP,
    VOLUMES_VERSION,
    "volumesnapshots",
    "volumesnapshot",
    Whole,
    links=_by_owner,
    optional=True,
    annotations=ALL,
)
KINDS = (SNAPSHOTS, CONTENTS, RESTORES, CLONES, VOLUME_SNAPSHOTS)
