"""Records moments of machines from the real programs, for the tests of the status table.

    python -m tests.compute.server.record --kubeconfig FILE [NAME ...]

The cluster must have nodes and storage (``make cluster``). Each moment is one file in ``recorded/``: the machine as
virt-controller wrote it, its instance and its volumes as they were then, and the newest time that they tell. Without
names all of them are recorded.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from dicot.sandbox.marks import FAULT
from tests.cluster.access import Access
from tests.cluster.control import MERGE, Control
from tests.cluster.history import Event, history, version
from tests.cluster.objects import Document, named
from tests.live.seen.objects import (
    CDI,
    KUBEVIRT,
    NOWHERE,
    SUBRESOURCES,
    URL,
    collection,
    conditions,
    disk_of,
    from_source,
    is_known,
    machine,
    odds_map,
    printable,
    requests,
    rooted,
    says,
    volume,
)

RECORDED = Path(__file__).parent / "recorded"
WITHIN = 60.0
NAME = "m"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
TIME = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
TO_COME = "retryAfterTimestamp"
"""The only time in these objects that lies ahead."""
SECRET = "token"
"""Part of the names of annotations that are left out: CDI's tokens for clones."""
IMPORT = from_source({"http": {"url": URL}})
NO_IMAGE: Document = {
    "sourceRef": {"kind": "DataSource", "name": "missing"},
    "storage": {"resources": {"requests": {"storage": "1Gi"}}},
}
Sight = Callable[[Document], bool]


class Place:
    """A namespace in which one machine ``m`` lives through its moments."""

    def __init__(self, control: Control, namespace: str, since: str) -> None:
        self._control = control
        self._namespace = namespace
        self._since = since
        self.machine = f"{KUBEVIRT}/namespaces/{namespace}/virtualmachines/{NAME}"
        self.guest = f"{KUBEVIRT}/namespaces/{namespace}/virtualmachineinstances/{NAME}"
        self.core = f"/api/v1/namespaces/{namespace}"

    async def make(self, *documents: Document) -> None:
        """Objects in the namespace."""
        for each in documents:
            await self._control.change("POST", collection(each, self._namespace), each)

    async def change(self, path: str, patch: Document) -> None:
        """A merge patch."""
        await self._control.change("PATCH", path, patch, MERGE)

    async def shows(self, path: str, seen: Sight) -> None:
        """Wait until an object shows something."""

        async def look() -> bool:
            return seen(await self._control.get(path))

        await self._control.until(WITHIN, path, look)

    async def tell(self, kind: str, action: str) -> None:
        """Have virt-api do something to the machine or to its instance."""
        path = f"{SUBRESOURCES}/namespaces/{self._namespace}/{kind}/{NAME}/{action}"

        async def done() -> bool:
            return (await self._control.ask("PUT", path, {})).ok

        await self._control.until(WITHIN, action, done)

    async def moment(self, seen: Sight) -> Document:
        """The first time that the machine showed something, with what else there was then."""
        found: list[Document] = []

        async def told() -> bool:
            found[:] = [each for each in await self._story(self._all("virtualmachines")) if seen(each)]
            return bool(found)

        await self._control.until(WITHIN, "the moment", told)
        then = version(found[0])
        guests = await self._at(self._all("virtualmachineinstances"), then)
        volumes = await self._at(f"{CDI}/namespaces/{self._namespace}/datavolumes", then)
        return recording(found[0], next(iter(guests), None), volumes)

    def _all(self, plural: str) -> str:
        return f"{KUBEVIRT}/namespaces/{self._namespace}/{plural}"

    async def _story(self, path: str, *, ends: bool = False) -> list[Document]:
        """Every state of the objects of a collection; with ``ends`` the last one of those that are gone, too."""
        events = await history(self._control, path, self._since)
        return [{**each.object, "gone": each.type == "DELETED"} for each in events if ends or _lives(each)]

    async def _at(self, path: str, then: int) -> list[Document]:
        """The objects of a collection as they were at a version of the cluster."""
        last: dict[str, Document] = {}
        for each in await self._story(path, ends=True):
            if version(each) <= then:
                last[each["metadata"]["name"]] = each
        return [each for each in last.values() if not each["gone"]]


