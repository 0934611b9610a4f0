"""Locking and unlocking (the last two of N-10): an annotation that Dicot alone heeds, so kubectl goes past it.

A lock is its owner's, or an administrator's from another project, and then only administrators take it off
(nova/compute/api.py, ``lock`` and ``is_expected_locked_by``).
"""

from ...caller import Caller
from ...cloud.plan import Plan
from ...cloud.resource import ADMIN, MEMBER, Bench, Resource
from ...names import LOCK
from ...web.call import Call, Reply
from ..validation import Schema, check_body
from ..wire import forbidden
from . import notes
from .log import Logged
from .lookup import act
from .noting import NOTERS, READS, noted
from .present import Present
from .routes import ACTION
from .wish import anything

POLICY = "os_compute_api:os-lock-server"
OVERRIDE = f"{POLICY}:unlock:unlock_override"
OWNER, OTHER = "owner", "admin"
"""Whose lock it is, in Nova's words."""
LOCKED, UNLOCKED = Logged("lock", at_once=True), Logged("unlock", at_once=True)
REASONED: Schema = {
    "type": "object",
    "properties": {
        "lock": {
            "type": ["object", "null"],
            "properties": {"locked_reason": {"type": "string", "minLength": 1, "maxLength": 255}},
            "additionalProperties": False,
        }
    },
    "required": ["lock"],
    "additionalProperties": False,
}


def reason(value: object) -> str | None:
    """The decoder of a lock that may say why."""
    check_body(REASONED, {"lock": value})
    assert value is None or isinstance(value, dict)
    return value.get("locked_reason") if value else None


def lock(server: Present, by: str, why: str | None, now: float) -> Plan | None:
    """Locks it. An owner changes nothing of a lock that is there; an administrator makes it his."""
    held = notes.lock_note(server.vm)
    if held is not None and by == OWNER:
        return None
    return noted(server, LOCK, notes.LockNote(by, why or (held.reason if held else None)), now)


def unlock(server: Present, by: str, caller: Caller, now: float) -> Plan:
    """Takes the lock off. Raises Forbidden for the lock of the other side, unless it is an administrator who asks."""
    held = notes.lock_note(server.vm)
    if held is not None and held.by in (OWNER, OTHER) and held.by != by and not caller.admin:
        raise forbidden(OVERRIDE)
    return noted(server, LOCK, None, now)


def routes(bench: Bench) -> None:
    """Registers the operations."""

    # Whether Nova would call it so depends on the project alone: an administrator owns what is in his own.
    def by(server: Present, caller: Caller) -> str:
        return OWNER if caller.project == bench.known(caller).project(server.row.namespace) else OTHER

    @bench.routes.action(ACTION, "lock", f"{POLICY}:lock", [((2, 1), anything), ((2, 73), reason)])
    async def locked(call: Call[str | None]) -> Reply:
        await act(bench, call, lambda server: lock(server, by(server, call.caller), call.body, bench.now()), LOCKED)
        return Reply(None, 202)

    @bench.routes.action(ACTION, "unlock", f"{POLICY}:unlock", [((2, 1), anything)])
    async def unlocked(call: Call[None]) -> Reply:
        await act(
            bench, call, lambda server: unlock(server, by(server, call.caller), call.caller, bench.now()), UNLOCKED
        )
        return Reply(None, 202)


SERVER_LOCKS = Resource(
    name="server-locks",
    register=routes,
    reads=READS,
    policy={f"{POLICY}:lock": MEMBER, f"{POLICY}:unlock": MEMBER, OVERRIDE: ADMIN},
    rights=NOTERS,
    extensions={"os-lock-server": "LockServer"},
)
