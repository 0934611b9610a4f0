"""Making users, roles, projects and assignments from nothing, so that any step may be done again by anybody."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from ..cloud.kinds.identity import DOMAIN, IMPLIED_ROLE, ROLE, ROLE_ASSIGNMENT, USER
from ..cloud.plan import Claim
from ..cloud.tenancy.bootstrap import NewProject
from ..faults import Conflict
from ..kube.address import place
from ..kube.client import Kube
from ..kube.errors import Doubtful, Exists, Missing
from ..kube.kind import Kind, Manifest
from ..moments import precise
from ..names import ID, SYSTEM_NAMESPACE, derived, digest, object_name, undashed
from .names import claim
from .password import Passwords

DEFAULT_DOMAIN = "default"
_TRIES = 3


class Places(Protocol):
    """What makes namespaces count: ``cloud.tenancy.bootstrap.Bootstrap``."""

    async def project(self, wanted: NewProject) -> str:
        """Makes a project; raises Conflict where the namespace is not its own."""
        ...

    async def adopt(self, name: str) -> str:
        """Makes a namespace that exists a project; its id."""
        ...


class Founding:
    """Ids and object names are derived from names, so that two replicas at once make the same objects.

    ``take`` claims a name; ``now`` is Unix time. Raises errors of kube and Faults.
    """

    def __init__(
        self,
        kube: Kube,
        passwords: Passwords,
        places: Places,
        take: Callable[[Claim], Awaitable[object]],
        now: Callable[[], float],
    ) -> None:
        self._kube = kube
        self._passwords = passwords
        self._places = places
        self._claim = take
        self._now = now

    async def exists(self, kind: Kind[Any], name: str) -> bool:
        """Whether there is such an object, by a live read."""
        try:
            await self._kube.read(place(kind, SYSTEM_NAMESPACE, name))
        except Missing:
            return False
        return True

    async def default_domain(self) -> None:
        """The domain of id ``default``."""
        id = _id("domain", DEFAULT_DOMAIN)
        await self._claim(claim(DOMAIN, "", "Default", id, DEFAULT_DOMAIN))
        spec = {"name": "Default", "description": "The default domain", "enabled": True}
        await self._create(DOMAIN, DEFAULT_DOMAIN, id, spec)

    async def role(self, name: str) -> str:
        """A role; its id."""
        id = _id("role", name)
        await self._claim(claim(ROLE, "", name, id, object_name(name, id)))
        await self._create(ROLE, object_name(name, id), id, {"name": name, "domainId": "", "description": ""})
        return id

    async def imply(self, prior: str, implied: str) -> None:
        """Whoever holds one role, by id, holds the other too."""
        spec = {"priorRoleId": prior, "impliedRoleId": implied}
        await self._create(IMPLIED_ROLE, f"implied-{digest(prior, implied)}", "", spec)

    async def user(self, name: str, password: str) -> str:
        """A user of the default domain; its id. One that exists keeps its password."""
        id = _id("user", name)
        where = object_name(name, id)
        if await self.exists(USER, where):
            return id
        await self._claim(claim(USER, DEFAULT_DOMAIN, name, id, where))
        await self._passwords.store(id, password)
        spec = {
            "name": name,
            "domainId": DEFAULT_DOMAIN,
            "enabled": True,
            # The id is derived: tokens of an earlier user of this name shall not count for this one.
            "tokensValidAfter": precise(float(int(self._now()))),
        }
        await self._create(USER, where, id, spec)
        return id

    async def project(self, name: str) -> str:
        """A project of the default domain in a namespace of its own name; one that exists is adopted. Its id."""
        id = _id("project", name)
        try:
            await self._places.project(NewProject(id=id, name=name, namespace=name))
        except Conflict:
            return await self._places.adopt(name)
        return id

    async def assign(self, user: str, role: str, **scope: str) -> None:
        """A role, by ids; ``scope`` is project=id or system="all"."""
        name = f"assignment-{digest(user, role, *(f'{kind}={id}' for kind, id in sorted(scope.items())))}"
        spec = {"userId": user, "roleId": role, "scope": scope, "inherited": False}
        await self._create(ROLE_ASSIGNMENT, name, "", spec)

    async def _create(self, kind: Kind[Any], name: str, id: str, spec: Manifest) -> None:
        """Makes an object; one of that name is this very one, since nobody else derives it."""
        body: Manifest = {
            "apiVersion": kind.api_version,
            "kind": kind.singular,
            "metadata": {"name": name, "namespace": SYSTEM_NAMESPACE, "labels": {ID: id} if id else {}},
            "spec": {"formatVersion": 1, **spec},
        }
        for attempt in range(1, _TRIES + 1):
            try:
                await self._kube.create(place(kind, SYSTEM_NAMESPACE), body)
            except Exists:
                return
            except Doubtful:
                if attempt == _TRIES:
                    raise
                continue
            return


def _id(kind: str, name: str) -> str:
    return undashed(derived(kind, name))
