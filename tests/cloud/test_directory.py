"""Who is who and who holds what."""

from twisted.trial.unittest import SynchronousTestCase

from dicot.cloud.callers.directory import RoleFacts, moment
from dicot.cloud.kinds.identity import DOMAIN, IMPLIED_ROLE, ROLE, ROLE_ASSIGNMENT, USER

from .town import Place_, Town, hex_id


def names(roles: tuple[RoleFacts, ...]) -> list[str]:
    return [role.name for role in roles]


class PeopleTests(SynchronousTestCase):
    """Users and domains."""

    def setUp(self) -> None:
        self.town = Town()
        self.directory = self.town.one.directory

    def test_a_user_by_id(self) -> None:
        self.town.user("ann", email="ann@example.org", defaultProjectId="p", credentialGeneration=3)
        ann = self.directory.user(hex_id("ann"))
        assert ann is not None
        self.assertEqual((ann.id, ann.name, ann.domain, ann.enabled), (hex_id("ann"), "ann", "default", True))
        self.assertEqual((ann.email, ann.default_project, ann.generation), ("ann@example.org", "p", 3))

    def test_ids_have_one_spelling(self) -> None:
        self.town.user("ann")
        id = hex_id("ann")
        for other in (id.upper(), f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}", "", id + " "):
            self.assertIsNone(self.directory.user(other))

    def test_an_object_without_an_id_has_its_uid(self) -> None:
        self.town.object(USER, "bob", "", {"name": "bob", "domainId": "default"})
        bob = self.directory.user_named("default", "bob")
        assert bob is not None
        self.assertEqual(len(bob.id), 32)
        self.assertEqual(self.directory.user(bob.id), bob)

    def test_a_user_by_name_in_a_domain(self) -> None:
        self.town.user("ann")
        self.assertEqual(self.directory.user_named("default", "ANN"), self.directory.user(hex_id("ann")))
        self.assertIsNone(self.directory.user_named("other", "ann"))
        self.assertIsNone(self.directory.user_named("default", "an"))

    def test_a_later_object_does_not_take_a_name_over(self) -> None:
        self.town.user("ann")
        self.town.object(USER, "mallory", hex_id("mallory"), {"name": "Ann", "domainId": "default"})
        found = self.directory.user_named("default", "ann")
        self.assertEqual(found, self.directory.user(hex_id("ann")))

    def test_what_changes_is_seen_at_once(self) -> None:
        self.town.user("ann")
        self.directory.user(hex_id("ann"))
        self.town.change(USER, "ann", enabled=False)
        ann = self.directory.user(hex_id("ann"))
        assert ann is not None
        self.assertFalse(ann.enabled)
        self.town.remove(USER, "ann")
        self.assertIsNone(self.directory.user(hex_id("ann")))

    def test_what_can_be_no_id_is_not_remembered(self) -> None:
        for id in ("", "x" * 100_000, hex_id("ann").upper(), f"{hex_id('ann')}\n", "default "):
            self.assertIsNone(self.directory.user(id))
            self.assertIsNone(self.directory.domain(id))
        self.assertEqual(self.directory._known, {})
        self.assertIsNone(self.directory.user(hex_id("ann")))
        self.assertEqual(len(self.directory._known), 1)

    def test_the_default_domain_has_its_own_id(self) -> None:
        self.town.object(DOMAIN, "other", hex_id("other"), {"name": "Other"})
        default = self.directory.domain_named("default")
        assert default is not None
        self.assertEqual((default.id, default.name), ("default", "Default"))
        self.assertEqual(self.directory.domain("default"), default)
        other = self.directory.domain(hex_id("other"))
        assert other is not None
        self.assertEqual(self.directory.domain_named("OTHER"), other)
        self.assertIsNone(self.directory.domain("other"))

    def test_a_project_by_name_in_a_domain(self) -> None:
        lab = self.town.project("lab")
        self.assertEqual(self.directory.project_named("default", "Lab"), lab)
        self.assertIsNone(self.directory.project_named("other", "lab"))
        self.assertEqual(self.directory.project(lab.id), lab)

    def test_moments(self) -> None:
        self.assertEqual(moment(""), 0)
        self.assertEqual(moment("1970-01-01T00:00:01.000002Z"), 1_000_002)
        self.assertEqual(moment("1970-01-01T01:00:01+01:00"), 1_000_000)
        self.assertEqual(moment("soon"), float("inf"))


