"""Changing what a server is called and says of itself."""

from typing import Any

import msgspec

from ...cloud.kinds.kubevirt import VM
from ...cloud.plan import Patch, Plan
from ...faults import Conflict
from ...kube import errors
from ...kube.kind import Manifest
from ...moments import stamp
from ...names import DESCRIPTION, NAME, SERVER, UPDATED_AT
from . import notes
from .actions import missing
from .joined import ZONE, zone_of
from .making import label_of
from .present import Present
from .wish import Changes, plain_address

_FIELDS = {"accessIPv4": "accessIPv4", "OS-DCF:diskConfig": "diskConfig"}


def update(server: Present, wanted: Changes, now: float) -> Plan:
    """Only what is named changes. What shares an annotation with other fields is guarded by the object's version."""
    named = wanted.named
    found: dict[str, str | None] = {UPDATED_AT: stamp(now)}
    if "name" in named:
        found[NAME] = named["name"].strip()
    if "description" in named:
        found[DESCRIPTION] = named["description"]
    note = _note(server, named)
    if note is not None:
        found[SERVER] = notes.as_note(note)
    body: Manifest = {"metadata": {"annotations": found}}
    template = _template(server, named)
    if template:
        body["spec"] = {"template": {"spec": template}}
    row = server.row
    return Plan(
        id=row.id,
        commit=Patch(VM, row.namespace, row.name, body, version=row.version if note is not None else ""),
        refusals={errors.Missing: lambda error: missing(row.id)},
    )


def _note(server: Present, named: Any) -> notes.ServerNote | None:
    """The fields that only Nova has, changed; None where none of them is."""
    fields = {ours: named[theirs] for theirs, ours in _FIELDS.items() if theirs in named}
    if "accessIPv6" in named:
        fields["accessIPv6"] = plain_address(named["accessIPv6"])
    if "hostname" in named:
        fields["hostname"] = named["hostname"]
    if "pinned_availability_zone" in named:
        fields["zone"] = _pinned(server, named["pinned_availability_zone"])
    return msgspec.structs.replace(notes.server_note(server.vm), **fields) if fields else None


def _pinned(server: Present, wanted: str | None) -> str | None:
    """A server can be unpinned, and pinned to where it is."""
    if wanted is None:
        return None
    pinned, here = notes.server_note(server.vm).zone, zone_of(server.seen.node)
    if pinned is not None and wanted != pinned:
        raise Conflict(
            "Cannot change pinned availability zone directly. "
            "Unpin first by setting pinned_availability_zone to null."
        )
    if pinned is None and wanted != here:
        raise Conflict(
            f"Server can only be pinned to its current availability zone '{here}', but '{wanted}' was requested."
        )
    return wanted


def _template(server: Present, named: Any) -> Manifest:
    """What the next start takes over: the host name, and the zone where the node has one by name."""
    found: Manifest = {}
    if "hostname" in named:
        found["hostname"] = label_of(named["hostname"])
    if "pinned_availability_zone" in named:
        zone = named["pinned_availability_zone"]
        labels = server.seen.node.metadata.labels if server.seen.node else {}
        if zone is None and ZONE in server.vm.spec.template.spec.nodeSelector:
            found["nodeSelector"] = {ZONE: None}
        elif zone is not None and labels.get(ZONE) == zone:
            found["nodeSelector"] = {ZONE: zone}
    return found
