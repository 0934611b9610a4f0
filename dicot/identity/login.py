"""From proofs to a token."""

from ..cloud.callers.directory import Project, UserFacts
from ..cloud.callers.standing import Standing
from ..cloud.callers.tokens import DomainScope, ProjectScope, Scope, SystemScope, Token, Unscoped, derive
from ..names import derived, undashed
from . import words
from .desk import Desk
from .request import DomainRef, LogIn, OnDomain, OnNothing, OnProject, OnSystem, OnTrust, PasswordProof, TokenProof

_SYSTEM_RESCOPE = "Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed."


async def logged_in(desk: Desk, request: LogIn, address: str) -> tuple[Standing, str]:
    """A new token's standing and its text, for who asks from an address.

    Raises Unauthorized, Forbidden, NotFound and Unavailable as Keystone does.
    Whatever is wrong with user, password, domain, project or role gives one and the same answer, after the same work.
    """
    desk.standings.may_log_in()
    users: list[UserFacts] = []
    methods: set[str] = set()
    parent: Token | None = None
    for proof in request.proofs:
        if isinstance(proof, TokenProof):
            standing = await _earlier(desk, proof)
            _check_rescope(standing.token, request)
            users.append(standing.user)
            parent = standing.token
            methods.add("token")
        else:
            users.append(await _proven(desk, proof, address))
            methods.add("password")
    if len({user.id for user in users}) != 1:
        raise words.unauthorized()
    # The oldest look at the user counts: a password that changes while it is checked voids the token.
    user = users[0]
    scope = _scope(desk, request, user, parent)
    token = derive(desk.tokens.fresh(user.id, scope, frozenset(methods), user.generation, desk.now()), parent)
    found = desk.standings.of(token)
    if found is None:
        raise words.unauthorized()
    return found, desk.tokens.write(token)


async def _earlier(desk: Desk, proof: TokenProof) -> Standing:
    standing = await desk.standings.looked_up(proof.text)
    if standing is None:
        raise words.no_such_token()
    return standing


def _check_rescope(parent: Token, request: LogIn) -> None:
    if isinstance(parent.scope, SystemScope) and isinstance(request.wanted, OnProject | OnDomain):
        raise words.forbidden(_SYSTEM_RESCOPE)


async def _proven(desk: Desk, proof: PasswordProof, address: str) -> UserFacts:
    """The user, if the password is right. An unknown one costs the same work."""
    user = _named_user(desk, proof)
    who = user.id if user else _nobody(proof)
    right = await desk.passwords.check(who, proof.password or "", address, known=user is not None)
    if user is None or proof.password is None or not right:
        raise words.unauthorized()
    return user


def _named_user(desk: Desk, proof: PasswordProof) -> UserFacts | None:
    ref = proof.user
    if not ref.name:
        return desk.directory.user(ref.id)
    domain = _domain(desk, ref.domain)
    return desk.directory.user_named(domain, ref.name) if domain else None


def _nobody(proof: PasswordProof) -> str:
    """What stands for a user that does not exist: the same for the same name, so that guessing slows down alike."""
    ref = proof.user
    domain = (ref.domain.id, ref.domain.name.casefold()) if ref.domain else ("", "")
    return undashed(derived("nobody", ref.id, ref.name.casefold(), *domain))


def _domain(desk: Desk, ref: DomainRef | None) -> str:
    """The id of an enabled domain, or ""."""
    if ref is None:
        return ""
    found = desk.directory.domain_named(ref.name) if ref.name else desk.directory.domain(ref.id)
    return found.id if found and found.enabled else ""


def _scope(desk: Desk, request: LogIn, user: UserFacts, parent: Token | None) -> Scope:
    match request.wanted:
        case OnSystem():
            return SystemScope()
        case OnNothing():
            return Unscoped()
        case OnDomain(ref):
            return DomainScope(_found(_domain(desk, ref)))
        case OnProject(ref):
            if not ref.name:
                project = desk.directory.project(ref.id)
            else:
                domain = _found(_domain(desk, ref.domain))
                project = desk.directory.project_named(domain, ref.name)
            return ProjectScope(_found(project.id if project else ""))
        case OnTrust():
            raise words.unauthorized()
    if parent is not None and isinstance(parent.scope, SystemScope):
        return Unscoped()
    project = desk.directory.project(user.default_project)
    return ProjectScope(project.id) if project and _may_enter(desk, user, project) else Unscoped()


def _found(id: str) -> str:
    if not id:
        raise words.unauthorized()
    return id


def _may_enter(desk: Desk, user: UserFacts, project: Project) -> bool:
    domain = desk.directory.domain(project.domain)
    usable = project.enabled and domain is not None and domain.enabled
    return usable and bool(desk.directory.roles_on_project(user.id, project))
