"""The policy table: assembled from all resources, and decided by token facts and stored facts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from twisted.trial.unittest import SynchronousTestCase

from dicot.caller import ANONYMOUS, Caller
from dicot.cloud.callers.policy import PERSONAS, assembled, personas, strongest
from dicot.cloud.callers.tokens import DomainScope, ProjectScope, Scope, SystemScope, Unscoped
from dicot.cloud.resource import ADMIN, ANY, MANAGER, MEMBER, READER, Bench, Resource
from dicot.cloud.service import Service
from dicot.faults import Fault, Forbidden
from dicot.web.dialects.identity import Identity

from .town import hex_id

PROJECT, DOMAIN, SYSTEM = ProjectScope(hex_id("p")), DomainScope("default"), SystemScope()
CHAIN = ("reader", "member", "manager", "admin")


def nothing(bench: Bench) -> None:
    """No routes."""


def resource(name: str, **policy: frozenset[str]) -> Resource:
    return Resource(name, nothing, policy={key.replace("__", ":"): row for key, row in policy.items()})


def service(name: str, *resources: Resource, scopes: frozenset[str] = frozenset({"project"})) -> Service:
    def forbidden(operation: str) -> Fault:
        return Forbidden(f"{name} says no to {operation}")

    return Service(name, (), Identity("http://here"), resources, forbidden, scopes)


def caller(scope: Scope, *roles: str) -> Caller:
    held = frozenset(roles)
    return replace(
        ANONYMOUS,
        user=hex_id("u"),
        project=scope.id if isinstance(scope, ProjectScope) else "",
        domain=scope.id if isinstance(scope, DomainScope) else "",
        system=isinstance(scope, SystemScope),
        roles=held,
        personas=personas(scope, held),
    )


def up_to(role: str) -> tuple[str, ...]:
    return CHAIN[: CHAIN.index(role) + 1]


WHO: Mapping[str, Caller] = {
    "nobody": caller(Unscoped()),
    **{role: caller(PROJECT, *up_to(role)) for role in CHAIN},
    "service": caller(PROJECT, "service"),
    "odd": caller(PROJECT, "any", "owner", "system_admin", "custom"),
    **{f"system {role}": caller(SYSTEM, *up_to(role)) for role in CHAIN},
    **{f"domain {role}": caller(DOMAIN, *up_to(role)) for role in CHAIN},
}
PROJECTS = ("nobody", *CHAIN, "service", "odd")


@dataclass(frozen=True)
class Cell:
    """A row of the table, and everybody it lets through."""

    row: frozenset[str]
    may: frozenset[str]


CELLS = {
    "c:any": Cell(ANY, frozenset(PROJECTS)),
    "c:read": Cell(READER, frozenset(CHAIN)),
    "c:write": Cell(MEMBER, frozenset(CHAIN[1:])),
    "c:manage": Cell(MANAGER, frozenset(CHAIN[2:])),
    "c:admin": Cell(ADMIN, frozenset(CHAIN[3:])),
    "c:event": Cell(frozenset({"service"}), frozenset({"service"})),
}


class TableTests(SynchronousTestCase):
    """Every persona at every kind of row."""

    def allowed(self, services: tuple[Service, ...], operation: str) -> set[str]:
        policy = assembled(services)
        allowed = set()
        for name, who in WHO.items():
            try:
                policy.permit(who, operation)
            except Forbidden:
                continue
            allowed.add(name)
        return allowed

    def test_rows_of_a_service_of_projects(self) -> None:
        table = resource("things", **{name.replace(":", "__"): cell.row for name, cell in CELLS.items()})
        for name, cell in CELLS.items():
            self.assertEqual(self.allowed((service("compute", table),), name), cell.may, name)

    def test_a_service_of_all_scopes(self) -> None:
        every = frozenset({"project", "domain", "system"})
        rows = resource("t", i__any=ANY, i__admin=ADMIN, i__look=frozenset({"admin", "system_reader"}))
        made = (service("identity", rows, scopes=every),)
        self.assertEqual(self.allowed(made, "i:any"), set(WHO))
        self.assertEqual(self.allowed(made, "i:admin"), {"admin", "system admin"})
        self.assertEqual(self.allowed(made, "i:look"), {"admin", *(f"system {role}" for role in CHAIN)})

    def test_the_refusal_is_the_services_own(self) -> None:
        policy = assembled((service("a", resource("t", a__x=ADMIN)), service("b", resource("t", b__x=ADMIN))))
        fault = self.assertRaises(Forbidden, policy.permit, WHO["reader"], "b:x")
        self.assertEqual(fault.message, "b says no to b:x")

    def test_an_operation_that_nobody_declares_is_an_error_and_no_permission(self) -> None:
        self.assertRaises(KeyError, assembled(()).permit, WHO["admin"], "a:x")

    def test_a_persona_that_nobody_is_is_refused_at_the_start(self) -> None:
        for row in (frozenset({"reeder"}), frozenset[str](), frozenset({"reader", ""})):
            self.assertRaises(ValueError, assembled, (service("a", resource("t", a__x=row)),))

    def test_an_operation_may_be_declared_again_only_as_it_was(self) -> None:
        assembled((service("a", resource("t", a__x=ADMIN), resource("u", a__y=ADMIN)),))
        twice = service("a", resource("t", a__x=ADMIN), resource("u", a__x=ADMIN))
        self.assertEqual(list(assembled((twice,)).rules), ["a:x"])
        other = service("a", resource("t", a__x=ADMIN), resource("u", a__x=MEMBER))
        self.assertRaises(ValueError, assembled, (other,))


class RelationTests(SynchronousTestCase):
    """Rows that name what a caller is to a target."""

    def setUp(self) -> None:
        every = frozenset({"project", "domain", "system"})
        rows = resource("t", i__own=frozenset({"admin", "owner"}), i__admin=ADMIN)
        self.policy = assembled((service("identity", rows, scopes=every),))

    def decides(self, who: str, operation: str, *relations: str) -> bool:
        try:
            self.policy.decide(WHO[who], operation, frozenset(relations))
        except Forbidden:
            return False
        return True

    def test_the_door_leaves_it_to_the_operation(self) -> None:
        self.policy.permit(WHO["nobody"], "i:own")

    def test_the_operation_asks_again(self) -> None:
        self.assertTrue(self.decides("nobody", "i:own", "owner"))
        self.assertTrue(self.decides("admin", "i:own"))
        self.assertFalse(self.decides("manager", "i:own"))
        self.assertFalse(self.decides("manager", "i:own", "subject"))

    def test_being_the_owner_opens_no_row_that_does_not_say_so(self) -> None:
        self.assertFalse(self.decides("member", "i:admin", "owner"))

    def test_a_role_called_owner_is_none(self) -> None:
        self.assertFalse(self.decides("odd", "i:own"))


class PersonaTests(SynchronousTestCase):
    """What scopes and roles make of a caller."""

    def test_every_persona_is_known_to_the_table(self) -> None:
        for who in WHO.values():
            self.assertLessEqual(who.personas, PERSONAS)

    def test_only_a_system_admin_is_a_cloud_admin_without_a_project(self) -> None:
        self.assertIn("admin", personas(SYSTEM, frozenset({"admin"})))
        self.assertNotIn("admin", personas(DOMAIN, frozenset({"admin"})))
        self.assertEqual(personas(Unscoped(), frozenset({"admin"})), {"any"})

    def test_the_strongest_role(self) -> None:
        self.assertEqual(strongest(frozenset(("reader", "member", "service"))), "member")
        self.assertEqual(strongest(frozenset(CHAIN)), "admin")
        self.assertEqual(strongest(frozenset(("service", "custom"))), "")
