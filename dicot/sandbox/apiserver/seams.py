"""What plugs into the API server: who is told, who decides, who changes and refuses, who answers in its place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from dicot.kube.kind import Manifest

from .asked import Attributes, User
from .resource import Resource

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


class Reader(Protocol):
    """Objects as they are stored. What it hands out is the caller's own."""

    def get(self, group: str, plural: str, namespace: str, name: str) -> Manifest | None:
        """One object, or None."""
        ...

    def list(self, group: str, plural: str, namespace: str = "") -> Iterable[Manifest]:
        """All objects of a resource, of a namespace or ("") of all."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether somebody may do something, and why, as SubjectAccessReview's status says it."""

    allowed: bool
    reason: str = ""


class Authorizer(Protocol):
    """Knows who may do what."""

    def authorize(self, user: User, asked: Attributes) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class Review:
    """A write on its way (admission.k8s.io AdmissionRequest). ``new`` is None for a DELETE, ``old`` for a CREATE."""

    operation: Operation
    user: User
    resource: Resource
    subresource: str
    namespace: str
    name: str
    new: Manifest | None
    old: Manifest | None
    dry: bool


class Admission(Protocol):
    """What stands between validation of the request and storage. All mutations come before all validations."""

    def mutate(self, review: Review) -> Manifest | None:
        """The object changed, or None where it stays as it is. May raise Refusal."""
        ...

    def validate(self, review: Review) -> None:
        """Raises Refusal for what must not be."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """A request to an aggregated API: ``path`` is what follows /apis/GROUP/VERSION, with its slash."""

    user: User
    method: str
    path: str
    query: Mapping[str, tuple[str, ...]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of an aggregated API."""

    code: int
    body: bytes = b""
    media: str = "application/json"


class Aggregated(Protocol):
    """An API that another program answers (an APIService): virt-api's and CDI's. The API server has authenticated
    the user and let nothing else happen; the program authorizes by itself."""

    group: str
    versions: tuple[str, ...]

    def discovery(self, version: str) -> Manifest:
        """The APIResourceList of a version."""
        ...

    async def answer(self, version: str, call: Call) -> Answer:
        """May raise Refusal."""
        ...
