"""Discovery, OpenAPI, and how definitions come and go."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from msgspec import json
from twisted.trial.unittest import SynchronousTestCase

from dicot.kube.kind import Manifest
from dicot.sandbox.apiserver import custom, gnostic
from dicot.sandbox.apiserver.definitions import CLEANUP, completed, condition, taken
from dicot.sandbox.apiserver.discovery import ranked
from dicot.sandbox.apiserver.documents import WHOLE, ServedDocuments
from dicot.sandbox.apiserver.registry import Served

from .definitions import known

NOW = "2026-01-01T00:00:00Z"
LATER = "2026-01-01T00:01:00Z"


def definition(name: str = "ports.network.dicot.io") -> Manifest:
    return deepcopy(known()[name])


class Documents(SynchronousTestCase):
    def setUp(self) -> None:
        self.served = Served()
        for name in ("virtualmachines.kubevirt.io", "ports.network.dicot.io"):
            self.define(name)
        self.documents = ServedDocuments(self.served, ())

    def define(self, name: str) -> None:
        found = definition(name)
        self.served.define(custom.served(found), custom.stored(found))

    def read(self, path: str, accept: str = "application/json") -> Any:
        found = self.documents.document(path, accept, {})
        assert found is not None
        return json.decode(found.body)

    def test_groups_are_in_order(self) -> None:
        groups = [each["name"] for each in self.read("/apis")["groups"]]
        self.assertEqual(groups[0], "apiregistration.k8s.io")
        self.assertEqual(groups[-2:], ["kubevirt.io", "network.dicot.io"])

    def test_a_group_prefers_its_stablest_version(self) -> None:
        found = self.read("/apis/kubevirt.io")
        self.assertEqual(found["preferredVersion"]["version"], "v1")
        self.assertEqual(sorted(("v1", "v2beta1", "v2", "v1alpha3", "x"), key=ranked)[::-1][:2], ["v2", "v1"])

    def test_resources_have_their_subresources(self) -> None:
        names = [each["name"] for each in self.read("/apis/kubevirt.io/v1")["resources"]]
        self.assertEqual(names, ["virtualmachines", "virtualmachines/status"])

    def test_nothing_is_there_where_nothing_is(self) -> None:
        for path in ("/apis/nobody.io", "/apis/nobody.io/v1", "/openapi/v3/apis/nobody.io/v1", "/what"):
            self.assertIsNone(self.documents.document(path, "", {}), path)

    def test_built_in_groups_say_which_versions_they_have_not(self) -> None:
        for path in ("/apis/apps/v9", "/api/v2"):
            found = self.documents.document(path, "", {})
            assert found is not None
            self.assertEqual((found.code, json.decode(found.body)["reason"]), (404, "NotFound"))

    def test_all_at_once(self) -> None:
        found = self.read("/apis", f"{WHOLE},application/json")
        last = found["items"][-1]["versions"][0]["resources"][0]
        self.assertEqual(last["responseKind"], {"group": "network.dicot.io", "version": "v1", "kind": "Port"})

    def test_what_is_new_is_told(self) -> None:
        self.read("/apis")
        self.define("users.identity.dicot.io")
        self.assertIn("identity.dicot.io", [each["name"] for each in self.read("/apis")["groups"]])

    def test_openapi_refers_only_to_what_it_says(self) -> None:
        for path in ("/openapi/v3/api/v1", "/openapi/v3/apis/kubevirt.io/v1"):
            found = self.read(path)
            types = found["components"]["schemas"]
            text = json.encode(found).decode()
            for name in {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}:
                self.assertIn(name, types)

    def test_openapi_v2_comes_in_two_forms(self) -> None:
        forms = {
            "application/json, */*": "application/json",
            "text/html, application/com.github.proto-openapi.spec.v2@v1.0+protobuf": gnostic.MEDIA,
            "application/com.github.proto-openapi.spec.v2@v1.0+protobuf;q=1,application/json": gnostic.MEDIA,
            "text/html": "",
        }
        for accept, media in forms.items():
            found = self.documents.document("/openapi/v2", accept, {})
            assert found is not None
            self.assertEqual((found.code, found.media if found.body else ""), (200 if media else 406, media), accept)

    def test_openapi_v2_changes_with_what_is_served(self) -> None:
        name = "io.dicot.identity.v1.User"
        self.assertNotIn(name, self.read("/openapi/v2")["definitions"])
        self.define("users.identity.dicot.io")
        self.assertIn(name, self.read("/openapi/v2")["definitions"])

    def test_the_index_changes_with_a_document(self) -> None:
        before = self.read("/openapi/v3")["paths"]
        self.define("securitygroups.network.dicot.io")
        after = self.read("/openapi/v3")["paths"]
        self.assertNotEqual(before["apis/network.dicot.io/v1"], after["apis/network.dicot.io/v1"])
        self.assertEqual(before["api/v1"], after["api/v1"])


class Definitions(SynchronousTestCase):
    def test_a_new_one_is_established_and_cleaned_up_after(self) -> None:
        made = completed(definition(), None, [], NOW)
        self.assertEqual(condition(made, "Established"), "True")
        self.assertEqual(made["metadata"]["finalizers"], [CLEANUP])
        self.assertEqual(made["status"]["storedVersions"], ["v1"])

    def test_a_change_keeps_the_time_of_what_stayed(self) -> None:
        old = completed(definition(), None, [], NOW)
        new = completed(deepcopy(old), old, [], LATER)
        self.assertEqual(new, old)

    def test_versions_that_were_stored_stay_said(self) -> None:
        old = completed(definition(), None, [], NOW)
        new = deepcopy(old)
        new["spec"]["versions"][0]["name"] = "v2"
        self.assertEqual(completed(new, old, [], NOW)["status"]["storedVersions"], ["v1", "v2"])

    def test_names_that_are_taken(self) -> None:
        old = completed(definition(), None, [], NOW)
        new = definition()
        new["spec"]["names"] = {"plural": "harbours", "kind": "Port", "singular": "port"}
        said = list(taken(new, iter([old])))
        self.assertEqual(said, ['"port" is already in use', '"Port" is already in use'])
        self.assertEqual(condition(completed(new, None, said, NOW), "Established"), "False")
