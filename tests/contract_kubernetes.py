"""The Kubernetes API as Dicot, controllers and kubectl use it: bodies, codes, words, the order of events.

It runs on the real programs and on the sandbox.

Differences that are meant: the sandbox keeps managedFields only of what was applied; it has no protobuf; versions
from before its start are gone for it (410), where etcd has them until it is compacted; what continues a list looks
otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.cluster.control import JSON, MERGE, Answer, Control
from tests.cluster.objects import Document
from tests.cluster.releases import ZONED, release, worded
from tests.cluster.shared import SHARED
from tests.length import TIMEOUT

STEPS, STRATEGIC, APPLY = (
    "application/json-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
CLAIM = {"formatVersion": 1, "kind": "k", "scope": "s", "name": "n", "holder": "h", "place": "p", "held": False}
_spaces: dict[type, str] = {}
Case = tuple[str, str, object, str, int, str, str]
"""Method, path, body, its media type; code, reason and message of the answer."""


def status(reason: str) -> Document:
    """Of an object of ours."""
    told = {"type": "NameHeld", "status": "False", "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    return {"conditions": [{**told, "reason": reason}]}


class KubernetesTestCase(TestCase):
    """A class has a namespace of its own."""

    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        access = await SHARED.access(reactor)
        self.control = Control(reactor, access.server, access.authority, access.admin)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.close()))
        if type(self) not in _spaces:
            name = f"kubernetes-{uuid4().hex[:8]}"
            await self.control.change("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
            _spaces[type(self)] = name
        self.space = _spaces[type(self)]
        self.core = f"/api/v1/namespaces/{self.space}"
        self.maps = f"{self.core}/configmaps"
        self.claims = f"/apis/identity.dicot.io/v1/namespaces/{self.space}/nameclaims"

    def map(self, name: str, **more: Any) -> Document:
        """A ConfigMap."""
        metadata = {"name": name, **more.pop("metadata", {})}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **more}

    def claim(self, name: str, **metadata: Any) -> Document:
        """An object of a custom kind."""
        whole = {"name": name, **metadata}
        return {"apiVersion": "identity.dicot.io/v1", "kind": "NameClaim", "metadata": whole, "spec": CLAIM}

    async def made(self, path: str, document: Document) -> Document:
        return await self.control.change("POST", path, document)

    async def said(self, cases: Sequence[Case]) -> None:
        """Each case is answered with that refusal."""
        for method, path, body, media, code, reason, message in cases:
            answer = await self.control.ask(method, path, body, media)
            found = (answer.status, *_words(answer))
            self.assertEqual(found, (code, reason, message), f"{method} {path} {body}")

    async def story(self, path: str, **query: object) -> list[tuple[str, Document]]:
        """What a watch of a second shows, in order."""
        asked = "&".join(f"{name}={value}" for name, value in {"watch": 1, "timeoutSeconds": 1, **query}.items())
        lines = (await self.control.ask("GET", f"{path}?{asked}")).content.splitlines()
        return [(each["type"], each["object"]) for each in map(json.loads, lines)]


def _words(answer: Answer) -> tuple[str, str]:
    try:
        document = answer.document
    except ValueError:
        return "", answer.content.decode().strip()
    return document.get("reason", ""), document.get("message", "")


def names(found: Document) -> list[str]:
    return [each["metadata"]["name"] for each in found["items"]]


def bare(found: Document) -> Document:
    """Without what only the real server keeps, and what is new each time."""
    metadata = {
        name: value
        for name, value in found["metadata"].items()
        if name not in ("managedFields", "uid", "resourceVersion", "creationTimestamp")
    }
    return {**found, "metadata": metadata}


class RefusalTests(KubernetesTestCase):
    """What is refused, in the server's words."""

    async def test_bodies_that_are_none(self) -> None:
        unknown = "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json"
        wanted = "the body of the request was in an unknown format - accepted media types include"
        empty = await self.control.ask("POST", self.maps)
        self.assertEqual(empty.document["message"], f"{unknown} parse error: unexpected end of JSON input (<empty>)")
        media = f"{wanted}: application/json, application/yaml, application/vnd.kubernetes.protobuf"
        await self.said(
            [
                ("POST", self.maps, {}, "text/plain", 415, "UnsupportedMediaType", media),
                ("POST", self.claims, {}, "text/plain", 415, "UnsupportedMediaType", media),
                (
                    "POST",
                    self.maps,
                    "x",
                    JSON,
                    400,
                    "BadRequest",
                    f"{unknown} parse error: json: cannot unmarshal string into Go value of type struct "
                    '{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
                    " (227822)",
                ),
            ]
        )

    async def test_answers_that_nobody_offers(self) -> None:
        offered = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
        streamed = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
        for path, said in (
            (f"{self.maps}/x", f"406: Not Acceptable\n\nAvailable representations: {offered}"),
            (self.maps, f"406: Not Acceptable\n\nAvailable representations: {offered}, {streamed}"),
            (self.claims, f"only the following media types are accepted: {offered}"),
        ):
            answer = await self.control.ask("GET", path, accept="text/plain")
            self.assertEqual((answer.status, *_words(answer)), (406, "NotAcceptable", said))
        answer = await self.control.ask("GET", self.maps, accept="text/plain, application/json;q=0.5")
        self.assertEqual(answer.status, 200)

    async def test_objects_of_another_kind(self) -> None:
        scheme = worded(await release(self.control), 'in scheme "pkg/runtime/scheme.go:111"')
        other = {**self.claim("x"), "kind": "Other"}
        await self.said(
            [
                (
                    "POST",
                    self.maps,
                    {**self.map("x"), "apiVersion": "v2"},
                    JSON,
                    400,
                    "BadRequest",
                    'ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered '
                    f'for version "v2" {scheme}',
                ),
                (
                    "POST",
                    self.maps,
                    {**self.map("x"), "kind": "Secret"},
                    JSON,
                    400,
                    "BadRequest",
                    'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to '
                    "(core.ConfigMap): unknown conversion",
                ),
                (
                    "POST",
                    self.claims,
                    {**self.claim("x"), "apiVersion": "identity.dicot.io/v2"},
                    JSON,
                    400,
                    "BadRequest",
                    "the API version in the data (identity.dicot.io/v2) does not match the expected API version "
                    "(identity.dicot.io/v1)",
                ),
                (
                    "POST",
                    self.claims,
                    other,
                    JSON,
                    422,
                    "Invalid",
                    'Other.identity.dicot.io "x" is invalid: kind: Invalid value: "Other": must be NameClaim',
                ),
                (
                    "POST",
                    self.claims,
                    {"metadata": {"name": "a"}},
                    JSON,
                    400,
                    "BadRequest",
                    "the object provided is unrecognized (must be of type NameClaim): Object 'Kind' is missing in "
                    '\'{"metadata": {"name": "a"}}\' ({"metadata": {"name": "a"}})',
                ),
            ]
        )

    async def test_names_and_namespaces_that_do_not_fit(self) -> None:
        space = "the namespace of the provided object does not match the namespace sent on the request"
        elsewhere = {"namespace": "elsewhere"}
        await self.made(self.maps, self.map("fits"))
        await self.made(self.claims, self.claim("fits"))
        rule = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        )
        label = (
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
            "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
            "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        )
        missing = "metadata.name: Required value: name or generateName is required"
        unchecked = (
            "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; "
            "correct the existing errors to complete validation"
        )
        url = "does not match the name on the URL (fits)"
        cases: list[Case] = [
            ("POST", self.maps, self.map("x", metadata=elsewhere), JSON, 400, "BadRequest", space),
            ("PUT", f"{self.maps}/fits", self.map("fits", metadata=elsewhere), JSON, 400, "BadRequest", space),
            ("PATCH", f"{self.maps}/fits", {"metadata": elsewhere}, MERGE, 400, "BadRequest", space),
        ]
        for path, kind, group, lacks, body in (
            (self.maps, "ConfigMap", "", missing, self.map),
            (self.claims, "NameClaim", ".identity.dicot.io", f"[{missing}, {unchecked}]", self.claim),
        ):
            one = f"{path}/fits"
            undetermined = "the name of the object (fits based on URL) was undeterminable: name must be provided"
            named = f'{kind}{group} "A_" is invalid: metadata.name: Invalid value: "A_": {rule}'
            labelled = f'{kind}{group} "x" is invalid: metadata.labels: Invalid value: "a b": {label}'
            nameless = {**body("x"), "metadata": {}}
            with_label = {**body("x"), "metadata": {"name": "x", "labels": {"a b": "c"}}}
            cases += [
                ("POST", path, body("A_"), JSON, 422, "Invalid", named),
                ("POST", path, nameless, JSON, 422, "Invalid", f'{kind}{group} "" is invalid: {lacks}'),
                ("POST", path, with_label, JSON, 422, "Invalid", labelled),
                ("PUT", one, body("other"), JSON, 400, "BadRequest", f"the name of the object (other) {url}"),
                ("PUT", one, nameless, JSON, 400, "BadRequest", undetermined),
                (
                    "PATCH",
                    one,
                    {"metadata": {"name": "b"}},
                    MERGE,
                    400,
                    "BadRequest",
                    f"the name of the object (b) {url}",
                ),
            ]
        await self.said(cases)

    async def test_versions_of_what_is_created(self) -> None:
        said = "resourceVersion should not be set on objects to be created"
        for path, body in (
            (self.maps, self.map("x", metadata={"resourceVersion": "1"})),
            (self.claims, self.claim("x", resourceVersion="1")),
        ):
            await self.said([("POST", path, body, JSON, 500, "", said)])

    async def test_queries_that_make_no_sense(self) -> None:
        def number(value: str) -> str:
            return f'strconv.ParseInt: parsing "{value}": invalid syntax'

        lists, match = 'ListOptions.meta.k8s.io "" is invalid: ', "resourceVersionMatch: "
        forbidden = f"{lists}{match}Forbidden: resourceVersionMatch is forbidden"
        version = 'resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax'
        initial = "watch=1&sendInitialEvents=true&timeoutSeconds=1"
        table: tuple[tuple[str, int, str, str], ...] = (
            ("limit=x", 400, "BadRequest", number("x")),
            ("watch=1&timeoutSeconds=y", 400, "BadRequest", number("y")),
            ("resourceVersion=x", 400, "BadRequest", f"invalid resource version: {version}"),
            ("watch=1&resourceVersion=x", 500, "", version),
            ("resourceVersionMatch=Exact", 422, "Invalid", f"{forbidden} unless resourceVersion is provided"),
            (
                "resourceVersion=0&resourceVersionMatch=Exact",
                422,
                "Invalid",
                f'{lists}{match}Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
            ),
            (
                "resourceVersion=5&resourceVersionMatch=Foo",
                422,
                "Invalid",
                f'{lists}{match}Unsupported value: "Foo": supported values: "Exact", "NotOlderThan", ""',
            ),
            (
                "sendInitialEvents=true",
                422,
                "Invalid",
                f"{lists}sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
            ),
            (
                initial,
                422,
                "Invalid",
                f"{lists}{match}Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ),
            (
                "watch=1&resourceVersionMatch=NotOlderThan",
                422,
                "Invalid",
                f"{forbidden} for watch unless sendInitialEvents is provided",
            ),
            (
                "labelSelector=a%3D%3D%3Db",
                400,
                "BadRequest",
                "unable to parse requirement: found '=', expected: identifier",
            ),
            ("labelSelector=a%20in%20b", 400, "BadRequest", "unable to parse requirement: found 'b' expected: '('"),
            ("fieldSelector=x", 400, "BadRequest", "invalid selector: 'x'; can't understand 'x'"),
            (
                "fieldSelector=data.x%3D1",
                400,
                "BadRequest",
                '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
            ),
        )
        await self.said([("GET", f"{self.maps}?{query}", None, JSON, *said) for query, *said in table])  # type: ignore[misc]
        far = await self.control.ask("GET", f"{self.maps}?resourceVersion=999999999")
        self.assertEqual((far.status, far.document["reason"]), (504, "Timeout"))
        self.assertEqual(
            far.document["details"],
            {
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1,
            },
        )

    async def test_options_that_there_are_not(self) -> None:
        body, options = self.map("x"), '"" is invalid: '
        validation = 'fieldValidation: Unsupported value: "F": supported values: "", "Ignore", "Strict", "Warn"'
        dry = 'dryRun: Unsupported value: ["F"]: supported values: "All"'
        policy = (
            'propagationPolicy: Unsupported value: "F": supported values: "Foreground", "Background", "Orphan", "nil"'
        )
        one = f"{self.maps}/x"
        create, patch, delete = (f"{each}Options.meta.k8s.io {options}" for each in ("Create", "Patch", "Delete"))
        await self.said(
            [
                ("POST", f"{self.maps}?fieldValidation=F", body, JSON, 422, "Invalid", create + validation),
                ("POST", f"{self.maps}?dryRun=F", body, JSON, 422, "Invalid", create + dry),
                ("PATCH", f"{one}?dryRun=F", {}, MERGE, 422, "Invalid", patch + dry),
                ("DELETE", one, {"propagationPolicy": "F"}, JSON, 422, "Invalid", delete + policy),
                (
                    "DELETE",
                    f"{one}?gracePeriodSeconds=x",
                    None,
                    JSON,
                    400,
                    "BadRequest",
                    'strconv.ParseInt: parsing "x": invalid syntax',
                ),
            ]
        )

    async def test_what_is_not_there(self) -> None:
        resource = "the server could not find the requested resource"
        method = "the server does not allow this method on the requested resource"
        claim = 'nameclaims.identity.dicot.io "no" not found'
        await self.said(
            [
                ("GET", "/nothing", None, JSON, 404, "", "404 page not found"),
                ("GET", "/apis/nothing.example.io/v1/things", None, JSON, 404, "", "404 page not found"),
                ("GET", f"{self.claims.removesuffix('nameclaims')}things", None, JSON, 404, "", "404 page not found"),
                ("GET", f"{self.core}/things/x", None, JSON, 404, "NotFound", resource),
                ("GET", f"{self.maps}/x/status", None, JSON, 404, "NotFound", resource),
                ("GET", "/api/v1/configmaps/x", None, JSON, 404, "NotFound", resource),
                ("GET", f"{self.core}/nodes", None, JSON, 404, "NotFound", resource),
                ("GET", f"{self.claims}/no", None, JSON, 404, "NotFound", claim),
                ("POST", f"{self.maps}/x", self.map("x"), JSON, 405, "MethodNotAllowed", method),
                ("PUT", self.maps, self.map("x"), JSON, 405, "MethodNotAllowed", method),
            ]
        )

    async def test_what_a_patch_must_be(self) -> None:
        await self.made(self.maps, self.map("patched", data={"a": "b"}))
        await self.made(self.claims, self.claim("patched"))
        decode = "error decoding patch: json: cannot unmarshal"
        unknown = "the body of the request was in an unknown format - accepted media types include"
        listed = f"{unknown}: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
        rejected = "the server rejected our request due to an error in our request"
        one, other = f"{self.maps}/patched", f"{self.claims}/patched"
        steps = "Go value of type []handlers.jsonPatchOp"
        await self.said(
            [
                ("PATCH", one, {}, JSON, 415, "UnsupportedMediaType", "415: Unsupported Media Type"),
                ("PATCH", other, {}, STRATEGIC, 415, "UnsupportedMediaType", listed),
                (
                    "PATCH",
                    one,
                    [1],
                    MERGE,
                    400,
                    "BadRequest",
                    f"{decode} array into Go value of type map[string]interface {{}}",
                ),
                ("PATCH", one, {"a": 1}, STEPS, 400, "BadRequest", f"{decode} object into {steps}"),
                ("PATCH", one, [{"op": "no", "path": "/x"}], STEPS, 422, "Invalid", rejected),
                ("PATCH", other, [{"op": "remove", "path": "/x"}], STEPS, 422, "Invalid", rejected),
            ]
        )

    async def test_fields_that_nobody_knows(self) -> None:
        strict = "cannot be handled as a"
        twice = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"y"},"foo":1,"data":{"a":"b","a":"c"}}'
        fields = 'unknown field "foo", duplicate field "data.a"'
        said = f'ConfigMap in version "v1" {strict} ConfigMap: strict decoding error: {fields}'
        answer = await self.control.ask("POST", f"{self.maps}?fieldValidation=Strict", twice)
        self.assertEqual(_words(answer), ("BadRequest", said))
        head = b'{"apiVersion":"identity.dicot.io/v1","kind":"NameClaim","metadata":{"name":"y"},'
        twice = head + b'"more":1,"spec":{"x":[{"a":1,"a":2}],"x":3}}'
        answer = await self.control.ask("POST", f"{self.claims}?fieldValidation=Strict", twice)
        fields = (
            'duplicate field "spec.x[0].a", duplicate field "spec.x", unknown field "more", unknown field "spec.x"'
        )
        said = f'NameClaim in version "v1" {strict} NameClaim: strict decoding error: {fields}'
        self.assertEqual(_words(answer), ("BadRequest", said))
        document = {**self.claim("y", foo=1), "more": 2}
        answer = await self.control.ask("POST", f"{self.claims}?fieldValidation=Strict", document)
        self.assertEqual(
            _words(answer),
            (
                "BadRequest",
                'NameClaim in version "v1" cannot be handled as a NameClaim: strict decoding error: unknown field '
                '"metadata.foo", unknown field "more"',
            ),
        )
        made = await self.made(self.claims, document)
        self.assertNotIn("more", made)


