"""Everyday kubectl and virtctl, as people see them: what they print of objects, and what they say when it goes wrong.

It runs on the real programs and on the sandbox, with the kubectl that was built here and with the one of the machine.

Differences that are meant: the sandbox describes no field, serves fewer kinds, and says of what needs a real node
(logs, exec, port-forward) that it does not know it, where the real API server says that it does not find the node.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import SkipTest

from tests.cluster.commands import Finished, run
from tests.cluster.modules import KUBERNETES_VERSION
from tests.cluster.objects import Document, named
from tests.live.seen.contract import ContractTestCase
from tests.live.seen.objects import NOWHERE, machine

NOT_FOUND = "the server could not find the requested resource"
LAST = "metadata.annotations.kubectl\\\\.kubernetes\\\\.io/last-applied-configuration"
AGE = re.compile(r"\b\d+(?:m\d+)?s\b")
CLAIM: Document = named(
    "PersistentVolumeClaim",
    "claim",
    spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
)
LIST: Document = {
    "apiVersion": "v1",
    "kind": "List",
    "items": [
        named("ConfigMap", "listed", data={"a": "b"}),
        machine("listed", runStrategy="Halted"),
    ],
}
WRONG: Document = {
    **LIST,
    "items": [{**machine("wrong"), "spec": {"strategy": "x", "template": {"spec": {}}}}],
}


def labelled(name: str, labels: Mapping[str, str], **data: str) -> Document:
    """A ConfigMap with labels."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": data}


