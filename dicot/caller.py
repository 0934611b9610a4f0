"""Who asks. A leaf: web carries it, cloud makes it, specs read it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """A checked token, with the roles of this moment.

    ``project`` is a project id (32 hex digits) and ``namespace`` its Kubernetes namespace; both are "" for a token
    without project scope. ``roles`` are the names held now, implied ones included. ``personas`` are what policy rows
    are written in: the roles, ``any`` (every valid token), and nothing that came with the request.
    ``admin`` is True for a cloud admin (role admin on any project, or on the system).
    ``role_account`` is the strongest of reader, member, manager, admin that the caller holds in the project: the
    project account that writes are made as.
    """

    user: str
    user_name: str
    project: str
    project_name: str
    namespace: str
    roles: frozenset[str]
    personas: frozenset[str]
    admin: bool
    role_account: str
    audit: str
    expires: float
    domain: str = ""
    system: bool = False
    user_domain: str = "default"
    project_domain: str = "default"


ANONYMOUS = Caller(
    user="",
    user_name="",
    project="",
    project_name="",
    namespace="",
    roles=frozenset(),
    personas=frozenset(),
    admin=False,
    role_account="",
    audit="",
    expires=0.0,
)
