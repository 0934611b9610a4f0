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
from . import actions, log
from .log import Logged
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


async def act(
    bench: Bench, call: Call[Any], derive: Callable[[Present], Plan | None], logged: Logged | None = None
) -> Present:
    """Applies what is to be written for the server of a call, derived anew after each conflict.

    Where there is nothing to write nothing is. What is ``logged`` is noted with it. Raises Faults.
    """
    server = await current(bench, call.caller, call.names["id"])
    entry = None if logged is None else log.beginning(server, call.caller, logged, bench.now())
    begun = False

    def planned() -> Plan:
        nonlocal begun
        found = again(bench, call.caller, server)
        plan = derive(found)
        if plan is None:
            raise Settled("There is nothing left to be written.")
        begun = True
        if logged is None or entry is None:
            return plan
        plan = replace(plan, notice=log.notice(logged.action, found.row))
        return plan if logged.apart else log.recorded(plan, found, call.request_id, entry)

    try:
        await bench.writer.apply(call.caller, call.request_id, planned)
    except Settled:
        pass
    except actions.Deaf:
        raise
    except Fault as fault:
        if entry is not None and (begun or call.request_id in log.noted(server.vm)):
            await _failed(bench, call, log.failed(server, call.request_id, entry, fault.message, bench.now()))
        raise
    return server


async def _failed(bench: Bench, call: Call[Any], plan: Plan) -> None:
    """Notes that an action was refused, if the server is still there to note it on."""
    try:
        await bench.writer.apply(call.caller, call.request_id, lambda: plan)
    except Fault:
        pass