class ObjectTests(KubernetesTestCase):
    """Objects, from birth to end."""

    async def test_names_are_made_up(self) -> None:
        made = await self.made(self.maps, {"metadata": {"generateName": "gen-"}})
        self.assertRegex(made["metadata"]["name"], r"\Agen-[bcdfghjklmnpqrstvwxz2456789]{5}\Z")
        self.assertEqual(made["metadata"]["generateName"], "gen-")

    async def test_generations_count_what_is_wanted(self) -> None:
        made = await self.made(self.claims, self.claim("generations"))
        self.assertEqual(made["metadata"]["generation"], 1)
        path = f"{self.claims}/generations"
        for patch, expected in (
            ({"metadata": {"labels": {"a": "b"}}}, 1),
            ({"spec": {"place": "q"}}, 2),
            ({"spec": {"place": "q"}}, 2),
        ):
            found = await self.control.change("PATCH", path, patch, MERGE)
            self.assertEqual(found["metadata"]["generation"], expected)
        await self.control.change("PATCH", path, {"metadata": {"finalizers": ["dicot.io/f"]}}, MERGE)
        going = await self.control.change("DELETE", path)
        self.assertEqual((going["metadata"]["generation"], going["metadata"]["deletionGracePeriodSeconds"]), (3, 0))
        await self.control.change("PATCH", path, {"metadata": {"finalizers": None}}, MERGE)

    async def test_a_delete_answers_with_a_status_or_what_it_was(self) -> None:
        await self.made(self.maps, self.map("status"))
        gone = await self.control.change("DELETE", f"{self.maps}/status")
        self.assertEqual((gone["kind"], gone["status"]), ("Status", "Success"))
        self.assertEqual((gone["details"]["name"], gone["details"]["kind"]), ("status", "configmaps"))
        await self.made(f"{self.core}/serviceaccounts", {"metadata": {"name": "shown"}})
        gone = await self.control.change("DELETE", f"{self.core}/serviceaccounts/shown")
        self.assertEqual((gone["kind"], gone["metadata"]["name"]), ("ServiceAccount", "shown"))

    async def test_deletes_have_preconditions(self) -> None:
        made = await self.made(self.maps, self.map("guarded"))
        version, uid = made["metadata"]["resourceVersion"], made["metadata"]["uid"]
        path = f"{self.maps}/guarded"
        answer = await self.control.ask("DELETE", path, {"preconditions": {"resourceVersion": "1"}})
        self.assertEqual(
            (answer.status, *_words(answer)),
            (
                409,
                "Conflict",
                'Operation cannot be fulfilled on ConfigMap "guarded": the ResourceVersion in the precondition (1) '
                f"does not match the ResourceVersion in record ({version}). The object might have been modified",
            ),
        )
        await self.control.change("DELETE", path, {"preconditions": {"resourceVersion": version, "uid": uid}})

    async def test_a_dry_delete_deletes_nothing(self) -> None:
        await self.made(self.maps, self.map("dry"))
        await self.control.change("DELETE", f"{self.maps}/dry?dryRun=All")
        await self.control.get(f"{self.maps}/dry")

    async def test_many_go_at_once(self) -> None:
        for name in ("many-a", "many-b", "many-c"):
            await self.made(self.maps, self.map(name, metadata={"labels": {"many": name[-1]}}))
        found = await self.control.change("DELETE", f"{self.maps}?labelSelector=many%20in%20(a,b)")
        self.assertEqual((found["kind"], names(found)), ("ConfigMapList", ["many-a", "many-b"]))
        self.assertEqual(names(await self.control.get(f"{self.maps}?labelSelector=many")), ["many-c"])

    async def test_policies_of_a_delete_are_finalizers(self) -> None:
        for policy, finalizer in (("Foreground", "foregroundDeletion"), ("Orphan", "orphan")):
            path = f"{self.maps}/{policy.lower()}"
            await self.made(self.maps, self.map(policy.lower(), metadata={"finalizers": ["dicot.io/hold"]}))
            going = await self.control.change("DELETE", path, {"propagationPolicy": policy})
            self.assertEqual(sorted(going["metadata"]["finalizers"]), sorted(["dicot.io/hold", finalizer]))
            await self.control.change("PATCH", path, {"metadata": {"finalizers": None}}, MERGE)

    async def test_status_goes_its_own_way(self) -> None:
        path = f"/apis/identity.dicot.io/v1/namespaces/{self.space}/roles"
        body = {
            "apiVersion": "identity.dicot.io/v1",
            "kind": "Role",
            "metadata": {"name": "r"},
            "spec": {"name": "one"},
        }
        made = await self.made(path, {**body, "status": status("First")})
        self.assertNotIn("status", made)
        patch = {"metadata": {"labels": {"a": "b"}}, "spec": {"name": "two"}, "status": status("Second")}
        found = await self.control.change("PATCH", f"{path}/r/status", patch, MERGE)
        self.assertEqual((found["spec"]["name"], found["status"]), ("one", status("Second")))
        self.assertNotIn("labels", found["metadata"])
        found = await self.control.change("PATCH", f"{path}/r", {**patch, "status": status("Third")}, MERGE)
        self.assertEqual((found["spec"]["name"], found["status"]), ("two", status("Second")))
        self.assertEqual(found["metadata"]["labels"], {"a": "b"})

    async def test_pods_get_time_to_end(self) -> None:
        pods = f"{self.core}/pods"
        pod = {"spec": {"nodeName": "nowhere", "containers": [{"name": "c", "image": "i"}]}}
        await self.made(pods, {"metadata": {"name": "slow"}, **pod})
        going = await self.control.change("DELETE", f"{pods}/slow")
        self.assertEqual((going["kind"], going["metadata"]["deletionGracePeriodSeconds"]), ("Pod", 30))
        self.assertEqual(bare(await self.control.change("DELETE", f"{pods}/slow")), bare(going))
        less = await self.control.change("DELETE", f"{pods}/slow", {"gracePeriodSeconds": 5})
        self.assertEqual(less["metadata"]["deletionGracePeriodSeconds"], 5)
        self.assertLess(less["metadata"]["deletionTimestamp"], going["metadata"]["deletionTimestamp"])
        version = less["metadata"]["resourceVersion"]
        await self.control.change("DELETE", f"{pods}/slow", {"gracePeriodSeconds": 0})
        story = await self.story(pods, resourceVersion=version)
        self.assertEqual([type_ for type_, _ in story], ["MODIFIED", "DELETED"])
        await self.made(pods, {"metadata": {"name": "unbound"}, "spec": {**pod["spec"], "nodeName": ""}})

    async def test_pods_are_bound_once(self) -> None:
        pods, node = f"{self.core}/pods", f"node-{self.space}"
        zone = {"topology.kubernetes.io/zone": "here"}
        await self.control.change("POST", "/api/v1/nodes", {"metadata": {"name": node, "labels": zone}})
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.ask("DELETE", f"/api/v1/nodes/{node}")))
        spec = {"nodeSelector": {"none": "fits"}, "containers": [{"name": "c", "image": "i"}]}
        await self.made(pods, {"metadata": {"name": "bound"}, "spec": spec})
        binding = {"metadata": {"name": "bound"}, "target": {"kind": "Node", "name": node}}
        answer = await self.control.ask("POST", f"{pods}/bound/binding", binding)
        self.assertEqual((answer.status, answer.document["status"]), (201, "Success"))
        found = await self.control.get(f"{pods}/bound")
        # Its value is contested where a scheduler looks on.
        self.assertEqual([each["type"] for each in found["status"]["conditions"]], ["PodScheduled"])
        self.assertEqual(found["spec"]["nodeName"], node)
        self.assertEqual(found["metadata"].get("labels", {}), zone if await release(self.control) >= ZONED else {})
        why = f'Operation cannot be fulfilled on pods/binding "bound": pod bound is already assigned to node "{node}"'
        await self.said([("POST", f"{pods}/bound/binding", binding, JSON, 409, "Conflict", why)])

    async def test_lists_in_patches_are_merged_by_their_keys(self) -> None:
        pods = f"{self.core}/pods"
        spec = {
            "nodeSelector": {"none": "fits"},
            "containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}],
        }
        await self.made(pods, {"metadata": {"name": "merged", "finalizers": ["dicot.io/a"]}, "spec": spec})
        patch = {
            "metadata": {"finalizers": ["dicot.io/b"], "labels": {"x": "y"}},
            "spec": {"containers": [{"name": "b", "image": "j"}]},
        }
        found = await self.control.change("PATCH", f"{pods}/merged", patch, STRATEGIC)
        self.assertEqual(
            [(each["name"], each["image"]) for each in found["spec"]["containers"]], [("a", "i"), ("b", "j")]
        )
        self.assertEqual(found["metadata"]["finalizers"], ["dicot.io/b", "dicot.io/a"])
        status = f"{pods}/merged/status"
        for type_, value in (("One", "True"), ("Two", "True"), ("One", "False")):
            condition = {"type": type_, "status": value}
            found = await self.control.change("PATCH", status, {"status": {"conditions": [condition]}}, STRATEGIC)
        shown = [(each["type"], each["status"]) for each in found["status"]["conditions"]]
        # A scheduler may have its own.
        shown = [each for each in shown if each[0] != "PodScheduled"]
        self.assertEqual(shown, [("Two", "True"), ("One", "False")])
        gone = {"status": {"conditions": [{"type": "One", "$patch": "delete"}]}}
        found = await self.control.change("PATCH", status, gone, STRATEGIC)
        self.assertNotIn("One", [each["type"] for each in found["status"]["conditions"]])
        free = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["dicot.io/a", "dicot.io/b"], "labels": None}}
        found = await self.control.change("PATCH", f"{pods}/merged", free, STRATEGIC)
        self.assertEqual([name for name in ("finalizers", "labels") if name in found["metadata"]], [])