@dataclass(frozen=True, slots=True)
class Scene:
    """How a machine comes to a moment. ``play`` makes it and what it needs; ``seen`` knows the moment."""

    play: Callable[[Place], Awaitable[None]]
    seen: Sight


def recording(vm: Document, vmi: Document | None, volumes: Iterable[Document]) -> Document:
    """What is written: the objects without what no program reads, and the newest time among theirs."""
    objects = {"vm": plain(vm), "vmi": plain(vmi) if vmi else None, "volumes": [plain(each) for each in volumes]}
    return {**objects, "now": max(_times(objects))}


def plain(found: Document) -> Document:
    """An object without bookkeeping and tokens."""
    metadata = {key: value for key, value in found["metadata"].items() if key != "managedFields"}
    notes = {key: value for key, value in metadata.get("annotations", {}).items() if SECRET not in key}
    kept = {**metadata, "annotations": notes} if notes else metadata
    return {key: value for key, value in found.items() if key != "gone"} | {"metadata": kept}


def _times(found: Any) -> Iterable[float]:
    """Every moment of the past that is written anywhere in it, in seconds since 1970."""
    if isinstance(found, dict):
        found = [value for key, value in found.items() if key != TO_COME]
    if isinstance(found, list):
        for each in found:
            yield from _times(each)
    if isinstance(found, str) and TIME.match(found):
        yield datetime.fromisoformat(found).timestamp()


def _lives(event: Event) -> bool:
    return event.type != "DELETED"


def shows(word: str) -> Sight:
    """Whether printableStatus is that word."""
    return lambda vm: printable(vm) == word


def fails(word: str) -> Sight:
    """Whether printableStatus is that word, beside a Failure."""
    return lambda vm: printable(vm) == word and says(vm, "Failure")[0] == "True"


def has(condition: str) -> Sight:
    """Whether there is such a condition."""
    return lambda vm: condition in conditions(vm)


def makes(*documents: Document) -> Callable[[Place], Awaitable[None]]:
    """A scene without a turn."""

    async def play(place: Place) -> None:
        await place.make(*documents)

    return play


async def _paused(place: Place) -> None:
    await place.make(machine(NAME))
    await place.shows(place.machine, shows("Running"))
    await place.tell("virtualmachineinstances", "pause")
    await place.shows(place.machine, shows("Paused"))


async def _paused_and_stopped(place: Place) -> None:
    await _paused(place)
    await place.tell("virtualmachines", "stop")


async def _stopped(place: Place) -> None:
    await place.make(machine(NAME))
    await place.shows(place.machine, shows("Running"))
    await place.tell("virtualmachines", "stop")


async def _withdrawn(place: Place) -> None:
    await place.make(machine(NAME, inner=NOWHERE))
    await place.shows(place.machine, shows("ErrorUnschedulable"))
    await place.tell("virtualmachines", "stop")


async def _over_quota(place: Place) -> None:
    await place.make(named("ResourceQuota", "claims", spec={"hard": {"persistentvolumeclaims": "0"}}))
    await place.shows(f"{place.core}/resourcequotas/claims", lambda quota: "hard" in quota.get("status", {}))
    await place.make(rooted(NAME, IMPORT))


async def _without_importer(place: Place) -> None:
    """What cannot be pulled is CDI's own image."""
    await place.make(odds_map("odds", mark="image-pull", name="importer-*"))
    await place.shows(f"{place.core}/configmaps/odds", is_known)
    await place.make(rooted(NAME, IMPORT))


async def _late_disk(place: Place) -> None:
    await place.make(machine(NAME, disk_of("late")))
    await place.shows(place.machine, shows("ErrorPvcNotFound"))
    await place.make(volume("late", IMPORT))


async def _shrunk(place: Place) -> None:
    await place.make(machine(NAME))
    await place.shows(place.machine, shows("Running"))
    for flavor, condition in (("m1.medium", "RestartRequired"), ("m1.tiny", "Failure")):
        await place.change(place.machine, {"spec": {"instancetype": {"name": flavor}}})
        await place.shows(place.machine, has(condition))


async def _crashed(place: Place) -> None:
    await place.make(machine(NAME, runStrategy="Manual"))
    await place.tell("virtualmachines", "start")
    await place.shows(place.machine, shows("Running"))
    await place.change(place.guest, {"metadata": {"annotations": {FAULT: "crash"}}})


