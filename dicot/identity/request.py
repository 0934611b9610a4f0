"""The body of POST /v3/auth/tokens (keystone 30.0.0: auth/schema.py and auth/core.py)."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..faults import BadRequest, Unauthorized
from . import words

Body = Mapping[str, object]
SUPPORTED = ("password", "token")
_SCOPES = ("project", "domain", "unscoped", "system", "OS-TRUST:trust")


@dataclass(frozen=True, slots=True)
class DomainRef:
    """A domain as a client names it; a name wins over an id."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Ref:
    """A user or a project as a client names it: by name within a domain, else by id."""

    id: str
    name: str
    domain: DomainRef | None


@dataclass(frozen=True, slots=True)
class PasswordProof:
    """Who it is said to be, and the password; None where it was left out."""

    user: Ref
    password: str | None

    def __repr__(self) -> str:
        return f"<PasswordProof of {self.user!r}>"


@dataclass(frozen=True, slots=True)
class TokenProof:
    """An earlier token."""

    text: str

    def __repr__(self) -> str:
        return "<TokenProof>"


@dataclass(frozen=True, slots=True)
class OnProject:
    """A project is asked for."""

    project: Ref


@dataclass(frozen=True, slots=True)
class OnDomain:
    """A domain is asked for."""

    domain: DomainRef


@dataclass(frozen=True, slots=True)
class OnSystem:
    """The system is asked for."""


@dataclass(frozen=True, slots=True)
class OnNothing:
    """An unscoped token is asked for."""


@dataclass(frozen=True, slots=True)
class OnTrust:
    """A trust is asked for; there are none."""


Wanted = OnProject | OnDomain | OnSystem | OnNothing | OnTrust | None
"""The scope asked for; None leaves it to the user's default project."""


@dataclass(frozen=True, slots=True)
class LogIn:
    """A request for a token: each method once, in the order in which they were named."""

    proofs: tuple[PasswordProof | TokenProof, ...]
    wanted: Wanted


def log_in(content: object) -> LogIn:
    """The decoded body. Raises BadRequest and Unauthorized in Keystone's words; never repeats what it was given."""
    if not isinstance(content, dict):
        raise words.expected("valid JSON", "request body")
    auth = content.get("auth")
    if auth is None:
        raise words.expected("auth", "request body")
    auth = _object(auth, "auth")
    identity = _object(_required(auth, "identity"), "identity")
    methods = _methods(_required(identity, "methods", "identity"))
    _check_shapes(identity)
    wanted_shape = _scope_shape(auth)
    for method in methods:
        if method not in identity:
            raise words.expected(method, "identity")
    if not set(methods) <= set(SUPPORTED):
        raise Unauthorized(words.UNSUPPORTED_METHOD)
    proofs = tuple(
        _password(identity) if method == "password" else TokenProof(_token(identity)) for method in methods
    )
    return LogIn(proofs, None if wanted_shape is None else _wanted(wanted_shape))


def _methods(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _invalid("identity/methods", "array")
    return tuple(dict.fromkeys(_text(item, f"identity/methods/{at}") for at, item in enumerate(value)))


def _check_shapes(identity: Body) -> None:
    """Both methods' shapes are looked at, whichever is used."""
    if "password" in identity:
        password = _object(identity["password"], "identity/password")
        if "user" in password:
            _user(_object(password["user"], "identity/password/user"))
    if "token" in identity:
        _token(identity)


def _password(identity: Body) -> PasswordProof:
    password = _object(identity["password"], "identity/password")
    if "user" not in password:
        raise words.expected("user", "password")
    return _user(_object(password["user"], "identity/password/user"))


def _user(user: Body) -> PasswordProof:
    path = "identity/password/user"
    ref = _ref(user, path)
    password = _text(user["password"], f"{path}/password") if "password" in user else None
    if ref.name and ref.domain is None:
        raise words.expected("domain", "user")
    return PasswordProof(ref, password)


def _token(identity: Body) -> str:
    token = _object(identity["token"], "identity/token")
    return _text(_required(token, "id", "identity/token"), "identity/token/id")


def _scope_shape(auth: Body) -> Body | str | None:
    if "scope" not in auth:
        return None
    scope = auth["scope"]
    return scope if isinstance(scope, str) else _object(scope, "scope")


def _wanted(scope: Body | str) -> Wanted:
    # In a text Keystone looks for the names of the kinds of scope anywhere; "unscoped" is the one that is meant.
    if isinstance(scope, str):
        if scope != "unscoped":
            raise words.expected("system, project, domain, OS-TRUST:trust or unscoped", "scope")
        return OnNothing()
    named = [kind for kind in _SCOPES if kind in scope]
    if len(named) != 1:
        raise words.expected("system, project, domain, OS-TRUST:trust or unscoped", "scope")
    match named[0]:
        case "project":
            ref = _ref(_object(scope["project"], "scope/project"), "scope/project")
            if ref.name and ref.domain is None:
                raise words.expected("domain", "project")
            return OnProject(ref)
        case "domain":
            return OnDomain(_domain(_object(scope["domain"], "scope/domain"), "scope/domain"))
        case "system":
            _object(scope["system"], "scope/system")
            return OnSystem()
        case "unscoped":
            return OnNothing()
    _object(scope["OS-TRUST:trust"], "scope/OS-TRUST:trust")
    return OnTrust()


def _ref(value: Body, path: str) -> Ref:
    """id, or name and domain."""
    id, name = _optional(value, "id", path), _optional(value, "name", path)
    if id is None and name is None:
        raise BadRequest(f"Invalid input for field {path}: id or name must be present.")
    domain = None
    if "domain" in value:
        domain = _domain(_object(value["domain"], f"{path}/domain"), f"{path}/domain")
    if not id and not name:
        raise words.expected("id or name", path.rpartition("/")[2])
    return Ref(id or "", name or "", domain)


def _domain(value: Body, path: str) -> DomainRef:
    id, name = _optional(value, "id", path), _optional(value, "name", path)
    if id is None and name is None:
        raise BadRequest(f"Invalid input for field {path}: id or name must be present.")
    if not id and not name:
        raise words.expected("id or name", "domain")
    return DomainRef(id or "", name or "")


def _optional(value: Body, key: str, path: str) -> str | None:
    return _text(value[key], f"{path}/{key}") if key in value else None


def _required(value: Body, key: str, path: str = "") -> object:
    if key not in value:
        where = f"Invalid input for field '{path}': " if path else ""
        raise BadRequest(f"{where}'{key}' is a required property")
    return value[key]


def _object(value: object, path: str) -> Body:
    if not isinstance(value, dict):
        raise _invalid(path, "object")
    return value


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise _invalid(path, "string")
    return value


def _invalid(path: str, kind: str) -> BadRequest:
    return BadRequest(f"Invalid input for field '{path}': it is not of type '{kind}'")
