"""Takes snapshots in a namespace and gathers what came of them, for the record and for the contract."""

from __future__ import annotations

from tests.cluster.control import SOON, Control, together
from tests.cluster.objects import Document
from tests.sandbox.placing import placed

from . import takes

GROUP = "/apis/snapshot.storage.k8s.io/v1"
GROUPED = "/apis/groupsnapshot.storage.k8s.io/v1"
VOLUMES = "/api/v1/persistentvolumes"
PLACES = {
    "PersistentVolume": VOLUMES,
    "VolumeSnapshotClass": f"{GROUP}/volumesnapshotclasses",
    "VolumeSnapshotContent": f"{GROUP}/volumesnapshotcontents",
    "VolumeGroupSnapshotClass": f"{GROUPED}/volumegroupsnapshotclasses",
    "VolumeGroupSnapshotContent": f"{GROUPED}/volumegroupsnapshotcontents",
}


class Watcher:
    """What is done about snapshots in one namespace."""

    def __init__(self, control: Control, namespace: str) -> None:
        self._control = control
        self._namespace = namespace
        self.snapshots = f"{GROUP}/namespaces/{namespace}/volumesnapshots"
        self.contents = f"{GROUP}/volumesnapshotcontents"
        self.claims = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"

    async def make(self) -> None:
        """Classes, volumes and claims, and once these have settled, all snapshots."""
        await together(self._post(PLACES[each["kind"]], each) for each in takes.CLUSTER)
        await together(self._post(self.claims, each) for each in takes.CLAIMS)
        for name in ("data", "block", "foreign"):
            await self.becomes(f"{self.claims}/{name}", "Bound")
        await together(self._post(self.snapshots, each) for each in takes.SNAPSHOTS)

    async def settled(self) -> None:
        """Wait until every one is ready or says why not."""

        async def seen() -> bool:
            found = (await self._control.get(self.snapshots))["items"]
            return len([each for each in found if takes.is_settled(each)]) == len(takes.SNAPSHOTS)

        await self._control.until(SOON, "all snapshots", seen)

    async def told(self) -> dict[str, Document]:
        """Each snapshot and its content."""
        found = {}
        for name in takes.NAMES:
            snapshot = await self._control.get(f"{self.snapshots}/{name}")
            bound = snapshot["status"].get("boundVolumeSnapshotContentName")
            known = await self._control.get(f"{self.contents}/{bound}") if bound is not None else {}
            found[name] = {"snapshot": takes.kept(snapshot, self._namespace)}
            if known:
                found[name]["content"] = takes.kept(known, self._namespace)
        return found

    async def held(self) -> dict[str, list[str]]:
        """The finalizers of the claims."""
        found = (await self._control.get(self.claims))["items"]
        return {each["metadata"]["name"]: sorted(each["metadata"].get("finalizers", ())) for each in found}

    async def events(self) -> dict[str, list[list[str]]]:
        """What has been told of each until now."""
        found = await self._control.get(f"/api/v1/namespaces/{self._namespace}/events")
        return takes.told(found["items"], self._namespace)

    async def becomes(self, path: str, phase: str) -> None:
        """Wait for a phase."""

        async def seen() -> bool:
            found = await self._control.get(path)
            return bool(found.get("status", {}).get("phase") == phase)

        await self._control.until(SOON, f"{path} to be {phase}", seen)

    async def clear(self) -> None:
        """Let nothing of it stay in the cluster."""
        for each in takes.CLUSTER:
            name = placed(each, self._namespace)["metadata"]["name"]
            await self._control.ask("DELETE", f"{PLACES[each['kind']]}/{name}")

    async def _post(self, path: str, document: Document) -> None:
        await self._control.change("POST", path, placed(document, self._namespace))
