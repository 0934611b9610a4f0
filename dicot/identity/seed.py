"""People for trying things out; never made by the daemon itself."""

from collections.abc import Iterable
from dataclasses import dataclass

from .founding import Founding


@dataclass(frozen=True, slots=True)
class Person:
    """A user with a role on a project; the project's namespace has its name."""

    name: str
    password: str
    project: str
    role: str

    def __repr__(self) -> str:
        return f"<Person {self.name}: {self.role} of {self.project}>"


def demo(password: str) -> Person:
    """The seed of trial clusters: user demo, a member of project demo."""
    return Person("demo", password, "demo", "member")


async def seed(founding: Founding, people: Iterable[Person]) -> None:
    """Makes what is not there yet, after the first boot. What is there keeps its password."""
    for person in people:
        role = await founding.role(person.role)
        user = await founding.user(person.name, person.password)
        project = await founding.project(person.project)
        await founding.assign(user, role, project=project)
