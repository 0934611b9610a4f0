"""Operations of servers over fakes, called as the web calls them."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from inspect import isawaitable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.kinds.kubevirt import NODE, VM, VMI
from dicot.cloud.kinds.network import PORT, SECURITY_GROUP
from dicot.cloud.kinds.storage import DATA_VOLUME
from dicot.cloud.plan import Patch, Plan, Step
from dicot.cloud.resource import Bench
from dicot.compute.server.routes import routes
from dicot.faults import Fault
from dicot.kube.kind import Manifest, Row
from dicot.names import ACTION_PREFIX
from dicot.web.call import Reply
from dicot.web.dialect import Version
from tests.bench import Operations, Plans

from .objects import (
    NAMESPACE,
    group_object,
    node_object,
    port_object,
    recorded,
)
from .world import Pages, bench_of, call, furnished

ACTION = "/servers/<id>/action"
LATEST: Version = (2, 104)


class Served(SynchronousTestCase):
    """Servers over fakes."""

    register: Callable[[Bench], None] = staticmethod(routes)

    def setUp(self) -> None:
        self.world = furnished()
        self.table, self.pages, self.plans = Operations(), Pages(self.world), Plans()
        self.register(bench_of(self.world, self.table, self.pages, self.plans))

    def place(
        self,
        moment: str = "running",
        name: str = "web1",
        namespace: str = NAMESPACE,
        created: str = "",
        **annotations: str,
    ) -> Row:
        """A recorded moment under another name; ``created`` is another time for its machine."""
        objects = renamed(recorded(moment), name)
        uid = f"uid-{name}"
        vm = objects["vm"]
        vm["metadata"] |= {"namespace": namespace, "uid": uid} | ({"creationTimestamp": created} if created else {})
        vm["metadata"].setdefault("labels", {})["dicot.io/id"] = id_of(name)
        vm["metadata"].setdefault("annotations", {}).update(annotations)
        row = self.world.add(VM, vm)
        if objects["vmi"] is not None:
            objects["vmi"]["metadata"] |= {"namespace": namespace, "uid": f"vmi-{name}"}
            objects["vmi"]["metadata"]["ownerReferences"][0]["uid"] = uid
            self.world.add(VMI, objects["vmi"])
        for volume in objects["volumes"]:
            volume["metadata"]["namespace"] = namespace
            self.world.add(DATA_VOLUME, volume)
        self.world.add(NODE, node_object(objects["vmi"]["status"].get("nodeName", "n") if objects["vmi"] else "n"))
        self.world.add(SECURITY_GROUP, group_object())
        self.world.add(PORT, port_object(vm=row.name, interface="default", namespace=namespace))
        return row

    def ask(self, method: str, url: str, body: Any = None, **more: Any) -> Reply:
        """The reply of an operation, its body decoded at the version of the call."""
        operation, bodies, _ = self.table.operations[(method, url)]
        request = call(body, **more)
        decoded = None
        for since, decode in bodies:
            if since <= request.version:
                decoded = decode
        if decoded is not None:
            request = call(decoded(body), **more)
        return now_of(operation(request))

    def refused(self, kind: type[Fault], message: str, *asked: Any, **more: Any) -> None:
        fault = self.assertRaises(kind, self.ask, *asked, **more)
        self.assertEqual(fault.message, message)

    def applied(self) -> Plan:
        [plan] = self.plans.applied
        return plan


def renamed(objects: Manifest, name: str) -> Manifest:
    """A moment whose machine and volumes are called after a name, as no others are."""
    text = json.dumps(objects).replace("web1", name)
    for each in (objects["vm"], *objects["volumes"]):
        old = each["metadata"]["name"]
        text = text.replace(f'"{old}"', f'"{name}-{old}"')
    found: Manifest = json.loads(text)
    return found


def id_of(name: str) -> str:
    """An id that follows from a name."""
    return f"{name.encode().hex():0<8.8}-0000-4000-8000-000000000000"


def now_of(reply: Reply | Awaitable[Reply]) -> Reply:
    """A reply that waits for nothing."""
    if not isawaitable(reply):
        return reply
    found: list[Reply] = []
    failed: list[Any] = []

    async def waited() -> Reply:
        return await reply

    Deferred.fromCoroutine(waited()).addCallbacks(found.append, failed.append)
    if failed:
        failed[0].raiseException()
    return found[0]


def unlogged(plan: Plan) -> list[Step]:
    """The steps of a plan that has nothing pending, without the notes of actions, which have tests of their own."""
    steps = [_unlogged(step) for step in (*plan.binds, plan.commit)]
    return [step for step in steps if not isinstance(step, Patch) or step.body]


def _unlogged(step: Step) -> Step:
    if not isinstance(step, Patch) or not isinstance(step.body, dict) or "metadata" not in step.body:
        return step
    found = step.body["metadata"].get("annotations", {})
    kept = {key: value for key, value in found.items() if not key.startswith(ACTION_PREFIX)}
    metadata = {**step.body["metadata"], "annotations": kept}
    body = {**step.body, "metadata": metadata} if kept else {k: v for k, v in step.body.items() if k != "metadata"}
    return replace(step, body=body)
