"""Pods and guests that have to leave their nodes: by a taint, and because a node is lost, until it is back.

It runs on the real programs and on the sandbox. ``DICOT_LONG=1`` loses a node, which takes more than a minute.
"""

from __future__ import annotations

from unittest import skipUnless

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from dicot.moments import read, stamp
from dicot.sandbox.marks import FAULT, LOST
from dicot.sandbox.nodes.machines import TWO
from tests.cluster.objects import Document, named
from tests.contract_nodes import SILENT, UNREACHABLE, Kubelet, said, stays, taints
from tests.length import IS_LONG
from tests.live.seen.objects import machine

KEY = "contract.dicot.io/leave"
PATIENCE = 2


def tolerates(seconds: int | None = None) -> Document:
    """What lets a Pod stay on a node that others have to leave."""
    found: Document = {"key": KEY, "operator": "Exists", "effect": "NoExecute"}
    return found if seconds is None else {**found, "tolerationSeconds": seconds}


class TaintTests(Kubelet):
    """A node of its own, where nobody ends Pods: their deletion is all that is seen."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        self.node = f"alive-{self.namespace}"
        await self.register(self.node, {}, unschedulable=True)
        self.keep_alive(self.node)
        self.path = f"/api/v1/nodes/{self.node}"
        account = f"{self.core}/serviceaccounts/default"
        await self.control.until(60.0, "the account of new pods", lambda: self.control.answers(account))

    async def pod(self, name: str, *tolerations: Document) -> None:
        spec: Document = {"nodeName": self.node, "containers": [{"name": "c", "image": "none"}]}
        spec |= {"tolerations": list(tolerations), "automountServiceAccountToken": False}
        await self.make(named("Pod", name, None, spec=spec))
        moment = stamp(reactor.seconds())
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": moment}
        status = {"phase": "Running", "startTime": moment, "conditions": [ready]}
        await self.change(f"{self.core}/pods/{name}/status", {"status": status})
        self.forget(f"{self.core}/pods/{name}?gracePeriodSeconds=0")

    async def taint(self, effect: str = "") -> None:
        """With our taint alone, or with none."""
        found = [{"key": KEY, "value": "v", "effect": effect}] if effect else None
        await self.change(self.path, {"spec": {"taints": found}})

    async def goes(self, name: str) -> Document:
        found = await self.becomes(
            f"{self.core}/pods/{name}", "deleted", lambda each: "deletionTimestamp" in each["metadata"]
        )
        told = ("True", "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
        self.assertEqual(said(found)["DisruptionTarget"], told)
        return found

    async def is_there(self, name: str) -> None:
        self.assertNotIn("deletionTimestamp", (await self.control.get(f"{self.core}/pods/{name}"))["metadata"])

    async def test_a_taint_sends_away_who_does_not_tolerate_it(self) -> None:
        """At once, or when its patience ends; NoSchedule sends nobody away."""
        await self.pod("goes")
        await self.pod("patient", tolerates(PATIENCE))
        await self.pod("other", {**tolerates(), "effect": "NoSchedule"})
        await self.pod("stays", tolerates())
        await self.taint("NoSchedule")
        await self.becomes(self.path, "tainted", lambda node: (KEY, "NoSchedule") in taints(node))
        for name in ("goes", "patient", "other", "stays"):
            await self.is_there(name)
        await self.taint("NoExecute")
        gone = await self.goes("goes")
        await self.goes("other")
        late = await self.goes("patient")
        moments = [read(each["metadata"]["deletionTimestamp"]) or 0.0 for each in (gone, late)]
        self.assertGreaterEqual(moments[1] - moments[0], PATIENCE - 1)
        await self.is_there("stays")

    async def test_a_taint_that_goes_in_time(self) -> None:
        await self.pod("patient", tolerates(3))
        await self.pod("goes", tolerates(1))
        await self.taint("NoExecute")
        await self.goes("goes")
        await self.taint()
        await self.pod("last")
        await self.taint("NoExecute")
        # One that came later and has no patience goes first: its own has begun again.
        await self.goes("last")
        await self.is_there("patient")
        await self.goes("patient")


class GuestTests(Kubelet):
    """Guests on the nodes that run them."""

    async def running(self, **inner: object) -> tuple[str, str]:
        """The uid and the node of a guest that runs."""
        await self.make(machine("m", inner=dict(inner), runStrategy="Always"))
        self.addCleanup(
            lambda: Deferred.fromCoroutine(self.control.change("DELETE", f"{self.machines}/m", also=(404,)))
        )
        return await self.runs("")

    async def runs(self, but: str) -> tuple[str, str]:
        """The same once it is another one."""

        def another(guests: Document) -> bool:
            return any(
                each["metadata"]["uid"] != but and each.get("status", {}).get("phase") == "Running"
                for each in guests["items"]
            )

        found = await self.becomes(self.guests, "running", another)
        [guest] = found["items"]
        return str(guest["metadata"]["uid"]), str(guest["status"]["nodeName"])

    async def test_a_taint_moves_a_machine_to_another_node(self) -> None:
        uid, node = await self.running()
        path = f"/api/v1/nodes/{node}"
        kept = (await self.control.get(path))["spec"].get("taints") or []
        self.addCleanup(lambda: Deferred.fromCoroutine(self.change(path, {"spec": {"taints": kept or None}})))
        await self.change(path, {"spec": {"taints": [*kept, {"key": KEY, "effect": "NoExecute"}]}})
        _, other = await self.runs(uid)
        self.assertEqual({node, other}, {each.name for each in TWO})
        seen = [each.object["status"].get("phase") for each in await self.story(self.guests, "m")]
        self.assertIn("Succeeded", seen)
        self.assertNotIn("Failed", seen)

    @skipUnless(IS_LONG, "a node that is lost takes more than a minute")
    async def test_a_guest_of_a_lost_node_ends_when_that_is_back(self) -> None:
        uid, node = await self.running(tolerations=stays(1))
        path = f"/api/v1/nodes/{node}"
        self.addCleanup(lambda: Deferred.fromCoroutine(self.mark(path, None)))
        await self.mark(path, LOST)

        async def lost() -> bool:
            return (UNREACHABLE, "NoExecute") in taints(await self.control.get(path))

        await self.control.until(SILENT, "a node that is lost", lost)
        await self.becomes(
            f"{self.core}/pods",
            "deleted",
            lambda pods: all("deletionTimestamp" in p["metadata"] for p in pods["items"]),
        )
        # Nobody there can say that it has ended.
        guest = await self.control.get(f"{self.guests}/m")
        self.assertEqual((guest["metadata"]["uid"], guest["status"]["phase"]), (uid, "Running"))
        await self.mark(path, None)
        await self.becomes(path, "free of taints", lambda found: not taints(found))
        await self.runs(uid)

    async def mark(self, path: str, fault: str | None) -> None:
        await self.change(path, {"metadata": {"annotations": {FAULT: fault}}})