def scenes(storage_class: str) -> dict[str, Scene]:
    """All of them; of the storage class CDI knows nothing."""
    strange = from_source({"http": {"url": URL}}, storageClassName=storage_class)
    claim_spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": storage_class, **_asked()}
    claim = named("PersistentVolumeClaim", "v", spec=claim_spec)
    own = {"persistentVolumeClaim": {"claimName": "v"}}
    crash = {FAULT: "crash-loop"}
    return {
        "paused": Scene(_paused, shows("Paused")),
        "paused_stopped": Scene(_paused_and_stopped, lambda vm: printable(vm) == "Stopped" and _left(vm)),
        "stopped_unnoted": Scene(_stopped, lambda vm: "LiveMigratable" in conditions(vm) and _is_left(vm)),
        "withdrawn_left": Scene(_withdrawn, lambda vm: printable(vm) == "CrashLoopBackOff" and _is_left(vm)),
        "no_image": Scene(makes(rooted(NAME, NO_IMAGE)), fails("Stopped")),
        "claim_quota": Scene(_over_quota, fails("Provisioning")),
        "claim_invalid": Scene(makes(rooted(NAME, strange)), shows("Provisioning")),
        "claim_waits": Scene(makes(claim, machine(NAME, own)), shows("WaitingForVolumeBinding")),
        "importer_pull": Scene(_without_importer, shows("DataVolumeError")),
        "image_pull_first": Scene(makes(machine(NAME, notes={FAULT: "image-pull"})), shows("ErrImagePull")),
        "separate_no_claim": Scene(
            makes(volume("v", strange), machine(NAME, disk_of("v"))), shows("ErrorPvcNotFound")
        ),
        "separate_filling": Scene(_late_disk, shows("ErrorUnschedulable")),
        "hotplug_failed": Scene(_shrunk, fails("Running")),
        "crash_loop_always": Scene(
            makes(machine(NAME, notes=crash, runStrategy="Always")), shows("CrashLoopBackOff")
        ),
        "manual_crashed": Scene(_crashed, lambda vm: printable(vm) == "Stopped" and "created" in vm["status"]),
        "halted_filling": Scene(makes(rooted(NAME, IMPORT, runStrategy="Halted")), shows("Provisioning")),
    }


def _left(vm: Document) -> bool:
    return "Paused" in conditions(vm) and not requests(vm)


def _is_left(vm: Document) -> bool:
    return "created" not in vm["status"] and not requests(vm)


def _asked() -> Document:
    return {"resources": {"requests": {"storage": "1Gi"}}}


async def record(control: Control, name: str, scene: Scene) -> None:
    """Play a scene in a namespace of its own and write its moment."""
    namespace = f"rec-{uuid4().hex[:8]}"
    made = await control.change("POST", "/api/v1/namespaces", named("Namespace", namespace))
    try:
        account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
        await control.until(WITHIN, "the account of new pods", lambda: control.answers(account))
        place = Place(control, namespace, made["metadata"]["resourceVersion"])
        await scene.play(place)
        found = await place.moment(scene.seen)
    finally:
        await control.change("DELETE", f"/api/v1/namespaces/{namespace}")
    (RECORDED / f"{name}.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(name, printable(found["vm"]))


async def run(reactor: Any, kubeconfig: Path, names: Sequence[str]) -> None:
    """Record these, or all."""
    access = Access.read(kubeconfig)
    control = Control(reactor, access.server, access.authority, access.admin)
    storage_class = f"rec-{uuid4().hex[:8]}"
    made = named("StorageClass", storage_class, None, "storage.k8s.io/v1", provisioner="test.dicot.io/nobody")
    await control.change("POST", CLASSES, made)
    try:
        for name, scene in scenes(storage_class).items():
            if not names or name in names:
                await record(control, name, scene)
    finally:
        await control.change("DELETE", f"{CLASSES}/{storage_class}")
        await control.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kubeconfig", type=Path, required=True)
    options.add_argument("names", nargs="*")
    chosen = options.parse_args()
    react(lambda reactor: Deferred.fromCoroutine(run(reactor, chosen.kubeconfig, chosen.names)))


if __name__ == "__main__":
    main()
