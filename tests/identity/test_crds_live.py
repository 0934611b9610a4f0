"""What the real API server makes of identity's CRDs."""

from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.cluster.control import Answer, Control
from tests.cluster.objects import Document, named
from tests.cluster.shared import SHARED, TIMEOUT

from ..cloud.town import hex_id

GROUP = "identity.dicot.io/v1"
GRANT: Document = {"roleId": hex_id("r"), "userId": hex_id("u"), "scope": {"project": hex_id("p")}}
RECORD: Document = {"namespace": "lab", "uid": "1", "id": hex_id("p")}
CLAIM: Document = {"kind": "user", "scope": "default", "name": "ann", "holder": hex_id("u"), "place": "x y/z"}
GOOD: tuple[tuple[str, str, Document], ...] = (
    ("domains", "Domain", {"name": "Default"}),
    ("users", "User", {"name": "ann", "options": {"lock_password": True, "a": 1, "b": "c"}, "tokensValidAfter": ""}),
    ("users", "User", {"name": "ann", "tokensValidAfter": "2026-11-21T10:00:00.000001Z", "domainId": hex_id("d")}),
    ("roles", "Role", {"name": "admin"}),
    ("impliedroles", "ImpliedRole", {"priorRoleId": hex_id("a"), "impliedRoleId": hex_id("b")}),
    ("roleassignments", "RoleAssignment", GRANT),
    ("roleassignments", "RoleAssignment", {**GRANT, "scope": {"system": "all"}}),
    ("roleassignments", "RoleAssignment", {**GRANT, "scope": {"domain": "default"}, "inherited": True}),
    ("revocations", "Revocation", {"auditIds": ["A" * 22], "chainIds": [], "expires": "2026-11-21T10:00:00Z"}),
    ("nameclaims", "NameClaim", CLAIM),
    ("namespacerecords", "NamespaceRecord", RECORD),
    ("ledgers", "Ledger", {"project": hex_id("p"), "entries": [{"id": "1", "amounts": {"cores": 1}}]}),
)
BAD: tuple[tuple[str, str, Document], ...] = (
    ("users", "User", {"name": ""}),
    ("users", "User", {"name": "ann", "colour": "red"}),
    ("users", "User", {"name": "ann", "tokensValidAfter": "yesterday"}),
    ("users", "User", {"name": "ann", "domainId": "elsewhere"}),
    ("roleassignments", "RoleAssignment", {**GRANT, "groupId": hex_id("g")}),
    ("roleassignments", "RoleAssignment", {"roleId": hex_id("r"), "scope": {"system": "all"}}),
    ("roleassignments", "RoleAssignment", {**GRANT, "scope": {}}),
    ("roleassignments", "RoleAssignment", {**GRANT, "scope": {"system": "all", "project": hex_id("p")}}),
    ("roleassignments", "RoleAssignment", {**GRANT, "scope": {"system": "none"}}),
    ("roleassignments", "RoleAssignment", {**GRANT, "scope": {"project": hex_id("p").upper()}}),
    ("revocations", "Revocation", {"auditIds": ["short"], "expires": "2026-11-21T10:00:00Z"}),
    ("revocations", "Revocation", {"auditIds": ["A" * 22]}),
    ("namespacerecords", "NamespaceRecord", {"namespace": "lab"}),
    ("namespacerecords", "NamespaceRecord", {**RECORD, "role": "other"}),
    ("nameclaims", "NameClaim", {**CLAIM, "name": ""}),
)


class LiveCrdTests(TestCase):
    """Schemas and rules, on the real thing."""

    timeout = TIMEOUT

    async def setUp(self) -> None:  # type: ignore[override]
        access = await SHARED.access(reactor)
        self.control = Control(reactor, access.server, access.authority, access.admin)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.close()))
        self.namespace = f"identity-{uuid4().hex[:8]}"
        home = f"/api/v1/namespaces/{self.namespace}"
        await self.control.change("POST", "/api/v1/namespaces", named("Namespace", self.namespace))
        self.addCleanup(lambda: Deferred.fromCoroutine(self.control.change("DELETE", home, also=(404, 409))))

    async def create(self, plural: str, kind: str, spec: Document, *, dry: bool = True) -> Answer:
        path = f"/apis/{GROUP}/namespaces/{self.namespace}/{plural}?fieldValidation=Strict"
        return await self.control.ask("POST", path + ("&dryRun=All" if dry else ""), body(kind, spec))

    async def test_what_is_right_is_taken(self) -> None:
        for plural, kind, spec in GOOD:
            answer = await self.create(plural, kind, spec)
            self.assertEqual(answer.status, 201, answer.document)
            self.assertEqual(answer.document["spec"]["formatVersion"], 1)

    async def test_what_is_wrong_is_refused(self) -> None:
        for plural, kind, spec in BAD:
            answer = await self.create(plural, kind, spec)
            self.assertIn(answer.status, (400, 422), (kind, spec, answer.document))

    async def test_what_grants_cannot_be_changed(self) -> None:
        changes: tuple[tuple[str, str, Document, Document], ...] = (
            ("roleassignments", "RoleAssignment", GRANT, {"roleId": hex_id("admin")}),
            ("namespacerecords", "NamespaceRecord", RECORD, {"uid": "2"}),
            ("nameclaims", "NameClaim", CLAIM, {"name": "bob"}),
        )
        for plural, kind, spec, change in changes:
            made = await self.create(plural, kind, spec, dry=False)
            self.assertEqual(made.status, 201, made.document)
            path = f"/apis/{GROUP}/namespaces/{self.namespace}/{plural}/one"
            whole: dict[str, Any] = {**made.document, "spec": {**made.document["spec"], **change}}
            answer = await self.control.ask("PUT", path, whole)
            self.assertEqual(answer.status, 422, answer.document)
            same = await self.control.ask("PUT", path, made.document)
            self.assertEqual(same.status, 200, same.document)


def body(kind: str, spec: Document) -> Document:
    return {"apiVersion": GROUP, "kind": kind, "metadata": {"name": "one"}, "spec": spec}
