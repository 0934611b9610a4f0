"""Names of objects that kubectl made, on the real API server and with the rights that are installed."""

from typing import Any
from uuid import uuid4

import msgspec
from twisted.internet.defer import Deferred

from dicot.cloud.chores.naming import Names
from dicot.cloud.chores.tenure import Tenures
from dicot.cloud.kinds.identity import USER
from dicot.cloud.writing.claims import claimed
from dicot.compute.kinds import KEYPAIR
from dicot.kube.address import place
from dicot.kube.errors import Invalid, Missing
from dicot.kube.kind import Kind
from dicot.names import SYSTEM_NAMESPACE

from .living import LivingTestCase, resources
from .site import manifest

PATIENCE = 900
"""Tenths of a second at least for what takes some 50 s: so old is a claim that was never marked held when it goes."""


class NamesLiveTests(LivingTestCase):
    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        watched = {USER: claimed(resources())[USER]}
        self.tenures = Tenures(self.replica.cluster, self.replica.claims, watched)
        self.names = Names(self.replica.cluster, self.replica.claims, watched)
        self.taken = f"taken-{uuid4().hex[:8]}"

    async def put(self, at: str, name: str) -> None:
        """A user as kubectl makes it."""
        body = manifest(USER, at, {}, SYSTEM_NAMESPACE, spec={"name": name})
        await self.admin.create(place(USER, SYSTEM_NAMESPACE), body)
        self.addCleanup(lambda: self.gone(USER, at))
        for _ in range(PATIENCE):
            if self.replica.stores[USER].one(SYSTEM_NAMESPACE, at) is not None:
                return
            await self.pause(0.1)
        raise self.failureException(f"{at} is not seen")

    def gone(self, kind: Kind[Any], name: str) -> Deferred[Any]:
        """Delete it, if the test has not."""
        at = place(kind, SYSTEM_NAMESPACE, name)
        return Deferred.fromCoroutine(self.admin.delete(at)).addErrback(lambda failure: failure.trap(Missing))

    async def rounds(self) -> None:
        for _ in range(2):
            await self.tenures.round(lambda: True)
            await self.names.round(lambda: True)

    async def said(self, kind: Kind[Any], name: str) -> list[tuple[str, str, str]]:
        found = msgspec.json.decode(await self.admin.read(place(kind, SYSTEM_NAMESPACE, name)))
        conditions = found.get("status", {}).get("conditions", [])
        return [(each["type"], each["status"], each["reason"]) for each in conditions]

    async def test_of_two_of_one_name_the_second_says_that_it_is_taken_until_it_is_free(self) -> None:
        first, second = f"{self.taken}-1", f"{self.taken}-2"
        await self.put(first, self.taken)
        await self.rounds()
        await self.put(second, self.taken.upper())
        await self.rounds()
        self.assertEqual(await self.said(USER, first), [])
        self.assertEqual(await self.said(USER, second), [("NameHeld", "False", "NameTaken")])
        await self.admin.delete(place(USER, SYSTEM_NAMESPACE, first))
        for _ in range(PATIENCE):
            await self.rounds()
            if await self.said(USER, second) == [("NameHeld", "True", "NameHeld")]:
                return
            await self.pause(0.1)
        self.fail("it never had the name")

    async def test_the_status_is_nobodys_but_the_subresources(self) -> None:
        await self.put(self.taken, self.taken)
        at = place(USER, SYSTEM_NAMESPACE, self.taken)
        await self.admin.patch(at, {"status": {"conditions": [{"type": "NameHeld", "status": "False"}]}})
        self.assertEqual(await self.said(USER, self.taken), [])

    async def test_a_keypairs_status_is_taken_too(self) -> None:
        spec = {"name": self.taken, "userId": "a" * 32, "publicKey": "ssh-ed25519 AAAA"}
        body = manifest(KEYPAIR, self.taken, {}, SYSTEM_NAMESPACE, spec=spec)
        await self.admin.create(place(KEYPAIR, SYSTEM_NAMESPACE), body)
        self.addCleanup(lambda: self.gone(KEYPAIR, self.taken))
        at = place(KEYPAIR, SYSTEM_NAMESPACE, self.taken, "status")
        half = {"type": "NameHeld", "status": "False", "reason": "NameTaken", "message": "m"}
        try:
            await self.own.patch(at, {"status": {"conditions": [half]}})
        except Invalid as refused:
            self.assertIn("lastTransitionTime: Required value", refused.message)
        else:
            self.fail("a condition without its time was taken")
        whole = {**half, "lastTransitionTime": "2026-11-21T12:00:00.000000Z"}
        await self.own.patch(at, {"status": {"conditions": [whole]}})
        self.assertEqual(await self.said(KEYPAIR, self.taken), [("NameHeld", "False", "NameTaken")])
