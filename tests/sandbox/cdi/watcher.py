"""Makes volumes in a namespace and gathers what came of them, for the record and for the contract."""

from __future__ import annotations

from collections import defaultdict

from tests.cluster.control import SOON, Control, together
from tests.cluster.history import history
from tests.cluster.objects import Document, named
from tests.live.seen.objects import CDI
from tests.sandbox.placing import masked, placed

from ..snapshots import takes
from ..snapshots.watcher import GROUP
from . import lives, offers
from .lives import LIVES, SOURCES, Life

FOREIGN = "foreign"
HINT = "instancetype.kubevirt.io/default-instancetype"
"""A label that says which flavor fits."""


class Watcher:
    """``since``: the version of the namespace as it was made. ``stories``: what was noted by one before."""

    def __init__(
        self, control: Control, namespace: str, since: str, stories: dict[str, list[Document]] | None = None
    ) -> None:
        self._control = control
        self._stories = {} if stories is None else stories
        self._since = since
        self.namespace = namespace
        self._paths = {
            "datavolumes": f"{CDI}/namespaces/{namespace}/datavolumes",
            "datasources": f"{CDI}/namespaces/{namespace}/datasources",
            "volumesnapshots": f"{GROUP}/namespaces/{namespace}/volumesnapshots",
            **{
                plural: f"/api/v1/namespaces/{namespace}/{plural}"
                for plural in ("persistentvolumeclaims", "pods", "services", "events")
            },
        }

    async def make(self) -> None:
        """A snapshot, and all volumes and sources."""
        await self._photograph()
        sources = (lives.source(name, self.namespace) for name in SOURCES)
        await together(self._post(self._paths["datasources"], each) for each in sources)
        volumes = (placed(life.made, self.namespace) for life in LIVES)
        await together(self._post(self._paths["datavolumes"], each) for each in volumes)

    async def _photograph(self) -> None:
        """A claim of which there is a snapshot, and one that cannot be taken."""
        await self._post(self._paths["persistentvolumeclaims"], takes.claim("motive"))
        await self._post(self._paths["volumesnapshots"], takes.snapshot("blurred", "motive", notes=takes.FAULT))
        photo = takes.snapshot("photo", "motive")
        photo["metadata"]["labels"] = {HINT: "m1.tiny"}
        await self._post(self._paths["volumesnapshots"], photo)

        async def ready() -> bool:
            return bool((await self.one("volumesnapshots", "photo")).get("status", {}).get("readyToUse"))

        await self._control.until(SOON, "the photo", ready)

    async def _post(self, path: str, document: Document) -> None:
        await self._control.change("POST", path, document)

    async def settled(self) -> None:
        """Wait for the end of all stories, and take note of them."""
        waiting = list(LIVES)

        async def seen() -> bool:
            await self.gather()
            waiting[:] = [life for life in waiting if not await self._is_settled(life)]
            return not waiting

        await self._control.until(SOON, "the ends of all lives", seen)

    async def _is_settled(self, life: Life) -> bool:
        found = await self.one("datavolumes", life.name)
        claim = await self.one("persistentvolumeclaims", life.name) if life.end else {}
        return lives.is_settled(life, found, claim)

    async def one(self, plural: str, name: str) -> Document:
        """An object as it is."""
        return await self._control.get(f"{self._paths[plural]}/{name}")

    async def gather(self) -> None:
        """Take note of what has happened since the last time: an API server forgets the states of before as soon as
        there are a hundred later ones of a kind."""
        paths = [self._paths[plural] for plural in lives.STEPS]
        await together(self._follow(path) for path in (*paths, self._elsewhere()))

    async def _follow(self, path: str) -> None:
        told = self._stories.setdefault(path, [])
        since = told[-1]["metadata"]["resourceVersion"] if told else self._since
        told += await self._states(path, since)

    async def _states(self, path: str, since: str) -> list[Document]:
        """All states of all objects of a kind from a version on, in the order in which they were."""
        return [each.object for each in await history(self._control, path, since)]

    def _elsewhere(self) -> str:
        return self._paths["pods"].replace(f"/{self.namespace}/", "/dicot-images/")

    async def told(self) -> dict[str, Document]:
        """What a record holds of each life."""
        await self.gather()
        stories = {plural: list(self._stories[self._paths[plural]]) for plural in lives.STEPS}
        stories["pods"] += self._stories[self._elsewhere()]
        return {life.name: await self._life(life, stories) for life in LIVES}

    async def _life(self, life: Life, stories: dict[str, list[Document]]) -> Document:
        states = [each for each in stories["datavolumes"] if each["metadata"]["name"] == life.name]
        told: Document = {"phases": lives.phases(states)}
        told["volume"] = lives.kept(await self.one("datavolumes", life.name), self.namespace)
        if not life.end:
            return told
        claim = await self.one("persistentvolumeclaims", life.name)
        told["claim"] = lives.kept(claim, self.namespace)
        uids = (claim["metadata"]["uid"], states[0]["metadata"]["uid"])
        told["workers"] = self._workers(uids, stories)
        return told

    def _workers(self, uids: tuple[str, ...], stories: dict[str, list[Document]]) -> Document:
        """Pods, Services and scratch claims as they were made."""
        first: dict[str, Document] = {}
        for plural in ("pods", "services", "persistentvolumeclaims"):
            for each in stories[plural]:
                meta = each["metadata"]
                owned = any(owner["uid"] == uids[0] for owner in meta.get("ownerReferences") or ())
                if owned or meta["name"].startswith(uids):
                    key = masked(f"{plural}/{meta['name']}", self.namespace, lives.MASKS)
                    first.setdefault(key, lives.worker(each, self.namespace))
        return first

    async def events(self) -> dict[str, list[list[str]]]:
        """What has been told of each life until now."""
        told = (await self._control.get(self._paths["events"]))["items"]
        return {life.name: lives.told(told, life, self.namespace) for life in LIVES}

    async def sources(self) -> dict[str, Document]:
        """What DataSources say in the end."""
        found = [await self.one("datasources", name) for name in SOURCES]
        return {each["metadata"]["name"]: lives.kept(each, self.namespace) for each in found}

    async def refusals(self) -> dict[str, Document]:
        """What is answered to each offer."""
        answers = {}
        for name in offers.OFFERS:
            path = f"{self._paths['datavolumes']}?dryRun=All"
            answer = await self._control.ask("POST", path, offers.offered(name, self.namespace))
            answers[name] = offers.kept(answer, self.namespace)
        return answers

    async def profile(self) -> Document:
        """The StorageProfile of a class whose provisioner nobody knows; the class is deleted again."""
        path = "/apis/storage.k8s.io/v1/storageclasses"
        name = f"{FOREIGN}-{self.namespace}"
        made = named("StorageClass", name, None, "storage.k8s.io/v1", provisioner="example.org/nobody")
        await self._control.change("POST", path, made)
        profile = f"{CDI}/storageprofiles/{name}"
        found: list[Document] = []

        async def seen() -> bool:
            found[:] = [await self._control.get(profile)]
            return "status" in found[0]

        async def gone() -> bool:
            return (await self._control.ask("GET", profile)).status == 404

        await self._control.until(SOON, "the profile", seen)
        config = await self._control.get(f"{CDI}/cdiconfigs/config")
        await self._control.change("DELETE", f"{path}/{name}")
        await self._control.until(SOON, "the profile to go", gone)
        shares = defaultdict(str, config["status"]["filesystemOverhead"]["storageClass"])
        own = {"config": lives.kept(config, self.namespace), "share": shares[name]}
        own["config"]["status"]["filesystemOverhead"].pop("storageClass")
        # Where uploads go is each cluster's own.
        own["config"]["spec"].pop("uploadProxyURLOverride", None)
        own["config"]["status"].pop("uploadProxyURL", None)
        return {**own, "profile": lives.kept(found[0], self.namespace)}
