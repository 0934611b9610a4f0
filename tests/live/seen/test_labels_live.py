"""Labels, flavors, and the words in which sizes and refusals are told."""

from __future__ import annotations

from uuid import uuid4

from twisted.internet.defer import Deferred

from tests.cluster.objects import Document, named

from .objects import INSTANCETYPES, machine, printable, says
from .stage import SeenTestCase

ID = "dicot.io/id"
GROUP = "sg.dicot.io/0a1b2c3d"


def labelled(name: str, labels: dict[str, str], inner: dict[str, str]) -> Document:
    """A machine with labels of its own and labels for its instances."""
    made = machine(name, inner={"hostname": "web"})
    made["metadata"]["labels"] = labels
    made["spec"]["template"]["metadata"]["labels"] = inner
    return made


def instancetype(name: str, cpus: int, kind: str = "VirtualMachineInstancetype") -> Document:
    """A flavor."""
    spec = {"cpu": {"guest": cpus}, "memory": {"guest": "64Mi"}}
    return named(kind, name, None, "instancetype.kubevirt.io/v1beta1", spec=spec)


class LabelTests(SeenTestCase):
    CAST = (labelled("m", {ID: "on-the-vm", GROUP: ""}, {"dicot.io/server-group": "in-the-template"}),)

    async def test_labels_of_the_machine_stay_there(self) -> None:
        """2: neither instance nor Pod get the labels of the VirtualMachine; both get those of its template."""
        await self.shows("m", "Running")
        guest = await self.control.get(f"{self.guests}/m")
        (pod,) = (await self.control.get(f"{self.core}/pods"))["items"]
        for each in (guest, pod):
            labels = each["metadata"]["labels"]
            self.assertNotIn(ID, labels)
            self.assertNotIn(GROUP, labels)
            self.assertEqual(labels["dicot.io/server-group"], "in-the-template")

    async def test_an_instance_names_its_machine_by_uid(self) -> None:
        """2: the controller reference is how an instance leads to its server; the Pod's label is the hostname."""
        made = await self.shows("m", "Running")
        guest = await self.control.get(f"{self.guests}/m")
        (pod,) = (await self.control.get(f"{self.core}/pods"))["items"]
        (owner,) = guest["metadata"]["ownerReferences"]
        self.assertEqual((owner["kind"], owner["uid"], owner["controller"]), ("VirtualMachine", _uid(made), True))
        self.assertEqual(pod["metadata"]["labels"]["vm.kubevirt.io/name"], "web")


class FlavorTests(SeenTestCase):
    CAST = (
        instancetype("own", 1),
        machine("ours", instancetype={"name": "own", "kind": "VirtualMachineInstancetype"}),
    )

    async def test_the_spec_can_be_changed(self) -> None:
        """4.1: instancetypes are mutable, those of the cluster and those of a namespace."""
        path = f"{INSTANCETYPES}/virtualmachineclusterinstancetypes/{await self._flavor(1)}"
        own = f"{INSTANCETYPES}/namespaces/{self.namespace}/virtualmachineinstancetypes/own"
        for each in (path, own):
            changed = await self.change(each, {"spec": {"cpu": {"guest": 2}}})
            self.assertEqual(changed["spec"]["cpu"]["guest"], 2)

    async def test_no_cpu_at_all_is_accepted(self) -> None:
        """4.1: an instancetype with cpu 0 is accepted."""
        await self._flavor(0)
        await self.make(instancetype("zero", 0))

    async def test_a_flavor_that_is_not_there_fails_later(self) -> None:
        """4.1: a machine with an unknown instancetype is admitted, and then fails."""
        await self.make(machine("m", instancetype={"name": "missing"}))
        failed = await self.holds("m", "Failure", lambda vm: says(vm, "Failure")[0] == "True")
        self.assertEqual((printable(failed), says(failed, "Failure")[1]), ("Stopped", "FailedFindInstancetype"))

    async def test_the_status_tells_the_flavor_and_its_copy(self) -> None:
        """4.1: status.instancetypeRef has both names; spec.instancetype.revisionName stays empty."""
        made = await self.shows("ours", "Running")
        reference = made["status"]["instancetypeRef"]
        self.assertEqual((reference["name"], reference["kind"]), ("own", "VirtualMachineInstancetype"))
        copy = reference["controllerRevisionRef"]["name"]
        path = f"/apis/apps/v1/namespaces/{self.namespace}/controllerrevisions/{copy}"
        self.assertTrue(await self.control.answers(path))
        self.assertFalse(made["spec"]["instancetype"].get("revisionName"))

    async def _flavor(self, cpus: int) -> str:
        """One of the whole cluster, for this test."""
        name = f"seen-{uuid4().hex[:8]}"
        collection = f"{INSTANCETYPES}/virtualmachineclusterinstancetypes"
        made = instancetype(name, cpus, "VirtualMachineClusterInstancetype")
        await self.control.change("POST", collection, made)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.change("DELETE", f"{collection}/{name}")))
        return name


def _uid(made: Document) -> str:
    uid: str = made["metadata"]["uid"]
    return uid
