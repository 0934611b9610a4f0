"""Takes groups of snapshots in a namespace and gathers what came of them, for the record and for the contract."""

from __future__ import annotations

from tests.cluster.control import SOON, Control, together
from tests.cluster.objects import Document
from tests.sandbox.placing import placed
from tests.sandbox.snapshots.watcher import GROUPED, PLACES
from tests.sandbox.snapshots.watcher import Watcher as Single

from . import takes


class Watcher:
    """What is done about groups in one namespace."""

    def __init__(self, control: Control, namespace: str) -> None:
        self._control = control
        self._namespace = namespace
        self.single = Single(control, namespace)
        self.groups = f"{GROUPED}/namespaces/{namespace}/volumegroupsnapshots"
        self.contents = f"{GROUPED}/volumegroupsnapshotcontents"

    async def make(self) -> None:
        """Classes, volumes and claims, and once these have settled, all groups."""
        claims = self.single.claims
        await together(self._post(PLACES[each["kind"]], each) for each in takes.CLUSTER)
        await together(self._post(claims, each) for each in takes.CLAIMS)
        for name in takes.BOUND:
            await self.single.becomes(f"{claims}/{name}", "Bound")
        await together(self._post(self.groups, each) for each in takes.GROUPS)

    async def settled(self) -> None:
        """Wait until every one is ready, with its members, or says why not."""

        async def seen() -> bool:
            found = (await self._control.get(self.groups))["items"]
            if len([each for each in found if takes.is_settled(each)]) < len(takes.GROUPS):
                return False
            ready = [each for each in await self._snapshots() if each.get("status", {}).get("readyToUse")]
            return len(ready) == sum(takes.READY.values())

        await self._control.until(SOON, "all groups", seen)

    async def told(self) -> dict[str, Document]:
        """Each group, its content, and its members by their claims."""
        found, snapshots = {}, await self._snapshots()
        for name in takes.NAMES:
            group = await self._control.get(f"{self.groups}/{name}")
            bound = group["status"].get("boundVolumeGroupSnapshotContentName")
            found[name] = {"group": self._kept(group)}
            if bound is not None:
                found[name]["content"] = self._kept(await self._control.get(f"{self.contents}/{bound}"))
            for member in snapshots:
                if name in owners(member):
                    claim = member["spec"]["source"]["persistentVolumeClaimName"]
                    found[name] |= await self._member(claim, member)
        return found

    async def events(self) -> dict[str, list[list[str]]]:
        """What has been told of each until now."""
        found = await self._control.get(f"/api/v1/namespaces/{self._namespace}/events")
        return takes.told(found["items"], self._namespace)

    async def clear(self) -> None:
        """Let nothing of it stay in the cluster."""
        for each in takes.CLUSTER:
            name = placed(each, self._namespace)["metadata"]["name"]
            await self._control.ask("DELETE", f"{PLACES[each['kind']]}/{name}")

    async def _member(self, claim: str, member: Document) -> dict[str, Document]:
        content = member["status"]["boundVolumeSnapshotContentName"]
        path = f"{self.single.contents}/{content}"
        return {
            f"snapshot of {claim}": self._kept(member),
            f"content of {claim}": self._kept(await self._control.get(path)),
        }

    async def _snapshots(self) -> list[Document]:
        found: list[Document] = (await self._control.get(self.single.snapshots))["items"]
        return found

    def _kept(self, document: Document) -> Document:
        return takes.kept(document, self._namespace)

    async def _post(self, path: str, document: Document) -> None:
        await self._control.change("POST", path, placed(document, self._namespace))


def owners(member: Document) -> list[str]:
    """The names of the groups that a snapshot says it is of."""
    return [each["name"] for each in member["metadata"].get("ownerReferences", ())]
