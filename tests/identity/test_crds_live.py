"""What API servers make of identity's CRDs."""

from tests.cluster.objects import Document
from tests.live import definitions

from ..cloud.town import hex_id

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


CHANGED: tuple[tuple[str, str, Document, Document], ...] = (
    ("roleassignments", "RoleAssignment", GRANT, {"roleId": hex_id("admin")}),
    ("namespacerecords", "NamespaceRecord", RECORD, {"uid": "2"}),
    ("nameclaims", "NameClaim", CLAIM, {"name": "bob"}),
)


class LiveCrdTests(definitions.DefinitionsCase):
    """Schemas and rules, on the real thing."""

    group = "identity.dicot.io/v1"

    async def test_what_is_right_is_taken(self) -> None:
        await self.take(GOOD)

    async def test_what_is_wrong_is_refused(self) -> None:
        await self.refuse(BAD)

    async def test_what_grants_cannot_be_changed(self) -> None:
        await self.keep(CHANGED)
