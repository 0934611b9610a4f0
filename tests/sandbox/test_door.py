"""The door of a virt-handler."""

from typing import Any

from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.address import Place
from dicot.kube.errors import Conflict, Missing
from dicot.kube.kind import Manifest
from dicot.sandbox.nodes.door import Guests, pod
from dicot.sandbox.nodes.guests import freeze, pause, thaw, unpause
from dicot.sandbox.nodes.handler import TRIES, Handler
from dicot.sandbox.nodes.machines import TWO

from .things import NOW, guest_manifest, raw

PATH = "http://door/v1/namespaces/n/virtualmachineinstances/g"


class House:
    """A Kube with one guest in it; so many writes meet a conflict."""

    def __init__(self, conflicts: int = 0) -> None:
        self.guest = guest_manifest(phase="Running")
        self.conflicts = conflicts
        self.writes = 0

    async def read(self, at: Place) -> bytes:
        """See Kube."""
        if (at.namespace, at.name) != ("n", "g"):
            raise Missing(404, "NotFound", "no such guest")
        return raw(self.guest)

    async def replace(self, at: Place, body: Manifest) -> bytes:
        """See Kube."""
        self.writes += 1
        if self.writes <= self.conflicts:
            raise Conflict(409, "Conflict", "stale")
        self.guest = body
        return raw(body)


class Doors(SynchronousTestCase):
    """What virt-api asks."""

    def ask(self, house: House, method: str, url: str) -> int:
        """The answer's code."""
        client: Any = StubTreq(Guests(Handler(house, lambda: NOW)))  # type: ignore[arg-type]
        answer: Deferred[Any] = client.request(method, url)
        client.flush()
        code: int = self.successResultOf(answer).code
        return code

    def test_pause_and_unpause(self) -> None:
        house = House()
        self.assertEqual(self.ask(house, "PUT", f"{PATH}/pause"), 202)
        self.assertEqual(house.guest["status"]["conditions"][0]["reason"], "PausedByUser")
        self.assertEqual(self.ask(house, "PUT", f"{PATH}/unpause"), 202)
        self.assertEqual(house.guest["status"]["conditions"], [])

    def test_reboots_change_nothing_that_shows(self) -> None:
        for action in ("softreboot", "reset"):
            house = House()
            self.assertEqual(self.ask(house, "PUT", f"{PATH}/{action}"), 202)
            self.assertEqual(house.writes, 0)

    def test_conflicts_are_tried_again(self) -> None:
        self.assertEqual(self.ask(House(TRIES - 1), "PUT", f"{PATH}/pause"), 202)
        self.assertEqual(self.ask(House(TRIES), "PUT", f"{PATH}/pause"), 500)

    def test_no_such_guest(self) -> None:
        self.assertEqual(self.ask(House(), "PUT", PATH.replace("/g", "/other") + "/pause"), 500)

    def test_what_it_does_not_serve(self) -> None:
        for method, url in (
            ("GET", f"{PATH}/pause"),
            ("PUT", f"{PATH}/fly"),
            ("PUT", PATH),
            ("PUT", "http://door/v1/namespaces/n/pods/g/pause"),
            ("GET", "http://door/"),
        ):
            self.assertEqual(self.ask(House(), method, url), 404, (method, url))

    def test_the_pod_that_leads_to_it(self) -> None:
        found = pod(TWO[0])
        self.assertEqual(found["metadata"]["labels"], {"kubevirt.io": "virt-handler"})
        self.assertEqual((found["spec"]["nodeName"], found["spec"]["hostNetwork"]), ("node-1", True))


class Changes(SynchronousTestCase):
    """What each does to a guest."""

    def test_a_paused_one_stays_as_it_is(self) -> None:
        paused = pause(guest_manifest(), NOW)
        assert paused is not None
        self.assertIsNone(pause(paused, NOW + 1))

    def test_other_conditions_stay(self) -> None:
        ready = {"type": "Ready", "status": "True"}
        paused = pause(guest_manifest(status={"conditions": [ready]}), NOW)
        assert paused is not None
        going = unpause(paused, NOW)
        assert going is not None
        self.assertEqual(going["status"]["conditions"], [ready])

    def test_freeze_and_thaw(self) -> None:
        frozen = freeze(guest_manifest(), NOW)
        assert frozen is not None
        self.assertEqual(frozen["status"]["fsFreezeStatus"], "frozen")
        thawed = thaw(frozen, NOW)
        assert thawed is not None
        self.assertNotIn("fsFreezeStatus", thawed["status"])
