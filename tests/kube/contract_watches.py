"""What a store sees of changes, by the watches of a real cluster and by those in memory: the tests of both."""

from dataclasses import replace
from typing import Any

from dicot.kube.kind import Kind
from dicot.kube.store import Change, Store

from .contract_case import CUSTOM, KINDS, KubeCase


class WatchContract(KubeCase):
    """Stores that follow the objects of a kind in the test's namespace."""

    async def watched(self, store: Store[Any]) -> None:
        """Lets a store see what there is, and from now on every change."""
        raise NotImplementedError

    async def follower(self, kind: Kind[Any]) -> Store[Any]:
        store = Store(replace(kind, namespace=self.space))
        await self.watched(store)
        return store

    def seen(self, store: Store[Any]) -> list[tuple[str, str, str]]:
        return sorted((row.name, row.uid, row.version) for row in store.rows())

    def place(self, made: dict[str, Any]) -> tuple[str, str, str]:
        metadata = made["metadata"]
        return (metadata["name"], metadata["uid"], metadata["resourceVersion"])

    async def gone(self, store: Store[Any], name: str = "one") -> None:
        async def is_gone() -> bool:
            return store.one(self.space, name) is None

        await self.until(is_gone)

    async def test_what_was_there_before_is_there(self) -> None:
        for kind in KINDS:
            made = [await self.made(kind, name) for name in ("one", "two")]
            store = await self.follower(kind)
            self.assertTrue(store.is_synced)
            self.assertEqual(self.seen(store), [self.place(each) for each in made])

    async def test_every_write_arrives_in_the_version_of_its_answer(self) -> None:
        for kind in KINDS:
            store = await self.follower(kind)
            self.assertEqual(self.seen(store), [])
            await self.made_elsewhere(kind, "other")
            made = await self.made(kind)
            await store.reached(made["metadata"]["resourceVersion"])
            self.assertEqual(self.seen(store), [self.place(made)])
            patched = await self.patched(kind, {"metadata": {"labels": {"a": "b"}}})
            await store.reached(patched["metadata"]["resourceVersion"])
            self.assertEqual(self.seen(store), [self.place(patched)])
            await self.kube.delete(self.at(kind, "one"))
            await self.gone(store)
            self.assertGreater(int(store.version), int(patched["metadata"]["resourceVersion"]))

    async def test_nothing_is_told_of_what_changes_nothing(self) -> None:
        for kind in KINDS:
            store, told = await self.follower(kind), list[Change]()
            store.listen(told.extend)
            await self.made(kind, labels={"a": "b"})
            await self.patched(kind, {"metadata": {"labels": {"a": "b"}}})
            await self.patched(kind, {"metadata": {"labels": {"a": "dry"}}}, dry=True)
            await self.patched(kind, {"metadata": {"labels": {"a": "c"}}})
            await self.kube.delete(self.at(kind, "one"))
            await self.gone(store)
            states = [(change.old is not None, change.new is not None) for change in told]
            self.assertEqual(states, [(False, True), (True, True), (True, False)])

    async def test_what_finalizers_keep_is_seen_going(self) -> None:
        for kind in KINDS:
            store = await self.follower(kind)
            await self.made(kind, finalizers=["dicot.io/f"])
            await self.kube.delete(self.at(kind, "one"))
            going = await self.stored(kind)
            await store.reached(going["metadata"]["resourceVersion"])
            [row] = store.rows()
            self.assertEqual(store.read(row).metadata.deletionTimestamp, going["metadata"]["deletionTimestamp"])
            await self.patched(kind, {"metadata": {"finalizers": None}})
            await self.gone(store)

    async def test_a_name_that_was_freed_and_taken_again(self) -> None:
        for kind in KINDS:
            store = await self.follower(kind)
            await self.made(kind)
            await self.kube.delete(self.at(kind, "one"))
            again = await self.made(kind)
            await store.reached(again["metadata"]["resourceVersion"])
            self.assertEqual(self.seen(store), [self.place(again)])

    async def test_one_namespace_and_one_name_alone_may_be_watched(self) -> None:
        await self.made(CUSTOM, "other")
        store = Store(replace(CUSTOM, namespace=self.space, name="one"))
        await self.watched(store)
        self.assertEqual(self.seen(store), [])
        await self.made(CUSTOM, "third")
        made = await self.made(CUSTOM)
        await store.reached(made["metadata"]["resourceVersion"])
        self.assertEqual(self.seen(store), [self.place(made)])
