"""What plugs into the API server: who is told, who decides, who changes and refuses, who answers in its place."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from dicot.kube.kind import Manifest

from ..nodes.websocket import Frames
from .asked import Attributes, User
from .refusal import Cause
from .resource import Resource
from .structural.node import Node

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
class Change:
    """What was written: JSON before and after, None where there was or is no object. ``resource`` is in the version
    that objects are stored in."""

    resource: Resource
    namespace: str
    name: str
    old: bytes | None
    new: bytes | None


Listener = Callable[[Change], None]


class Objects(Reader, Protocol):
    """Writes of controllers that live in the API server: as any client's, but authorized by nobody and done at once.
    All may raise Refusal. They must not be called by a listener, which is told in the middle of a write."""

    def listen(self, listener: Listener) -> None:
        """Tell of each change, in order, from now on."""
        ...

    def everything(self) -> Iterable[Change]:
        """All that is stored, each object as if it had just been made."""
        ...

    def create(self, group: str, plural: str, manifest: Manifest) -> Manifest:
        """As POST; the namespace is the manifest's."""
        ...

    def change(
        self,
        group: str,
        plural: str,
        namespace: str,
        name: str,
        change: Callable[[Manifest], Manifest | None],
        subresource: str = "",
    ) -> Manifest:
        """Write what ``change`` makes of the object (which it may alter in place), unless it answers None. Nothing
        can come in between."""
        ...

    def delete(
        self, group: str, plural: str, namespace: str, name: str, uid: str = "", propagation: str = "Background"
    ) -> None:
        """As DELETE, of that uid alone where there is one."""
        ...


class Registry(Protocol):
    """What is served: the built-in resources, and those that CustomResourceDefinitions define, from the moment in
    which they are established."""

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """A served resource in one version."""
        ...

    def stored(self, group: str, plural: str) -> Resource | None:
        """A resource in the version that its objects are stored in."""
        ...

    def resources(self) -> Iterable[Resource]:
        """All that have objects, each in the version that they are stored in."""
        ...


class Schemas(Protocol):
    """Knows what objects of a resource look like. Resources without a schema take anything."""

    def fit(self, resource: Resource, manifest: Manifest) -> list[str]:
        """Take away what the resource does not know and put in its defaults, in place. Answers what a strict client
        is told of, as in 'unknown field "spec.x"'. Raises Refusal (400) for what cannot be decoded at all."""
        ...

    def check(
        self,
        resource: Resource,
        subresource: str,
        new: Manifest,
        old: Manifest | None,
        before: Sequence[Cause] = (),
    ) -> None:
        """Raises Refusal (422) for an object that is not valid, or that may not become so from ``old``; ``before`` is
        what is wrong with its metadata."""
        ...

    def node(self, resource: Resource) -> Node | None:
        """The schema of whole objects, which says how their lists are merged; None where there is none."""
        ...


class Documents(Protocol):
    """Discovery and OpenAPI."""

    def document(self, path: str, accept: str, query: Mapping[str, tuple[str, ...]]) -> "Answer | None":
        """What is at a path such as /api, /apis, /apis/GROUP/VERSION, /openapi/v3; None where nothing is."""
        ...


class Tables(Protocol):
    """Prints objects as kubectl shows them."""

    def table(self, resource: Resource, objects: Sequence[Manifest], include: str) -> Manifest:
        """A meta.k8s.io/v1 Table. ``include`` is the query's includeObject: "Metadata", "Object" or "None". The API
        server puts the list's metadata into it."""
        ...


class Authenticator(Protocol):
    """Knows who asks."""

    def identify(self, headers: Mapping[str, Sequence[str]], asked: Attributes) -> User:
        """The user of a request, impersonation done (the right to it may depend on what is ``asked``); names of
        headers are in lower case. Raises Refusal: 401, or 403 for who may not impersonate."""
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
class Posted:
    """What was POSTed to a resource or subresource that stores nothing: a review, a request for a token."""

    user: User
    namespace: str
    name: str
    body: Manifest
    dry: bool


Poster = Callable[[Posted], Manifest]
"""Answers it with an object (201). May raise Refusal."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request to an aggregated API: ``path`` is what follows /apis/GROUP/VERSION, with its slash; ``accept`` is
    the header."""

    user: User
    method: str
    path: str
    query: Mapping[str, tuple[str, ...]]
    body: bytes
    accept: str = "*/*"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of an aggregated API. Without a body it has no media type either. ``stream`` makes what the
    connection is of from now on, if a WebSocket is asked for; the rest is for who asks for none."""

    code: int
    body: bytes = b""
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Callable[[], Frames] | None = None


class Aggregated(Protocol):
    """An API that another program answers (an APIService): virt-api's and CDI's. The API server has authenticated
    and authorized the request as any other (403 in its own words; of .../NAME/evacuate/cancel the subresource is
    ``evacuate``); the program authorizes once more by itself. An APIResourceList is everybody's to read."""

    group: str
    versions: tuple[str, ...]

    def discovery(self, version: str) -> Manifest:
        """The APIResourceList of a version."""
        ...

    async def answer(self, version: str, call: Call) -> Answer:
        """May raise Refusal."""
        ...