class BirthTests(KubernetesTestCase):
    """What built-in objects have from the start."""

    async def born(self, path: str, spec: Document) -> Document:
        return await self.made(f"{path}?dryRun=All", {"metadata": {"name": "born"}, "spec": spec})

    async def test_pods(self) -> None:
        account = f"{self.core}/serviceaccounts/default"
        await self.control.until(60.0, "the account of new pods", lambda: self.control.answers(account))
        table: tuple[tuple[Document, str, str], ...] = (
            ({"image": "i"}, "BestEffort", "Always"),
            ({"image": "i:1", "resources": {"limits": {"memory": "1Gi"}}}, "Burstable", "IfNotPresent"),
            ({"image": "i", "resources": {"limits": {"memory": "1Gi", "cpu": "1"}}}, "Guaranteed", "Always"),
        )
        tolerations = [
            {
                "key": f"node.kubernetes.io/{key}",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            }
            for key in ("not-ready", "unreachable")
        ]
        for container, quality, pull in table:
            pod = await self.born(f"{self.core}/pods", {"containers": [{"name": "c", **container}]})
            self.assertEqual(pod["status"], {"phase": "Pending", "qosClass": quality})
            # The volume with the account's token has a name of its own.
            spec = {name: value for name, value in pod["spec"].items() if name != "volumes"}
            [shown] = spec.pop("containers")
            shown.pop("volumeMounts", None)
            asked = container.get("resources", {})
            resources = {**asked, "requests": asked["limits"]} if asked else {}
            ending = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
            expected = {"name": "c", **container, "resources": resources, "imagePullPolicy": pull, **ending}
            self.assertEqual(shown, expected)
            self.assertEqual(
                spec,
                {
                    "dnsPolicy": "ClusterFirst",
                    "enableServiceLinks": True,
                    "preemptionPolicy": "PreemptLowerPriority",
                    "priority": 0,
                    "restartPolicy": "Always",
                    "schedulerName": "default-scheduler",
                    "securityContext": {},
                    "serviceAccount": "default",
                    "serviceAccountName": "default",
                    "terminationGracePeriodSeconds": 30,
                    "tolerations": tolerations,
                },
            )

    async def test_volumes(self) -> None:
        modes, size = ["ReadWriteOnce"], {"storage": "1Gi"}
        asked = {"accessModes": modes, "resources": {"requests": size}, "storageClassName": "none"}
        claim = await self.born(f"{self.core}/persistentvolumeclaims", asked)
        self.assertEqual(claim["spec"], {**asked, "volumeMode": "Filesystem"})
        self.assertEqual(claim["status"], {"phase": "Pending"})
        given = {"capacity": size, "accessModes": modes, "csi": {"driver": "d", "volumeHandle": "h"}}
        volume = await self.born("/api/v1/persistentvolumes", given)
        expected = {**given, "persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"}
        self.assertEqual(volume["spec"], expected)
        since = volume["metadata"]["creationTimestamp"]
        self.assertEqual(volume["status"], {"phase": "Pending", "lastPhaseTransitionTime": since})

    async def test_services(self) -> None:
        service = await self.born(f"{self.core}/services", {"ports": [{"port": 80}]})
        address = service["spec"].pop("clusterIP")
        self.assertRegex(address, r"\A10\.96\.")
        self.assertEqual(
            service["spec"],
            {
                "clusterIPs": [address],
                "internalTrafficPolicy": "Cluster",
                "ipFamilies": ["IPv4"],
                "ipFamilyPolicy": "SingleStack",
                "ports": [{"protocol": "TCP", "port": 80, "targetPort": 80}],
                "sessionAffinity": "None",
                "type": "ClusterIP",
            },
        )
        self.assertEqual(service["status"], {"loadBalancer": {}})

    async def test_nodes(self) -> None:
        node = await self.born("/api/v1/nodes", {})
        self.assertEqual(node["spec"], {"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]})

    async def test_secrets(self) -> None:
        path = f"{self.core}/secrets"
        made = await self.made(path, {"metadata": {"name": "born"}, "stringData": {"a": "b"}})
        self.assertEqual((made["data"], made["type"]), ({"a": "Yg=="}, "Opaque"))
        self.assertNotIn("stringData", made)
        found = await self.control.change("PATCH", f"{path}/born", {"stringData": {"c": "d"}}, MERGE)
        self.assertEqual(found["data"], {"a": "Yg==", "c": "ZA=="})


class ApplyTests(KubernetesTestCase):
    """Server-side apply."""

    async def apply(self, path: str, manager: str, document: Document, query: str = "") -> Answer:
        return await self.control.ask("PATCH", f"{path}?fieldManager={manager}{query}", document, APPLY)

    def owners(self, found: Document) -> list[tuple[str, str, Document]]:
        entries = found["metadata"]["managedFields"]
        return [(each["manager"], each["operation"], each["fieldsV1"]) for each in entries]

    async def test_fields_belong_to_who_applied_them(self) -> None:
        path = f"{self.maps}/applied"
        first = await self.apply(path, "one", self.map("applied", metadata={"labels": {"a": "b"}}, data={"k": "v"}))
        self.assertEqual(first.status, 201)
        labels: Document = {"f:labels": {"f:a": {}}}
        self.assertEqual(
            self.owners(first.document), [("one", "Apply", {"f:data": {"f:k": {}}, "f:metadata": labels})]
        )
        mine = self.map("applied", data={"k": "w", "z": "z"})
        refused = await self.apply(path, "two", mine)
        said = 'Apply failed with 1 conflict: conflict with "one": .data.k'
        self.assertEqual((refused.status, *_words(refused)), (409, "Conflict", said))
        cause = {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.k"}
        self.assertEqual(refused.document["details"], {"causes": [cause]})
        forced = (await self.apply(path, "two", mine, "&force=true")).document
        both: Document = {"f:data": {"f:k": {}, "f:z": {}}}
        self.assertEqual(self.owners(forced), [("one", "Apply", {"f:metadata": labels}), ("two", "Apply", both)])
        less = (await self.apply(path, "two", self.map("applied", data={"k": "w"}))).document
        self.assertEqual((less["data"], less["metadata"]["labels"]), ({"k": "w"}, {"a": "b"}))
        same = (await self.apply(path, "two", self.map("applied", data={"k": "w"}))).document
        self.assertEqual(same["metadata"]["resourceVersion"], less["metadata"]["resourceVersion"])
        patched = await self.control.change("PATCH", f"{path}?fieldManager=three", {"data": {"k": "x"}}, MERGE)
        self.assertEqual(self.owners(patched)[1:], [("three", "Update", {"f:data": {"f:k": {}}})])
        refused = await self.apply(path, "two", self.map("applied", data={"k": "w"}))
        said = 'Apply failed with 1 conflict: conflict with "three" using v1: .data.k'
        self.assertEqual((refused.status, *_words(refused)), (409, "Conflict", said))
        several = await self.apply(
            path, "four", self.map("applied", metadata={"labels": {"a": "c"}}, data={"k": "w"})
        )
        said = (
            'Apply failed with 2 conflicts: conflicts with "one":\n- .metadata.labels.a\n'
            'conflicts with "three" using v1:\n- .data.k'
        )
        self.assertEqual(_words(several)[1], said)

    async def test_lists_with_keys_are_merged(self) -> None:
        path, name = f"{self.core}/services/applied", {"metadata": {"name": "applied"}}
        head = {"apiVersion": "v1", "kind": "Service", **name}
        ports = [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]
        first = (await self.apply(path, "one", {**head, "spec": {"ports": ports, "selector": {"x": "y"}}})).document
        keys = [f'k:{{"port":{port},"protocol":"TCP"}}' for port in (80, 81)]
        fields: Document = {".": {}, "f:name": {}, "f:port": {}}
        expected = {"f:spec": {"f:ports": dict.fromkeys(keys, fields), "f:selector": {}}}
        self.assertEqual(self.owners(first), [("one", "Apply", expected)])
        third = {"port": 82, "name": "c"}
        both = (await self.apply(path, "two", {**head, "spec": {"ports": [third]}})).document
        self.assertEqual([each["name"] for each in both["spec"]["ports"]], ["a", "b", "c"])
        less = (await self.apply(path, "one", {**head, "spec": {"ports": ports[:1]}})).document
        self.assertEqual([each["name"] for each in less["spec"]["ports"]], ["a", "c"])
        self.assertNotIn("selector", less["spec"])

    async def test_finalizers_are_a_set(self) -> None:
        path, body = f"{self.claims}/applied", self.claim("applied", finalizers=["dicot.io/a"])
        made = (await self.apply(path, "one", body)).document
        [(_, _, fields)] = self.owners(made)
        self.assertEqual(fields["f:metadata"], {"f:finalizers": {'v:"dicot.io/a"': {}}})
        own = {"apiVersion": body["apiVersion"], "kind": body["kind"]}
        other = {**own, "metadata": {"name": "applied", "finalizers": ["dicot.io/b"]}}
        both = (await self.apply(path, "two", other)).document
        self.assertEqual(both["metadata"]["finalizers"], ["dicot.io/a", "dicot.io/b"])
        none = (await self.apply(path, "one", self.claim("applied"))).document
        self.assertEqual(none["metadata"]["finalizers"], ["dicot.io/b"])
        await self.control.change("PATCH", path, {"metadata": {"finalizers": None}}, MERGE)

    async def test_what_an_apply_must_be(self) -> None:
        one, query = f"{self.maps}/refused", "?fieldManager=m"
        await self.made(self.maps, self.map("refused"))
        options = 'PatchOptions.meta.k8s.io "" is invalid: '
        modified = "the object has been modified; please apply your changes to the latest version and try again"
        undeclared = "failed to create typed patch object (/refused; /v1, Kind=ConfigMap): .foo: field not"
        nobody = f"{options}fieldManager: Required value: is required for apply patch"
        forced = f"{options}force: Forbidden: may not be specified for non-apply patch"
        body, old = self.map("refused"), self.map("refused", metadata={"resourceVersion": "1"})
        stale = f'Operation cannot be fulfilled on configmaps "refused": {modified}'
        owned = self.map("refused", metadata={"managedFields": [{}]})
        await self.said(
            [
                ("PATCH", one, body, APPLY, 422, "Invalid", nobody),
                ("PATCH", f"{one}?force=true", {}, MERGE, 422, "Invalid", forced),
                (
                    "PATCH",
                    one + query,
                    {"kind": "ConfigMap"},
                    APPLY,
                    400,
                    "BadRequest",
                    "invalid object type: /, Kind=ConfigMap",
                ),
                ("PATCH", one + query, owned, APPLY, 400, "BadRequest", "metadata.managedFields must be nil"),
                ("PATCH", one + query, old, APPLY, 409, "Conflict", stale),
                (
                    "PATCH",
                    f"{one}{query}&fieldValidation=Strict",
                    {**body, "foo": 1},
                    APPLY,
                    500,
                    "",
                    f"{undeclared} declared in schema",
                ),
            ]
        )


class ListTests(KubernetesTestCase):
    """Lists, selectors, pages."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        for name, labels in (("a", {"x": "1"}), ("b", {"x": "2", "y": ""}), ("c", {}), ("d", {"x": "10"})):
            body = self.map(f"list-{name}", metadata={"labels": {"lists": "", **labels}})
            await self.control.change("POST", self.maps, body, also=(409,))

    async def test_labels_select(self) -> None:
        table: Mapping[str, str] = {
            "lists": "abcd",
            "lists,x": "abd",
            "lists,!x": "c",
            "lists,x=1": "a",
            "lists,x==1": "a",
            "lists,x!=1": "bcd",
            "lists,x in (1,2)": "ab",
            "lists,x notin (1,2)": "cd",
            "lists,x>1": "bd",
            "lists,x<10": "ab",
            "lists,y=": "b",
            "lists, x in ( 1 , 10 )": "ad",
        }
        for selector, expected in table.items():
            found = await self.control.get(f"{self.maps}?labelSelector={_quoted(selector)}")
            self.assertEqual("".join(name[-1] for name in names(found)), expected, selector)

    async def test_fields_select(self) -> None:
        for selector, expected in (
            ("metadata.name=list-a", ["list-a"]),
            ("metadata.name==list-a,metadata.namespace=" + self.space, ["list-a"]),
            ("metadata.name=list-a,metadata.namespace=elsewhere", []),
            ("metadata.name!=list-a", ["list-b", "list-c", "list-d"]),
        ):
            query = f"labelSelector=lists&fieldSelector={_quoted(selector)}"
            self.assertEqual(names(await self.control.get(f"{self.maps}?{query}")), expected, selector)
        secrets = f"{self.core}/secrets"
        await self.control.change(
            "POST", secrets, {"metadata": {"name": "typed"}, "type": "example.io/t"}, also=(409,)
        )
        self.assertEqual(names(await self.control.get(f"{secrets}?fieldSelector=type%3Dexample.io/t")), ["typed"])

    async def test_pages_are_of_one_moment(self) -> None:
        first = await self.control.get(f"{self.maps}?labelSelector=lists&limit=1")
        self.assertEqual(names(first), ["list-a"])
        version = first["metadata"]["resourceVersion"]
        await self.control.change(
            "POST", self.maps, self.map("list-aa", metadata={"labels": {"lists": ""}}), also=(409,)
        )
        await self.control.change("DELETE", f"{self.maps}/list-aa")
        await self.control.change("PATCH", f"{self.maps}/list-b", {"data": {"later": uuid4().hex}}, MERGE)
        token = first["metadata"]["continue"]
        rest = await self.control.get(f"{self.maps}?labelSelector=lists&limit=5&continue={token}")
        self.assertEqual(names(rest), ["list-b", "list-c", "list-d"])
        self.assertEqual(rest["metadata"], {"resourceVersion": version})
        again = await self.control.get(f"{self.maps}?resourceVersion={version}&resourceVersionMatch=Exact&limit=500")
        self.assertIn("list-b", names(again))
        newer = (await self.control.get(f"{self.maps}/list-b"))["data"]
        [older] = [each for each in again["items"] if each["metadata"]["name"] == "list-b"]
        self.assertNotEqual(older.get("data"), newer)

    async def test_what_remains_is_counted_where_all_are_listed(self) -> None:
        space = f"{self.space}-pages"
        await self.control.change("POST", "/api/v1/namespaces", {"metadata": {"name": space}}, also=(409,))
        path = f"/api/v1/namespaces/{space}/secrets"
        for name in "abc":
            await self.control.change("POST", path, {"metadata": {"name": name}}, also=(409,))
        found = await self.control.get(f"{path}?limit=2")
        self.assertEqual((names(found), found["metadata"]["remainingItemCount"]), (["a", "b"], 1))
        whole = await self.control.get(f"{path}?limit=2&resourceVersion=0")
        self.assertEqual(names(whole), ["a", "b", "c"])

    async def test_only_custom_objects_say_in_a_list_what_they_are(self) -> None:
        await self.control.change("POST", self.claims, self.claim("typed"), also=(409,))
        listed = await self.control.get(self.maps)
        self.assertEqual((listed["kind"], listed["apiVersion"]), ("ConfigMapList", "v1"))
        self.assertNotIn("kind", listed["items"][0])
        listed = await self.control.get(self.claims)
        self.assertEqual((listed["kind"], listed["items"][0]["kind"]), ("NameClaimList", "NameClaim"))


class WatchTests(KubernetesTestCase):
    """Watches."""

    async def test_events_come_in_order(self) -> None:
        start = (await self.made(self.maps, self.map("first")))["metadata"]["resourceVersion"]
        await self.made(self.maps, self.map("second"))
        await self.control.change("PATCH", f"{self.maps}/second", {"data": {"a": "b"}}, MERGE)
        await self.control.change("DELETE", f"{self.maps}/second")
        story = await self.story(self.maps, resourceVersion=start)
        seen = [(type_, found["metadata"]["name"]) for type_, found in story]
        self.assertEqual(seen, [("ADDED", "second"), ("MODIFIED", "second"), ("DELETED", "second")])
        versions = [int(found["metadata"]["resourceVersion"]) for _, found in story]
        self.assertEqual(versions, sorted(set(versions)))
        self.assertEqual(story[2][1]["data"], {"a": "b"})
        self.assertEqual([found["kind"] for _, found in story], ["ConfigMap"] * 3)

    async def test_what_leaves_a_selection_is_deleted_for_who_watches(self) -> None:
        start = (await self.made(self.maps, self.map("left", metadata={"labels": {"in": "1"}})))["metadata"]
        path = f"{self.maps}/left"
        await self.control.change("PATCH", path, {"metadata": {"labels": {"in": "2"}}, "data": {"a": "b"}}, MERGE)
        await self.control.change("PATCH", path, {"metadata": {"labels": {"in": "1"}}}, MERGE)
        await self.control.change("PATCH", path, {"data": {"a": "c"}}, MERGE)
        await self.control.change("DELETE", path)
        query = {"resourceVersion": start["resourceVersion"], "labelSelector": "in%3D1"}
        story = await self.story(self.maps, **query)
        self.assertEqual([type_ for type_, _ in story], ["DELETED", "ADDED", "MODIFIED", "DELETED"])
        self.assertNotIn("data", story[0][1])
        self.assertGreater(int(story[0][1]["metadata"]["resourceVersion"]), int(start["resourceVersion"]))

    async def test_the_initial_state_ends_with_a_bookmark(self) -> None:
        await self.made(self.claims, self.claim("initial"))
        query: Mapping[str, object] = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        story = await self.story(self.claims, allowWatchBookmarks=1, **query)
        # A watch that lives into its last two seconds hears once more how far it is.
        self.assertEqual([type_ for type_, _ in story[:2]], ["ADDED", "BOOKMARK"])
        later = [(type_, each["metadata"].get("annotations")) for type_, each in story[2:]]
        self.assertIn(later, ([], [("BOOKMARK", None)]))
        bookmark = story[1][1]
        self.assertEqual((bookmark["kind"], bookmark["apiVersion"]), ("NameClaim", "identity.dicot.io/v1"))
        self.assertEqual(bookmark["metadata"]["annotations"], {"k8s.io/initial-events-end": "true"})
        self.assertEqual([type_ for type_, _ in await self.story(self.claims, **query)], ["ADDED"])
        for version in ("", "0"):
            found = await self.story(self.claims, resourceVersion=version)
            self.assertEqual([type_ for type_, _ in found], ["ADDED"])
        future = await self.story(self.claims, resourceVersion="99999999")
        self.assertEqual(future, [])

    async def test_a_watch_of_one_name(self) -> None:
        await self.made(self.maps, self.map("one"))
        await self.made(self.maps, self.map("other"))
        found = await self.story(self.maps, fieldSelector="metadata.name%3Done")
        self.assertEqual([each["metadata"]["name"] for _, each in found], ["one"])

    async def test_a_watch_tells_before_its_end_how_far_it_is(self) -> None:
        await self.made(self.maps, self.map("marked"))
        query = {"allowWatchBookmarks": 1, "timeoutSeconds": 3, "fieldSelector": "metadata.name%3Dmarked"}
        kinds = [type_ for type_, _ in await self.story(self.maps, **query)]
        # They are given about every second, to a watch in its last two: once to three times.
        self.assertEqual(kinds, ["ADDED", *["BOOKMARK"] * (len(kinds) - 1)])
        self.assertIn(len(kinds), (2, 3, 4))


def _quoted(selector: str) -> str:
    return (
        selector.replace(" ", "%20").replace("=", "%3D").replace("!", "%21").replace("<", "%3C").replace(">", "%3E")
    )
