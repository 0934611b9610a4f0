"""What objects look like, and what is served: schemas, discovery, OpenAPI, tables and definitions.

It runs on the real programs and on the sandbox.

Differences that are meant: the sandbox serves what Dicot and its controllers use and nothing else, it describes
no column and no field, it names no Go type that OpenAPI does not name, and it establishes a definition in the answer
to its creation.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest

from tests.cluster import record
from tests.cluster.control import Answer
from tests.cluster.modules import KUBERNETES_SERIES
from tests.cluster.objects import Document, named
from tests.cluster.releases import LATELY, release, worded
from tests.live.seen.contract import ContractTestCase, told
from tests.sandbox.apiserver.refused import REFUSED
from tests.sandbox.apiserver.undecodable import UNDECODABLE
from tests.sandbox.apiserver.wrong import NOT_WHOLE, UUID, WRONG, Wrong

WHOLE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PRESERVING = "x-kubernetes-preserve-unknown-fields"
SINGULAR = {"pods": "Pod", "configmaps": "ConfigMap", "secrets": "Secret"}
CLUSTERED = frozenset(("storageprofiles",))


def said(answer: Answer) -> dict[str, str]:
    """The causes of a refusal."""
    causes = answer.document.get("details", {}).get("causes", [])
    return {f"{each.get('field')}: {each['message']}": each["reason"] for each in causes}


class FactTests(ContractTestCase):
    """The files of the sandbox and what runs here agree, so that an upgrade shows."""

    async def test_the_files_say_what_is_served(self) -> None:
        here = await release(self.control)
        if f"v{here[0]}.{here[1]}" != KUBERNETES_SERIES:
            raise SkipTest(f"they were written by {KUBERNETES_SERIES}")
        for name, content in (await record.recorded(self.control)).items():
            self.assertEqual((record.FOLDER / name).read_text().splitlines(), content.splitlines(), name)


class DiscoveryTests(ContractTestCase):
    async def test_both_forms_say_the_same(self) -> None:
        for root in ("/api", "/apis"):
            answer = await self.control.ask("GET", root, accept=WHOLE)
            self.assertEqual(answer.document["kind"], "APIGroupDiscoveryList")
            names = {group["metadata"].get("name", ""): group for group in answer.document["items"]}
            # What the tests beside this one define goes in one form before the other.
            names.pop("contract.dicot.io", None)
            for name, group in names.items():
                for version in group["versions"]:
                    await self.same(root, name, version)

    async def same(self, root: str, group: str, version: Document) -> None:
        place = "/".join(filter(None, (root, group, version["version"])))
        listed = (await self.control.get(place))["resources"]
        names = [each["name"] for each in listed if "/" not in each["name"]]
        found = [each["resource"] for each in version["resources"]]
        # virt-api lists subresources of what it does not list.
        self.assertLessEqual(set(names), set(found), place)
        kinds = {each["name"]: each for each in listed}
        for each in version["resources"]:
            if each["resource"] in kinds:
                plain = kinds[each["resource"]]
                self.assertEqual(each["singularResource"], plain["singularName"])
                self.assertEqual(each["verbs"] or [], plain["verbs"] or [])
                self.assertEqual(each.get("shortNames"), plain.get("shortNames"))

    async def test_a_group_of_definitions(self) -> None:
        found = await self.control.get("/apis/network.dicot.io/v1")
        verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
        port = {"name": "ports", "singularName": "port", "namespaced": True, "kind": "Port", "verbs": verbs}
        self.assertIn({**port, "storageVersionHash": "k5Rsl4IZ5co="}, found["resources"])
        group = await self.control.get("/apis/network.dicot.io")
        version = {"groupVersion": "network.dicot.io/v1", "version": "v1"}
        self.assertEqual(group["preferredVersion"], version)

    async def test_what_is_not_served(self) -> None:
        expected = {"/apis/nobody.dicot.io": "text", "/apis/nobody.dicot.io/v1": "text", "/api/v2": "NotFound"}
        for path, how in expected.items():
            answer = await self.control.ask("GET", path)
            self.assertEqual(answer.status, 404, path)
            if how == "text":
                self.assertEqual(answer.content, b"404 page not found\n", path)
            else:
                self.assertEqual(told(answer), "404 NotFound: the server could not find the requested resource")


class OpenApiTests(ContractTestCase):
    async def test_the_index_leads_to_documents(self) -> None:
        paths = (await self.control.get("/openapi/v3"))["paths"]
        found = await self.control.get(paths["apis/network.dicot.io/v1"]["serverRelativeURL"])
        port = found["components"]["schemas"]["io.dicot.network.v1.Port"]
        kind = {"group": "network.dicot.io", "kind": "Port", "version": "v1"}
        self.assertEqual(port["x-kubernetes-group-version-kind"], [kind])
        self.assertEqual(port["required"], ["spec"])
        self.assertIn("allOf", port["properties"]["metadata"])

    async def test_the_second_version_says_the_same_of_fields(self) -> None:
        found = (await self.control.get("/openapi/v2"))["definitions"]
        port = found["io.dicot.network.v1.Port"]
        self.assertEqual(port["required"], ["spec"])
        self.assertIn("$ref", port["properties"]["metadata"])
        self.assertNotIn("nullable", port["properties"]["spec"])
        guest = found["io.kubevirt.v1.VirtualMachineInstance"]["properties"]["spec"]["properties"]["domain"]
        self.assertEqual(set(guest["properties"]["clock"]) - {"description"}, {PRESERVING})

    async def test_the_second_version_comes_as_it_is_asked_for(self) -> None:
        asked = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
        expected = {asked: b"\x0a\x032.0", "application/json": b"{", "text/html, */*": b"{", "text/html": b""}
        for accept, start in expected.items():
            answer = await self.control.ask("GET", "/openapi/v2", accept=accept)
            self.assertEqual(answer.status, 200 if start else 406, accept)
            self.assertEqual(answer.content[: len(start) or 1], start, accept)

    async def test_a_patch_says_that_it_is_validated_and_what_it_takes(self) -> None:
        found = await self.control.get("/openapi/v3/api/v1")
        patch = found["paths"]["/api/v1/namespaces/{namespace}/configmaps/{name}"]["patch"]
        self.assertLessEqual({"dryRun", "fieldValidation"}, {each["name"] for each in patch["parameters"]})
        self.assertIn("application/strategic-merge-patch+json", patch["requestBody"]["content"])


class RefusalTests(ContractTestCase):
    def place(self, case: Wrong) -> str:
        within = "" if case.plural in CLUSTERED else f"/namespaces/{self.namespace}"
        return f"/apis/{case.api_version}{within}/{case.plural}"

    async def test_each_wrong_object_is_refused_with_its_causes(self) -> None:
        here = await release(self.control)
        is_late = here >= LATELY
        for what, case in WRONG.items():
            answer = await self.offered(case)
            self.assertEqual(answer.status, 422, (what, answer.content))
            causes = {worded(here, why): kind for why, kind in case.causes.items() if is_late or why != NOT_WHOLE}
            self.assertEqual(said(answer), causes, what)
            texts = [f"{each['field']}: {each['message']}" for each in answer.document["details"]["causes"]]
            listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
            group = case.api_version.partition("/")[0]
            self.assertEqual(answer.document["message"], f'{case.kind}.{group} "wrong" is invalid: {listed}', what)

    async def offered(self, case: Wrong) -> Answer:
        path = self.place(case)
        if case.old is None:
            return await self.control.ask("POST", f"{path}?dryRun=All", case.manifest(case.spec))
        found = await self.control.change("POST", path, case.manifest(case.old))
        while True:
            version = {"name": "wrong", "resourceVersion": found["metadata"]["resourceVersion"]}
            answer = await self.control.ask("PUT", f"{path}/wrong", {**case.manifest(case.spec), "metadata": version})
            if answer.status != 409:
                break
            # A controller has written in between: snapshots have one.
            found = await self.control.get(f"{path}/wrong")
        await self.control.change("DELETE", f"{path}/wrong")
        return answer

    async def test_each_wrong_built_in_object_is_refused_with_its_causes(self) -> None:
        here = await release(self.control)
        for path, body, causes in REFUSED:
            sent = {"metadata": {"name": "wrong"}, **body}
            answer = await self.control.ask("POST", f"{path.format(self.namespace)}?dryRun=All", sent)
            expected = {worded(here, cause): reason for cause, reason in causes.items()}
            self.assertEqual((answer.status, said(answer)), (422, expected), (path, body))

    async def test_what_never_changes(self) -> None:
        here = await release(self.control)
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "one"}
        bindings = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.namespace}/rolebindings"
        shown = '{"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"two"}'
        cases: tuple[tuple[str, Document, Document, str], ...] = (
            (bindings, {"roleRef": role}, {"roleRef": {**role, "name": "two"}}, f"{shown}: cannot change roleRef"),
            (f"{self.core}/secrets", {"type": "a"}, {"type": "b"}, '"b": field is immutable'),
        )
        for path, old, new, why in cases:
            await self.control.change("POST", path, {"metadata": {"name": "kept"}, **old})
            answer = await self.control.ask("PUT", f"{path}/kept", {"metadata": {"name": "kept"}, **new})
            text = worded(here, f"{next(iter(new))}: Invalid value: {why}")
            self.assertEqual(said(answer), {text: "FieldValueInvalid"})

    async def test_what_is_immutable_by_its_own_word(self) -> None:
        path = f"{self.core}/configmaps"
        kept = {"metadata": {"name": "kept"}, "immutable": True, "data": {"a": ""}}
        await self.control.change("POST", path, kept)
        answer = await self.control.ask("PUT", f"{path}/kept", {**kept, "data": {"b": ""}})
        why = "data: Forbidden: field is immutable when `immutable` is set"
        self.assertEqual(said(answer), {why: "FieldValueForbidden"})

    async def test_what_no_go_type_holds(self) -> None:
        for plural, manifest, why in UNDECODABLE:
            kind = SINGULAR[plural]
            sent = named(kind, "wrong", **{name: each for name, each in manifest.items() if name != "metadata"})
            sent["metadata"].update(manifest.get("metadata", {}))
            answer = await self.control.ask("POST", f"{self.core}/{plural}?dryRun=All", sent)
            self.assertEqual(
                told(answer), f'400 BadRequest: {kind} in version "v1" cannot be handled as a {kind}: {why}'
            )

    async def test_a_custom_objects_metadata(self) -> None:
        sent = {"apiVersion": "network.dicot.io/v1", "kind": "Port", "metadata": {"name": "x", "labels": {"a": 1}}}
        path = f"/apis/network.dicot.io/v1/namespaces/{self.namespace}/ports?dryRun=All"
        why = "json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string"
        self.assertEqual(
            told(await self.control.ask("POST", path, sent)),
            f'400 BadRequest: Port in version "v1" cannot be handled as a Port: {why}',
        )


class StrictnessTests(ContractTestCase):
    """fieldValidation."""

    PORT: Document = {
        "apiVersion": "network.dicot.io/v1",
        "kind": "Port",
        "metadata": {"name": "p", "nick": 1},
        "spec": {"networkId": UUID, "zeta": 1, "fixedIps": [{"mask": 1, "ipAddress": "192.0.2.1"}]},
        "alpha": {},
    }
    UNKNOWN = ("metadata.nick", "alpha", "spec.fixedIps[0].mask", "spec.zeta")

    async def sent(self, validation: str) -> Answer:
        path = f"/apis/network.dicot.io/v1/namespaces/{self.namespace}/ports"
        return await self.control.ask("POST", f"{path}?dryRun=All&fieldValidation={validation}", self.PORT)

    async def test_strict(self) -> None:
        fields = ", ".join(f'unknown field "{each}"' for each in self.UNKNOWN)
        why = f'Port in version "v1" cannot be handled as a Port: strict decoding error: {fields}'
        self.assertEqual(told(await self.sent("Strict")), f"400 BadRequest: {why}")

    async def test_warn(self) -> None:
        answer = await self.sent("Warn")
        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.warnings, tuple(f'299 - "unknown field \\"{each}\\""' for each in self.UNKNOWN))

    async def test_ignore(self) -> None:
        answer = await self.sent("Ignore")
        self.assertEqual((answer.status, answer.warnings), (201, ()))
        found = answer.document
        self.assertNotIn("alpha", found)
        self.assertEqual(found["spec"]["fixedIps"], [{"ipAddress": "192.0.2.1"}])
        self.assertEqual(found["spec"]["portSecurity"], True)


class TableTests(ContractTestCase):
    CAST = (
        named("ConfigMap", "three", data={"a": "1", "b": "2"}, binaryData={"c": "AA=="}),
        named("Secret", "one", type="example.org/kind", data={"a": "AA=="}),
    )

    async def cells(self, path: str) -> list[Any]:
        answer = await self.control.ask("GET", path, accept=record.TABLE)
        table = answer.document
        self.assertEqual((table["kind"], table["apiVersion"]), ("Table", "meta.k8s.io/v1"))
        ages = [place for place, each in enumerate(table["columnDefinitions"]) if each["name"] == "Age"]
        row: list[Any] = table["rows"][0]["cells"]
        for place in ages:
            self.assertRegex(row[place], r"\A\d+[smhd]")
            row[place] = "AGE"
        return row

    async def test_what_there_is(self) -> None:
        expected: dict[str, list[Any]] = {
            f"{self.core}/configmaps/three": ["three", 3, "AGE"],
            f"{self.core}/secrets/one": ["one", "example.org/kind", 1, "AGE"],
            f"{self.core}/serviceaccounts/default": ["default", "AGE"],
            f"/api/v1/namespaces/{self.namespace}": [self.namespace, "Active", "AGE"],
        }
        if await release(self.control) < LATELY:
            expected |= {f"{self.core}/serviceaccounts/default": ["default", 0, "AGE"]}
        for path, row in expected.items():
            self.assertEqual(await self.cells(path), row, path)

    async def test_bindings_and_claims(self) -> None:
        api = "/apis/rbac.authorization.k8s.io/v1"
        await self.made(
            f"{api}/namespaces/{self.namespace}/rolebindings",
            {
                "metadata": {"name": "b"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
                "subjects": [
                    {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "u"},
                    {"kind": "ServiceAccount", "name": "s", "namespace": "n"},
                ],
            },
            ["b", "ClusterRole/view", "AGE", "u", "", "n/s"],
        )
        await self.made(
            f"{self.core}/persistentvolumeclaims",
            {
                "metadata": {"name": "c"},
                "spec": {
                    "accessModes": ["ReadWriteMany"],
                    "storageClassName": "nobody",
                    "resources": {"requests": {"storage": "1024Mi"}},
                },
            },
            ["c", "Pending", "", "", "", "nobody", "<unset>", "AGE", "Filesystem"],
        )

    async def made(self, path: str, document: Document, row: list[Any]) -> None:
        await self.control.change("POST", path, document)
        self.assertEqual(await self.cells(f"{path}/{document['metadata']['name']}"), row)

    async def test_custom_columns(self) -> None:
        path = f"/apis/network.dicot.io/v1/namespaces/{self.namespace}/ports"
        spec = {"networkId": UUID, "name": "Shown", "vm": "v", "interface": "nic"}
        port = {"apiVersion": "network.dicot.io/v1", "kind": "Port", "metadata": {"name": "p"}, "spec": spec}
        await self.made(path, port, ["p", "Shown", "v", "nic", "", UUID, "AGE"])

    async def test_what_goes_with_a_row(self) -> None:
        path = f"{self.core}/configmaps/three?includeObject="
        for include, kind in (("Metadata", "PartialObjectMetadata"), ("Object", "ConfigMap"), ("None", None)):
            answer = await self.control.ask("GET", path + include, accept=record.TABLE)
            found = answer.document["rows"][0]["object"]
            self.assertEqual(found and found["kind"], kind)

    async def test_metadata_alone(self) -> None:
        answer = await self.control.ask("GET", f"{self.core}/configmaps/three", accept=PARTIAL)
        self.assertEqual(set(answer.document), {"kind", "apiVersion", "metadata"})


class DefinitionTests(ContractTestCase):
    """How definitions come and go."""

    def definition(self, plural: str, **names: str) -> Document:
        schema = {"type": "object", "properties": {"spec": {"type": "object"}}}
        version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
        kind = {"plural": plural, "kind": plural.capitalize(), **names}
        spec = {"group": "contract.dicot.io", "scope": "Namespaced", "names": kind, "versions": [version]}
        head = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
        return {**head, "metadata": {"name": f"{plural}.contract.dicot.io"}, "spec": spec}

    async def define(self, plural: str, established: str = "True", **names: str) -> Document:
        definition = self.definition(plural, **names)
        await self.control.change("POST", DEFINITIONS, definition)
        path = f"{DEFINITIONS}/{definition['metadata']['name']}"
        self.forget(path)

        def settled(found: Document) -> bool:
            conditions = {each["type"]: each["status"] for each in found["status"].get("conditions") or ()}
            return conditions.get("Established") == established

        return await self.becomes(path, "is decided", settled)

    async def test_one_that_is_served(self) -> None:
        plural = f"things{uuid4().hex[:6]}"
        found = await self.define(plural)
        names = {"plural": plural, "singular": plural, "kind": plural.capitalize()}
        self.assertEqual(found["status"]["acceptedNames"], {**names, "listKind": f"{plural.capitalize()}List"})
        self.assertEqual(found["status"]["storedVersions"], ["v1"])
        self.assertEqual(found["spec"]["conversion"], {"strategy": "None"})
        conditions = {each["type"]: (each["reason"], each["message"]) for each in found["status"]["conditions"]}
        self.assertEqual(
            conditions,
            {
                "NamesAccepted": ("NoConflicts", "no conflicts found"),
                "Established": ("InitialNamesAccepted", "the initial names have been accepted"),
            },
        )

    async def test_names_that_somebody_has(self) -> None:
        one, two = f"ones{uuid4().hex[:6]}", f"twos{uuid4().hex[:6]}"
        await self.define(one)
        found = await self.define(two, "False", singular=one)
        conditions = {each["type"]: each for each in found["status"]["conditions"]}
        self.assertEqual(conditions["NamesAccepted"]["status"], "False")
        self.assertEqual(conditions["NamesAccepted"]["message"], f'"{one}" is already in use')
        self.assertEqual(conditions["Established"]["reason"], "NotAccepted")
        self.assertEqual((await self.control.ask("GET", f"/apis/contract.dicot.io/v1/{two}")).status, 404)

    async def test_its_objects_go_first(self) -> None:
        plural = f"goes{uuid4().hex[:6]}"
        await self.define(plural)
        objects = f"/apis/contract.dicot.io/v1/namespaces/{self.namespace}/{plural}"
        kind = {"apiVersion": "contract.dicot.io/v1", "kind": plural.capitalize()}
        held = {**kind, "metadata": {"name": "held", "finalizers": ["dicot.io/held"]}}
        await self.until(lambda: self.offered(objects, held), lambda answer: answer.status in (201, 409))
        path = f"{DEFINITIONS}/{plural}.contract.dicot.io"
        await self.control.change("DELETE", path)
        await self.becomes(path, "waits", lambda found: found["status"]["conditions"][-1]["type"] == "Terminating")
        answer = await self.control.ask("POST", objects, {**kind, "metadata": {"name": "late"}})
        why = "create not allowed while custom resource definition is terminating"
        self.assertEqual(told(answer), f'403 Forbidden: {plural}.contract.dicot.io "late" is forbidden: {why}')
        await self.change(f"{objects}/held", {"metadata": {"finalizers": None}})
        await self.vanishes(path)

    def offered(self, path: str, document: Document) -> Any:
        return Deferred.fromCoroutine(self.control.ask("POST", path, document))

    async def test_one_of_another_name(self) -> None:
        definition = self.definition("things")
        definition["metadata"]["name"] = "a.b"
        answer = await self.control.ask("POST", f"{DEFINITIONS}?dryRun=All", definition)
        why = 'metadata.name: Invalid value: "a.b": must be spec.names.plural+"."+spec.group'
        self.assertEqual(said(answer), {why: "FieldValueInvalid"})