class RoleTests(SynchronousTestCase):
    """Roles, of this moment."""

    def setUp(self) -> None:
        self.town = Town()
        self.directory = self.town.one.directory
        self.town.user("ann")
        self.lab = self.town.project("lab")
        self.den = self.town.project("den")

    def held(self, project: Place_) -> list[str]:
        return names(self.directory.roles_on_project(hex_id("ann"), project))

    def test_none_without_an_assignment(self) -> None:
        self.assertEqual(self.held(self.lab), [])
        self.assertEqual(self.directory.projects_of(hex_id("ann")), ())

    def test_implied_roles_come_along(self) -> None:
        self.town.assign("ann", "member", project="lab")
        self.assertEqual(self.held(self.lab), ["member", "reader"])
        self.assertEqual(self.held(self.den), [])
        self.town.assign("ann", "admin", project="den")
        self.assertEqual(self.held(self.den), ["admin", "manager", "member", "reader"])

    def test_an_assignment_that_goes_takes_its_roles_along(self) -> None:
        name = self.town.assign("ann", "member", project="lab")
        self.assertEqual(self.held(self.lab), ["member", "reader"])
        self.town.remove(ROLE_ASSIGNMENT, name)
        self.assertEqual(self.held(self.lab), [])

    def test_an_implication_that_goes_takes_its_role_along(self) -> None:
        self.town.assign("ann", "member", project="lab")
        self.held(self.lab)
        self.town.remove(IMPLIED_ROLE, "member-reader")
        self.assertEqual(self.held(self.lab), ["member"])

    def test_a_role_that_is_gone_is_held_by_nobody(self) -> None:
        self.town.assign("ann", "reader", project="lab")
        self.town.remove(ROLE, "reader")
        self.assertEqual(self.held(self.lab), [])

    def test_circles_end(self) -> None:
        self.town.imply("reader", "admin")
        self.town.assign("ann", "reader", project="lab")
        self.assertEqual(self.held(self.lab), ["admin", "manager", "member", "reader"])

    def test_roles_of_a_domain_only_imply(self) -> None:
        self.town.role("local", "default")
        self.town.imply("local", "reader")
        self.town.assign("ann", "local", project="lab")
        self.assertEqual(self.held(self.lab), ["reader"])

    def test_inherited_roles_reach_the_projects_of_the_domain_and_not_the_domain(self) -> None:
        self.town.assign("ann", "reader", inherited=True, domain="default")
        self.assertEqual(self.held(self.lab), ["reader"])
        self.assertEqual(self.held(self.town.project("far", hex_id("other"))), [])
        self.assertEqual(self.directory.roles_on_domain(hex_id("ann"), "default"), ())

    def test_roles_on_a_domain_do_not_reach_its_projects(self) -> None:
        self.town.assign("ann", "reader", domain="default")
        self.assertEqual(names(self.directory.roles_on_domain(hex_id("ann"), "default")), ["reader"])
        self.assertEqual(self.held(self.lab), [])
        self.assertEqual(self.directory.roles_on_system(hex_id("ann")), ())

    def test_roles_on_the_system_are_none_elsewhere(self) -> None:
        self.town.assign("ann", "member", system="all")
        self.assertEqual(names(self.directory.roles_on_system(hex_id("ann"))), ["member", "reader"])
        self.assertEqual(self.held(self.lab), [])
        self.assertEqual(self.directory.roles_on_domain(hex_id("ann"), "default"), ())

    def test_an_assignment_of_two_scopes_or_none_counts_nowhere(self) -> None:
        both = {"project": self.lab.id, "system": "all"}
        for name, scope in (("both", both), ("none", {})):
            spec = {"userId": hex_id("ann"), "roleId": hex_id("admin"), "scope": scope}
            self.town.object(ROLE_ASSIGNMENT, name, "", spec)
        self.assertEqual(self.held(self.lab), [])
        self.assertEqual(self.directory.roles_on_system(hex_id("ann")), ())
        self.assertEqual(self.directory.roles_on_domain(hex_id("ann"), ""), ())

    def test_nobody_holds_nothing(self) -> None:
        spec = {"userId": "", "roleId": hex_id("admin"), "scope": {"project": self.lab.id}}
        self.town.object(ROLE_ASSIGNMENT, "nobody", "", spec)
        self.assertEqual(self.directory.roles_on_project("", self.lab), ())

    def test_a_group_of_the_users_id_is_not_the_user(self) -> None:
        spec = {"groupId": hex_id("ann"), "roleId": hex_id("admin"), "scope": {"project": self.lab.id}}
        self.town.object(ROLE_ASSIGNMENT, "group", "", spec)
        self.assertEqual(self.held(self.lab), [])

    def test_projects_and_domains_that_a_user_may_enter(self) -> None:
        self.town.assign("ann", "reader", project="lab")
        self.town.assign("ann", "reader", project="den")
        self.town.assign("ann", "reader", domain="default")
        self.town.project("other")
        found = [project.name for project in self.directory.projects_of(hex_id("ann"))]
        self.assertEqual(sorted(found), ["den", "lab"])
        self.assertEqual([domain.id for domain in self.directory.domains_of(hex_id("ann"))], ["default"])
