"""What is to be written for a server to exist."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...cloud.kinds.kubevirt import VM
from ...cloud.kinds.network import PORT
from ...cloud.kinds.storage import DATA_VOLUME, PVC, SECRET
from ...cloud.plan import Create, Patch, Plan
from ...cloud.resource import Known
from ...cloud.volumes import Binding
from ...faults import BadRequest
from ...kube.errors import OverQuota
from ...moments import stamp
from ...names import BOUND, UPDATED_AT
from . import manifest, notes, storage
from .choice import choose
from .log import notice
from .making import Making
from .quota import Share, beyond, over_quota, reservation
from .wish import NewServer

MOST_NOTED = 256 * 1024
"""Bytes that the annotations of one object may take."""


def create(
    body: NewServer, known: Known, ids: Sequence[str], reservation_id: str, request_id: str, now: float
) -> tuple[Plan, ...]:
    """A plan for each id: several of one request share its reservation. Raises Faults in Nova's words."""
    choice = choose(body, known, ids, now)
    share = Share(choice.flavor.copy, body.least, body.most, choice.server_group)
    if len(ids) < body.least:
        raise beyond(known, share)
    reserve = reservation(known, share)
    plans = []
    for place, id in enumerate(ids):
        if choice.server_group is not None:
            choice = replace(choice, server_group=choice.server_group.joined(id))
        making = Making(id, body, choice, known.caller, known.config, request_id, reservation_id, place, len(ids))
        machine = manifest.virtual_machine(making)
        _check_notes(machine["metadata"]["annotations"])
        pending, binds = _pending(making), _binds(making, now)
        plans.append(
            Plan(
                id=id,
                commit=Create(VM, machine),
                reserve=reserve,
                rehearse=bool(pending or binds),
                binds=binds,
                pending=pending,
                refusals={OverQuota: over_quota},
                notice=notice("create", None),
            )
        )
    return tuple(plans)


def disk_config(plan: Plan) -> str:
    """What a planned server says of its disk, which the image may have said."""
    assert isinstance(plan.commit, Create)
    return notes.note_in(plan.commit.body["metadata"]["annotations"]).diskConfig


def _pending(making: Making) -> tuple[Create, ...]:
    found = [Create(SECRET, secret) for secret in manifest.secrets(making)]
    if making.choice.nic is not None and making.choice.nic.port is None:
        found.append(Create(PORT, manifest.port(making)))
    found += [Create(DATA_VOLUME, volume) for volume in storage.lasting(making)]
    return tuple(found)


def _binds(making: Making, now: float) -> tuple[Patch, ...]:
    """What exists already is taken before the server is there, if nobody else took it meanwhile."""
    return (*_bound_port(making, now), *_bound_volumes(making, now))


def _bound_port(making: Making, now: float) -> Iterator[Patch]:
    nic = making.choice.nic
    if nic is None or nic.port is None:
        return
    row, port = nic.port
    change = {
        "metadata": {"annotations": {UPDATED_AT: stamp(now)}},
        "spec": manifest.binding(making) | {"macAddress": port.spec.macAddress or making.mac},
    }
    yield Patch(PORT, row.namespace, row.name, change, version=row.version)


def _bound_volumes(making: Making, now: float) -> Iterator[Patch]:
    """A volume that several servers may have needs no binding."""
    for disk in making.choice.disks:
        volume = disk.volume
        if volume is not None and volume.claim is not None and not volume.multiattach:
            binding = notes.as_note(Binding(making.id, stamp(now)))
            change = {"metadata": {"annotations": {BOUND: binding}}}
            yield Patch(PVC, volume.claim.namespace, volume.claim.name, change, version=volume.claim.version)


def _check_notes(annotations: dict[str, str]) -> None:
    if sum(len(key) + len(value.encode()) for key, value in annotations.items()) > MOST_NOTED:
        raise BadRequest("Invalid metadata size: the metadata, tags and description are too large together")