class KubectlTestCase(ContractTestCase):
    """Runs commands in the namespace of the class."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        found = (self.access.programs.get("kubectl"), shutil.which("kubectl"))
        self.programs = tuple(dict.fromkeys(each for each in found if each))
        if not self.programs:
            raise SkipTest("no kubectl is here")

    async def ended(self, line: str, program: str = "", text: str = "") -> Finished:
        """What a line of words comes to; NS in it is the namespace."""
        home = Path("kubectl").absolute()
        words = shlex.split(line.replace("NS", self.namespace))
        where = ("--kubeconfig", str(self.access.kubeconfig), "--namespace", self.namespace)
        command = (program or self.programs[0], *words[:1], *where, *words[1:])
        return await run(reactor, command, {"HOME": str(home), "KUBE_EDITOR": "sed -i s/b:/c:/"}, text=text)

    async def said(self, line: str, program: str = "", sent: object = None) -> str:
        """All that it prints, without what differs from one time to the next."""
        text = sent if isinstance(sent, str) else json.dumps(sent) if sent is not None else ""
        finished = await self.ended(line, program, text)
        shown = AGE.sub("AGE", finished.output + finished.errors).replace(self.namespace, "NS")
        # Only newer ones say where an object was that they deleted.
        shown = shown.replace(" from NS namespace", "")
        return "\n".join(re.sub(" {2,}", "  ", each).rstrip() for each in shown.strip().splitlines())

    async def say(self, expected: Mapping[str, str], sent: object = None) -> None:
        """Fails unless each line comes to what is expected, one after the other."""
        for line, text in expected.items():
            self.assertEqual(await self.said(line, sent=sent), text, line)


class ReadTests(KubectlTestCase):
    CAST = (
        labelled("one", {"a": "b"}, k="v"),
        named("ConfigMap", "two"),
        named("Secret", "hidden", data={"k": "dg=="}),
        machine("idle", runStrategy="Halted"),
    )

    async def test_get(self) -> None:
        await self.say(
            {
                "get cm one two": "NAME  DATA  AGE\none  1  AGE\ntwo  0  AGE",
                "get cm -l a=b": "NAME  DATA  AGE\none  1  AGE",
                "get cm -l a=b --show-labels": "NAME  DATA  AGE  LABELS\none  1  AGE  a=b",
                "get cm one -L a": "NAME  DATA  AGE  A\none  1  AGE  b",
                "get cm -l 'a notin (b),!c' --field-selector metadata.name=two -o name": "configmap/two",
                "get cm --chunk-size 1 -o name": "configmap/kube-root-ca.crt\nconfigmap/one\nconfigmap/two",
                "get cm one -o jsonpath={.data.k}": "v",
                "get cm one -o custom-columns=N:.metadata.name,V:.data.k": "N  V\none  v",
                "get cm --sort-by .metadata.creationTimestamp --field-selector metadata.name!=one -o name": (
                    "configmap/kube-root-ca.crt\nconfigmap/two"
                ),
                "get vm": "NAME  AGE  STATUS  READY\nidle  AGE  Stopped  False",
                "get vm/idle cm/two": (
                    "NAME  AGE  STATUS  READY\nvirtualmachine.kubevirt.io/idle  AGE  Stopped  False\n\n"
                    "NAME  DATA  AGE\nconfigmap/two  0  AGE"
                ),
                "get secret hidden": "NAME  TYPE  DATA  AGE\nhidden  Opaque  1  AGE",
                "get vmi": "No resources found in NS namespace.",
                "get nothings": 'error: the server doesn\'t have a resource type "nothings"',
                "get cm nobody": 'Error from server (NotFound): configmaps "nobody" not found',
                "get vm nobody": 'Error from server (NotFound): virtualmachines.kubevirt.io "nobody" not found',
                "get vm nobody --ignore-not-found": "",
                "get vm --field-selector status.phase=x": (
                    'Error from server (BadRequest): Unable to find "kubevirt.io/v1, Resource=virtualmachines" '
                    'that match label selector "", field selector "status.phase=x": '
                    "field label not supported: status.phase"
                ),
                "get --raw /nothing": f"Error from server (NotFound): {NOT_FOUND}",
                "get --raw /readyz": "ok",
            }
        )

    async def test_objects_of_all_namespaces(self) -> None:
        found = await self.said("get vm -A --field-selector metadata.name=idle")
        self.assertEqual(found, "NAMESPACE  NAME  AGE  STATUS  READY\nNS  idle  AGE  Stopped  False")

    async def test_whole_objects(self) -> None:
        for form in ("yaml", "json"):
            for program in self.programs:
                found = await self.said(f"get cm one -o {form}", program)
                self.assertNotIn("managedFields", found)
                self.assertLess(found.index("apiVersion"), found.index("creationTimestamp"))

    async def test_a_watch(self) -> None:
        self.assertEqual(await self.said("get cm two -w --request-timeout 1s"), "NAME  DATA  AGE\ntwo  0  AGE")

    async def test_describe(self) -> None:
        cases = {
            "describe cm one": ("Name:  one", "Labels:  a=b", "Data\n====\nk:\n----\nv", "Events:  <none>"),
            "describe secret hidden": ("Type:  Opaque", "k:  1 bytes"),
            "describe vm idle": (
                "API Version:  kubevirt.io/v1",
                "Run Strategy:  Halted",
                "Printable Status:  Stopped",
            ),
            "describe ns NS": ("Status:  Active", "No resource quota.", "No LimitRange resource."),
            "describe sa default": ("Name:  default", "Image pull secrets:  <none>"),
            "describe node node-1": ("Roles:  ", "KubeletReady", "Allocated resources:", "devices.kubevirt.io/kvm"),
            "describe vm nobody": ('Error from server (NotFound): virtualmachines.kubevirt.io "nobody" not found',),
        }
        for line, parts in cases.items():
            found = await self.said(line)
            for part in parts:
                self.assertIn(part, found, line)

    async def test_what_is_served(self) -> None:
        for program in self.programs:
            self.assertIn(
                "\nvirtualmachines  vm,vms  kubevirt.io/v1  true  ", await self.said("api-resources", program)
            )
            self.assertIn("rbac.authorization.k8s.io/v1", await self.said("api-versions", program))
            self.assertIn(f"Server Version: {KUBERNETES_VERSION}", await self.said("version", program))
            self.assertIn("Kubernetes control plane", await self.said("cluster-info", program))

    async def test_explain(self) -> None:
        for program in self.programs:
            said = await self.said("explain vm.spec.runStrategy", program)
            self.assertIn(
                "GROUP:  kubevirt.io\nKIND:  VirtualMachine\nVERSION:  v1\n\nFIELD: runStrategy <string>", said
            )
            self.assertIn(
                "terminationMessagePath\t<string>", await self.said("explain pod.spec.containers --recursive")
            )
        await self.say(
            {
                "explain pod.nothing": 'KIND:  Pod\nVERSION:  v1\n\nerror: field "nothing" does not exist',
                "explain nothings": 'the server doesn\'t have a resource type "nothings"',
            }
        )

    async def test_what_no_machine_has(self) -> None:
        where = "virtualmachines.kubevirt.io"
        await self.say({"scale vm idle --replicas 2": f'Error from server (NotFound): {where} "idle" not found'})

    async def test_events(self) -> None:
        await self.say({"events --for vmi/nobody": "No events found in NS namespace."})


class WriteTests(KubectlTestCase):
    async def test_a_list(self) -> None:
        first, *others = self.programs
        made = "configmap/listed {0}\nvirtualmachine.kubevirt.io/listed {0}"
        self.assertEqual(await self.said("apply -f -", first, LIST), made.format("created"))
        for program in (first, *others):
            self.assertEqual(await self.said("apply -f -", program, LIST), made.format("unchanged"), program)
            kind = "VirtualMachine.spec"
            unknown = f'ValidationError({kind}): unknown field "strategy" in io.kubevirt.v1.{kind}'
            missing = f'missing required field "domain" in io.kubevirt.v1.{kind}.template.spec'
            said = await self.said("apply -f -", program, WRONG)
            self.assertIn(f"error validating data: [{unknown}, ", said)
            self.assertIn(f"ValidationError({kind}.template.spec): {missing}]", said)

    async def test_apply(self) -> None:
        one = named("ConfigMap", "applied", data={"a": "1", "b": "2"})
        two = named("ConfigMap", "applied", data={"a": "2"})
        await self.say({"apply -f -": "configmap/applied created"}, one)
        await self.say(
            {
                "apply -f - --dry-run=server": "configmap/applied configured (server dry run)",
                "apply -f -": "configmap/applied configured",
                "get cm applied -o jsonpath={.data}": '{"a":"2"}',
                "apply -f - --validate=strict": "configmap/applied unchanged",
                "diff -f -": "",
            },
            two,
        )
        changed = await self.said("diff -f -", sent=one)
        self.assertIn('\n-  a: "2"\n+  a: "1"\n+  b: "2"', changed)

    async def test_server_side_apply_after_apply(self) -> None:
        """What controllers wrote since stays, and the annotation follows."""
        await self.say({"apply -f -": "persistentvolumeclaim/claim created"}, CLAIM)
        wait = "wait pvc/claim --for=jsonpath={.status.phase}=Bound --timeout=20s"
        await self.say({wait: "persistentvolumeclaim/claim condition met"})
        more = {**CLAIM, "metadata": {"name": "claim", "labels": {"a": "b"}}}
        last = f"get pvc claim -o jsonpath={{.{LAST}}}"
        await self.say({"apply -f - --server-side": "persistentvolumeclaim/claim serverside-applied"}, more)
        metadata = {"labels": {"a": "b"}, "name": "claim", "namespace": "NS"}
        self.assertEqual(json.loads(await self.said(last))["metadata"], metadata)
        await self.say({"label pvc claim a=c --overwrite": "persistentvolumeclaim/claim labeled"})
        found = await self.said("apply -f - --server-side", sent=more)
        self.assertIn(
            'error: Apply failed with 1 conflict: conflict with "kubectl-label" using v1: .metadata.labels.a', found
        )

    async def test_create_and_replace(self) -> None:
        sent = named("ConfigMap", "made", data={"a": "1"})
        await self.say(
            {
                "create -f -": "configmap/made created",
                "create -f - --save-config": (
                    'Error from server (AlreadyExists): error when creating "STDIN": configmaps "made" already exists'
                ),
                "replace -f -": "configmap/made replaced",
            },
            sent,
        )
        strict = 'strict decoding error: unknown field "datum"'
        self.assertIn(strict, await self.said("create -f -", sent={**sent, "datum": {}}))

    async def test_makers(self) -> None:
        await self.say(
            {
                "create secret generic s --from-literal=a=b": "secret/s created",
                "create secret docker-registry d --docker-username=u --docker-password=p": "secret/d created",
                "create cm c --from-literal=b=1": "configmap/c created",
                "create sa me": "serviceaccount/me created",
                "create role r --verb=get --resource=pods,virtualmachines.kubevirt.io": (
                    "role.rbac.authorization.k8s.io/r created"
                ),
                "create rolebinding r --role=r --serviceaccount=NS:me": (
                    "rolebinding.rbac.authorization.k8s.io/r created"
                ),
                "create quota q --hard=pods=3": "resourcequota/q created",
                "create token nobody": 'error: failed to create token: serviceaccounts "nobody" not found',
                "edit cm c": "configmap/c edited",
                "get cm c -o jsonpath={.data}": '{"c":"1"}',
                "auth can-i get vm --as system:serviceaccount:NS:me": "yes",
                "auth can-i delete vm --as system:serviceaccount:NS:me": "no",
                "auth can-i get nothings": "yes\nWarning: the server doesn't have a resource type 'nothings'",
                "auth whoami --as bob --as-group g": (
                    "ATTRIBUTE  VALUE\nUsername  bob\nGroups  [g system:authenticated]"
                ),
                "get secrets --as system:serviceaccount:NS:me": (
                    'Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:NS:me" cannot '
                    'list resource "secrets" in API group "" in the namespace "NS"'
                ),
            }
        )
        self.assertRegex(await self.said("create token me"), r"\A[\w-]+\.[\w-]+\.[\w-]+\Z")

    async def test_changes(self) -> None:
        await self.say({"create -f -": "configmap/p created"}, named("ConfigMap", "p", data={"a": "1"}))
        cannot = "The request is invalid: the server rejected our request due to an error in our request"
        await self.say(
            {
                "label cm p x=1": "configmap/p labeled",
                "label cm p x=2": "error: 'x' already has a value (1), and --overwrite is false",
                "label cm p x=2 --overwrite": "configmap/p labeled",
                "label cm p x=2 --overwrite ": "configmap/p not labeled",
                "label cm p x-": "configmap/p unlabeled",
                "annotate cm p x=1": "configmap/p annotated",
                """patch cm p -p '{"data":{"b":"2"}}'""": "configmap/p patched",
                """patch cm p -p '{"data":{"b":"2"}}' """: "configmap/p patched (no change)",
                """patch cm p --type merge -p '{"data":{"c":"3"}}'""": "configmap/p patched",
                """patch cm p --type json -p '[{"op":"remove","path":"/data/c"}]'""": "configmap/p patched",
                """patch cm p --type json -p '[{"op":"remove","path":"/data/d"}]'""": cannot,
                "get cm p -o jsonpath={.data}{.metadata.annotations}": '{"a":"1","b":"2"}{"x":"1"}',
            }
        )

    async def test_what_never_changes_of_a_pod(self) -> None:
        spec = {"containers": [{"name": "c", "image": "i"}], **NOWHERE}
        await self.say({"create -f -": "pod/fixed created"}, named("Pod", "fixed", spec=spec))
        await self.say({"set image pod/fixed c=j": "pod/fixed image updated"})
        said = await self.said("""patch pod fixed -p '{"spec":{"hostname":"x"}}'""")
        start = 'The Pod "fixed" is invalid: spec: Forbidden: pod updates may not change fields other than '
        self.assertTrue(said.startswith(f"{start}`spec.containers[*].image`,"), said)
        self.assertEqual((await self.ended("logs fixed")).output, "")
        self.assertNotEqual((await self.ended("exec fixed -- true")).code, 0)
        await self.say(
            {
                "delete pod fixed --grace-period=0 --force": (
                    'pod "fixed" force deleted\n'
                    "Warning: Immediate deletion does not wait for confirmation that the running resource has been "
                    "terminated. The resource may continue to run on the cluster indefinitely."
                ),
            }
        )

    async def test_delete(self) -> None:
        for name in ("d1", "d2", "d3", "d4", "d5"):
            await self.control.change("POST", f"{self.core}/configmaps", labelled(name, {"d": name}))
        await self.say(
            {
                "delete cm d1 --wait=false": 'configmap "d1" deleted',
                "delete cm d2 --cascade=foreground": 'configmap "d2" deleted',
                "delete cm d3 --cascade=orphan": 'configmap "d3" deleted',
                "delete cm -l d=d4": 'configmap "d4" deleted',
                "delete cm -l d=nobody": "No resources found",
                "delete cm d5 --dry-run=server": 'configmap "d5" deleted (server dry run)',
                "delete cm d5 --now": 'configmap "d5" deleted',
                "delete cm d5": 'Error from server (NotFound): configmaps "d5" not found',
                "delete cm d5 --ignore-not-found": "",
                "delete nothings x": 'error: the server doesn\'t have a resource type "nothings"',
                "wait cm/d5 --for=delete --timeout=2s": "",
                "wait cm/d5 --for=condition=Ready --timeout=2s": (
                    'Error from server (NotFound): configmaps "d5" not found'
                ),
            }
        )


class MachineTests(KubectlTestCase):
    CAST = (machine("vm"),)

    async def virtctl(self, line: str) -> str:
        """What virtctl prints."""
        program = self.access.programs.get("virtctl")
        if program is None:
            raise SkipTest("no virtctl is here")
        return await self.said(line, program)

    async def test_a_life(self) -> None:
        await self.say(
            {"wait vm/vm --for=condition=Ready --timeout=30s": "virtualmachine.kubevirt.io/vm condition met"}
        )
        self.assertRegex(await self.said("get vmi vm"), r"\nvm  AGE  Running  [\d.]+  node-\d  True\Z")
        self.assertEqual(await self.virtctl("pause vm vm"), "VMI vm was scheduled to pause")
        paused = "wait vm/vm --for=jsonpath={.status.printableStatus}=Paused --timeout=20s"
        await self.say({paused: "virtualmachine.kubevirt.io/vm condition met"})
        self.assertEqual(await self.virtctl("unpause vm vm"), "VMI vm was scheduled to unpause")
        self.assertEqual(await self.virtctl("stop vm"), "VM vm was scheduled to stop")
        await self.vanishes(f"{self.guests}/vm")
        self.assertIn(
            "Started the virtual machine by creating the new virtual machine instance vm", await self.said("events")
        )
        self.assertIn("VM is not running", await self.virtctl("restart vm"))
