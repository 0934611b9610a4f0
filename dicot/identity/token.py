"""/auth/tokens: issue, validate, revoke."""

from collections.abc import Mapping, Sequence

from ..caller import Caller
from ..cloud.callers.keys import TOKEN_KEYS
from ..cloud.callers.standing import Standing
from ..cloud.kinds.identity import REVOCATION
from ..cloud.resource import Bench, Resource, Right
from ..spellings import FALSE
from ..web.call import Call, Reply
from ..web.dialect import UNVERSIONED
from . import facts, words
from .desk import TOOL, Desk
from .login import logged_in
from .request import LogIn, log_in

SUBJECT = "X-Subject-Token"


def register(bench: Bench) -> None:
    """The operations of tokens."""
    desk: Desk = bench.tools[TOOL]

    @bench.routes.write("POST", "/auth/tokens", None, [(UNVERSIONED, log_in)])
    async def issue(call: Call[LogIn]) -> Reply:
        standing, text = await logged_in(desk, call.body, call.address)
        return Reply(_shown(desk, standing, call.query), 201, {SUBJECT: text})

    @bench.routes.get("/auth/tokens", "identity:validate_token")
    async def validate(call: Call[None]) -> Reply:
        standing, text = await _subject(desk, call, "identity:validate_token")
        return Reply(_shown(desk, standing, call.query), headers={SUBJECT: text})

    @bench.routes.write("DELETE", "/auth/tokens", "identity:revoke_token")
    async def revoke(call: Call[None]) -> Reply:
        standing, _ = await _subject(desk, call, "identity:revoke_token")
        cascade = call.query.get("cascade", ["true"])[0].strip().lower()
        chain = cascade not in FALSE
        await desk.revocations.revoke(standing.token, standing.user, chain=chain)
        return Reply(code=204)


def _shown(desk: Desk, standing: Standing, query: Mapping[str, Sequence[str]]) -> facts.Answer:
    return facts.token(standing, None if "nocatalog" in query else desk.catalog)


async def _subject(desk: Desk, call: Call[None], operation: str) -> tuple[Standing, str]:
    """The token that the request is about, if the caller may see it. What does not count is found by nobody."""
    text = call.headers.get(SUBJECT.lower(), "")
    if not text:
        desk.policy.decide(call.caller, operation, frozenset())
        raise words.no_such_token()
    standing = await desk.standings.looked_up(text)
    if standing is None:
        raise words.no_such_token()
    desk.policy.decide(call.caller, operation, _relations(call.caller, standing))
    return standing, text


def _relations(caller: Caller, standing: Standing) -> frozenset[str]:
    return frozenset(("subject",) if caller.user and caller.user == standing.user.id else ())


TOKENS = Resource(
    "tokens",
    register,
    reads=(REVOCATION, TOKEN_KEYS),
    policy={
        "identity:validate_token": frozenset(
            ("admin", "system_reader", "service", "system_service", "domain_service", "subject")
        ),
        "identity:revoke_token": frozenset(("admin", "subject")),
    },
    rights={
        "own": (
            Right("identity.dicot.io", "revocations", ("get", "create"), "revokes tokens"),
            Right("", "secrets", ("get", "create", "update"), "makes and renews the keys of tokens"),
        )
    },
    crds=("revocations.identity.dicot.io",),
)
