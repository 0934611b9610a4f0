"""GET /projects, as keystone 30 lists them."""

from typing import Any

from dicot.cloud.callers.tokens import DomainScope, Scope, SystemScope, Unscoped
from dicot.faults import BadRequest, Forbidden, NotFound
from dicot.identity.project_list import POLICY

from ..cloud.town import hex_id
from .counter import URL
from .test_reading import DEN, LAB, NONE, Case

FAR = DomainScope(hex_id("far"))
PATH = "/projects"


class ProjectListTests(Case):
    """lab, den and pen are of the default domain, and out is of another."""

    def setUp(self) -> None:
        super().setUp()
        self.town.project("pen", enabled=False)
        self.town.project("out", hex_id("far"))
        self.who = self.person("root", "admin", DEN)

    def names(self, **asked: str) -> list[str]:
        """The names of those that are found."""
        query = {key.replace("_any", "-any").replace("not_", "not-"): [text] for key, text in asked.items()}
        found = self.body(PATH, *self.who, query=query)["projects"]
        return sorted(each["name"] for each in found)

    def test_each_is_as_it_is_shown_alone(self) -> None:
        answer = self.body(PATH, *self.who)
        self.assertEqual(answer["links"], {"next": None, "self": f"{URL}/projects", "previous": None})
        self.assertNotIn("truncated", answer)
        ids = [each["id"] for each in answer["projects"]]
        self.assertEqual(ids, sorted(map(hex_id, ("lab", "den", "pen", "out"))))
        for each in answer["projects"]:
            alone = self.body("/projects/<project_id>", *self.who, names={"project_id": each["id"]})
            self.assertEqual(alone["project"], each)

    def test_who_may(self) -> None:
        every, near = ["den", "lab", "out", "pen"], ["den", "lab", "pen"]
        default = DomainScope("default")
        people: tuple[tuple[tuple[str, Scope], list[str] | None], ...] = (
            (("ann", LAB), None),
            (("ann", Unscoped()), None),
            (self.person("p-manager", "manager", DEN), None),
            (self.person("s-reader", "reader", SystemScope()), every),
            (self.person("d-reader", "reader", default), near),
            (self.person("d-service", "service", default), None),
            (self.person("f-admin", "admin", FAR), ["out"]),
        )
        for (user, scope), expected in people:
            if expected is None:
                self.assertEqual(self.refused(Forbidden, PATH, user, scope), f"{NONE}: {POLICY}.", user)
            else:
                found = self.body(PATH, user, scope)["projects"]
                self.assertEqual(sorted(each["name"] for each in found), expected, user)

    def test_by_what_a_project_is(self) -> None:
        cases: tuple[tuple[dict[str, str], list[str]], ...] = (
            ({"name": "lab"}, ["lab"]),
            ({"name": "LAB"}, []),
            ({"domain_id": hex_id("far")}, ["out"]),
            ({"parent_id": "default", "enabled": "false"}, ["pen"]),
            ({"enabled": ""}, ["den", "lab", "out"]),
            ({"is_domain": "true"}, ["Default", "Far"]),
            ({"is_domain": "1", "name": "Far"}, ["Far"]),
            ({"colour": "red", "name__sounds": "lab"}, ["den", "lab", "out", "pen"]),
        )
        for asked, expected in cases:
            self.assertEqual(self.names(**asked), expected, asked)

    def test_by_a_part_of_the_name(self) -> None:
        for asked, expected in (
            ({"name__contains": "e"}, ["den", "pen"]),
            ({"name__startswith": "d"}, ["den"]),
            ({"name__endswith": "N"}, []),
            ({"name__iendswith": "N"}, ["den", "pen"]),
        ):
            self.assertEqual(self.names(**asked), expected, asked)

    def test_by_tags(self) -> None:
        self.town.project("red", tags=("red",))
        for asked, expected in (
            ({"tags": "red,blue"}, ["lab"]),
            ({"tags_any": "red,blue"}, ["lab", "red"]),
            ({"not_tags": "red,blue", "name__contains": "e"}, ["den", "pen", "red"]),
            ({"not_tags_any": "red,blue", "name__contains": "e"}, ["den", "pen"]),
        ):
            self.assertEqual(self.names(**asked), expected, asked)

    def test_a_domain_is_a_project_too(self) -> None:
        query = {"is_domain": ["true"], "name": ["Far"]}
        [shown] = self.body(PATH, *self.who, query=query)["projects"]
        expected: dict[str, Any] = {
            "id": hex_id("far"),
            "name": "Far",
            "description": "away",
            "enabled": True,
            "domain_id": None,
            "parent_id": None,
            "is_domain": True,
            "tags": [],
            "options": {},
            "links": {"self": f"{URL}/projects/{hex_id('far')}"},
        }
        self.assertEqual(shown, expected)

    def test_pages(self) -> None:
        ids, query = list[str](), {"limit": ["3"], "enabled": [""]}
        answer = self.body(PATH, *self.who, query=query)
        ids += [each["id"] for each in answer["projects"]]
        self.assertEqual((len(ids), answer["truncated"]), (3, True))
        self.assertEqual(answer["links"]["next"], f"{URL}/projects?limit=3&enabled=&marker={ids[-1]}")
        answer = self.body(PATH, *self.who, query=query | {"marker": [ids[-1]]})
        self.assertEqual((answer["projects"], answer["links"]["next"]), ([], None))
        self.assertEqual(
            self.refused(NotFound, PATH, *self.who, query={"marker": ["none"]}), "Marker none could not be found."
        )

    def test_what_is_no_query(self) -> None:
        for asked in ({"enabled": "maybe"}, {"is_domain": "2"}, {"name": " "}, {"name": "n" * 65}, {"limit": "-1"}):
            query = {key: [text] for key, text in asked.items()}
            self.assertIn("Invalid input", self.refused(BadRequest, PATH, *self.who, query=query))
            self.assertIn("Invalid input", self.refused(BadRequest, PATH, "ann", LAB, query=query))
