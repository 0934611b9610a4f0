"""Servers over HTTP: N-03 to N-06 and N-20."""

from typing import Any

import msgspec

from ...cloud.kinds.storage import PVC, VOLUME_SNAPSHOT
from ...cloud.plan import Plan
from ...cloud.resource import Bench
from ...faults import Fault
from ...kube.kind import Kind
from ...names import is_uuid
from ...web.call import Call, Reply
from ...web.dialect import Version
from ..keypair import sought
from ..links import here, links
from . import actions
from .gone import kept
from .log import Logged, beginning
from .lookup import act, beside, current
from .quota import room
from .reading import POLICY, addresses, fragment, reading
from .secrets import password, reservation_id
from .spec import create as planned
from .spec import disk_config
from .update import update as updated
from .usage import using
from .view import Document
from .wish import CREATES, UPDATES, Changes, NewServer, Reboot, anything, reboot

ACTION = "/servers/<id>/action"
ALL_SHOWN: Version = (2, 75)
LESS_SHOWN = (
    *("OS-EXT-AZ:availability_zone", "config_drive", "key_name", "security_groups", "host_status"),
    *("OS-SRV-USG:launched_at", "OS-SRV-USG:terminated_at", "os-extended-volumes:volumes_attached"),
    *("OS-EXT-STS:task_state", "OS-EXT-STS:vm_state", "OS-EXT-STS:power_state"),
)
"""What the answer to an update leaves out before 2.75, beside everything of administrators."""


def routes(bench: Bench) -> None:
    """Registers the operations."""
    reading(bench)
    addresses(bench)
    creating(bench)
    changing(bench)
    powering(bench)
    using(bench)


def creating(bench: Bench) -> None:
    """N-04."""

    @bench.routes.write("POST", "/servers", f"{POLICY}:create", CREATES)
    async def create(call: Call[NewServer]) -> Reply:
        wanted, caller = call.body, call.caller
        await _looked_for(bench, call)
        ids = tuple(bench.new_id() for _ in range(min(wanted.most, room(bench.known(caller)))))
        reservation = reservation_id(bench.new_id())
        plans: list[Plan] = []

        def derive() -> tuple[Plan, ...]:
            plans[:] = planned(wanted, bench.known(caller), ids, reservation, call.request_id, bench.now())
            return tuple(plans)

        made = await bench.writer.apply_many(caller, call.request_id, derive, wanted.least)
        if wanted.wants_reservation:
            return Reply({"reservation_id": reservation}, 202)
        secret = wanted.admin_pass if wanted.admin_pass is not None else password(bench.new_id())
        first = next(id for id in ids if id in made)
        groups = ({"name": "default"},) if wanted.shown_groups is None else wanted.shown_groups
        document = {
            "id": first,
            "links": links(bench.config, "servers", first),
            "OS-DCF:diskConfig": disk_config(plans[0]),
            "security_groups": groups,
            "adminPass": secret,
        }
        return Reply({"server": document}, 202, {"Location": here(bench.config, "servers", first)})


async def _looked_for(bench: Bench, call: Call[NewServer]) -> None:
    """One live look at the key and each volume and snapshot that the cache misses: made a moment ago, perhaps."""
    known = bench.known(call.caller)
    if call.body.key_name is not None:
        await sought(bench, call.caller, call.caller.user, call.body.key_name)
    for device in call.body.devices:
        named: tuple[tuple[Kind[Any], str], ...] = ((PVC, device.volume), (VOLUME_SNAPSHOT, device.snapshot))
        for kind, id in ((kind, id.lower()) for kind, id in named):
            if is_uuid(id) and known.find(kind, id) is None:
                await bench.verify(kind, call.caller, id)


def changing(bench: Bench) -> None:
    """Update and delete."""

    @bench.routes.write("PUT", "/servers/<id>", f"{POLICY}:update", UPDATES)
    async def update(call: Call[Changes]) -> Reply:
        server = await act(bench, call, lambda server: updated(server, call.body, bench.now()))
        part = await fragment(bench, call.caller, call.version, server.row.id)
        document = msgspec.json.decode(part, type=Document)
        return Reply({"server": document if call.version >= ALL_SHOWN else lessened(document)})

    @bench.routes.write("DELETE", "/servers/<id>", f"{POLICY}:delete")
    async def delete(call: Call[None]) -> Reply:
        logged = Logged("delete", apart=await _kept(bench, call))
        await act(bench, call, lambda server: actions.delete(server, call.caller), logged)
        return Reply(None, 204)


async def _kept(bench: Bench, call: Call[None]) -> bool:
    """Whether the log of a server that is to go lies apart from it. Where it cannot, the server goes all the same."""
    server = await current(bench, call.caller, call.names["id"])
    if actions.delete(server, call.caller) is None:
        return False
    entry = beginning(server, call.caller, Logged("delete"), bench.now())

    def derive() -> Plan:
        known = beside(bench, call.caller, server.row.namespace)
        return kept(server, known, call.request_id, entry, bench.now())

    try:
        await bench.writer.apply(call.caller, call.request_id, derive)
    except Fault:
        return False
    return True


def lessened(document: Document) -> Document:
    """The answer to an update before 2.75."""
    found = {
        key: value
        for key, value in document.items()
        if key not in LESS_SHOWN and not key.startswith("OS-EXT-SRV-ATTR:")
    }
    found["addresses"] = {
        network: [{"version": each["version"], "addr": each["addr"]} for each in listed]
        for network, listed in document["addresses"].items()
    }
    return found


def powering(bench: Bench) -> None:
    """N-06."""

    @bench.routes.action(ACTION, "os-start", f"{POLICY}:start", [((2, 1), anything)])
    async def start(call: Call[None]) -> Reply:
        await act(bench, call, lambda server: actions.start(server, call.caller), Logged("start"))
        return Reply(None, 202)

    @bench.routes.action(ACTION, "os-stop", f"{POLICY}:stop", [((2, 1), anything)])
    async def stop(call: Call[None]) -> Reply:
        await act(bench, call, lambda server: actions.stop(server, call.caller), Logged("stop"))
        return Reply(None, 202)

    @bench.routes.action(ACTION, "reboot", f"{POLICY}:reboot", [((2, 1), reboot)])
    async def rebooted(call: Call[Reboot]) -> Reply:
        hard = call.body.hard
        if not hard:
            try:
                await act(
                    bench,
                    call,
                    lambda server: actions.soft_reboot(server, call.caller),
                    Logged("reboot", at_once=True),
                )
            except actions.Deaf:
                pass
            else:
                return Reply(None, 202)
        await act(
            bench, call, lambda server: actions.restart(server, call.caller, bench.now(), hard=hard), Logged("reboot")
        )
        return Reply(None, 202)
