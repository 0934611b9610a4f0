"""What virt-controller makes of machines: their words, conditions, instances and launchers, in every strategy.

The same lives are lived before the real program and before ours. What came of each is compared as a whole with what
the real program left (``tests/machines/recorded``), but for ids, moments, versions, addresses and places. With
``DICOT_RECORD_LIVES=1`` that is written anew: only ever before the real programs.

Differences that are meant: managedFields; the number of writes, and so an instance's generation; launchers have names
that follow from their instances; an Event that is told again keeps its name.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from dicot.sandbox.nodes.machines import HEARTBEAT
from tests.cluster.control import Overdue
from tests.cluster.differences import differences
from tests.cluster.history import Event, history
from tests.cluster.objects import Document, named
from tests.cluster.releases import Release, pod_of, release
from tests.live.seen.objects import SUBRESOURCES, machine, printable, requests, says, without_repeats
from tests.live.seen.stage import STAGE, SeenTestCase
from tests.machines.lives import LIVES
from tests.machines.masks import masked

RECORDED = Path(__file__).parent / "machines" / "recorded"
REVISIONS = "/apis/apps/v1/namespaces/{}/controllerrevisions"
HANDLERS = "/api/v1/namespaces/kubevirt/pods"
FETCHES = 10.0
"""Seconds from one look at what happened to the next."""
RECORDS = "DICOT_RECORD_LIVES"
SETTLES = 30.0
"""Seconds in which what is left of a life comes to be as in the record."""


class Lives(SeenTestCase):
    """What every life needs."""

    async def pause(self, name: str) -> None:
        """Pause an instance."""
        path = f"{SUBRESOURCES}/namespaces/{self.namespace}/virtualmachineinstances/{name}/pause"
        await self.control.until(60, f"{name} to pause", lambda: self._done(path))

    async def _done(self, path: str) -> bool:
        return (await self.control.ask("PUT", path, {})).ok

    async def left(self, name: str) -> dict[str, list[Document]]:
        """All that there is of a machine, masked: itself, its instance, its launchers, its copies, what was told."""
        vm = (await self.control.ask("GET", f"{self.machines}/{name}")).document
        vmi = (await self.control.ask("GET", f"{self.guests}/{name}")).document
        found = [each for each in (vm, vmi) if each["kind"] != "Status"]
        pods = await self._all(f"{self.core}/pods", name)
        copies = await self._all(REVISIONS.format(self.namespace), name)
        kinds = {"objects": [*found, *_sorted(copies)], "launchers": [_launcher(each) for each in pods]}
        return {kind: masked(each, self.namespace) for kind, each in kinds.items()}

    async def _all(self, path: str, name: str) -> list[Document]:
        """Objects that belong to a machine or to its instance."""
        items: list[Document] = (await self.control.get(path))["items"]
        return [each for each in items if name in _owners(each)]

    async def said(self, name: str) -> list[list[str]]:
        """The Events of a machine and its instance: kind, type, reason, message, each once."""
        items = (await self.control.get(f"{self.core}/events"))["items"]
        events = [each for each in items if each["involvedObject"]["name"] == name]
        lines = [
            [each["involvedObject"]["kind"], each["type"], each["reason"], each["message"]]
            for each in events
            if each["involvedObject"]["kind"].startswith("VirtualMachine")
            and each["source"].get("component") == "virtualmachine-controller"
        ]
        texts = [json.dumps(each["line"]) for each in masked([_line(line) for line in lines], self.namespace)]
        return [json.loads(each) for each in sorted({re.sub(r"ID-\d+", "ID", text) for text in texts})]


def _owners(found: Document) -> list[str]:
    return [each["name"] for each in found["metadata"].get("ownerReferences", ())]


def _line(line: list[str]) -> Document:
    return {"kind": "Event", "metadata": {}, "line": line}


def _word(vm: Document) -> str:
    return f"{printable(vm) or '-'}{'!' if requests(vm) else ''}"


def _sorted(copies: list[Document]) -> list[Document]:
    return sorted(copies, key=lambda each: (each["revision"], str(each["data"].get("kind", ""))))


def _launcher(pod: Document) -> Document:
    """A launcher as virt-controller made it: what the scheduler and the kubelet do to it is not its own."""
    spec = {key: value for key, value in pod["spec"].items() if key != "nodeName"}
    return {"kind": "Pod", "metadata": pod["metadata"], "spec": spec}


@dataclass(frozen=True)
class Lived:
    """What came of a life, and the words and phases on the way."""

    left: dict[str, Any]
    words: str
    phases: str


class LifeTests(Lives):
    """Every life, lived side by side before the first test looks at its own."""

    maxDiff = None
    CAST = tuple(each for life in LIVES.values() for each in life.cast)
    _lived: ClassVar[dict[str, Lived | Failure]] = {}
    _here: ClassVar[Release] = (0, 0)

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        if not self._lived:
            await self._live()

    async def _live(self) -> None:
        """Live them all. Events are fetched while they are young: an API server forgets them in a minute."""
        LifeTests._here = await release(self.control)
        events: dict[str, list[Event]] = {self.machines: [], self.guests: []}
        fetching = LoopingCall(lambda: Deferred.fromCoroutine(self._fetch(events)))
        fetched = fetching.start(FETCHES)
        lives = [Deferred.fromCoroutine(self._end(name)) for name in LIVES]
        ends = await DeferredList(lives, consumeErrors=True)
        fetching.stop()
        await fetched
        await self._fetch(events)
        for name, (_, end) in zip(LIVES, ends, strict=True):
            words = [_word(each.object) for each in events[self.machines] if _of(each) == name]
            guests = [each for each in events[self.guests] if _of(each) == name and each.type != "DELETED"]
            phases = [each.object.get("status", {}).get("phase", "-") for each in guests]
            told = " ".join(without_repeats(words)), " ".join(without_repeats(phases))
            self._lived[name] = end if isinstance(end, Failure) else Lived(end, *told)

    async def _fetch(self, events: dict[str, list[Event]]) -> None:
        for collection, known in events.items():
            since = str(known[-1].version) if known else STAGE.since
            known += await history(self.control, collection, since)

    async def _end(self, name: str) -> dict[str, Any]:
        """What is left of a life, once it is as in the record: the last writes and Events come behind everything."""
        await LIVES[name].play(self, name)
        recorded = self._recorded(name) if LIVES[name].whole and not os.environ.get(RECORDS) else None
        found: dict[str, Any] = {}

        async def as_recorded() -> bool:
            found.update({**await self.left(name), "told": await self.said(name)})
            return recorded is None or found == recorded

        with contextlib.suppress(Overdue):
            await self.control.until(SETTLES, f"{name} to be as recorded", as_recorded)
        return found

    def _look(self, name: str) -> None:
        life, lived = LIVES[name], self._lived[name]
        if isinstance(lived, Failure):
            lived.raiseException()
        self.assertRegex(lived.words, rf"\A{life.words}\Z")
        self.assertRegex(lived.phases, rf"\A{life.phases}\Z")
        if life.whole:
            if os.environ.get(RECORDS):
                _file(name).write_text(json.dumps(lived.left, indent=1, sort_keys=True) + "\n")
            self.assertEqual(differences(lived.left, self._recorded(name)), {})

    def _recorded(self, name: str) -> dict[str, Any]:
        """The record of a life, as the release that is asked would have left it."""
        found: dict[str, Any] = json.loads(_file(name).read_text())
        return {**found, "launchers": [pod_of(self._here, each) for each in found["launchers"]]}


def _file(name: str) -> Path:
    return RECORDED / f"{name}.json"


def _of(event: Event) -> str:
    name: str = event.object["metadata"]["name"]
    return name


def _test(name: str) -> Any:
    async def test(self: LifeTests) -> None:
        self._look(name)

    test.__doc__ = f"The life of {name}."
    return test


for _name in LIVES:
    setattr(LifeTests, f"test_{_name.replace('-', '_')}", _test(_name))


class LostTests(Lives):
    """A node that falls silent. The test plays scheduler and kubelet on a node of its own."""

    async def test_a_guest_whose_node_is_lost(self) -> None:
        node = f"ghost-{self.namespace}"
        labels = {"kubernetes.io/hostname": node, "kubevirt.io/schedulable": "true"}
        ghost = named("Node", node)
        ghost["metadata"] |= {"labels": labels, "annotations": {HEARTBEAT: "2999-01-01T00:00:00Z"}}
        await self.control.change("POST", "/api/v1/nodes", ghost)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.change("DELETE", f"/api/v1/nodes/{node}")))
        await self._handled(node)
        await self.make(machine("m", inner={"nodeSelector": {"kubernetes.io/hostname": node}}))
        pod = await self._placed(node)
        await self._shown(pod, {"running": {"startedAt": "2026-01-01T00:00:00Z"}})
        await self.becomes(f"{self.guests}/m", "Running", lambda vmi: vmi["status"]["phase"] == "Running")
        await self._shown(pod, {"terminated": {"exitCode": 0}})
        await self.change(f"/api/v1/nodes/{node}", {"metadata": {"annotations": {HEARTBEAT: "2020-01-01T00:00:00Z"}}})
        await self.becomes(self.guests, "a Failed one", lambda all: _phase(all) != "Running")
        await self.becomes(
            f"/api/v1/nodes/{node}",
            "not schedulable",
            lambda found: found["metadata"]["labels"]["kubevirt.io/schedulable"] == "false",
        )
        states = [each.object["status"] for each in await self.story(self.guests, "m")]
        lost = [each for each in states if each["phase"] == "Failed"]
        self.assertEqual(lost[0]["reason"], "NodeUnresponsive")
        await self.holds("m", "a Start pending", lambda vm: requests(vm) == ["Start"])
        await self.control.change("DELETE", f"{pod}?gracePeriodSeconds=0")

    async def _handled(self, node: str) -> None:
        """A virt-handler of the node, without which virt-controller does not know what to think of it."""
        container = {"name": "virt-handler", "image": "none"}
        made = named("Pod", f"virt-handler-{node}", None, spec={"nodeName": node, "containers": [container]})
        made["metadata"]["labels"] = {"kubevirt.io": "virt-handler"}
        await self.control.change("POST", HANDLERS, made)
        path = f"{HANDLERS}/virt-handler-{node}?gracePeriodSeconds=0"
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.change("DELETE", path)))

    async def _placed(self, node: str) -> str:
        """Bind the launcher to the node; its path."""
        found: list[str] = []

        async def there() -> bool:
            items = (await self.control.get(f"{self.core}/pods"))["items"]
            found[:] = [each["metadata"]["name"] for each in items]
            return bool(found)

        await self.control.until(60, "a launcher", there)
        target = {"apiVersion": "v1", "kind": "Node", "name": node}
        binding = named("Binding", found[0], target=target)
        await self.control.change("POST", f"{self.core}/pods/{found[0]}/binding", binding)
        return f"{self.core}/pods/{found[0]}"

    async def _shown(self, pod: str, state: Document) -> None:
        made = await self.control.get(pod)
        shown = {"imageID": "", "ready": "running" in state, "restartCount": 0, "state": state}
        statuses = [{"name": each["name"], "image": each["image"], **shown} for each in made["spec"]["containers"]]
        addresses = {"podIP": "10.9.9.9", "podIPs": [{"ip": "10.9.9.9"}]}
        await self.change(
            f"{pod}/status", {"status": {"phase": "Running", "containerStatuses": statuses, **addresses}}
        )


def _phase(found: Document) -> str:
    return str(found["items"][0]["status"]["phase"]) if found["items"] else "gone"


class QuotaTests(Lives):
    """A namespace that takes no more."""

    CAST = (named("ResourceQuota", "pods", spec={"hard": {"pods": "0"}}),)

    async def test_a_launcher_over_quota(self) -> None:
        path = f"{self.core}/resourcequotas/pods"
        await self.becomes(path, "counted", lambda quota: "hard" in quota.get("status", {}))
        await self.make(machine("m"))
        found = await self.holds("m", "not synchronized", lambda vm: says(vm, "Synchronized")[0] == "False")
        self.assertEqual((printable(found), says(found, "Synchronized")[1]), ("Starting", "FailedCreate"))
        message = next(each["message"] for each in found["status"]["conditions"] if each["type"] == "Synchronized")
        self.assertIn('failed to create virtual machine pod: pods "virt-launcher-m-', message)
        self.assertIn("exceeded quota: pods", message)
        self.assertNotIn("Failure", [each["type"] for each in found["status"]["conditions"]])
