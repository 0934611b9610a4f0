"""The catalog, what may be entered, users and projects, as keystone 30 shows them."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.callers.tokens import DomainScope, ProjectScope, Scope, SystemScope, Unscoped
from dicot.cloud.kinds.identity import DOMAIN
from dicot.cloud.service import Service
from dicot.config import Config
from dicot.faults import BadRequest, Fault, Forbidden, NotFound
from dicot.identity.catalog import catalog
from dicot.identity.service import service
from dicot.names import is_hex_id
from dicot.web.call import Reply

from ..cloud.town import hex_id
from .counter import CONFIG, URL, Counter

LAB, DEN = ProjectScope(hex_id("lab")), ProjectScope(hex_id("den"))
NONE = "You are not authorized to perform the requested action"


class Case(SynchronousTestCase):
    """ann is a member of lab; den is another project; far another domain."""

    def setUp(self) -> None:
        self.counter = Counter()
        self.town = self.counter.town
        self.town.user("ann", email="ann@example.org")
        self.town.user("bob")
        self.lab = self.town.project("lab", description="The lab", tags=("red", "blue"))
        self.town.project("den")
        self.town.assign("ann", "member", project="lab")
        self.town.object(DOMAIN, "far", hex_id("far"), {"name": "Far", "description": "away"})

    def ask(self, url: str, user: str = "ann", scope: Scope | None = None, **more: Any) -> Reply:
        return self.counter.ask("GET", url, self.counter.token(user, scope or Unscoped()), **more)

    def body(self, url: str, user: str = "ann", scope: Scope | None = None, **more: Any) -> Any:
        reply = self.ask(url, user, scope, **more)
        self.assertEqual(reply.code, 200)
        return reply.body

    def refused(self, fault: type[Fault], url: str, user: str, scope: Scope, **more: Any) -> str:
        return str(self.assertRaises(fault, self.ask, url, user, scope, **more).message)

    def person(self, name: str, role: str, scope: Scope) -> tuple[str, Scope]:
        """Somebody with that role in that scope."""
        self.town.user(name)
        match scope:
            case ProjectScope():
                self.town.assign(name, role, project="den")
            case DomainScope(id):
                self.town.assign(name, role, domain=id)
            case _:
                self.town.assign(name, role, system="all")
        return name, scope


class CatalogTests(Case):
    """What is served, and where."""

    def test_it_says_what_services_say(self) -> None:
        made = catalog((service(CONFIG),), CONFIG)
        self.assertEqual([(entry["type"], entry["name"]) for entry in made], [("identity", "keystone")])
        (identity,) = made
        self.assertEqual(set(identity), {"endpoints", "id", "type", "name"})
        for endpoint, interface in zip(identity["endpoints"], ("public", "internal", "admin"), strict=True):
            self.assertEqual(
                {key: value for key, value in endpoint.items() if key != "id"},
                {
                    "interface": interface,
                    "region": "North",
                    "region_id": "North",
                    "url": "https://cloud.example:5000/identity",
                },
            )

    def test_ids_are_the_same_everywhere_and_each_its_own(self) -> None:
        one, other = (catalog((service(CONFIG),), CONFIG) for _ in range(2))
        self.assertEqual(one, other)
        ids = [entry["id"] for entry in one] + [end["id"] for entry in one for end in entry["endpoints"]]
        self.assertTrue(all(is_hex_id(id) for id in ids))
        self.assertEqual(len(set(ids)), 4)

    def test_a_service_that_names_no_type_is_not_in_it(self) -> None:
        hidden = Service("x", (), self.counter.service.dialect, (), self.counter.service.forbidden)
        self.assertEqual(catalog((hidden,), Config()), ())

    def test_a_project_token_sees_it(self) -> None:
        body = self.body("/auth/catalog", scope=LAB)
        self.assertEqual(body, {"catalog": self.counter.desk.catalog, "links": {"self": f"{URL}/auth/catalog"}})

    def test_others_do_not(self) -> None:
        self.town.assign("ann", "reader", system="all")
        for scope in (Unscoped(), SystemScope()):
            self.assertEqual(self.refused(Forbidden, "/auth/catalog", "ann", scope), f"{NONE}.")


class ReachTests(Case):
    """What may be entered."""

    def test_projects(self) -> None:
        body = self.body("/auth/projects", query={"a": ["b c"]})
        self.assertEqual(body["links"], {"next": None, "self": f"{URL}/auth/projects?a=b+c", "previous": None})
        self.assertEqual(
            body["projects"],
            [
                {
                    "id": hex_id("lab"),
                    "name": "lab",
                    "domain_id": "default",
                    "description": "The lab",
                    "enabled": True,
                    "parent_id": "default",
                    "is_domain": False,
                    "tags": ["red", "blue"],
                    "options": {},
                    "links": {"self": f"{URL}/projects/{hex_id('lab')}"},
                }
            ],
        )

    def test_domains(self) -> None:
        self.assertEqual(self.body("/auth/domains")["domains"], [])
        self.town.assign("ann", "reader", domain=hex_id("far"))
        self.assertEqual(
            self.body("/auth/domains")["domains"],
            [
                {
                    "id": hex_id("far"),
                    "name": "Far",
                    "description": "away",
                    "enabled": True,
                    "tags": [],
                    "options": {},
                    "links": {"self": f"{URL}/domains/{hex_id('far')}"},
                }
            ],
        )

    def test_the_system(self) -> None:
        links = {"self": f"{URL}/auth/system"}
        self.assertEqual(self.body("/auth/system"), {"system": [], "links": links})
        self.town.assign("ann", "reader", system="all")
        self.assertEqual(self.body("/auth/system"), {"system": [{"all": True}], "links": links})

    def test_it_is_the_users_whatever_the_token_is_for(self) -> None:
        for scope in (Unscoped(), LAB):
            self.assertEqual(len(self.body("/auth/projects", scope=scope)["projects"]), 1)
        self.assertEqual(self.body("/auth/projects", "bob")["projects"], [])


class UserTests(Case):
    """GET /users/{id} and /users/{id}/projects."""

    def show(self, name: str, user: str, scope: Scope, url: str = "/users/<user_id>", **more: Any) -> Any:
        return self.body(url, user, scope, names={"user_id": hex_id(name)}, **more)

    def test_oneself(self) -> None:
        self.assertEqual(
            self.show("ann", "ann", Unscoped())["user"],
            {
                "id": hex_id("ann"),
                "name": "ann",
                "domain_id": "default",
                "enabled": True,
                "email": "ann@example.org",
                "password_expires_at": None,
                "options": {},
                "links": {"self": f"{URL}/users/{hex_id('ann')}"},
            },
        )

    def test_who_may(self) -> None:
        default, far = DomainScope("default"), DomainScope(hex_id("far"))
        people = (
            (self.person("p-manager", "manager", DEN), False),
            (self.person("p-admin", "admin", DEN), True),
            (self.person("p-service", "service", DEN), False),
            (self.person("s-reader", "reader", SystemScope()), True),
            (self.person("s-service", "service", SystemScope()), False),
            (self.person("d-reader", "reader", default), True),
            (self.person("f-admin", "admin", far), False),
            (("bob", Unscoped()), False),
        )
        operations = (
            ("/users/<user_id>", "identity:get_user"),
            ("/users/<user_id>/projects", "identity:list_user_projects"),
        )
        for (user, scope), may in people:
            for url, action in operations:
                if may:
                    self.show("ann", user, scope, url)
                else:
                    names = {"user_id": hex_id("ann")}
                    message = self.refused(Forbidden, url, user, scope, names=names)
                    self.assertEqual(message, f"{NONE}: {action}.")

    def test_one_that_does_not_exist_is_not_found_by_admins_and_forbidden_to_others(self) -> None:
        admin = self.person("root", "admin", SystemScope())
        for id in (hex_id("x"), "x", hex_id("ann").upper()):
            names = {"user_id": id}
            self.assertEqual(
                self.refused(NotFound, "/users/<user_id>", *admin, names=names), f"Could not find user: {id}."
            )
            self.refused(Forbidden, "/users/<user_id>", "ann", Unscoped(), names=names)

    def test_nobody_is_the_owner_of_nobody(self) -> None:
        self.refused(Forbidden, "/users/<user_id>", "ann", Unscoped(), names={"user_id": ""})

    def test_projects_and_their_filters(self) -> None:
        self.town.assign("ann", "reader", project="den")
        url = "/users/<user_id>/projects"
        body = self.show("ann", "ann", Unscoped(), url)
        self.assertEqual(sorted(project["name"] for project in body["projects"]), ["den", "lab"])
        self.assertEqual(body["links"]["self"], f"{URL}/users/{hex_id('ann')}/projects")
        self.town.land.change(self.lab.id, enabled=False)
        cases: tuple[tuple[dict[str, list[str]], list[str]], ...] = (
            ({"name": ["lab"]}, ["lab"]),
            ({"name": ["LAB"]}, []),
            ({"domain_id": ["default"], "enabled": ["true"]}, ["den"]),
            ({"enabled": ["0"]}, ["lab"]),
            ({"domain_id": ["x"]}, []),
        )
        for query, names in cases:
            found = self.show("ann", "ann", Unscoped(), url, query=query)["projects"]
            self.assertEqual([project["name"] for project in found], names, query)


class ProjectTests(Case):
    """GET /projects/{id}."""

    url = "/projects/<project_id>"

    def show(self, user: str = "ann", scope: Scope = LAB, name: str = "lab", **query: list[str]) -> Any:
        return self.body(self.url, user, scope, names={"project_id": hex_id(name)}, query=query)["project"]

    def test_ones_own(self) -> None:
        own = self.body("/auth/projects")["projects"][0]
        self.assertEqual(self.show(), own)

    def test_who_may(self) -> None:
        default, far = DomainScope("default"), DomainScope(hex_id("far"))
        people = (
            (("ann", Unscoped()), False),
            (self.person("p-manager", "manager", DEN), False),
            (self.person("p-admin", "admin", DEN), True),
            (self.person("s-reader", "reader", SystemScope()), True),
            (self.person("d-reader", "reader", default), True),
            (self.person("d-service", "service", default), False),
            (self.person("f-admin", "admin", far), False),
        )
        for (user, scope), may in people:
            if may:
                self.show(user, scope)
            else:
                names = {"project_id": hex_id("lab")}
                message = self.refused(Forbidden, self.url, user, scope, names=names)
                self.assertEqual(message, f"{NONE}: identity:get_project.")

    def test_a_foreign_project_and_none_look_alike(self) -> None:
        messages = {
            self.refused(Forbidden, self.url, "ann", LAB, names={"project_id": hex_id(name)}) for name in ("den", "x")
        }
        self.assertEqual(len(messages), 1)

    def test_an_admin_is_told_that_there_is_none(self) -> None:
        admin = self.person("root", "admin", SystemScope())
        message = self.refused(NotFound, self.url, *admin, names={"project_id": "x"})
        self.assertEqual(message, "Could not find project: x.")

    def test_relatives(self) -> None:
        self.assertEqual(self.show(parents_as_ids=[""])["parents"], {"default": None})
        self.assertEqual(self.show(parents_as_list=["1"])["parents"], [])
        self.assertIsNone(self.show(subtree_as_ids=["x"])["subtree"])
        self.assertEqual(self.show(subtree_as_list=[""])["subtree"], [])
        self.assertEqual(set(self.show(parents_as_ids=["0"], subtree_as_list=["0"])) & {"parents", "subtree"}, set())

    def test_not_both_forms_of_relatives(self) -> None:
        for key in ("parents", "subtree"):
            query = {f"{key}_as_list": [""], f"{key}_as_ids": [""]}
            message = self.refused(BadRequest, self.url, "ann", LAB, names={"project_id": hex_id("lab")}, query=query)
            self.assertEqual(message, f"Cannot use {key}_as_list and {key}_as_ids query params at the same time.")


class TableTests(Case):
    """Every operation has its row, and every row its operation."""

    def test_operations_and_rows_belong_together(self) -> None:
        used = {policy for _, _, policy in self.counter.routes.operations.values() if policy}
        self.assertEqual(used, set(self.counter.desk.policy.rules))

    def test_only_a_log_in_needs_no_token(self) -> None:
        public = [key for key, (_, _, policy) in self.counter.routes.operations.items() if policy is None]
        self.assertEqual(public, [("POST", "/auth/tokens")])
