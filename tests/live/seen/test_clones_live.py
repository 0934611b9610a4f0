"""Who may clone an image, when that is checked, and how large the copy is."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from twisted.internet.defer import Deferred

from dicot.names import IMAGES_NAMESPACE
from tests.cluster.control import SOON
from tests.cluster.objects import Document, named

from .objects import (
    RBAC,
    SMALL,
    URL,
    binding,
    conditions,
    from_image,
    from_source,
    printable,
    role,
    rooted,
    says,
    volume,
)
from .person import Person, account
from .stage import SeenTestCase

MAY_CLONE = {"apiGroups": ["cdi.kubevirt.io"], "resources": ["datavolumes/source"], "verbs": ["create"]}
MAKES = {"apiGroups": ["cdi.kubevirt.io"], "resources": ["datavolumes"], "verbs": ["create", "get"]}
MISSING: Document = {
    "sourceRef": {"kind": "DataSource", "name": "missing"},
    "storage": {"resources": {"requests": {"storage": SMALL}}},
}
WEBHOOK = "datavolume-mutate.cdi.kubevirt.io"


class CloneTests(SeenTestCase):
    CAST = (
        named("ServiceAccount", "member"),
        named("ServiceAccount", "viewer"),
        rooted("denied", from_image()),
        rooted("sourceless", MISSING),
    )

    async def test_a_separate_volume_is_checked_for_who_makes_it(self) -> None:
        """5.3: for the impersonated account, at once: 422 of CDI's webhook, and accepted once it has the right."""
        member = await self._acting("member")
        refused = await member.ask("POST", self.volumes, volume("v", from_image()))
        self.refused(refused, 422, WEBHOOK)
        self.assertIn("has insufficient permissions in clone source namespace", refused.document["message"])
        await self._allow({**MAY_CLONE, "resourceNames": ["debian-13"]}, "member")
        refused = await member.ask("POST", self.volumes, volume("v", from_image()))
        self.refused(refused, 422, WEBHOOK)
        await self._allow({**MAY_CLONE, "resourceNames": ["cirros"]}, "member")
        await self._accepted(member, "v")

    async def test_the_right_to_every_source_of_a_namespace(self) -> None:
        """5.3: the same rule without names, as CDI's view has it, grants it for all volumes there."""
        viewer = await self._acting("viewer")
        await self._allow(MAY_CLONE, "viewer")
        await self._accepted(viewer, "w")

    async def test_a_template_is_checked_later_for_the_default_account(self) -> None:
        """5.3: the machine is admitted and shows Failure; it gets well once its namespace's account has the right."""
        found = await self.holds("denied", "Failure", lambda vm: says(vm, "Failure")[0] == "True")
        self.assertEqual(says(found, "Failure"), ("True", "FailedCreate"))
        self.assertIn("not authorized to create DataVolume", conditions(found)["Failure"]["message"])
        self.assertEqual((await self.control.ask("GET", f"{self.volumes}/denied-root")).status, 404)
        await self._allow({**MAY_CLONE, "resourceNames": ["cirros"]}, "default")
        healed = await self.shows("denied", "Running")
        self.assertNotIn("Failure", conditions(healed))

    async def test_a_source_that_is_not_there(self) -> None:
        """5.3: 400 for a separate volume; a machine with it in a template is admitted, and fails."""
        self.refused(await self.offer(volume("x", MISSING)), 400, 'datasources.cdi.kubevirt.io "missing" not found')
        found = await self.holds("sourceless", "Failure", lambda vm: says(vm, "Failure")[0] == "True")
        self.assertEqual((printable(found), says(found, "Failure")[1]), ("Stopped", "FailedCreate"))

    async def _acting(self, name: str) -> Person:
        """The administrator in the name of an account that may make volumes."""
        await self.make(role(name, MAKES), binding(name, "Role", name, self.namespace, name))
        user = {"Impersonate-User": account(self.namespace, name)}
        person = Person(self.pool, self.access, self.access.admin, user)

        async def allowed() -> bool:
            return (await person.ask("GET", f"{self.volumes}/nothing")).status == 404

        await self.control.until(SOON, "the right to make volumes", allowed)
        return person

    async def _allow(self, rule: Document, name: str) -> None:
        """A right in the images' namespace, for this test."""
        made = f"{self.namespace}-{uuid4().hex[:8]}"
        bound = binding(made, "Role", made, self.namespace, name)
        for plural, each in (("roles", role(made, rule)), ("rolebindings", bound)):
            path = f"{RBAC}/namespaces/{IMAGES_NAMESPACE}/{plural}"
            await self.control.change("POST", path, each)
            self.addCleanup(self._forget, f"{path}/{made}")

    async def _accepted(self, person: Person, name: str) -> None:
        async def made() -> bool:
            return (await person.ask("POST", self.volumes, volume(name, from_image()))).status == 201

        await self.control.until(SOON, f"{name} to be accepted", made)

    def _forget(self, path: str) -> Deferred[Document]:
        return Deferred.fromCoroutine(self.control.change("DELETE", path))


class SizeTests(SeenTestCase):
    CAST = (volume("small", from_image("debian-13", SMALL)), volume("v", from_source({"http": {"url": URL}})))

    async def test_a_target_smaller_than_its_source_waits_for_ever(self) -> None:
        """5.3: it is admitted, stays CloneScheduled, and an Event of the claim says why."""
        await self.becomes(f"{self.volumes}/small", "scheduled", _phase("CloneScheduled"))
        await self.becomes(f"{self.core}/events", "the reason", _has_event("small", "ErrIncompatiblePVC"))
        found = await self.control.get(f"{self.volumes}/small")
        self.assertEqual(found["status"]["phase"], "CloneScheduled")

    async def test_a_claim_for_a_file_system_is_larger(self) -> None:
        """6: 1 GiB that a DataVolume asks for is a claim of 1138166334 bytes, 6 % more."""
        await self.becomes(f"{self.volumes}/v", "filled", _phase("Succeeded"))
        claim = await self.control.get(f"{self.core}/persistentvolumeclaims/v")
        self.assertEqual(claim["spec"]["resources"]["requests"]["storage"], "1138166334")
        self.assertEqual(claim["status"]["capacity"]["storage"], "1138166334")
        asked = (await self.control.get(f"{self.volumes}/v"))["spec"]["storage"]["resources"]["requests"]["storage"]
        self.assertEqual(asked, SMALL)

    async def test_a_new_volume_has_no_phase(self) -> None:
        """6: a DataVolume is without a phase for its first events."""
        await self.becomes(f"{self.volumes}/v", "filled", _phase("Succeeded"))
        phases = [each.object.get("status", {}).get("phase") for each in await self.story(self.volumes, "v")]
        self.assertIsNone(phases[0])
        self.assertEqual(phases[-1], "Succeeded")

    async def test_its_claim_tells_of_itself_too(self) -> None:
        """12: the life of a volume is events of the DataVolume and of its claim."""
        await self.becomes(f"{self.volumes}/v", "filled", _phase("Succeeded"))
        for collection in (self.volumes, f"{self.core}/persistentvolumeclaims"):
            self.assertGreater(len(await self.story(collection, "v")), 3, collection)


def _phase(awaited: str) -> Callable[[Document], bool]:
    def seen(found: Document) -> bool:
        phase: str = found.get("status", {}).get("phase", "")
        return phase == awaited

    return seen


def _has_event(name: str, reason: str) -> Callable[[Document], bool]:
    def seen(found: Document) -> bool:
        return any(each["involvedObject"]["name"] == name and each["reason"] == reason for each in found["items"])

    return seen
