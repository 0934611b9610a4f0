"""What every Kube does, the real one and the one in memory: the tests of both.

Each test is of a built-in kind and of a custom one where they might differ.
"""

from typing import Any
from uuid import uuid4

import msgspec

from dicot.cloud.chores.lease import LEASE
from dicot.cloud.kinds.identity import NAMESPACE
from dicot.cloud.kinds.kubevirt import VM
from dicot.cloud.kinds.storage import SECRET
from dicot.kube import errors
from dicot.kube.address import Place, place
from dicot.kube.kind import Kind, Manifest
from dicot.kube.media import JSON_PATCH
from dicot.moments import read

from .contract_case import BUILT_IN, CUSTOM, KINDS, PARTS, KubeCase, type_of, whole, without_uid

NO_KIND = Kind("nowhere.example.io", "v1", "gadgets", "Gadget", SECRET.projection)
REVIEWS = Place("authorization.k8s.io", "v1", "subjectaccessreviews")
MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


class KubeContract(KubeCase):
    """Creates, reads, lists, replacements, actions, and the time."""

    # create and read

    async def test_what_is_created_is_read(self) -> None:
        for kind in KINDS:
            made = await self.made(kind, labels={"a": "b"}, annotations={"dicot.io/x": "y"})
            metadata = made["metadata"]
            said = ("name", "namespace", "labels", "annotations")
            self.assertEqual([metadata[name] for name in said], ["one", self.space, {"a": "b"}, {"dicot.io/x": "y"}])
            self.assertEqual({name: made[name] for name in ("apiVersion", "kind")}, type_of(kind))
            self.assertEqual({name: made[name] for name in PARTS[kind]}, PARTS[kind])
            self.assertEqual(set(metadata), {*said, "uid", "resourceVersion", "creationTimestamp"})
            self.assertIsNotNone(read(metadata["creationTimestamp"]))
            self.assertEqual(await self.stored(kind), made)

    async def test_uid_and_time_are_the_servers(self) -> None:
        said = {"uid": str(uuid4()), "creationTimestamp": "2001-01-01T00:00:00Z"}
        for kind in KINDS:
            metadata = (await self.made(kind, **said))["metadata"]
            self.assertNotEqual(metadata["uid"], said["uid"])
            self.assertNotEqual(metadata["creationTimestamp"], said["creationTimestamp"])

    async def test_the_namespace_is_that_of_the_place(self) -> None:
        for kind in KINDS:
            body = {**self.body(kind, "one"), "metadata": {"name": "one"}}
            made = whole(await self.kube.create(self.at(kind), body))
            self.assertEqual(made["metadata"]["namespace"], self.space)

    async def test_what_is_empty_is_not_kept(self) -> None:
        for kind in KINDS:
            made = await self.made(kind, labels={}, annotations={}, ownerReferences=[], finalizers=[])
            self.assertEqual(
                set(made["metadata"]), {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}
            )

    async def test_a_name_is_taken_once(self) -> None:
        for kind in KINDS:
            await self.made(kind)
            for dry in (False, True):
                again = self.kube.create(self.at(kind), self.body(kind, "one"), dry=dry)
                said = await self.refused(errors.Exists, again, 409, "AlreadyExists")
                self.assertEqual(said, f'{kind.resource} "one" already exists')

    async def test_each_object_has_its_own_uid(self) -> None:
        for kind in KINDS:
            first = await self.made(kind)
            await self.kube.delete(self.at(kind, "one"))
            self.assertNotEqual((await self.made(kind))["metadata"]["uid"], first["metadata"]["uid"])

    async def test_what_is_not_there(self) -> None:
        for kind in KINDS:
            at = self.at(kind, "one")
            await self.missing(kind, self.kube.read(at))
            await self.missing(kind, self.kube.patch(at, {"metadata": {"labels": {"a": "b"}}}))
            await self.missing(kind, self.kube.replace(at, self.body(kind, "one", resourceVersion="1")))
            await self.missing(kind, self.kube.delete(at))
            await self.missing(kind, self.kube.delete(at, uid=str(uuid4())))

    async def test_a_namespace_that_is_not_there(self) -> None:
        for kind in KINDS:
            body = {**self.body(kind, "one"), "metadata": {"name": "one"}}
            for dry in (False, True):
                await self.missing(
                    NAMESPACE, self.kube.create(place(kind, f"{self.space}-no"), body, dry=dry), f"{self.space}-no"
                )

    async def test_a_kind_that_is_not_served(self) -> None:
        at = self.at(NO_KIND, "one")
        body = {**type_of(NO_KIND), "metadata": {"name": "one"}}
        for asking in (
            self.kube.read(at),
            self.kube.create(self.at(NO_KIND), body),
            self.kube.patch(at, {"spec": {}}),
            self.kube.replace(at, body),
            self.kube.delete(at),
            self.kube.all(NO_KIND),
            self.kube.find(NO_KIND, self.space, "a", "b"),
            self.kube.fetch("/nowhere"),
        ):
            self.assertEqual(await self.refused(errors.Missing, asking, 404, ""), "404 page not found")

    async def test_cluster_scoped_objects(self) -> None:
        at = place(NAMESPACE, "", self.space)
        found = whole(await self.kube.read(at))
        self.assertNotIn("namespace", found["metadata"])
        patched = whole(await self.kube.patch(at, {"metadata": {"annotations": {"dicot.io/x": "y"}}}))
        self.assertEqual(patched["metadata"]["annotations"], {"dicot.io/x": "y"})
        again = self.kube.create(place(NAMESPACE, ""), {**type_of(NAMESPACE), "metadata": {"name": self.space}})
        said = await self.refused(errors.Exists, again, 409, "AlreadyExists")
        self.assertEqual(said, f'namespaces "{self.space}" already exists')
        names = [msgspec.json.decode(each)["metadata"]["name"] for each in await self.kube.all(NAMESPACE)]
        self.assertIn(self.space, names)

    # lists

    async def test_all_of_a_namespace_by_name(self) -> None:
        for kind in KINDS:
            self.assertEqual(await self.names(kind), [])
            for name in ("c", "a", "b"):
                await self.made(kind, name)
            await self.made_elsewhere(kind, "d")
            self.assertEqual(await self.names(kind), ["a", "b", "c"])
            everywhere = [msgspec.json.decode(each)["metadata"] for each in await self.kube.all(kind)]
            mine = [each["name"] for each in everywhere if each["namespace"] == self.space]
            self.assertEqual(mine, ["a", "b", "c"])

    async def test_only_custom_objects_say_in_a_list_what_they_are(self) -> None:
        for kind, said in ((BUILT_IN, {}), (CUSTOM, type_of(CUSTOM))):
            made = await self.made(kind)
            [item] = await self.kube.all(kind, self.space)
            found = whole(item)
            self.assertEqual({name: found.pop(name) for name in ("apiVersion", "kind") if name in found}, said)
            self.assertEqual(found, {name: value for name, value in made.items() if name in found})
            self.assertEqual(len(made) - len(found), 2)

    async def test_at_most_two_of_a_label(self) -> None:
        for kind in KINDS:
            for name in ("one", "two", "three"):
                await self.made(kind, name, labels={"dicot.io/id": "same", "own": name})
            await self.made(kind, "other")
            await self.made_elsewhere(kind, "far", labels={"own": "two"})
            self.assertEqual(await self.found(kind, "own", "two"), ["two"])
            self.assertEqual(await self.found(kind, "dicot.io/id", "same"), ["one", "three"])
            self.assertEqual(await self.found(kind, "own", "four"), [])
            self.assertEqual(await self.found(kind, "no", "two"), [])

    async def found(self, kind: Kind[Any], label: str, value: str) -> list[str]:
        items = await self.kube.find(kind, self.space, label, value)
        return [msgspec.json.decode(each)["metadata"]["name"] for each in items]

    # replace

    async def test_a_replacement_takes_everything_away_that_it_lacks(self) -> None:
        for kind in KINDS:
            made = await self.made(kind, labels={"a": "b"}, annotations={"c": "d"})
            version = made["metadata"]["resourceVersion"]
            body = self.body(kind, "one", resourceVersion=version, labels={"e": "f"})
            replaced = whole(await self.kube.replace(self.at(kind, "one"), body))
            metadata = replaced["metadata"]
            self.assertEqual(metadata["labels"], {"e": "f"})
            self.assertNotIn("annotations", metadata)
            self.assertNotEqual(metadata["resourceVersion"], version)
            for kept in ("uid", "creationTimestamp"):
                self.assertEqual(metadata[kept], made["metadata"][kept])
            self.assertEqual(await self.stored(kind), replaced)

    async def test_the_same_again_is_no_change(self) -> None:
        for kind in KINDS:
            made = await self.made(kind, labels={"a": "b"})
            again = whole(await self.kube.replace(self.at(kind, "one"), made))
            self.assertEqual(again, made)
            self.assertEqual(await self.patched(kind, {"metadata": {"labels": {"a": "b"}}}), made)
            test = [{"op": "test", "path": "/metadata/labels/a", "value": "b"}]
            self.assertEqual(await self.patched(kind, test, JSON_PATCH), made)

    async def test_of_two_who_change_a_version_one_does(self) -> None:
        for kind in KINDS:
            made = await self.made(kind)
            stale = made["metadata"]["resourceVersion"]
            await self.patched(kind, {"metadata": {"resourceVersion": stale, "labels": {"by": "first"}}})
            second = {"metadata": {"resourceVersion": stale, "labels": {"by": "second"}}}
            body = {**made, "metadata": {**made["metadata"], "labels": {"by": "second"}}}
            for asking in (
                self.patched(kind, second),
                self.patched(kind, second, dry=True),
                self.kube.replace(self.at(kind, "one"), body),
            ):
                said = await self.refused(errors.Conflict, asking, 409, "Conflict")
                self.assertEqual(said, f'Operation cannot be fulfilled on {kind.resource} "one": {MODIFIED}')
            self.assertEqual((await self.stored(kind))["metadata"]["labels"], {"by": "first"})

    async def test_the_replacement_of_another_object(self) -> None:
        for kind in KINDS:
            made = await self.made(kind)
            body = {**made, "metadata": {**made["metadata"], "uid": str(uuid4())}}
            asking = self.kube.replace(self.at(kind, "one"), body)
            said = await self.refused(errors.Conflict, asking, 409, "Conflict")
            self.assertTrue(said.startswith(f'Operation cannot be fulfilled on {kind.resource} "one": '), said)
            uids = (body["metadata"]["uid"], made["metadata"]["uid"])
            text = f"Precondition failed: UID in precondition: {uids[0]}, UID in object meta: {uids[1]}"
            self.assertTrue(said.endswith(text), said)

    async def test_a_secret_is_replaced_whatever_its_version(self) -> None:
        await self.made(BUILT_IN)
        body = self.body(BUILT_IN, "one", labels={"a": "b"})
        replaced = whole(await self.kube.replace(self.at(BUILT_IN, "one"), body))
        self.assertEqual(replaced["metadata"]["labels"], {"a": "b"})
        await self.made(CUSTOM)
        asking = self.kube.replace(self.at(CUSTOM, "one"), self.body(CUSTOM, "one"))
        said = await self.refused(errors.Invalid, asking, 422, "Invalid")
        text = "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
        self.assertEqual(said, f'nameclaims.identity.dicot.io "one" is invalid: {text}')

    async def test_a_lease_that_is_gone_is_made_by_its_replacement(self) -> None:
        made = await self.made(LEASE)
        await self.kube.delete(self.at(LEASE, "one"))
        again = whole(await self.kube.replace(self.at(LEASE, "one"), without_uid(made)))
        self.assertNotEqual(again["metadata"]["uid"], made["metadata"]["uid"])
        self.assertEqual(again["spec"], made["spec"])

    async def test_a_lease_is_replaced_only_under_its_version(self) -> None:
        await self.made(LEASE)
        asking = self.kube.replace(self.at(LEASE, "one"), self.body(LEASE, "one"))
        said = await self.refused(errors.Invalid, asking, 422, "Invalid")
        text = "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
        self.assertEqual(said, f'leases.coordination.k8s.io "one" is invalid: {text}')

    # actions, reviews, time

    async def test_an_action_is_answered_with_nothing_and_changes_its_object(self) -> None:
        at = Place("subresources.kubevirt.io", "v1", "virtualmachines", self.space, "vm", "start")
        said = await self.refused(errors.Missing, self.kube.call(at, {}), 404, "NotFound")
        self.assertEqual(said, 'virtualmachine.kubevirt.io "vm" not found')
        devices: Manifest = {"devices": {}, "resources": {"requests": {"memory": "64Mi"}}}
        spec = {"runStrategy": "Halted", "template": {"spec": {"domain": devices}}}
        body = {**type_of(VM), "metadata": {"name": "vm"}, "spec": spec}
        made = whole(await self.kube.create(self.at(VM), body))
        self.assertEqual(await self.kube.call(at, {}), b"")
        found = await self.stored(VM, "vm")
        self.assertNotEqual(found["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"])

    async def test_a_question_for_access_is_answered(self) -> None:
        answers = []
        for groups in (["system:masters"], ["nobodies"]):
            spec = {
                "user": f"user-{self.space}",
                "groups": groups,
                "resourceAttributes": {"verb": "delete", "resource": "secrets", "namespace": self.space},
            }
            body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
            answer = msgspec.json.decode(await self.kube.create(REVIEWS, body))
            answers.append(answer["status"]["allowed"])
        self.assertEqual(answers, [True, False])

    async def test_time_is_the_servers_once_it_was_heard(self) -> None:
        self.assertIsNone(self.before)
        born, now = read((await self.made(BUILT_IN))["metadata"]["creationTimestamp"]), self.kube.server_time()
        assert born is not None and now is not None
        self.assertTrue(0 <= now - born < 10, (born, now))

    async def test_time_goes_on(self) -> None:
        first = self.kube.server_time()
        await self.pause()
        second = self.kube.server_time()
        assert first is not None and second is not None
        self.assertTrue(first < second < first + 10, (first, second))
