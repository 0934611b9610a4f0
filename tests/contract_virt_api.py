"""What virt-api says: to objects that are offered, and to every subresource in every state of a machine.

It runs on the real programs and on the sandbox; the answers are those of tests/sandbox/kubevirt/recorded.

Differences that are meant: streams to ports of guests (portforward, usbredir, vsock) are 501 in the sandbox;
``version`` says nothing of how a program was built.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults

from tests.cluster.control import MERGE, Answer
from tests.cluster.objects import Document
from tests.live.seen.objects import SUBRESOURCES, conditions, machine
from tests.live.seen.person import Person
from tests.live.seen.stage import SeenTestCase
from tests.sandbox.kubevirt import admissions, changes, records, requests, states

AT_ONCE = 8
"""Objects that are offered at a time."""
TRIES = 3


class AdmissionTests(SeenTestCase):
    maxDiff = None

    async def test_offers_are_answered_as_recorded(self) -> None:
        """What is right gets its defaults, what is wrong its causes."""
        offered, places = dict(admissions.every()), DeferredSemaphore(AT_ONCE)
        asked = [places.run(self.answer, each) for each in offered.values()]
        found = dict(zip(offered, await gatherResults(asked), strict=True))
        self.assertEqual(records.settle("admissions", found), {})

    async def answer(self, document: Document) -> Document:
        """What a record would hold of the answer. A webhook that was not reached has not answered."""
        for _ in range(TRIES):
            answer = await self.control.ask("POST", admissions.path(document, self.namespace), document)
            if not answer.is_unheard:
                break
        return admissions.kept(answer, self.namespace)


class StateTests(SeenTestCase):
    CAST = states.CAST

    async def test_every_subresource_in_every_state(self) -> None:
        """Codes and texts are those of the record."""
        await states.set_up(self)
        try:
            if records.is_recording():
                records.write("states", {name: await self.state(name) for name in states.NAMES[:-1]})
            found = {question.name: await self.answers(question) for question in states.QUESTIONS}
        finally:
            await states.let_go(self)
        wrong = {
            f"{asked} {name}": (answer, expected[name])
            for asked, (answers, expected) in records.settle("subresources", found).items()
            for name, answer in answers.items()
            if answer != expected[name] and not is_meant(answer, expected[name])
        }
        self.assertEqual(wrong, {})

    async def state(self, name: str) -> Document:
        """The objects of a state."""
        vmi = await self.control.ask("GET", f"{self.guests}/{name}")
        return states.objects(await self.machine(name), vmi.document if vmi.ok else None, self.namespace)

    async def answers(self, question: states.Question) -> Document:
        """What a record would hold of the answers for all machines."""
        asked = [Deferred.fromCoroutine(self.answer(question, name)) for name in states.NAMES]
        return dict(zip(states.NAMES, await gatherResults(asked), strict=True))

    async def answer(self, question: states.Question, name: str) -> Document:
        path = question.path(self.namespace, name)
        return states.kept(await self.control.ask(question.method, path, question.body), self.namespace, name)


def is_meant(found: Document, expected: Document) -> bool:
    """Whether a difference is one of those in the docstring above."""
    return bool(expected.get("stream")) and found["code"] == 501


class RequestTests(SeenTestCase):
    CAST = requests.CAST

    async def test_requests_are_answered_as_recorded(self) -> None:
        """Bodies, media, methods, paths and rights."""
        await self.shows(requests.RUNNING, "Running")
        found = {}
        for name, request in requests.REQUESTS.items():
            person = Person(self.pool, self.access, self.access.admin, request.headers)
            path = SUBRESOURCES + request.path.replace("NAMESPACE", self.namespace)
            answer = await person.ask(request.method, path, request.body)
            found[name] = requests.kept(answer, self.namespace)
        self.assertEqual(records.settle("requests", found), {})

    async def test_a_stored_machine_is_expanded(self) -> None:
        """All that its instancetype says and all defaults, and nothing of where they came from."""
        vm = await self.holds(requests.HALTED, "a copy", lambda vm: "instancetypeRef" in vm.get("status", {}))
        path = f"{SUBRESOURCES}/namespaces/{self.namespace}/virtualmachines/{requests.HALTED}/expand-spec"
        shown = await self.control.get(path)
        domain = shown["spec"]["template"]["spec"]["domain"]
        self.assertEqual(domain["cpu"], {"cores": 1, "sockets": 1, "threads": 1})
        self.assertEqual(domain["memory"], {"guest": "512Mi"})
        self.assertEqual(domain["firmware"], vm["spec"]["template"]["spec"]["domain"]["firmware"])
        self.assertNotIn("instancetype", shown["spec"])
        self.assertNotIn("instancetypeRef", shown["status"])

    async def test_what_it_says_of_itself(self) -> None:
        """The version that KubeVirt was seen in, and its health by the API server's."""
        both = f"{SUBRESOURCES}/", "/apis/subresources.kubevirt.io/v1alpha3/"
        for root in both:
            self.assertEqual((await self.control.get(f"{root}version"))["gitVersion"], "v1.8.4")
            health = await self.control.get(f"{root}healthz")
            self.assertEqual(health["apiserver"]["connectivity"], "ok")
            self.assertEqual(health["apiserver"]["version"]["major"], "1")
            self.assertTrue(health["config-resource-version"])

    async def test_a_guest_is_told_at_once(self) -> None:
        """Pause, freeze and their opposites are done when they are answered."""
        await self.shows(requests.RUNNING, "Running")
        path = f"{self.guests}/{requests.RUNNING}"
        for action, shown in (("pause", True), ("unpause", False)):
            self.assertEqual((await self.tell_guest(action)).status, 200)
            self.assertEqual("Paused" in conditions(await self.control.get(path)), shown)
        for action, frozen in (("freeze", "frozen"), ("unfreeze", "")):
            self.assertEqual((await self.tell_guest(action)).status, 200)
            self.assertEqual((await self.control.get(path))["status"].get("fsFreezeStatus", ""), frozen)

    async def test_a_request_is_left_to_the_controller(self) -> None:
        """A start that is to be paused is noted, any other turns the machine on at once."""
        await self.make(machine("vm-on", runStrategy="Halted"), machine("vm-frozen", runStrategy="Halted"))
        self.assertEqual((await self.tell("vm-on", "start")).status, 202)
        self.assertEqual((await self.machine("vm-on"))["spec"]["runStrategy"], "Always")
        self.assertEqual((await self.tell("vm-frozen", "start", {"paused": True})).status, 202)
        await self.becomes(
            f"{self.guests}/vm-frozen", "Paused", lambda vmi: vmi["spec"].get("startStrategy") == "Paused"
        )

    async def tell_guest(self, action: str) -> Answer:
        """Have an instance do something."""
        path = f"{SUBRESOURCES}/namespaces/{self.namespace}/virtualmachineinstances/{requests.RUNNING}/{action}"
        return await self.control.ask("PUT", path, {})


class ChangeTests(SeenTestCase):
    CAST = (machine("vm-changed"),)

    async def test_changes_are_answered_as_recorded(self) -> None:
        """Updates of machines and instances by somebody who is not KubeVirt."""
        await self.shows("vm-changed", "Running")
        found = {}
        for name, (kind, patch) in changes.CHANGES.items():
            path = f"{self.machines if kind == 'vm' else self.guests}/vm-changed?dryRun=All"
            answer = await self.control.ask("PATCH", path, patch, MERGE)
            found[name] = changes.kept(answer, self.namespace)
        self.assertEqual(records.settle("changes", found), {})
