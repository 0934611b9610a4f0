"""What patches and deletes do, on the real API server and on the one in memory: the tests of both."""

from typing import Any
from uuid import uuid4

import msgspec

from dicot.kube import errors
from dicot.kube.kind import Kind, Manifest
from dicot.kube.media import JSON_PATCH, STRATEGIC
from dicot.moments import read

from .contract_case import BUILT_IN, CUSTOM, KINDS, PARTS, KubeCase, whole

NO_APPLYING = "the server rejected our request due to an error in our request"


class ChangeContract(KubeCase):
    """Patches, dry runs, deletes, and what goes with an owner."""

    # patches

    async def test_a_merge_patch_changes_what_it_names(self) -> None:
        for kind in KINDS:
            await self.made(kind, labels={"a": "b"}, annotations={"dicot.io/x": "1", "dicot.io/y": "2"})
            annotations = {"dicot.io/x": None, "dicot.io/z": "3", "dicot.io/never": None}
            patched = await self.patched(kind, {"metadata": {"annotations": annotations}})
            self.assertEqual(patched["metadata"]["annotations"], {"dicot.io/y": "2", "dicot.io/z": "3"})
            self.assertEqual(patched["metadata"]["labels"], {"a": "b"})
            self.assertEqual({name: patched[name] for name in PARTS[kind]}, PARTS[kind])
            self.assertEqual(await self.stored(kind), patched)
            bare = await self.patched(kind, {"metadata": {"annotations": {"dicot.io/y": None, "dicot.io/z": None}}})
            self.assertNotIn("annotations", bare["metadata"])

    async def test_members_of_a_patch_that_are_new_hold_no_nulls(self) -> None:
        for kind in KINDS:
            await self.made(kind)
            patched = await self.patched(kind, {"metadata": {"annotations": {"a": None, "b": "1"}}})
            self.assertEqual(patched["metadata"]["annotations"], {"b": "1"})

    async def test_a_json_patch_step_by_step(self) -> None:
        for kind in KINDS:
            made = await self.made(kind, labels={"a": "b"}, annotations={"c": "d"})
            steps = [
                {"op": "test", "path": "/metadata/resourceVersion", "value": made["metadata"]["resourceVersion"]},
                {"op": "replace", "path": "/metadata/labels/a", "value": "2"},
                {"op": "add", "path": "/metadata/labels/dicot.io~1x", "value": "3"},
                {"op": "remove", "path": "/metadata/annotations/c"},
                {"op": "add", "path": "/metadata/finalizers", "value": ["dicot.io/f"]},
                {"op": "add", "path": "/metadata/finalizers/-", "value": "dicot.io/g"},
                {"op": "add", "path": "/metadata/finalizers", "value": []},
            ]
            metadata = (await self.patched(kind, steps, JSON_PATCH))["metadata"]
            self.assertEqual(metadata["labels"], {"a": "2", "dicot.io/x": "3"})
            self.assertNotIn("annotations", metadata)
            self.assertNotIn("finalizers", metadata)

    async def test_a_json_patch_of_a_list_by_its_places(self) -> None:
        """Each step finds the list as the steps before have left it."""
        for kind in KINDS:
            made = await self.made(kind)
            path = "/metadata/finalizers"
            whole = {"op": "add", "path": path, "value": [f"dicot.io/{each}" for each in "abc"]}
            await self.patched(kind, [whole], JSON_PATCH)
            steps = [
                {"op": "remove", "path": f"{path}/2"},
                {"op": "remove", "path": f"{path}/0"},
                {"op": "add", "path": f"{path}/-", "value": "dicot.io/d"},
            ]
            patched = await self.patched(kind, steps, JSON_PATCH)
            self.assertEqual(patched["metadata"]["finalizers"], ["dicot.io/b", "dicot.io/d"])
            stale = {"op": "remove", "path": f"{path}/2"}
            await self.refused(errors.Conflict, self.patched(kind, [stale], JSON_PATCH), 409, "Conflict")
            emptied = await self.patched(kind, [{"op": "remove", "path": path}], JSON_PATCH)
            self.assertEqual(emptied["metadata"].get("finalizers"), made["metadata"].get("finalizers"))

    async def test_a_json_patch_may_name_the_version_that_it_is_of(self) -> None:
        """Then it is a conflict as soon as there is a later one."""
        for kind in KINDS:
            made = await self.made(kind)
            version = {"op": "add", "path": "/metadata/resourceVersion", "value": made["metadata"]["resourceVersion"]}
            label = {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}
            patched = await self.patched(kind, [version, label], JSON_PATCH)
            self.assertEqual(patched["metadata"]["labels"], {"a": "b"})
            late = self.patched(kind, [version, {**label, "value": {"a": "c"}}], JSON_PATCH)
            await self.refused(errors.Conflict, late, 409, "Conflict")
            self.assertEqual(await self.stored(kind), patched)

    async def test_a_json_patch_need_not_find_what_it_replaces(self) -> None:
        for kind in KINDS:
            await self.made(kind, labels={"a": "b"})
            steps = [{"op": "replace", "path": "/metadata/labels/new", "value": "1"}]
            patched = await self.patched(kind, steps, JSON_PATCH)
            self.assertEqual(patched["metadata"]["labels"], {"a": "b", "new": "1"})

    async def test_a_json_patch_that_does_not_apply_is_a_conflict_and_changes_nothing(self) -> None:
        add = {"op": "add", "path": "/metadata/labels/c", "value": "1"}
        for kind in KINDS:
            made = await self.made(kind, labels={"a": "b"})
            for step in (
                {"op": "test", "path": "/metadata/resourceVersion", "value": "1"},
                {"op": "test", "path": "/metadata/labels/a", "value": "other"},
                {"op": "test", "path": "/metadata/labels/never", "value": "b"},
                {"op": "add", "path": "/metadata/annotations/a", "value": "b"},
                {"op": "remove", "path": "/metadata/labels/never"},
            ):
                asking = self.patched(kind, [add, step], JSON_PATCH)
                self.assertEqual(await self.refused(errors.Conflict, asking, 409, "Conflict"), NO_APPLYING)
            self.assertEqual(await self.stored(kind), made)

    async def test_custom_objects_take_no_strategic_patch(self) -> None:
        await self.made(CUSTOM)
        asking = self.patched(CUSTOM, {"metadata": {"labels": {"a": "b"}}}, STRATEGIC)
        await self.refused(errors.Failed, asking, 415, "UnsupportedMediaType")

    async def test_a_uid_never_changes(self) -> None:
        uid = str(uuid4())
        text = f'metadata.uid: Invalid value: "{uid}": field is immutable'
        for kind, named in ((BUILT_IN, "Secret"), (CUSTOM, "NameClaim.identity.dicot.io")):
            made = await self.made(kind)
            asking = self.patched(kind, {"metadata": {"uid": uid, "labels": {"a": "b"}}})
            said = await self.refused(errors.Invalid, asking, 422, "Invalid")
            self.assertEqual(said, f'{named} "one" is invalid: {text}')
            fine = await self.patched(kind, {"metadata": {"uid": made["metadata"]["uid"], "labels": {"a": "b"}}})
            self.assertEqual(fine["metadata"]["labels"], {"a": "b"})

    # dry runs

    async def test_a_dry_run_writes_nothing(self) -> None:
        for kind in KINDS:
            tried = whole(await self.kube.create(self.at(kind), self.body(kind, "dry"), dry=True))
            self.assertNotIn("resourceVersion", tried["metadata"])
            self.assertIn("uid", tried["metadata"])
            await self.missing(kind, self.kube.read(self.at(kind, "dry")), "dry")
            made = await self.made(kind)
            patched = await self.patched(kind, {"metadata": {"labels": {"a": "dry"}}}, dry=True)
            expected = {**made, "metadata": {**made["metadata"], "labels": {"a": "dry"}}}
            self.assertEqual(patched, expected)
            self.assertEqual(await self.stored(kind), made)

    # deletes

    async def test_a_delete_is_of_one_uid(self) -> None:
        for kind, named in ((BUILT_IN, "Secret"), (CUSTOM, "NameClaim.identity.dicot.io")):
            uid, other = (await self.made(kind))["metadata"]["uid"], str(uuid4())
            asking = self.kube.delete(self.at(kind, "one"), uid=other)
            said = await self.refused(errors.Conflict, asking, 409, "Conflict")
            self.assertEqual(
                said,
                f'Operation cannot be fulfilled on {named} "one": the UID in the precondition ({other}) does not'
                f" match the UID in record ({uid}). The object might have been deleted and then recreated",
            )
            await self.stored(kind)
            answer = msgspec.json.decode(await self.kube.delete(self.at(kind, "one"), uid=uid))
            group = {"group": kind.group} if kind.group else {}
            self.assertEqual((answer["kind"], answer["status"]), ("Status", "Success"))
            self.assertEqual(answer["details"], {"name": "one", "kind": kind.plural, "uid": uid, **group})
            await self.missing(kind, self.kube.read(self.at(kind, "one")))

    async def test_finalizers_keep_what_is_going(self) -> None:
        for kind in KINDS:
            made = await self.made(kind, finalizers=["dicot.io/f", "dicot.io/g"])
            going = whole(await self.kube.delete(self.at(kind, "one")))
            self.assertEqual(going["kind"], kind.singular)
            self.assertIsNotNone(read(going["metadata"]["deletionTimestamp"]))
            self.assertNotEqual(going["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"])
            self.assertEqual(await self.stored(kind), going)
            self.assertEqual(whole(await self.kube.delete(self.at(kind, "one"))), going)
            again = self.kube.create(self.at(kind), self.body(kind, "one"))
            said = await self.refused(errors.Exists, again, 409, "AlreadyExists")
            self.assertEqual(said, f'object is being deleted: {kind.resource} "one" already exists')
            fewer = await self.patched(kind, {"metadata": {"finalizers": ["dicot.io/f"]}})
            self.assertEqual(fewer["metadata"]["deletionTimestamp"], going["metadata"]["deletionTimestamp"])
            last = await self.patched(kind, {"metadata": {"finalizers": None}})
            self.assertEqual(last["metadata"]["resourceVersion"], fewer["metadata"]["resourceVersion"])
            await self.missing(kind, self.kube.read(self.at(kind, "one")))

    async def test_what_is_going_cannot_be_kept(self) -> None:
        for kind in KINDS:
            made = await self.made(kind, finalizers=["dicot.io/f"])
            going = whole(await self.kube.delete(self.at(kind, "one"), uid=made["metadata"]["uid"]))["metadata"]
            body = self.body(kind, "one", resourceVersion=going["resourceVersion"], finalizers=["dicot.io/f"])
            replaced = whole(await self.kube.replace(self.at(kind, "one"), body))
            self.assertEqual(replaced["metadata"], going)
            body["metadata"]["labels"] = {"a": "b"}
            kept = whole(await self.kube.replace(self.at(kind, "one"), body))["metadata"]
            self.assertEqual(kept["deletionTimestamp"], going["deletionTimestamp"])
            body["metadata"] = {"name": "one", "resourceVersion": kept["resourceVersion"]}
            await self.kube.replace(self.at(kind, "one"), body)
            await self.missing(kind, self.kube.read(self.at(kind, "one")))

    # owners

    def owner(self, owner: Manifest, **more: Any) -> Manifest:
        """A reference to an object."""
        metadata = owner["metadata"]
        said = {"apiVersion": owner["apiVersion"], "kind": owner["kind"]}
        return {**said, "name": metadata["name"], "uid": metadata["uid"], **more}

    async def gone(self, kind: Kind[Any], name: str) -> None:
        async def is_gone() -> bool:
            return name not in await self.names(kind)

        await self.until(is_gone)

    async def test_what_is_owned_goes_with_its_owner(self) -> None:
        owner = await self.made(BUILT_IN, "owner")
        reference = self.owner(owner, controller=True, blockOwnerDeletion=True)
        await self.made(BUILT_IN, "born", ownerReferences=[reference])
        await self.made(CUSTOM)
        adopted = await self.patched(CUSTOM, {"metadata": {"ownerReferences": [reference]}})
        self.assertEqual(adopted["metadata"]["ownerReferences"], [reference])
        await self.made(BUILT_IN, "free")
        await self.kube.delete(self.at(BUILT_IN, "owner"))
        await self.gone(BUILT_IN, "born")
        await self.gone(CUSTOM, "one")
        self.assertEqual(await self.names(BUILT_IN), ["free"])

    async def test_what_has_another_owner_stays(self) -> None:
        first, second = await self.made(BUILT_IN, "first"), await self.made(BUILT_IN, "second")
        kept = self.owner(second)
        await self.made(BUILT_IN, "one", ownerReferences=[self.owner(first), kept])
        await self.kube.delete(self.at(BUILT_IN, "first"))

        async def is_left() -> bool:
            return bool((await self.stored(BUILT_IN))["metadata"]["ownerReferences"] == [kept])

        await self.until(is_left)

    async def test_what_is_given_to_an_owner_that_is_gone_goes_too(self) -> None:
        owner = await self.made(BUILT_IN, "owner")
        await self.kube.delete(self.at(BUILT_IN, "owner"))
        await self.made(BUILT_IN)
        await self.patched(BUILT_IN, {"metadata": {"ownerReferences": [self.owner(owner)]}})
        await self.gone(BUILT_IN, "one")
