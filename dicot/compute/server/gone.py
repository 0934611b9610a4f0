"""The log of a server that is deleted, kept apart from it: an object of its own, made before the machine goes.

It says until when it is kept. What kubectl deletes leaves none. Since nobody watches a machine end, no end of the
deletion is known.
"""

import msgspec

from ...cloud.plan import Create, Patch, Plan
from ...cloud.resource import Known
from ...kube import errors
from ...kube.kind import Manifest, Row
from ...moments import read, stamp
from ...names import ID
from ..kinds import SERVER_LOG, Action, ActionNote
from . import notes
from .actions import missing
from .departed import used
from .log import MOST, actions, fits, ordered, told
from .present import Present

KEPT = 86_400.0
"""Seconds for which the log of a server that is gone can be read."""
LONGEST = 255
TIMES = ("start", "finish")


def kept(server: Present, known: Known, request: str, entry: ActionNote, now: float) -> Plan:
    """The plan that keeps a server's log, and in it that somebody deletes it. ``known`` is seen from its project.

    A deletion that did not come about may be asked for again: then there is a log already, which is changed.
    """
    row, project = server.row, known.project(server.row.namespace)
    deletion = told(request, entry)
    before = left(known, row.id) or []
    spec = {
        "formatVersion": 1,
        "serverId": row.id,
        "name": notes.display_name(server.vm)[:LONGEST],
        "expires": stamp(now + KEPT),
        "usage": {key: value for key, value in msgspec.to_builtins(used(server, known, stamp(now))).items() if value},
        "actions": [_written(each) for each in merged([deletion, *actions(server, project)], before)[: MOST + 1]],
    }
    name = f"{row.name}.{row.uid[:8]}"
    there = known.named(SERVER_LOG, name, row.namespace)
    return Plan(
        id=row.id,
        commit=Patch(SERVER_LOG, row.namespace, name, {"spec": spec}, version=there[0].version)
        if there is not None
        else Create(SERVER_LOG, _object(row, name, spec)),
        refusals={errors.Missing: lambda error: missing(row.id)},
    )


def _object(row: Row, name: str, spec: Manifest) -> Manifest:
    return {
        "apiVersion": SERVER_LOG.api_version,
        "kind": SERVER_LOG.singular,
        "metadata": {"name": name, "namespace": row.namespace, "labels": {ID: row.id}},
        "spec": spec,
    }


def merged(found: list[Action], more: list[Action]) -> list[Action]:
    """Actions, and those of others that are not among them, the last first."""
    known = {each.request for each in found}
    return ordered([*found, *(each for each in more if each.request not in known)])


def _written(action: Action) -> dict[str, str]:
    """An action within the bounds of the object's schema: no note of somebody's may keep a server from going."""
    found = {name: str(getattr(action, name))[:LONGEST] for name in Action.__struct_fields__}
    return {name: value for name, value in found.items() if value and (name not in TIMES or read(value) is not None)}


def left(known: Known, id: str) -> list[Action] | None:
    """The log of a server that is gone, or that somebody wanted to be; None where there is none."""
    found = known.find(SERVER_LOG, id)
    if found is None:
        return None
    return [each for each in found[1].spec.actions if fits(each)]
