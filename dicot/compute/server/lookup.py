"""The servers that an operation is about, and how a plan for one of them is applied."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...caller import Caller
from ...cloud.kinds.kubevirt import VM
from ...cloud.plan import Plan
from ...cloud.resource import Bench, Known
from ...faults import Fault
from ...names import is_uuid
from ...web.call import Call
from . import actions
from .present import Present, present


async def current(bench: Bench, caller: Caller, id: str) -> Present:
    """The server of an id as the cache has it, after one live look where it has none. Raises NotFound."""
    found = bench.known(caller).find(VM, id)
    if found is None and is_uuid(id) and await bench.verify(VM, caller, id):
        found = bench.known(caller).find(VM, id)
    if found is None:
        raise actions.missing(id)
    server = present(beside(bench, caller, found[0].namespace), id, bench.now())
    if server is None:
        raise actions.missing(id)
    return server


def beside(bench: Bench, caller: Caller, namespace: str) -> Known:
    """The cache as seen from a server's own project: for cloud admins, who find servers of any."""
    if namespace == caller.namespace:
        return bench.known(caller)
    return bench.known(replace(caller, namespace=namespace, project=bench.known(caller).project(namespace)))


def again(bench: Bench, caller: Caller, server: Present) -> Present:
    """The same server as it is by now: plans are derived again after a conflict."""
    found = present(beside(bench, caller, server.row.namespace), server.row.id, bench.now())
    if found is None:
        raise actions.missing(server.row.id)
    return found


class Settled(Fault):
    """Nothing is left to be written. Clients never see it."""

    code = 204


async def act(bench: Bench, call: Call[Any], derive: Callable[[Present], Plan | None]) -> Present:
    """Applies what is to be written for the server of a call, derived anew after each conflict.

    Where there is nothing to write nothing is. Raises Faults.
    """
    server = await current(bench, call.caller, call.names["id"])

    def planned() -> Plan:
        plan = derive(again(bench, call.caller, server))
        if plan is None:
            raise Settled("There is nothing left to be written.")
        return plan

    try:
        await bench.writer.apply(call.caller, call.request_id, planned)
    except Settled:
        pass
    return server
